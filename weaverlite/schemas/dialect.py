"""Schemas of processes in the words that descriptions go out with: those of OpenAPI 3.0.

Values are held against JSON Schema 2020-12. Both versions of OGC API - Processes describe inputs and outputs in the
dialect of OpenAPI 3.0 (18-062r2, ``schema.yaml``): one type, ``nullable``, boolean ``exclusiveMinimum``, no ``const``,
and no keyword it does not list. What it has no word for is left out: the description says a little less than is
checked, never something else. References are written out, because clients resolve none inside alternatives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaverlite.schemas.documents import load

#: Keywords that mean the same in both.
_SAME = frozenset(
    {"title", "description", "format", "default", "multipleOf", "minLength", "maxLength", "pattern", "minItems",
     "maxItems", "uniqueItems", "minProperties", "maxProperties", "required", "readOnly", "writeOnly", "deprecated",
     "example", "externalDocs", "xml", "discriminator", "contentMediaType", "contentEncoding", "enum"}
)  # fmt: skip
_COMBINING = ("oneOf", "anyOf", "allOf")
#: How deep schemas may be, and how many, once references are written out.
_DEPTH, _MOST = 60, 2000


def to_openapi30(schema: Any) -> dict[str, Any]:
    """Return ``schema`` in the words of OpenAPI 3.0; one that is in them already comes back as it is."""
    return _Translation(schema).of(schema, 0)


class _Translation:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = _MOST
        self._open: list[str] = []

    def of(self, schema: Any, depth: int) -> dict[str, Any]:
        self._left -= 1
        if schema is False:
            return {"not": {}}
        if not isinstance(schema, Mapping) or self._left < 0 or depth > _DEPTH:
            return {}
        found = {name: item for name, item in schema.items() if name in _SAME}
        self._types(schema, found)
        _bounds(schema, found)
        if "const" in schema and "enum" not in schema:
            found["enum"] = [schema["const"]]
        examples = schema.get("examples")
        if isinstance(examples, list) and examples and "example" not in found:
            found["example"] = examples[0]
        self._inner(schema, found, depth)
        if isinstance(reference := schema.get("$ref"), str):
            self._refer(reference, found, depth)
        return found

    def _types(self, schema: Mapping[str, Any], found: dict[str, Any]) -> None:
        kinds = schema.get("type")
        names = [kinds] if isinstance(kinds, str) else list(kinds) if isinstance(kinds, list) else []
        if "null" in names or schema.get("nullable") is True:
            found["nullable"] = True
        names = [name for name in names if name != "null"]
        if len(names) == 1:
            found["type"] = names[0]
        elif names:
            found["anyOf"] = [{"type": name, "items": {}} if name == "array" else {"type": name} for name in names]
        elif found.get("nullable") and kinds:
            # Nothing but null.
            found["enum"] = [None]

    def _inner(self, schema: Mapping[str, Any], found: dict[str, Any], depth: int) -> None:
        for name in ("items", "not", "contentSchema"):
            if name in schema:
                # The schema of content may be the URI of one in another language.
                found[name] = schema[name] if isinstance(schema[name], str) else self.of(schema[name], depth + 1)
        if "items" not in found and (found.get("type") == "array" or "prefixItems" in schema):
            found["items"] = {}
        additional = schema.get("additionalProperties")
        if additional is not None:
            found["additionalProperties"] = (
                additional if isinstance(additional, bool) else self.of(additional, depth + 1)
            )
        if isinstance(schema.get("properties"), Mapping):
            found["properties"] = {name: self.of(item, depth + 1) for name, item in schema["properties"].items()}
        for name in _COMBINING:
            if isinstance(schema.get(name), list):
                self._combine(name, schema[name], found, depth)

    def _combine(self, name: str, branches: list[Any], found: dict[str, Any], depth: int) -> None:
        kept = [item for item in branches if not (isinstance(item, Mapping) and item.get("type") == "null")]
        if name != "allOf" and len(kept) < len(branches):
            found["nullable"] = True
        made = [self.of(item, depth + 1) for item in kept]
        if len(made) == 1 and name != "allOf" and not found.keys() & made[0].keys() - {"nullable"}:
            found.update(made[0])
        elif name in found:
            # Several types were written as alternatives already: both must hold.
            found.setdefault("allOf", []).append({name: made})
        elif made:
            found[name] = [*found.get("allOf", []), *made] if name == "allOf" else made

    def _refer(self, reference: str, found: dict[str, Any], depth: int) -> None:
        # Here for the start-up: these need jsonschema, and few schemas refer to anything.
        from weaverlite.schemas.checking import target
        from weaverlite.schemas.validation import BASE, resolve

        place = resolve(reference)
        if reference in self._open or not (reference.startswith("#") or place.startswith(BASE)):
            # Written out, one that contains itself would have no end.
            return
        self._open.append(reference)
        whole = None if reference.startswith("#") else load(place.removeprefix(BASE).removesuffix(".yaml"))
        before, self._root = self._root, self._root if whole is None else whole
        referred = self.of(target(self._root, reference) if whole is None else whole, depth + 1)
        self._root = before
        self._open.pop()
        if not found.keys() & referred.keys():
            found.update(referred)
        else:
            found["allOf"] = [*found.get("allOf", []), referred]


def _bounds(schema: Mapping[str, Any], found: dict[str, Any]) -> None:
    for exclusive, bound, tighter in (
        ("exclusiveMinimum", "minimum", max), ("exclusiveMaximum", "maximum", min)
    ):  # fmt: skip
        limit, other = schema.get(exclusive), schema.get(bound)
        if isinstance(limit, bool):
            found[exclusive] = limit
        if other is not None:
            found[bound] = other
        if isinstance(limit, int | float) and not isinstance(limit, bool):
            if other is None or tighter(limit, other) == limit:
                found[bound], found[exclusive] = limit, True
