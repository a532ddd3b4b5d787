"""Values that were sent with a request, one at a time: what each says is checked, and it is brought into its one form.

Literals are bare JSON, wrapped as ``{"value": …}`` where an object could be taken for something else; the inline
content of a file says its media type and whether it is base64.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

from weaverlite.errors import Fault
from weaverlite.models.process import InputDescription
from weaverlite.ogc import values
from weaverlite.ogc.negotiation import JSON, is_json, is_text
from weaverlite.ogc.pointers import pointer_to
from weaverlite.ogc.values import Inline, Qualified
from weaverlite.schemas import validate_value
from weaverlite.schemas.contents import content_faults, has_content_schema
from weaverlite.schemas.forms import encoding, is_bbox, meant, media_types, takes
from weaverlite.schemas.messages import kind_of

#: What people say of content that stands as it is.
_PLAIN = frozenset({"", "utf-8", "utf8", "utf_8", "ascii", "us-ascii", "7bit", "8bit", "identity", "none", "raw"})
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+*-]{1,127}/[\w!#$&^.+*-]{1,127}\s*(?:;.*)?\Z", re.DOTALL)


class Sink(Protocol):
    """Takes what is wrong."""

    def fault(self, message: str, pointer: str) -> None: ...


def read_value(sink: Sink, description: InputDescription, given: Any, value: Inline | Qualified, pointer: str) -> Any:
    """Return a value that is there itself, in the form it is stored in."""
    if "byValue" not in description.value_passing:
        sink.fault("is sent itself; this input is taken by reference only: send {\"href\": …}", pointer)
        return None
    if isinstance(value, Inline) and isinstance(given, Mapping) and not _is_object(sink, description, given, pointer):
        return None
    if isinstance(value, Qualified):
        if not fits_format(sink, description.schema, value, pointer):
            return None
        pointer = pointer_to(pointer, "value")
    read = _read_content if description.is_file else _read_literal
    return read(sink, description, value, pointer)


def fits_format(sink: Sink, schema: Mapping[str, Any], value: Qualified, pointer: str) -> bool:
    """Whether what a value says of itself fits the schema of its input."""
    is_known = values.is_binary(value.encoding) or value.encoding.lower() in _PLAIN
    if not is_known:
        sink.fault(f"has the encoding {value.encoding[:60]!r}; known are 'base64', and none for text", pointer)
    return fits_media_type(sink, schema, value.media_type, pointer) and is_known


def fits_media_type(sink: Sink, schema: Mapping[str, Any], given: str, pointer: str) -> bool:
    """Whether content of this media type is taken by an input of this schema."""
    if given and not _MEDIA_TYPE.match(given):
        sink.fault(f"has the media type {given[:120]!r}, which is none: write it like text/csv", pointer)
        return False
    declared = media_types(schema)
    if not given or not declared or any(values.media_type_fits(given, item) for item in declared):
        return True
    sink.fault(f"has the media type {given[:120]!r}; accepted are {', '.join(declared)}", pointer)
    return False


def stored(value: Any) -> Any:
    """Return a literal in the form it is stored in."""
    return {"value": value} if _has_object(value) and not values.is_bbox(value) else value


def count(items: list[Any]) -> str:
    """Return how many values these are, in words."""
    return "1 value" if len(items) == 1 else f"{len(items)} values"


def _is_object(sink: Sink, description: InputDescription, given: Mapping[str, Any], pointer: str) -> bool:
    """Whether an object that is neither a value nor a reference may be meant as the value itself."""
    if takes(description.schema, "object") and (not description.is_file or is_bbox(description.schema)):
        return True
    hint = "send {\"href\": …} to refer to it, or {\"value\": …} with the value itself"
    if given.get("class") in ("File", "Directory"):
        hint = "files are sent as {\"href\": URL}; upload a local one to /vault first"
    sink.fault(f"is an object with neither 'value' nor 'href': {hint}", pointer)
    return False


def _read_literal(sink: Sink, description: InputDescription, value: Inline | Qualified, pointer: str) -> Any:
    said = value if isinstance(value, Qualified) else Qualified(value.value)
    media_type, content = said.media_type, value.value
    schema = meant(description.schema, media_type, said.encoding, said.schema)
    if isinstance(value, Qualified) and _is_json_text(schema, content, media_type):
        content = json.dumps(content, ensure_ascii=False)
    found = validate_value(schema, content, pointer)
    if isinstance(content, list) and any(fault.pointer == pointer for fault in found):
        if description.max_occurs == 1 and not takes(description.schema, "array"):
            found = [Fault(f"is a list of {count(content)}; this input takes one value", pointer)]
    if not found and isinstance(content, str) and _is_base64(schema, value, media_type):
        found = _not_base64(content, pointer)
    for fault in found:
        sink.fault(fault.message, fault.pointer)
    return stored(content)


def _is_json_text(schema: Mapping[str, Any], content: Any, media_type: str) -> bool:
    """Whether JSON was sent as it is for an input that takes the text of it."""
    if not isinstance(content, dict | list) or takes(schema, "object" if isinstance(content, dict) else "array"):
        return False
    return is_json(media_type or next(iter(media_types(schema)), ""))


def _read_content(sink: Sink, description: InputDescription, value: Inline | Qualified, pointer: str) -> Any:
    """Return the inline content of a file, with its media type and encoding decided."""
    if description.type_name.startswith("Directory"):
        sink.fault("is a directory, which cannot be sent inline: upload it to /vault and refer to it", pointer)
        return None
    declared = next(iter(media_types(description.schema)), "")
    is_box = is_bbox(description.schema)
    if is_box:
        declared = JSON
        for fault in validate_value(description.schema, value.value, pointer) if isinstance(value.value, dict) else ():
            sink.fault(fault.message, fault.pointer)
    media_type, title = (value.media_type, value.title) if isinstance(value, Qualified) else ("", "")
    content = value.value
    is_said = isinstance(value, Qualified) or values.is_bbox(content)
    if isinstance(content, dict | list) and is_said and is_json(media_type or declared):
        content = json.dumps(content, ensure_ascii=False)
    if not isinstance(content, str):
        sink.fault(f"is {kind_of(content)}; expected is the content of a file in a string, or a reference", pointer)
        return None
    if not _is_base64(description.schema, value, media_type):
        if has_content_schema(description.schema) and not (is_box and isinstance(value.value, dict)):
            for fault in content_faults(description.schema, content, media_type or declared, pointer):
                sink.fault(fault.message, fault.pointer)
        return values.write(Qualified(content, media_type or declared or "text/plain", title=title))
    if _not_base64(content, pointer):
        sink.fault(
            "is not base64, as the content of a binary file must be: send text as {\"value\": …, \"mediaType\": "
            "\"text/plain\"}, or a reference {\"href\": …}",
            pointer,
        )
    return values.write(Qualified(content, media_type or declared, "base64", title=title))


def _not_base64(text: str, pointer: str) -> list[Fault]:
    try:
        values.decode_base64(text)
    except ValueError as error:
        return [Fault(str(error), pointer)]
    return []


def _is_base64(schema: Mapping[str, Any], value: Inline | Qualified, media_type: str) -> bool:
    if isinstance(value, Qualified) and value.encoding:
        return values.is_binary(value.encoding)
    if is_text(media_type):
        return False
    return values.is_binary(encoding(schema))


def _has_object(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(_has_object(item) for item in value))
