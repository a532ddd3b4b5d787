"""Types of CWL as JSON Schemas: what one value of an input or output looks like, and how many there may be."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weaverlite.engines.cwl.document import ClassNames, Item, entries, is_expression, requirements, short
from weaverlite.engines.formats import (
    BBOX,
    BINARY,
    DIRECTORY,
    file_schema,
    is_bbox_format,
    media_type_of_format,
    media_type_of_name,
)
from weaverlite.schemas.forms import BOUNDING_BOX

_PRIMITIVES: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "long": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "null": {"type": "null"},
    "Any": {},
}
#: A file of OGC's format for bounding boxes is sent, and described, as the box itself.
_BOX: dict[str, Any] = {**BOUNDING_BOX, "format": BBOX}
_STREAMS = {"stdin": "File", "stdout": "File", "stderr": "File"}
#: Named types may contain themselves; a schema that is written out cannot.
_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Port:
    """The type of an input or output, taken apart. ``schema`` is that of one item where ``is_list``."""

    schema: dict[str, Any]
    type_name: str
    is_list: bool
    is_optional: bool


class Types:
    """The types of one process, with those that it names under SchemaDefRequirement."""

    def __init__(self, process: Item, names: ClassNames | None = None) -> None:
        self._names = names or ClassNames(None)
        self._named: dict[str, Any] = {}
        for section in ("hints", "requirements"):
            for item in requirements(process.content.get(section), ""):
                if item.name == "SchemaDefRequirement":
                    listed = item.content.get("types")
                    for kind in listed if isinstance(listed, list) else ():
                        if isinstance(kind, Mapping) and isinstance(kind.get("name"), str):
                            self._named[short(kind["name"])] = kind

    def port(self, content: Mapping[str, Any]) -> Port:
        """Return the type of an input or output parameter."""
        kinds = _alternatives(content.get("type"))
        optional = "null" in kinds
        kinds = [kind for kind in kinds if kind != "null"]
        lists = [kind for kind in kinds if isinstance(kind, Mapping) and kind.get("type") == "array"]
        items = [kind for kind in kinds if kind not in lists]
        for kind in lists:
            items += [item for item in _alternatives(kind.get("items")) if item not in items]
        media_types = self._media_types(content.get("format"))
        return Port(
            schema=self._any_of(items, media_types, 0),
            type_name="|".join(_name(kind) for kind in kinds),
            is_list=bool(lists),
            is_optional=optional,
        )

    def whole(self, content: Mapping[str, Any], file_name: str = "") -> dict[str, Any]:
        """Return the schema of the whole value of a parameter, lists included.

        ``file_name`` tells the media type of a file where the parameter declares no format.
        """
        kinds = [kind for kind in _alternatives(content.get("type")) if kind != "null"]
        media_types = self._media_types(content.get("format"))
        if not media_types and "format" not in content and file_name:
            media_types = [media_type_of_name(file_name)]
        return self._any_of(kinds, media_types, 0)

    def _any_of(self, kinds: list[Any], media_types: list[str], depth: int) -> dict[str, Any]:
        schemas: list[dict[str, Any]] = []
        for kind in kinds:
            if (schema := self._schema(kind, media_types, depth)) not in schemas:
                schemas.append(schema)
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas} if schemas else {}

    def _schema(self, kind: Any, media_types: list[str], depth: int) -> dict[str, Any]:
        if isinstance(kind, str):
            if kind in _PRIMITIVES:
                return dict(_PRIMITIVES[kind])
            if kind == "File" and media_types == [BBOX]:
                return copy.deepcopy(_BOX)
            if kind == "File":
                schemas = [file_schema(media_type) for media_type in media_types or [BINARY]]
                return schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
            if kind == "Directory":
                return {"type": "string", "contentMediaType": DIRECTORY}
            named = self._named.get(short(kind))
            return self._schema(named, media_types, depth + 1) if named is not None and depth < _DEPTH else {}
        if not isinstance(kind, Mapping):
            return {}
        if kind.get("type") == "array":
            inner = [item for item in _alternatives(kind.get("items"))]
            return {"type": "array", "items": self._any_of(inner, media_types, depth + 1)}
        if kind.get("type") == "enum":
            symbols = kind.get("symbols")
            return {"type": "string", "enum": [short(str(s)) for s in symbols] if isinstance(symbols, list) else []}
        if kind.get("type") == "record":
            return self._record(kind, depth)
        return self._any_of(_alternatives(kind.get("type")), media_types, depth + 1) if depth < _DEPTH else {}

    def _media_types(self, declared: Any) -> list[str]:
        """Return the media types of a parameter's formats; none when one of them is not known before it runs."""
        names = declared if isinstance(declared, list) else [declared] if declared else []
        found: list[str] = []
        for name in names:
            media_type = None
            if isinstance(name, str) and not is_expression(name):
                full = self._names.expanded(name)
                media_type = BBOX if is_bbox_format(full) else media_type_of_format(full)
            if media_type is None:
                return []
            if media_type not in found:
                found.append(media_type)
        return found

    def _record(self, kind: Mapping[str, Any], depth: int) -> dict[str, Any]:
        if depth >= _DEPTH:
            return {"type": "object"}
        properties, needed = {}, []
        listed = kind.get("fields")
        if isinstance(listed, list):
            listed = {field["name"]: field for field in listed if isinstance(field, Mapping) and "name" in field}
        for field in entries(listed, ""):
            kinds = _alternatives(field.content.get("type"))
            name = short(field.name)
            schema = self._any_of(kinds, self._media_types(field.content.get("format")), depth + 1)
            properties[name] = {**_words(field.content), **schema}
            if "null" not in kinds and "default" not in field.content:
                needed.append(name)
        return {"type": "object", "properties": properties, **({"required": needed} if needed else {})}


def text(value: Any) -> str:
    """Return a text that may be written as several lines."""
    return "\n".join(str(item) for item in value) if isinstance(value, list) else str(value or "")


def _words(content: Mapping[str, Any]) -> dict[str, str]:
    found = {"title": text(content.get("label")), "description": text(content.get("doc"))}
    return {name: said for name, said in found.items() if said}


def _alternatives(kind: Any) -> list[Any]:
    """Return the members of a type, with the short forms ``int?`` and ``int[]`` written out."""
    if isinstance(kind, list):
        return [member for item in kind for member in _alternatives(item)]
    if isinstance(kind, str):
        if kind.endswith("?"):
            return ["null", *_alternatives(kind[:-1])]
        if kind.endswith("[]"):
            return [{"type": "array", "items": kind[:-2]}]
        return [_STREAMS.get(kind, kind)]
    return [kind]


def _name(kind: Any) -> str:
    """Return the name of a type in CWL's own words."""
    if isinstance(kind, str):
        return kind if kind in _PRIMITIVES else short(kind)
    if isinstance(kind, Mapping) and kind.get("type") == "array":
        items = _alternatives(kind.get("items"))
        return "|".join(f"{_name(item)}[]" for item in items)
    return str(kind.get("type", "")) if isinstance(kind, Mapping) and isinstance(kind.get("type"), str) else ""
