"""Other notations of an input or output than a JSON Schema, written as one: those of WPS and of older drafts of OGC's.

::

    formats, supportedFormats: [{mediaType | mimeType, encoding, schema, default}]     the formats of a file
    literalDataDomain(s): {dataType, allowedValues | valueDefinition, defaultValue, uom}  a literal
    dataType, allowedValues, defaultValue, uom, uoms                                   the same, without the domain
    supportedCRS: [{crs, default}]                                                     a bounding box
    minOccurs: "0", maxOccurs: "unbounded"                                             numbers as text
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from weaverlite.errors import Fault
from weaverlite.ogc.measures import unit
from weaverlite.ogc.pointers import pointer_to
from weaverlite.schemas.messages import kind_of, nearest

#: Data types of WPS, by their last word in lower case.
_TYPES: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "int": {"type": "integer"},
    "long": {"type": "integer"},
    "positiveinteger": {"type": "integer", "minimum": 1},
    "nonnegativeinteger": {"type": "integer", "minimum": 0},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "decimal": {"type": "number"},
    "number": {"type": "number"},
    "scale": {"type": "number"},
    "angle": {"type": "number"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "anyuri": {"type": "string", "format": "uri"},
    "uri": {"type": "string", "format": "uri"},
}
_DOMAINS = ("literalDataDomain", "literalDataDomains")
_FORMATS = ("formats", "supportedFormats")
_DOMAIN_WORDS = ("dataType", "allowedValues", "valueDefinition", "defaultValue", "uom", "uoms", "supportedUOMs")


@dataclass(slots=True)
class Notations:
    """What other notations say: words of a schema, by where they stand, and metadata."""

    details: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    metadata: list[Mapping[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read_notations(port: Mapping[str, Any], pointer: str) -> Notations:
    """Return what an input or output says in other words than ``schema``."""
    found = Notations()
    for name in _FORMATS:
        if name in port:
            where = pointer_to(pointer, name)
            if formats := list(_formats(_list(port[name]), where, found)):
                found.details.append((where, formats[0] if len(formats) == 1 else {"oneOf": formats}))
    for name in _DOMAINS:
        if name in port:
            where = pointer_to(pointer, name)
            domains = [_domain(item, where, found) for item in _list(port[name])]
            if domains:
                found.details.append((where, domains[0] if len(domains) == 1 else {"anyOf": domains}))
    if any(name in port for name in _DOMAIN_WORDS):
        found.details.append((pointer, _domain(port, pointer, found)))
    if "supportedCRS" in port:
        where = pointer_to(pointer, "supportedCRS")
        found.details.append((where, _crs(_list(port["supportedCRS"]))))
    return found


def with_numbers(port: Mapping[str, Any]) -> dict[str, Any]:
    """Return an input with occurrences that stand as text written as numbers."""
    made = dict(port)
    for name in ("minOccurs", "maxOccurs"):
        text = made.get(name)
        if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10:
            made[name] = int(text)
    return made


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _text(item: Any, *names: str) -> str:
    if isinstance(item, Mapping):
        return next((str(item[name]) for name in names if isinstance(item.get(name), str)), "")
    return item if isinstance(item, str) else ""


# ---------------------------------------------------------------- files


def _formats(items: Sequence[Any], pointer: str, found: Notations) -> Iterator[dict[str, Any]]:
    # The default one is the first alternative of a schema.
    for index, item in sorted(enumerate(items), key=lambda entry: not _is_default(entry[1])):
        media_type = _text(item, "mediaType", "mimeType", "type")
        if not media_type:
            why = f"is {kind_of(item)}; expected is a format, an object with 'mediaType'"
            found.faults.append(Fault(why, pointer_to(pointer, index)))
            continue
        made: dict[str, Any] = {"type": "string", "contentMediaType": media_type}
        if encoding := _text(item, "encoding"):
            made.update({} if encoding.lower().replace("-", "") == "utf8" else {"contentEncoding": encoding})
        schema = item.get("schema") if isinstance(item, Mapping) else None
        if isinstance(schema, Mapping | str) and schema:
            made["contentSchema"] = schema
        yield made


def _is_default(item: Any) -> bool:
    return isinstance(item, Mapping) and (item.get("default") is True or item.get("isDefault") is True)


def _crs(items: Sequence[Any]) -> dict[str, Any]:
    known = [crs for item in items if (crs := _text(item, "crs", "uri"))]
    default = next((_text(item, "crs", "uri") for item in items if _is_default(item)), "")
    choice: dict[str, Any] = {"enum": known}
    return {"properties": {"crs": {**choice, "default": default} if default else choice}}


# ---------------------------------------------------------------- literals


def _domain(domain: Any, pointer: str, found: Notations) -> dict[str, Any]:
    if not isinstance(domain, Mapping):
        found.faults.append(Fault(f"is {kind_of(domain)}; expected is a domain of literals, an object", pointer))
        return {}
    made = dict(_data_type(domain.get("dataType"), pointer, found))
    values = domain.get("valueDefinition", domain.get("allowedValues"))
    if isinstance(values, Mapping):
        values = values.get("allowedValues", values.get("allowedRanges", values if _is_range(values) else None))
    if values is not None:
        _allow(_list(values), made)
    if "defaultValue" in domain:
        made["default"] = _typed(domain["defaultValue"], made)
    for name in ("uom", "uoms", "supportedUOMs"):
        for item in _list(domain.get(name, [])):
            if title := _text(item, "name", "uom", "title"):
                found.metadata.append(unit(title, _text(item, "reference", "href") if item != title else ""))
    return made


def _data_type(said: Any, pointer: str, found: Notations) -> Mapping[str, Any]:
    name = _text(said, "name", "reference")
    if not name:
        return {}
    word = name.rpartition("#")[2].rpartition("/")[2].rpartition(":")[2].lower()
    if word not in _TYPES:
        why = f"is {name[:60]!r}, which is not a type known here{nearest(word, _TYPES)}"
        found.faults.append(Fault(why, pointer_to(pointer, "dataType")))
    return _TYPES.get(word, {})


def _allow(values: Sequence[Any], made: dict[str, Any]) -> None:
    """Add allowed values and ranges to a schema: several ranges are alternatives."""
    ranges = [_range(item) for item in values if _is_range(item)]
    single = [_typed(item.get("value"), made) if isinstance(item, Mapping) else _typed(item, made)
              for item in values if not _is_range(item)]  # fmt: skip
    if single and not ranges:
        made["enum"] = single
    elif len(ranges) == 1 and not single:
        made.update(ranges[0])
    elif ranges:
        made["anyOf"] = [*ranges, *([{"enum": single}] if single else [])]


def _is_range(item: Any) -> bool:
    return isinstance(item, Mapping) and ("minimumValue" in item or "maximumValue" in item)


def _range(item: Mapping[str, Any]) -> dict[str, Any]:
    closure = str(item.get("rangeClosure", "closed"))
    made: dict[str, Any] = {}
    if "minimumValue" in item:
        is_open = closure in ("open", "open-closed")
        made["exclusiveMinimum" if is_open else "minimum"] = _number(item["minimumValue"])
    if "maximumValue" in item:
        is_open = closure in ("open", "closed-open")
        made["exclusiveMaximum" if is_open else "maximum"] = _number(item["maximumValue"])
    if "spacing" in item:
        made["multipleOf"] = _number(item["spacing"])
    return made


def _typed(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a value of older documents, where all are text, in the type that its schema names."""
    if not isinstance(value, str):
        return value
    if schema.get("type") == "boolean":
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    return _number(value) if schema.get("type") in ("integer", "number") else value


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    for read in (int, float):
        try:
            number = read(value)
        except ValueError:
            continue
        # An infinite bound is none, and JSON has no word for it.
        return number if abs(number) < float("inf") else value
    return value
