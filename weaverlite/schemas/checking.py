"""Whether a schema that came from outside can be used: valid, complete in itself, and bounded in what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator

from weaverlite.errors import Fault
from weaverlite.ogc.pointers import pointer_to
from weaverlite.schemas.messages import explain, kind_of
from weaverlite.schemas.patterns import PatternRefused, compile_pattern
from weaverlite.schemas.validation import BASE, MANY, NAMED, ONE, resolve, translate

_DEPTH = 60
#: Schemas that one value is held against at most, with references written out.
_PLACES = 10_000

_METASCHEMA = Draft202012Validator(Draft202012Validator.META_SCHEMA)


def faults(schema: Any, pointer: str = "") -> list[Fault]:
    """See :func:`weaverlite.schemas.validate_schema`."""
    if not isinstance(schema, Mapping | bool):
        return [Fault(f"is {kind_of(schema)}; expected is a JSON Schema, which is an object", pointer)]
    try:
        found = list(_walk(schema, pointer, schema, 0)) or list(_astray(schema, pointer))
        if not found:
            errors = _METASCHEMA.iter_errors(translate(schema))
            found = list(dict.fromkeys(fault for error in errors for fault in explain(error, pointer)))
        if not found and _Places(schema).of(schema) > _PLACES:
            why = f"would be held against more than {_PLACES} schemas once its references are followed"
            found = [Fault(why, pointer)]
        return found
    except RecursionError:
        return [Fault("is nested too deeply", pointer)]


def _walk(schema: Any, pointer: str, root: Any, depth: int) -> Iterator[Fault]:
    if not isinstance(schema, Mapping):
        return
    if depth > _DEPTH:
        yield Fault(f"is nested deeper than {_DEPTH} schemas", pointer)
        return
    yield from _references(schema, pointer, root)
    yield from _keywords(schema, pointer)
    for path, inner in _inner(schema):
        yield from _walk(inner, pointer_to(pointer, *path), root, depth + 1)


def _references(schema: Mapping[str, Any], pointer: str, root: Any) -> Iterator[Fault]:
    reference = schema.get("$ref")
    if not isinstance(reference, str) or resolve(reference).startswith(BASE):
        return
    if not reference.startswith("#"):
        yield Fault(
            f"refers to {reference!r}: a schema may refer into itself ('#/…') and to the documents of OGC API - "
            "Processes, nothing else is fetched",
            pointer_to(pointer, "$ref"),
        )
    elif target(root, reference) is None:
        yield Fault(f"refers to {reference!r}, which is not there", pointer_to(pointer, "$ref"))


def _astray(root: Any, pointer: str) -> Iterator[Fault]:
    """Yield a fault for each reference to what is there but is no schema: nobody has looked at it."""
    schemas = {id(root): root}
    todo: list[tuple[str, Any]] = [(pointer, root)]
    references = []
    while todo:
        where, schema = todo.pop()
        if not isinstance(schema, Mapping):
            continue
        if isinstance(reference := schema.get("$ref"), str) and reference.startswith("#"):
            references.append((where, reference))
        for path, inner in _inner(schema):
            schemas[id(inner)] = inner
            todo.append((pointer_to(where, *path), inner))
    for where, reference in references:
        if id(target(root, reference)) not in schemas:
            yield Fault(f"refers to {reference!r}, which is no schema", pointer_to(where, "$ref"))


def target(root: Any, reference: str) -> Any:
    """Return the schema that ``#/…`` names, or None."""
    if reference[1:2] not in ("", "/"):
        return None
    found = root
    for part in reference[1:].split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list):
            found = found[int(name)] if name.isdigit() and int(name) < len(found) else None
        else:
            found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _keywords(schema: Mapping[str, Any], pointer: str) -> Iterator[Fault]:
    for name in ("$id", "$anchor", "$dynamicAnchor", "$dynamicRef"):
        if name in schema:
            yield Fault("is not used here: refer by '#/…'", pointer_to(pointer, name))
    patterns = schema.get("patternProperties")
    for pattern in (schema.get("pattern"), *(patterns if isinstance(patterns, Mapping) else ())):
        try:
            if isinstance(pattern, str):
                compile_pattern(pattern)
        except PatternRefused as refusal:
            yield Fault(str(refusal), pointer)
    if "unevaluatedProperties" in schema:
        # It looks through the patterns of all other keywords by means of the usual, unbounded matcher.
        yield Fault("is not supported: use 'additionalProperties'", pointer_to(pointer, "unevaluatedProperties"))


def _inner(schema: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    for name, item in schema.items():
        if name in ONE:
            yield (name,), item
        elif name in MANY and isinstance(item, list):
            yield from (((name, index), part) for index, part in enumerate(item))
        elif name in NAMED and isinstance(item, Mapping):
            yield from (((name, key), part) for key, part in item.items())


class _Places:
    """Counts schemas as if references were written out. One that comes back to itself counts once."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._known: dict[int, int] = {}

    def of(self, schema: Any) -> int:
        if not isinstance(schema, Mapping):
            return 1
        if id(schema) not in self._known:
            self._known[id(schema)] = 1
            inner = sum(self.of(part) for path, part in _inner(schema) if path[0] not in ("$defs", "definitions"))
            self._known[id(schema)] = min(1 + inner + self._referred(schema.get("$ref")), _PLACES + 1)
        return self._known[id(schema)]

    def _referred(self, reference: Any) -> int:
        if not isinstance(reference, str) or not reference.startswith("#"):
            return 1 if reference else 0
        return self.of(target(self._root, reference))
