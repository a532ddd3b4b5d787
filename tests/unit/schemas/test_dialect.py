"""Schemas in the words that descriptions go out with: those of OpenAPI 3.0, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from weaverlite.processes.echo import PROCESS as ECHO
from weaverlite.schemas import load, names
from weaverlite.schemas.dialect import to_openapi30

#: What ``schema.yaml`` of 18-062r2 lists, and nothing else is allowed there.
LISTED = frozenset(
    """title multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems
    uniqueItems maxProperties minProperties required enum type not allOf oneOf anyOf items properties
    additionalProperties description format default nullable discriminator readOnly writeOnly example externalDocs
    deprecated xml contentMediaType contentEncoding contentSchema""".split()
)
NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}


def schemas_in(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for name, item in schema.items():
        inner: list[Any] = []
        if name in ("allOf", "oneOf", "anyOf"):
            inner = item
        elif name == "properties":
            inner = list(item.values())
        elif name in ("items", "not", "additionalProperties", "contentSchema"):
            inner = [item]
        for part in inner:
            if isinstance(part, dict):
                yield from schemas_in(part)


def assert_in_dialect(schema: dict[str, Any]) -> None:
    for part in schemas_in(schema):
        assert part.keys() <= LISTED
        assert isinstance(part.get("type", ""), str) and part.get("type") != "null"
        assert isinstance(part.get("exclusiveMinimum", True), bool)
        assert isinstance(part.get("exclusiveMaximum", True), bool)
        assert "items" in part or part.get("type") != "array"


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        (
            {"type": ["string", "integer"], "anyOf": [{"minLength": 3}, {"minimum": 3}]},
            {
                "anyOf": [{"type": "string"}, {"type": "integer"}],
                "allOf": [{"anyOf": [{"minLength": 3}, {"minimum": 3}]}],
            },
        ),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string", "nullable": True}),
        ({"type": "null"}, {"nullable": True, "enum": [None]}),
        ({"exclusiveMinimum": 3}, {"minimum": 3, "exclusiveMinimum": True}),
        ({"exclusiveMinimum": 3, "minimum": 5}, {"minimum": 5}),
        ({"exclusiveMaximum": 3, "maximum": 3}, {"maximum": 3, "exclusiveMaximum": True}),
        ({"minimum": 0, "exclusiveMinimum": True}, {"minimum": 0, "exclusiveMinimum": True}),
        ({"const": 3}, {"enum": [3]}),
        ({"type": "integer", "examples": [4, 5]}, {"type": "integer", "example": 4}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        ({"prefixItems": [{"type": "string"}]}, {"items": {}}),
        ({"not": False}, {"not": {"not": {}}}),
        ({"if": {}, "then": {}, "patternProperties": {"a": {}}, "x-a": 1, "$comment": "c"}, {}),
        ({"$defs": {"node": NODE}, "$ref": "#/$defs/node"}, {"type": "object", "properties": {"next": {}}}),
        (
            {"$defs": {"a": {"minimum": 1}}, "minimum": 0, "$ref": "#/$defs/a"},
            {"minimum": 0, "allOf": [{"minimum": 1}]},
        ),
        ({"$ref": "https://example.org/schema"}, {}),
        (
            {"type": "string", "contentMediaType": "application/gml+xml", "contentSchema": "https://example.org/a.xsd"},
            {"type": "string", "contentMediaType": "application/gml+xml", "contentSchema": "https://example.org/a.xsd"},
        ),
        (True, {}),
    ],
)
def test_a_schema_goes_out_in_words_of_openapi_3_0(schema: Any, expected: dict[str, Any]) -> None:
    found = to_openapi30(schema)
    assert found == expected
    assert_in_dialect(found)


def test_what_is_in_these_words_stays_as_it_is() -> None:
    for port in ECHO.inputs:
        assert to_openapi30(port.schema) == port.schema


def test_every_document_can_go_out() -> None:
    for name in names():
        assert_in_dialect(to_openapi30(load(name)))
        assert_in_dialect(to_openapi30({"$ref": f"{name}.yaml"}))


def test_references_that_multiply_end() -> None:
    definitions = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 3} for n in range(40)}
    found = to_openapi30({"$defs": {**definitions, "d40": {}}, "$ref": "#/$defs/d0"})
    assert sum(1 for _ in schemas_in(found)) < 10_000
