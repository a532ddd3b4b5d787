"""Keywords of JSON Schema in a form of our own: bounded where the usual one is not, exact where that one is not.

``pattern`` and ``patternProperties`` take linear time (:mod:`weaverlite.schemas.patterns`), ``uniqueItems`` too;
``items`` is fast for long lists of plain values; ``multipleOf`` counts in decimals, as people do; ``contentSchema``,
which the standard leaves to the reader, is applied to what a string of JSON holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator

from weaverlite.errors import InvalidRequest
from weaverlite.ogc.negotiation import is_json
from weaverlite.ogc.values import decode_base64, is_binary
from weaverlite.schemas.effort import matches
from weaverlite.schemas.messages import explain
from weaverlite.schemas.patterns import TooHard, compile_pattern
from weaverlite.schemas.text import parse_json

#: Keywords of schemas that a list of plain values is held against at once.
_PLAIN = frozenset({"type", "minimum", "maximum", "title", "description"})
_TYPES: Mapping[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
}
#: Shorter lists are no faster that way.
_LONG = 16


def _pattern(_: Validator, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str):
        try:
            if not matches(compile_pattern(pattern), instance):
                yield ValidationError(f"does not match the pattern {pattern[:100]!r}")
        except TooHard as error:
            yield ValidationError(str(error))


def _pattern_properties(
    self: Any, patterns: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if isinstance(instance, Mapping):
        for pattern, subschema in patterns.items():
            for name, item in instance.items():
                if _may_match(pattern, name):
                    yield from self.descend(item, subschema, path=name, schema_path=pattern)


def _additional_properties(
    self: Any, additional: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, Mapping):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, item in instance.items():
        if name in known or any(_may_match(pattern, name) for pattern in patterns):
            continue
        if additional is False:
            yield ValidationError("is not known", path=(name,), validator_value=sorted(known))
        elif additional is not True:
            yield from self.descend(item, additional, path=name)


def _unique_items(_: Validator, unique: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if unique is True and isinstance(instance, list):
        seen = set()
        for index, item in enumerate(instance):
            text = json.dumps(_plain(item), sort_keys=True)
            if text in seen:
                yield ValidationError("is in the list before: each item may occur once", path=(index,))
                return
            seen.add(text)


def _items(self: Any, items: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    if isinstance(instance, list) and (len(instance) < _LONG or not _all_fit(items, instance, schema)):
        yield from Draft202012Validator.VALIDATORS["items"](self, items, instance, schema)


def _all_fit(items: Any, instance: list[Any], schema: Mapping[str, Any]) -> bool:
    """Whether all values of a list fit a schema of plain keywords; when in doubt they do not."""
    if not isinstance(items, Mapping) or not items.keys() <= _PLAIN or "prefixItems" in schema:
        return False
    types = _TYPES.get(items["type"]) if isinstance(items.get("type"), str) else None
    if not types or not {type(item) for item in instance} <= set(types):
        return False
    if types[0] is not int:
        return True
    return bool(min(instance) >= items.get("minimum", -_FAR) and max(instance) <= items.get("maximum", _FAR))


def _multiple_of(_: Validator, divisor: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, int | float) and not isinstance(instance, bool):
        # 0.3 is a multiple of 0.1, as it is written; and a number of 4000 digits is no float.
        if (_exact(instance) / _exact(divisor)).denominator != 1:
            yield ValidationError("is not a multiple")


def _exact(number: int | float) -> Fraction:
    return Fraction(number) if isinstance(number, int) else Fraction(str(number))


def _content_schema(
    self: Any, content: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, str) or not is_json(str(schema.get("contentMediaType", ""))):
        return
    try:
        encoding = str(schema.get("contentEncoding", ""))
        value = parse_json(decode_base64(instance) if is_binary(encoding) else instance)
    except InvalidRequest as error:
        yield ValidationError(f"holds no JSON: {error.faults[0].message}")
    except ValueError as error:
        yield ValidationError(str(error))
    else:
        for inner in self.descend(value, content):
            for fault in explain(inner, ""):
                # What is inside a string has no pointer of its own in the document around it.
                where = f"at {fault.pointer} " if fault.pointer else ""
                yield ValidationError(f"holds JSON that does not fit: {where}it {fault.message}")


def _may_match(pattern: str, name: str) -> bool:
    try:
        return matches(compile_pattern(pattern), name)
    except TooHard:
        return False


def _plain(value: Any) -> Any:
    """Return ``value`` with 1.0 as 1, which are equal in JSON Schema."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


_FAR = float("inf")

OWN: Mapping[str, Any] = {
    "additionalProperties": _additional_properties,
    "contentSchema": _content_schema,
    "items": _items,
    "multipleOf": _multiple_of,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "uniqueItems": _unique_items,
}
