"""What a process says about its inputs, and text of a command line turned into the values it asks for."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_INTEGER = re.compile(r"[-+]?\d+\Z")
_URL = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*://\S|(?:data|vault):\S)")
_SEPARATOR = re.compile(r"(?<!\\);")


@dataclass(frozen=True)
class InputType:
    """What the description of a process says about one input."""

    schema: Mapping[str, Any] = field(default_factory=dict)
    #: The package's own name of the type (``File[]``), empty when the service tells none.
    type_name: str = ""
    many: bool = False

    @property
    def is_directory(self) -> bool:
        return self.type_name.startswith("Directory") or any(
            schema.get("contentMediaType") == "inode/directory" for schema in _leaves(self.schema)
        )

    @property
    def is_file(self) -> bool:
        """Whether values of this input are files or directories.

        Other services give no type name: there it shows by the binary content that the schema names.
        """
        if self.type_name:
            return self.type_name.startswith(("File", "Directory"))
        leaves = list(_leaves(self.schema))
        return bool(leaves) and all(
            schema.get("contentEncoding") in ("binary", "base64") or schema.get("contentMediaType") == "inode/directory"
            for schema in leaves
        )

    @property
    def media_type(self) -> str | None:
        """The one media type that the files of this input have, None when there are several or none."""
        found = {schema["contentMediaType"] for schema in _leaves(self.schema) if "contentMediaType" in schema}
        return str(found.pop()) if len(found) == 1 else None

    @property
    def takes_text(self) -> bool:
        """Whether any text is a valid value."""
        return any(_accepts(schema, "string") for schema in _alternatives(self.schema))


def input_types(description: Any) -> dict[str, InputType]:
    """Return the inputs of a process description, in OGC's form or in the older one with lists."""
    if not isinstance(description, Mapping):
        return {}
    process = description.get("process")
    inputs = description.get("inputs", process.get("inputs") if isinstance(process, Mapping) else None)
    if isinstance(inputs, list):
        inputs = {item["id"]: item for item in inputs if isinstance(item, Mapping) and "id" in item}
    if not isinstance(inputs, Mapping):
        return {}
    return {str(name): _input_type(item) for name, item in inputs.items() if isinstance(item, Mapping)}


def _input_type(item: Mapping[str, Any]) -> InputType:
    found = item.get("schema")
    schema: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    type_name = item.get("x-cwl-type") or schema.get("x-cwl-type") or ""
    most = item.get("maxOccurs", 1)
    many = most == "unbounded" or (isinstance(most, int) and most > 1)
    arrays = [part for part in _alternatives(schema) if _accepts(part, "array")]
    if arrays:
        items = arrays[0].get("items")
        return InputType(items if isinstance(items, Mapping) else {}, str(type_name), many=True)
    return InputType(schema, str(type_name), many)


def is_url(text: str) -> bool:
    """Whether ``text`` is a URL that a service could fetch."""
    return bool(_URL.match(text))


def split_values(text: str) -> list[str]:
    r"""Return the values of ``1;2;3``; ``\;`` is a semicolon that does not separate."""
    return [part.replace("\\;", ";") for part in _SEPARATOR.split(text)] if text else []


def coerce(text: str, schema: Mapping[str, Any]) -> Any:
    """Return ``text`` as the value that ``schema`` asks for; text that fits nothing stays text.

    What does not fit is sent as it is: the service judges all inputs at once, in its own words.
    """
    alternatives = list(_alternatives(schema))
    for part in alternatives:
        values = part.get("enum", [part["const"]] if "const" in part else [])
        for value in values:
            if text == value or (not isinstance(value, str) and text == json.dumps(value)):
                return value
    for name, read in _READERS.items():
        if any(_accepts(part, name) for part in alternatives):
            try:
                return read(text)
            except (ValueError, RecursionError):
                continue
    return text


def _alternatives(schema: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas of which a value may satisfy any one."""
    branches = [*_list(schema.get("oneOf")), *_list(schema.get("anyOf"))]
    if len(_list(schema.get("allOf"))) == 1:
        branches.extend(_list(schema["allOf"]))
    if not branches or depth > 8:
        yield schema
        return
    for branch in branches:
        if isinstance(branch, Mapping):
            yield from _alternatives(branch, depth + 1)


def _leaves(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for part in _alternatives(schema):
        if part.get("type") != "null":
            yield part


def _accepts(schema: Mapping[str, Any], name: str) -> bool:
    types = schema.get("type")
    if types is None:
        implied = {"object": "properties", "array": "items"}.get(name)
        return implied is not None and implied in schema
    return name in types if isinstance(types, list) else types == name


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _read_null(text: str) -> None:
    if text != "null":
        raise ValueError(text)


def _read_integer(text: str) -> int:
    if not _INTEGER.match(text):
        raise ValueError(text)
    return int(text)


def _read_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return int(text) if _INTEGER.match(text) else number


def _read_boolean(text: str) -> bool:
    words = {"true": True, "false": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


def _read_object(text: str) -> Any:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    return value


def _read_array(text: str) -> Any:
    value = json.loads(text)
    if not isinstance(value, list):
        raise ValueError(text)
    return value


#: From the narrowest to the widest type. Text is not among them: it is what remains.
_READERS = {
    "null": _read_null,
    "integer": _read_integer,
    "number": _read_number,
    "boolean": _read_boolean,
    "object": _read_object,
    "array": _read_array,
}


__all__ = ["InputType", "coerce", "input_types", "is_url", "split_values"]
