"""Older notations of inputs and outputs, as schemas."""

from __future__ import annotations

from typing import Any

import pytest

from weaverlite.services.domains import read_notations, with_numbers


def read(port: dict[str, Any]) -> Any:
    """Return the one schema that a notation means, or its faults."""
    found = read_notations(port, "/x")
    if found.faults:
        return [f"{fault.pointer}: {fault.message}" for fault in found.faults]
    ((_, schema),) = found.details
    return schema


@pytest.mark.parametrize(
    ("port", "schema"),
    [
        ({"dataType": "integer"}, {"type": "integer"}),
        ({"dataType": {"name": "xs:dateTime"}}, {"type": "string", "format": "date-time"}),
        ({"dataType": {"reference": "http://www.w3.org/2001/XMLSchema#double"}}, {"type": "number"}),
        ({"dataType": "positiveInteger", "defaultValue": "3"}, {"type": "integer", "minimum": 1, "default": 3}),
        ({"dataType": "boolean", "defaultValue": "true"}, {"type": "boolean", "default": True}),
        ({"allowedValues": ["a", {"value": "b"}]}, {"enum": ["a", "b"]}),
        ({"allowedValues": {"allowedValues": ["a"]}}, {"enum": ["a"]}),
        ({"literalDataDomains": [{"valueDefinition": {"anyValue": True}}]}, {}),
        (
            {"literalDataDomain": {"dataType": "float", "allowedValues": {"minimumValue": "0", "maximumValue": "1.5"}}},
            {"type": "number", "minimum": 0, "maximum": 1.5},
        ),
        (
            {"allowedValues": [{"minimumValue": 0, "maximumValue": 9, "rangeClosure": "open-closed", "spacing": "3"}]},
            {"exclusiveMinimum": 0, "maximum": 9, "multipleOf": 3},
        ),
        (
            {"allowedValues": [{"maximumValue": 0, "rangeClosure": "open"}, {"minimumValue": 5}, 3]},
            {"anyOf": [{"exclusiveMaximum": 0}, {"minimum": 5}, {"enum": [3]}]},
        ),
        (
            {"literalDataDomains": [{"dataType": "integer"}, {"dataType": "string", "allowedValues": ["all"]}]},
            {"anyOf": [{"type": "integer"}, {"type": "string", "enum": ["all"]}]},
        ),
        ({"supportedFormats": {"mimeType": "text/csv"}}, {"type": "string", "contentMediaType": "text/csv"}),
        (
            {"formats": [{"mediaType": "a/b", "encoding": "base64", "schema": {"type": "object"}}, {"mediaType": "a/c",
             "encoding": "UTF-8", "default": True}]},
            {"oneOf": [{"type": "string", "contentMediaType": "a/c"},
                       {"type": "string", "contentMediaType": "a/b", "contentEncoding": "base64",
                        "contentSchema": {"type": "object"}}]},
        ),
        (
            {"supportedCRS": [{"crs": "http://e.org/1"}, {"crs": "http://e.org/2", "default": True}, {}]},
            {"properties": {"crs": {"enum": ["http://e.org/1", "http://e.org/2"], "default": "http://e.org/2"}}},
        ),
    ],
)  # fmt: skip
def test_a_notation_is_a_schema(port: dict[str, Any], schema: dict[str, Any]) -> None:
    assert read(port) == schema


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({"dataType": "intger"}, "/x/dataType: is 'intger', which is not a type known here; is 'integer' meant?"),
        ({"literalDataDomains": [3]}, "/x/literalDataDomains: is the number 3; expected is a domain"),
        ({"formats": [{"mediaType": "a/b"}, {"encoding": "base64"}]}, "/x/formats/1: is an object; expected is a form"),
        ({"formats": 3}, "/x/formats/0: is the number 3"),
    ],
)
def test_what_is_no_notation_is_told(port: dict[str, Any], expected: str) -> None:
    (found,) = read(port)
    assert found.startswith(expected)


def test_units_are_metadata() -> None:
    found = read_notations({"uoms": ["m", {"name": "ft", "reference": "http://e.org/ft"}, {}]}, "/x").metadata
    assert [(item["title"], item.get("href")) for item in found] == [("m", None), ("ft", "http://e.org/ft")]


def test_occurrences_may_stand_as_text() -> None:
    assert with_numbers({"minOccurs": "0", "maxOccurs": "12"}) == {"minOccurs": 0, "maxOccurs": 12}
    assert with_numbers({"maxOccurs": "unbounded", "minOccurs": "-1"}) == {"maxOccurs": "unbounded", "minOccurs": "-1"}
