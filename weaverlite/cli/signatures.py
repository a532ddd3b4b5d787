"""Inputs and outputs of a process as lines of a table: type, formats, what values there may be, unit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from weaverlite.cli import render
from weaverlite.ogc.measures import unit_of

#: Ranges of whole numbers of 32 and 64 bits, and words for the width of numbers: the type says that already.
_WIDE = frozenset({-(2**31), 2**31 - 1, -(2**63), 2**63 - 1})
_ANY = "application/octet-stream"
_WIDTHS = frozenset({"float", "double", "int32", "int64"})
_SIZES = (("Length", "characters"), ("Items", "items"))
_LONGEST = 60


def lines(described: Any) -> list[Mapping[str, Any]]:
    """Return the inputs or outputs of a description as entries of a table."""
    if not isinstance(described, Mapping):
        return []
    return [{"id": name, **item} for name, item in described.items() if isinstance(item, Mapping)]


def columns(name: str, entries: list[Mapping[str, Any]]) -> list[render.Column]:
    """Return the columns for ``inputs`` or ``outputs``: those in which some entry has something to show."""
    found: list[render.Column] = [(name[:-1].upper(), "id"), ("TYPE", _type)]
    if name == "inputs":
        found.append(("OCCURS", _occurs))
    for title, shows in (("VALUES", _values), ("DEFAULT", _default), ("UNIT", _unit)):
        if any(shows(item) for item in entries):
            found.append((title, shows))
    return [*found, ("TITLE", lambda item: item.get("title") or item.get("description"))]


def _schema(item: Mapping[str, Any]) -> Mapping[str, Any]:
    schema = item.get("schema")
    return schema if isinstance(schema, Mapping) else {}


def _forms(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield a schema and its alternatives."""
    if isinstance(schema, Mapping):
        yield schema
        for keyword in ("oneOf", "anyOf", "allOf"):
            for part in schema.get(keyword) or ():
                yield from _forms(part)


def _type(item: Mapping[str, Any]) -> str:
    schema = _schema(item)
    inner = schema.get("items") if schema.get("type") == "array" else None
    kinds: list[str] = []
    words: list[str] = []
    for form in (*_forms(schema), *_forms(inner)):
        kind = form.get("type")
        kinds += [str(name) for name in (kind if isinstance(kind, list) else [kind] if kind else [])]
        # That a file may be anything goes without saying.
        words += [str(form["contentMediaType"])] if form.get("contentMediaType", _ANY) != _ANY else []
        said = str(form.get("format", ""))
        words += [said] if said and said not in _WIDTHS else []
    if inner is not None:
        inside = kinds[1:]
        kinds = ["|".join(dict.fromkeys(f"{name}[]" for name in inside)) or "array"]
    named = item.get("x-cwl-type") or "|".join(dict.fromkeys(kinds))
    return _cut(" ".join(filter(None, (str(named), "|".join(dict.fromkeys(words))))))


def _occurs(item: Mapping[str, Any]) -> str:
    least, most = item.get("minOccurs", 1), item.get("maxOccurs", 1)
    return str(least) if least == most else f"{least}..{'*' if most == 'unbounded' else most}"


def _values(item: Mapping[str, Any]) -> str:
    """Return what is said of values beyond their type."""
    found: list[str] = []
    for form in _forms(_schema(item)):
        if isinstance(form.get("enum"), list):
            found.append("|".join(_text(value) for value in form["enum"]))
        found += filter(None, (_range(form), *(_size(form, *size) for size in _SIZES)))
        if "pattern" in form:
            found.append(f"/{form['pattern']}/")
    return _cut(", ".join(dict.fromkeys(found)))


def _range(schema: Mapping[str, Any]) -> str:
    low, above = _bound(schema, "minimum", "exclusiveMinimum")
    high, below = _bound(schema, "maximum", "exclusiveMaximum")
    if low is not None and high is not None and not above and not below:
        return f"{low}..{high}"
    said = []
    if low is not None:
        said.append(f"{'>' if above else '>='} {low}")
    if high is not None:
        said.append(f"{'<' if below else '<='} {high}")
    return " and ".join(said)


def _bound(schema: Mapping[str, Any], bound: str, exclusive: str) -> tuple[Any, bool]:
    """Return a bound in whichever dialect it is written, and whether it is excluded."""
    limit, excluded = schema.get(bound), schema.get(exclusive)
    if isinstance(excluded, int | float) and not isinstance(excluded, bool):
        return excluded, True
    return (None, False) if limit in _WIDE else (limit, excluded is True)


def _size(schema: Mapping[str, Any], noun: str, words: str) -> str:
    least, most = schema.get(f"min{noun}"), schema.get(f"max{noun}")
    if least is None and most is None:
        return ""
    if most is None:
        return f"{least} {words} or more"
    return f"{least or 0}..{most} {words}"


def _default(item: Mapping[str, Any]) -> str:
    schema = _schema(item)
    return _cut(_text(schema["default"])) if "default" in schema else ""


def _unit(item: Mapping[str, Any]) -> str:
    metadata = item.get("metadata")
    return unit_of(metadata) if isinstance(metadata, list) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


__all__ = ["columns", "lines"]
