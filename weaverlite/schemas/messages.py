"""What a validator found, in sentences: what is wrong, what is expected, and which known name is nearest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from weaverlite.errors import Fault
from weaverlite.ogc.pointers import pointer_to

if TYPE_CHECKING:
    # Use cases take words from here without validating anything: they should not wait for jsonschema.
    from jsonschema import ValidationError

_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}
_SHOWN = 60


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown name: the nearest known one, or all when they are few."""
    candidates = sorted(known)
    if near := closest(name, candidates):
        return f"; is {near!r} meant?"
    if not candidates:
        return "; there are none"
    shown = ", ".join(candidates[:12])
    return f"; known are: {shown}" + (", …" if len(candidates) > 12 else "")


def closest(name: str, known: Sequence[str]) -> str:
    """Return the known name that is most like ``name``, or nothing."""
    # Comparing takes time that grows with the square: nobody mistypes a name that long.
    return next(iter(get_close_matches(name, known, n=1)), "") if len(name) <= 4 * _SHOWN else ""


def kind_of(value: Any) -> str:
    """Return in words which kind of JSON value this is, small ones with the value itself."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the string {_show(value)}"
    if isinstance(value, int | float):
        return f"the number {_show(value)}"
    return "a list" if isinstance(value, list | tuple) else "an object"


def explain(error: ValidationError, base: str) -> Iterator[Fault]:
    """Yield the faults that an error of the validator means; ``base`` points to the value that was validated."""
    pointer = pointer_to(base, *error.path)
    keyword, wanted = str(error.validator), cast(Any, error.validator_value)
    if keyword in ("anyOf", "oneOf") and error.context:
        yield from _branches(error, base)
    elif keyword == "required":
        # jsonschema reports one error a missing name, and tells the name only in its sentence.
        missing = next((name for name in wanted if error.message.startswith(repr(name))), "")
        yield Fault("is missing", pointer_to(pointer, missing))
    elif keyword == "additionalProperties":
        yield Fault(f"is not known here{nearest(str(error.path[-1]), _list(wanted))}", pointer)
    elif keyword == "dependentRequired":
        yield Fault(f"needs other members: {error.message}", pointer)
    elif keyword in _SENTENCES:
        yield Fault(_SENTENCES[keyword](error.instance, wanted, error), pointer)
    elif keyword == "None":
        # The schema is ``false``: there is no keyword.
        yield Fault("must not be here", pointer)
    else:
        yield Fault(f"does not fit its schema ({keyword}: {_show(wanted)})", pointer)


def _list(wanted: Any) -> list[str]:
    return wanted if isinstance(wanted, list) else []


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _count(instance: Any, noun: str) -> str:
    return f"{len(instance)} {noun}" + ("" if len(instance) == 1 else "s")


def _choice(items: Iterable[str]) -> str:
    found = list(items)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} or {found[-1]}"


def _branches(error: ValidationError, base: str) -> Iterator[Fault]:
    """Explain that no alternative fits: by the one that comes nearest, or by all when none is near."""
    pointer = pointer_to(base, *error.absolute_path)
    by_branch: dict[Any, list[ValidationError]] = {}
    for part in error.context or ():
        by_branch.setdefault(part.schema_path[0], []).append(part)
    # An alternative of the right type that fails further inside is what the sender meant.
    near = [found for found in by_branch.values() if not any(_is_kind(part, error) for part in found)]
    if len(near) == 1:
        for part in near[0]:
            # Paths of parts are relative to their parent.
            yield from explain(part, pointer_to(base, *error.path))
        return
    kinds = [str(name) for found in by_branch.values() for part in found if _is_kind(part, error)
             for name in _names(part.validator_value)]  # fmt: skip
    if kinds and not near:
        expected = _choice(dict.fromkeys(_KINDS.get(name, name) for name in kinds))
        yield Fault(f"is {kind_of(error.instance)}; expected is {expected}", pointer)
        return
    reasons = [next(explain(part, "")).message for found in near or by_branch.values() for part in found[:1]]
    yield Fault(f"fits none of the {len(by_branch)} forms it may have: {'; '.join(dict.fromkeys(reasons))}", pointer)


def _is_kind(part: ValidationError, error: ValidationError) -> bool:
    return part.validator == "type" and not part.path


def _names(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def _type(instance: Any, wanted: Any, _: ValidationError) -> str:
    expected = _choice(_KINDS.get(name, str(name)) for name in _names(wanted))
    return f"is {kind_of(instance)}; expected is {expected}"


def _enum(instance: Any, wanted: Any, _: ValidationError) -> str:
    texts = [item for item in wanted if isinstance(item, str)]
    near = closest(instance, texts) if isinstance(instance, str) else ""
    shown = ", ".join(_show(item) for item in wanted[:12]) + (", …" if len(wanted) > 12 else "")
    return f"is {kind_of(instance)}; allowed are {shown}" + (f" (is {near!r} meant?)" if near else "")


def _format(instance: Any, wanted: Any, error: ValidationError) -> str:
    # Checks of our own say what is wrong themselves.
    if error.cause and str(wanted).rpartition("/")[2] in ("byte", "duration-text", "size-text", "ogc-bbox"):
        return str(error.cause)
    return f"is {kind_of(instance)}, which is not a {_FORMATS.get(wanted, wanted)}"


_FORMATS = {
    "date-time": "date and time (RFC 3339, such as 2024-05-01T12:00:00Z)",
    "date": "date (such as 2024-05-01)",
    "time": "time (RFC 3339, such as 12:00:00Z)",
    "uri": "URI (such as https://example.org/a)",
    "uri-reference": "URI",
    "email": "mail address",
    "uuid": "UUID",
    "ipv4": "IPv4 address",
    "ipv6": "IPv6 address",
    "int32": "whole number of 32 bits",
    "int64": "whole number of 64 bits",
    "ogc-bbox": 'bounding box ({"bbox": [4 or 6 numbers], "crs": …})',
    "geojson-geometry": "geometry of GeoJSON",
    "geojson-feature": "feature of GeoJSON",
    "geojson-feature-collection": "feature collection of GeoJSON",
}

_SENTENCES: dict[str, Callable[[Any, Any, ValidationError], str]] = {
    "type": _type,
    "enum": _enum,
    "format": _format,
    "const": lambda instance, wanted, _: f"is {kind_of(instance)}; it can only be {_show(wanted)}",
    "minimum": lambda instance, wanted, _: f"is {_show(instance)}, less than the minimum {_show(wanted)}",
    "maximum": lambda instance, wanted, _: f"is {_show(instance)}, more than the maximum {_show(wanted)}",
    "exclusiveMinimum": lambda instance, wanted, _: f"is {_show(instance)}; it must be more than {_show(wanted)}",
    "exclusiveMaximum": lambda instance, wanted, _: f"is {_show(instance)}; it must be less than {_show(wanted)}",
    "multipleOf": lambda instance, wanted, _: f"is {_show(instance)}, which is not a multiple of {_show(wanted)}",
    "minLength": lambda instance, wanted, _: f"has {_count(instance, 'character')}; at least {wanted} are needed",
    "maxLength": lambda instance, wanted, _: f"has {_count(instance, 'character')}; at most {wanted} are allowed",
    "minItems": lambda instance, wanted, _: f"has {_count(instance, 'item')}; at least {wanted} are needed",
    "maxItems": lambda instance, wanted, _: f"has {_count(instance, 'item')}; at most {wanted} are allowed",
    "minProperties": lambda instance, wanted, _: f"has {_count(instance, 'member')}; at least {wanted} are needed",
    "maxProperties": lambda instance, wanted, _: f"has {_count(instance, 'member')}; at most {wanted} are allowed",
    "pattern": lambda instance, _, error: f"is {_show(instance)}, which {error.message}",
    "uniqueItems": lambda _instance, _wanted, error: error.message,
    "contentSchema": lambda _instance, _wanted, error: error.message,
    "not": lambda instance, wanted, _: f"is {kind_of(instance)}, which is excluded by {_show(wanted)}",
    "contains": lambda _instance, wanted, _: f"has no item that fits {_show(wanted)}",
    "oneOf": lambda instance, _, __: f"is {kind_of(instance)}, which fits more than one of its forms",
}
