"""What a schema says of its values at a glance: which kinds there may be, in which formats, and which of them is meant.

A glance is no validation. It decides how a value that was sent is to be read, before it is held against the schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weaverlite.ogc import values

#: The schema of a bounding box in OGC's form, which the format ``ogc-bbox`` names.
BOUNDING_BOX: Mapping[str, Any] = {
    "type": "object",
    "required": ["bbox"],
    "properties": {
        "bbox": {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}},
        "crs": {"type": "string", "format": "uri"},
    },
}


def forms(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the schema and its alternatives, at any depth."""
    if isinstance(schema, Mapping):
        yield schema
        for keyword in ("oneOf", "anyOf", "allOf"):
            for part in schema.get(keyword) or ():
                yield from forms(part)


def takes(schema: Mapping[str, Any], kind: str) -> bool:
    """Whether a value of this JSON type may fit."""
    stated = False
    for form in forms(schema):
        types = form.get("type")
        stated = stated or types is not None or "enum" in form or "contentMediaType" in form
        if types == kind or (isinstance(types, list) and kind in types):
            return True
        if kind == "null" and form.get("nullable") is True:
            return True
        if kind == "object" and ("$ref" in form or "properties" in form or "bbox" in str(form.get("format"))):
            return True
    # Without a word about types everything fits; but then a list is a list of values.
    return not stated and kind == "object"


def media_types(schema: Any) -> list[str]:
    """Return the media types that content may have, each once, the default first."""
    found = (form.get("contentMediaType") for form in forms(schema))
    return list(dict.fromkeys(item for item in found if isinstance(item, str)))


def encoding(schema: Mapping[str, Any]) -> str:
    """Return the encoding of binary content, empty when the schema speaks of none."""
    found = (form.get("contentEncoding") or form.get("format") for form in forms(schema))
    return next((item for item in found if isinstance(item, str) and values.is_binary(item)), "")


def is_bbox(schema: Mapping[str, Any]) -> bool:
    """Whether the values are bounding boxes in OGC's form."""
    return any("ogc-bbox" in str(form.get("format")) for form in forms(schema))


def meant(
    schema: Mapping[str, Any], media_type: str = "", said_encoding: str = "", said_schema: Any = None
) -> Mapping[str, Any]:
    """Return the schema with the alternatives of ``oneOf`` that what a value says of its format leaves.

    They are alternatives by what they mean, not by what they exclude: a bare string fits both GML and GeoJSON, and the
    first of them is the default (18-062r2, /req/core/process-execute-input-mixed-type).
    """
    branches = schema.get("oneOf")
    if not isinstance(branches, list):
        return schema
    left = [item for item in branches if media_type and _is_of(item, media_type)]
    for keyword, said in (("contentEncoding", said_encoding), ("contentSchema", said_schema)):
        # What no alternative speaks of chooses none.
        left = [item for item in left or branches if said and _says(item, keyword, said)] or left
    rest = {name: item for name, item in schema.items() if name != "oneOf"}
    return {**rest, "allOf": [*rest.get("allOf", []), {"anyOf": left or branches}]}


def _says(schema: Any, keyword: str, said: Any) -> bool:
    return any(form.get(keyword) == said for form in forms(schema))


def _is_of(schema: Any, media_type: str) -> bool:
    return any(values.media_type_fits(media_type, item) for item in media_types(schema))
