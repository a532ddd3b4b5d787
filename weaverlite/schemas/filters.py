"""Filters in CQL2 (OGC 21-065r2): refused when they cannot be read, with the place.

The library is a recursive parser in native code: what is nested too deep would end the process, so that is looked at
before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from weaverlite.ogc.collections import JSON, TEXT

#: Longest text, deepest nesting, and most signs and negations in a row of a filter.
_LONGEST, _DEEPEST, _PREFIXES = 8000, 32, 32
_MEETS = "s_intersects"
_PLACE = re.compile(r"-->\s*(\d+):(\d+)")
_EXPECTED = re.compile(r"= (expected [^\n]*)")
_LITERAL = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
_PREFIX = re.compile(r"\bNOT\b|[-+^]", re.IGNORECASE)


def check_filter(given: Any, language: str = TEXT) -> str:
    """Return what is wrong with a filter, empty when nothing is."""
    try:
        parse_filter(given, language)
    except ValueError as error:
        return str(error)
    return ""


def parse_filter(given: Any, language: str = TEXT) -> Any:
    """Return the ``cql2.Expr`` of a filter.

    :raises ValueError: it is none; says where and why.
    """
    import cql2

    if language == JSON or isinstance(given, Mapping):
        _check_document(given)
        expression = _read(cql2, dict(given))
        try:
            expression.validate()
        except Exception as error:  # the library raises bare exceptions
            raise ValueError("is not a CQL2 expression: expected are objects with 'op' and 'args'") from error
        return expression
    _check_text(given)
    return _read(cql2, given)


def check_geometry(given: Any) -> str:
    """Return what is wrong with a geometry (GeoJSON, or WKT), empty when nothing is."""
    try:
        parse_geometry(given)
    except ValueError as error:
        return str(error)
    return ""


def parse_geometry(given: Any) -> tuple[Any, Mapping[str, Any]]:
    """Return the ``cql2.Expr`` of what meets a geometry, and the geometry in GeoJSON.

    :raises ValueError: it is no geometry.
    """
    wrong = "is not a geometry: expected is a geometry in GeoJSON, or in WKT like POINT(7.5 47.1)"
    if isinstance(given, Mapping) and not isinstance(given.get("type"), str):
        raise ValueError(wrong)
    try:
        if isinstance(given, Mapping):
            expression = parse_filter({"op": _MEETS, "args": [{"property": "geometry"}, given]})
        else:
            _check_text(given)
            expression = parse_filter(f"{_MEETS}(geometry, {given})")
    except ValueError as error:
        raise ValueError(wrong if "CQL2" in str(error) else str(error)) from error
    try:
        document = json.loads(json.dumps(expression.to_json()))
    except Exception as error:  # the library raises bare exceptions
        raise ValueError(wrong) from error
    # What was written as text may have closed the parenthesis, or name a property.
    geometry = document["args"][1] if document.get("op") == _MEETS else None
    if not isinstance(geometry, Mapping) or "type" not in geometry or not any(positions(geometry)):
        raise ValueError(wrong)
    return expression, geometry


def positions(value: Any) -> Iterator[tuple[float, float]]:
    """Yield the positions of a GeoJSON geometry, without heights."""
    if isinstance(value, Mapping):
        for part in value.get("geometries") or [value.get("coordinates")]:
            yield from positions(part)
    elif isinstance(value, list):
        if len(value) > 1 and all(isinstance(number, int | float) for number in value[:2]):
            yield float(value[0]), float(value[1])
        else:
            for part in value:
                yield from positions(part)


def _read(cql2: Any, given: Any) -> Any:
    try:
        return cql2.Expr(given)
    except Exception as error:  # the library raises bare exceptions
        raise ValueError(_sentence(given, str(error))) from error


def _sentence(given: Any, said: str) -> str:
    place, expected = _PLACE.search(said), _EXPECTED.search(said)
    if not isinstance(given, str) or place is None:
        return "is not a CQL2 expression: expected are objects with 'op' and 'args'"
    line, column = int(place[1]), int(place[2])
    rest = given.split("\n")[line - 1][column - 1 :][:20] if given.count("\n") >= line - 1 else ""
    at = f"line {line}, column {column}" if "\n" in given else f"column {column}"
    why = expected[1] if expected else "it cannot be read"
    return f"is not CQL2 text: at {at}, {f'before {rest!r}' if rest else 'at the end'}: {why[:300]}"


def _check_text(text: str) -> None:
    if len(text) > _LONGEST:
        raise ValueError(f"has {len(text)} characters; at most {_LONGEST} are read")
    bare = _LITERAL.sub("''", text)
    depth = deepest = 0
    for letter in bare:
        depth += (letter in "([") - (letter in ")]")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST or len(_PREFIX.findall(bare)) > _PREFIXES + bare.count(","):
        raise ValueError(f"is nested too deep: at most {_DEEPEST} levels of parentheses and negations are read")


def _check_document(document: Any, depth: int = 0) -> None:
    if not depth and not isinstance(document, Mapping):
        raise ValueError("is not a CQL2 expression: expected are objects with 'op' and 'args'")
    if depth > 2 * _DEEPEST:
        raise ValueError(f"is nested too deep: at most {_DEEPEST} levels of operations are read")
    if isinstance(document, Mapping):
        for item in document.values():
            _check_document(item, depth + 1)
    elif isinstance(document, list):
        for item in document:
            _check_document(item, depth + 1)
