"""Schemas in the words of OpenAPI 3.0."""

from __future__ import annotations

import pytest

from weaverlite.api.openapi30 import converted, schema_30


@pytest.mark.parametrize(
    ("schema", "older"),
    [
        (True, {}),
        (False, {"not": {}}),
        ({"type": "string"}, {"type": "string"}),
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"type": "null"}, {"nullable": True, "enum": [None]}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        (
            {"type": ["array", "null"], "items": {"const": 1}},
            {"type": "array", "items": {"enum": [1]}, "nullable": True},
        ),
        ({"type": "array"}, {"type": "array", "items": {}}),
        ({"const": "process"}, {"enum": ["process"]}),
        ({"examples": ["a", "b"]}, {"example": "a"}),
        ({"exclusiveMinimum": 0}, {"minimum": 0, "exclusiveMinimum": True}),
        ({"exclusiveMaximum": 9}, {"maximum": 9, "exclusiveMaximum": True}),
        ({"minimum": 1, "exclusiveMinimum": True}, {"minimum": 1, "exclusiveMinimum": True}),
        ({"minimum": 5, "exclusiveMinimum": 0}, {"minimum": 5}),
        ({"type": "string", "contentEncoding": "base64"}, {"type": "string", "format": "byte"}),
        ({"type": "string", "contentMediaType": "image/png"}, {"type": "string", "format": "binary"}),
        ({"$ref": "#/components/schemas/link"}, {"$ref": "#/components/schemas/link"}),
        (
            {"$ref": "#/components/schemas/link", "description": "A link"},
            {"allOf": [{"$ref": "#/components/schemas/link"}], "description": "A link"},
        ),
        ({"type": "object", "additionalProperties": {"type": "null"}}, None),
        ({"type": "object", "patternProperties": {"^x": {}}, "additionalProperties": False}, {"type": "object"}),
        ({"$schema": "x", "$id": "y", "$comment": "z", "if": {}, "then": {}, "title": "T"}, {"title": "T"}),
        ({"prefixItems": [{"const": 1}, True]}, {"items": {"anyOf": [{"enum": [1]}, {}]}}),
        ({"properties": {"type": {"const": 1}}}, {"properties": {"type": {"enum": [1]}}}),
        ({"oneOf": [{"type": "null"}], "not": {"const": 2}}, None),
    ],
)
def test_schemas(schema, older):
    found = schema_30(schema)
    if older is not None:
        # The order of minimum and exclusiveMinimum does not matter.
        assert found == older
    assert "'null'" not in str(found)
    assert "const" not in found


def test_a_document_keeps_what_is_no_schema():
    document = {
        "openapi": "3.1.1",
        "info": {"title": "T", "version": "1", "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "paths": {
            "/": {
                "get": {
                    "parameters": [{"name": "schema", "schema": {"const": 1}, "example": {"const": 1}}],
                    "responses": {
                        "200": {"content": {"a/b": {"schema": {"type": "null"}, "example": {"type": "null"}}}},
                    },
                }
            }
        },
        "components": {"schemas": {"schema": {"const": 2}}},
    }
    found = converted(document)
    assert found["openapi"].startswith("3.0.")
    assert "identifier" not in found["info"]["license"]
    operation = found["paths"]["/"]["get"]
    assert operation["parameters"] == [{"name": "schema", "schema": {"enum": [1]}, "example": {"const": 1}}]
    content = operation["responses"]["200"]["content"]["a/b"]
    assert content == {"schema": {"nullable": True, "enum": [None]}, "example": {"type": "null"}}
    assert found["components"]["schemas"] == {"schema": {"enum": [2]}}
