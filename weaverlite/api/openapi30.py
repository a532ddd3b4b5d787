"""OpenAPI 3.0 of an OpenAPI 3.1 document: the same API in the older words.

What JSON Schema of 3.0 has no word for is left out or said more loosely: the result allows at least what the original
allows, and refuses nothing that the service takes or gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

VERSION = "3.0.4"

#: Words of a schema that go over as they are.
_SAME = frozenset(
    "title description type format enum default deprecated readOnly writeOnly minimum maximum multipleOf minLength "
    "maxLength pattern minItems maxItems uniqueItems minProperties maxProperties required externalDocs "
    "discriminator xml".split()
)
_SCHEMAS = frozenset({"not"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf"})


def converted(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document in OpenAPI 3.0."""
    found: dict[str, Any] = {**_walk(document), "openapi": VERSION}
    license_ = dict(found["info"].get("license", {}))
    if license_.pop("identifier", None):
        license_["url"] = "https://www.apache.org/licenses/LICENSE-2.0"
        found["info"] = {**found["info"], "license": license_}
    return found


def _walk(value: Any, *, in_schemas: bool = False) -> Any:
    """Convert every schema below; ``in_schemas``: the members are schemas by name."""
    if isinstance(value, list):
        return [_walk(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if in_schemas:
        return {name: schema_30(item) for name, item in value.items()}
    found = {}
    for name, item in value.items():
        if name == "schema":
            found[name] = schema_30(item)
        elif name in ("example", "examples", "default"):
            found[name] = item
        else:
            found[name] = _walk(item, in_schemas=name == "schemas")
    return found


def schema_30(schema: Any) -> dict[str, Any]:
    """Return a JSON Schema of 2020-12 in the words of OpenAPI 3.0."""
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    if "$ref" in schema:
        reference = {"$ref": schema["$ref"]}
        others = {name: item for name, item in schema.items() if name != "$ref"}
        # Beside a reference nothing counts in 3.0.
        return {"allOf": [reference], **schema_30(others)} if others else reference
    return dict(_members(schema))


def _members(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    types = schema.get("type")
    if isinstance(types, list):
        yield from _types(schema, [item for item in types if item != "null"], "null" in types)
        schema = {name: item for name, item in schema.items() if name not in ("type", "items")}
    elif types == "null":
        yield from {"nullable": True, "enum": [None]}.items()
        schema = {name: item for name, item in schema.items() if name not in ("type", "enum", "const")}
    for name, item in schema.items():
        if name in _SAME:
            yield name, item
        elif name in _SCHEMAS:
            yield name, schema_30(item)
        elif name in _LISTS:
            yield name, [schema_30(branch) for branch in item]
        elif name == "properties":
            yield name, {key: schema_30(branch) for key, branch in item.items()}
        elif name == "const":
            yield "enum", [item]
        elif name == "examples" and item:
            yield "example", item[0]
        elif name in ("exclusiveMinimum", "exclusiveMaximum"):
            yield from _bound(schema, name, item)
    yield from _more(schema)


def _more(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the members that stand for several words, or for one that is looser in 3.0."""
    if "prefixItems" in schema:
        yield "items", {"anyOf": [schema_30(item) for item in schema["prefixItems"]]}
    elif "items" in schema:
        yield "items", schema_30(schema["items"])
    elif schema.get("type") == "array":
        yield "items", {}
    if "patternProperties" not in schema and "additionalProperties" in schema:
        more = schema["additionalProperties"]
        yield "additionalProperties", more if isinstance(more, bool) else schema_30(more)
    if "format" not in schema and "type" in schema:
        if schema.get("contentEncoding") == "base64":
            yield "format", "byte"
        elif "contentMediaType" in schema:
            yield "format", "binary"


def _types(schema: Mapping[str, Any], types: list[str], is_nullable: bool) -> Iterator[tuple[str, Any]]:
    branches = []
    for name in types:
        branch: dict[str, Any] = {"type": name}
        if name == "array":
            branch["items"] = schema_30(schema.get("items", True))
        branches.append({**branch, "nullable": True} if is_nullable else branch)
    if len(branches) == 1:
        yield from branches[0].items()
    else:
        yield "anyOf", branches


def _bound(schema: Mapping[str, Any], name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, bool):
        yield name, value
        return
    plain = "minimum" if name == "exclusiveMinimum" else "maximum"
    stricter = max if plain == "minimum" else min
    limit = stricter(value, schema[plain]) if plain in schema else value
    yield plain, limit
    if limit == value:
        yield name, True
