"""What a file or a reference holds, against the schema of its input: text that means a value, content with a schema."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from weaverlite.errors import Fault, InvalidRequest
from weaverlite.ogc.negotiation import is_json
from weaverlite.ogc.values import is_binary, media_type_fits
from weaverlite.schemas import validate_value
from weaverlite.schemas.forms import encoding, forms, is_bbox, meant, takes
from weaverlite.schemas.text import parse_json


def has_content_schema(schema: Mapping[str, Any]) -> bool:
    """Whether a schema says anything of what is inside a file."""
    return is_bbox(schema) or any(isinstance(form.get("contentSchema"), Mapping) for form in forms(schema))


def content_faults(schema: Mapping[str, Any], content: str, media_type: str, pointer: str) -> list[Fault]:
    """Return what is wrong with the text of a file, by what the schema says of content of this media type."""
    if is_bbox(schema):
        return _of_json(schema, content, pointer)
    found: list[Fault] = []
    for form in forms(meant(schema, media_type)):
        declared = str(form.get("contentMediaType", ""))
        if isinstance(form.get("contentSchema"), Mapping) and media_type_fits(media_type, declared):
            wanted = {"contentMediaType": declared, "contentSchema": form["contentSchema"]}
            faults = validate_value(wanted, content, pointer)
            if not faults:
                return []
            found += faults
    return found


def value_of(data: bytes, media_type: str, schema: Mapping[str, Any], pointer: str) -> tuple[Any, list[Fault]]:
    """Return the literal that fetched bytes mean, and what is wrong with it: all of it stands at ``pointer``.

    They mean JSON if their media type says so or if the schema wants more than text. Of an input that takes the base64
    of something they are that thing.
    """
    if is_binary(encoding(schema)):
        return base64.b64encode(data).decode(), []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None, [Fault("has content that is not text in UTF-8", pointer)]
    # Files of text end with a newline, values do not.
    line = text.removesuffix("\n").removesuffix("\r")
    chosen = meant(schema, media_type)
    as_text = _inside(validate_value(chosen, line), pointer)
    if not as_text and (not is_json(media_type) or not takes(chosen, "object")):
        return line, []
    try:
        value = parse_json(text)
    except InvalidRequest as error:
        if is_json(media_type):
            return None, [Fault(f"has content that {error.faults[0].message}", pointer)]
        return line, as_text
    faults = _inside(validate_value(chosen, value), pointer)
    if faults and not is_json(media_type) and takes(chosen, "string"):
        faults = as_text
    return value, faults


def _of_json(schema: Mapping[str, Any], content: str, pointer: str) -> list[Fault]:
    try:
        return _inside(validate_value(schema, parse_json(content)), pointer)
    except InvalidRequest as error:
        return [Fault(f"has content that {error.faults[0].message}", pointer)]


def _inside(faults: list[Fault], pointer: str) -> list[Fault]:
    """Return faults of what is behind a reference: they are told at the reference."""
    found = []
    for fault in faults:
        place = f"at {fault.pointer} " if fault.pointer else ""
        found.append(Fault(f"has content that does not fit: {place}it {fault.message}", pointer))
    return found
