"""Each row of the table of merge rules in docs/descriptions.rst, by what it merges and what it refuses."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from weaverlite.errors import InvalidPackage
from weaverlite.models.package import CWL_MEDIA_TYPE, Package
from weaverlite.models.process import Description, InputDescription, OutputDescription, Process
from weaverlite.services.overrides import apply_overrides

TABLE = Path(__file__).parents[3] / "docs" / "descriptions.rst"
INT = {"type": "integer", "minimum": -10, "maximum": 10}
TEXT = {"type": "string"}
BINARY = {"type": "string", "contentMediaType": "application/octet-stream", "contentEncoding": "binary"}
CSV = {"type": "string", "contentMediaType": "text/csv"}
RECORD = {"type": "object", "properties": {"a": INT, "b": TEXT}, "required": ["a"]}
UNION = {"anyOf": [INT, TEXT]}
FILE = {"type_name": "File"}
OPTIONAL = {"min_occurs": 0}
LIST = {"max_occurs": None}
ITSELF: dict[str, Any] = {}


def merged(schema: dict[str, Any], said: dict[str, Any], **members: Any) -> InputDescription:
    port = InputDescription(input_id="x", schema=schema, title="Own", keywords=("own",), **members)
    return applied(port, {"inputs": {"x": said}}).inputs[0]


def applied(port: InputDescription, overrides: dict[str, Any]) -> Process:
    process = Process(
        process_id="p",
        revision=1,
        package=Package.of(CWL_MEDIA_TYPE, {}),
        engine="cwl",
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        description=Description(inputs=(port,), outputs=(OutputDescription(output_id="o", schema=CSV),)),
    )
    return apply_overrides(process, overrides)


#: Of each row: the package's schema, what is said, members of the package's input, and what comes of it.
MERGED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("ids", INT, {}, ITSELF, {"input_id": "x", "schema": INT, "title": "Own"}),
    ("title, description", INT, {"title": "T", "description": "D"}, ITSELF, {"title": "T", "description": "D"}),
    ("keywords", INT, {"keywords": ["a"]}, ITSELF, {"keywords": ("a",)}),
    ("metadata", INT, {"metadata": [{"title": "a"}, {"title": "b"}]}, {"metadata": ({"title": "a"},)},
     {"metadata": ({"title": "a"}, {"title": "b"})}),
    ("type", {"type": "number"}, {"schema": {"type": "integer"}}, ITSELF, {"schema": {"type": "integer"}}),
    ("type", UNION, {"schema": {"type": "integer", "minimum": 0}}, ITSELF,
     {"schema": {"type": "integer", "minimum": 0, "maximum": 10}}),
    ("type", {}, {"schema": {"type": "boolean"}}, ITSELF, {"schema": {"type": "boolean"}}),
    ("format", TEXT, {"schema": {"format": "date-time"}}, ITSELF, {"schema": {**TEXT, "format": "date-time"}}),
    ("media types", BINARY, {"schema": {"contentMediaType": "image/png"}}, FILE,
     {"schema": {"type": "string", "contentMediaType": "image/png", "contentEncoding": "binary"}}),
    ("media types", {"oneOf": [CSV, {"type": "string", "contentMediaType": "text/html"}]},
     {"schema": {"type": "string", "contentMediaType": "text/html"}}, FILE,
     {"schema": {"type": "string", "contentMediaType": "text/html"}}),
    ("media types", BINARY, {"formats": [{"mediaType": "text/csv"}, {"mimeType": "text/html", "default": True}]}, FILE,
     {"schema": {"oneOf": [{"type": "string", "contentMediaType": "text/html"}, CSV]}}),
    ("encoding", BINARY, {"schema": {"contentMediaType": "text/csv"}}, FILE, {"schema": {**BINARY, **CSV}}),
    ("encoding", BINARY, {"schema": {"contentMediaType": "a/b", "contentEncoding": "base64"}}, FILE,
     {"schema": {"type": "string", "contentMediaType": "a/b", "contentEncoding": "base64"}}),
    ("enum", {**TEXT, "enum": ["a", "b", "c"]}, {"schema": {"enum": ["c", "a"]}}, ITSELF,
     {"schema": {**TEXT, "enum": ["c", "a"]}}),
    ("enum", INT, {"literalDataDomains": [{"dataType": "integer", "allowedValues": ["1", "2"]}]}, ITSELF,
     {"schema": {**INT, "enum": [1, 2]}}),
    ("range", INT, {"schema": {"minimum": 0, "exclusiveMaximum": 5}}, ITSELF,
     {"schema": {"type": "integer", "minimum": 0, "exclusiveMaximum": 5}}),
    ("range", INT, {"schema": {"minimum": 0, "exclusiveMinimum": True}}, ITSELF,
     {"schema": {**INT, "minimum": 0, "exclusiveMinimum": True}}),
    ("length, number of items", {**TEXT, "maxLength": 9}, {"schema": {"minLength": 1, "maxLength": 8}}, ITSELF,
     {"schema": {**TEXT, "minLength": 1, "maxLength": 8}}),
    ("pattern, multipleOf", {**INT, "multipleOf": 2}, {"schema": {"multipleOf": 3}}, ITSELF,
     {"schema": {**INT, "multipleOf": 2, "allOf": [{"multipleOf": 3}]}}),
    ("oneOf, anyOf, allOf, not", {**TEXT, "not": {"enum": ["a"]}}, {"schema": {"not": {"enum": ["b"]}}}, ITSELF,
     {"schema": {**TEXT, "not": {"enum": ["a"]}, "allOf": [{"not": {"enum": ["b"]}}]}}),
    ("members of objects", RECORD, {"schema": {"properties": {"a": {"minimum": 0}}, "required": ["b"]}}, ITSELF,
     {"schema": {**RECORD, "properties": {"a": {**INT, "minimum": 0}, "b": TEXT}, "required": ["a", "b"]}}),
    ("items of lists", {"type": "array", "items": INT}, {"schema": {"items": {"minimum": 0}, "maxItems": 3}}, ITSELF,
     {"schema": {"type": "array", "items": {**INT, "minimum": 0}, "maxItems": 3}}),
    ("items of lists", INT, {"schema": {"type": "array", "items": {"type": "integer", "minimum": 0}, "maxItems": 3}},
     LIST, {"schema": {**INT, "minimum": 0}, "max_occurs": 3}),
    ("default", INT, {"schema": {"default": 3}}, ITSELF, {"schema": {**INT, "default": 3}, "min_occurs": 0}),
    ("default", {**INT, "default": 1}, {"schema": {"default": 3}}, OPTIONAL,
     {"schema": {**INT, "default": 3}, "min_occurs": 0}),
    ("nullable", INT, {"schema": {"nullable": True}}, OPTIONAL, {"schema": INT, "min_occurs": 0}),
    ("minOccurs", INT, {"minOccurs": 1}, OPTIONAL, {"min_occurs": 1}),
    ("minOccurs", INT, {"minOccurs": "2", "maxOccurs": "4"}, LIST, {"min_occurs": 2, "max_occurs": 4}),
    ("maxOccurs", INT, {"maxOccurs": 4}, LIST, {"max_occurs": 4, "min_occurs": 1}),
    ("maxOccurs", INT, {"maxOccurs": "unbounded"}, LIST, {"max_occurs": None}),
    ("valuePassing", INT, {"valuePassing": ["byValue"]}, ITSELF, {"value_passing": ("byValue",)}),
    ("unit", INT, {"uom": {"name": "m", "reference": "http://example.org/m"}}, ITSELF,
     {"metadata": ({"role": "http://www.opengis.net/def/uom", "title": "m", "href": "http://example.org/m"},)}),
]  # fmt: skip

#: Of each row: as above, with the end of the pointer and words of the fault.
REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], str, str]] = [
    ("type", INT, {"schema": {"type": "string"}}, ITSELF, "/schema/type", "the package takes 'integer'"),
    ("type", INT, {"schema": {"type": "number"}}, ITSELF, "/schema/type", "is 'number'"),
    ("type", UNION, {"schema": {"type": ["integer", "boolean"]}}, ITSELF, "/schema/type", "'integer' or 'string'"),
    ("type", INT, {"literalDataDomain": {"dataType": "string"}}, ITSELF, "/literalDataDomain", "is 'string'"),
    ("format", {**TEXT, "format": "uri"}, {"schema": {"format": "date"}}, ITSELF, "/schema/format", "takes 'uri'"),
    ("media types", CSV, {"schema": {"contentMediaType": "image/png"}}, FILE, "/schema/contentMediaType", "text/csv"),
    ("media types", CSV, {"schema": {"oneOf": [CSV, {"contentMediaType": "image/png"}]}}, FILE,
     "/schema/oneOf/1/contentMediaType", "is 'image/png'"),
    ("media types", CSV, {"formats": [{"mediaType": "image/png"}]}, FILE, "/formats", "is 'image/png'"),
    ("enum", {**TEXT, "enum": ["a"]}, {"schema": {"enum": ["a", "b"]}}, ITSELF, "/schema/enum/1", "not taken"),
    ("enum", INT, {"schema": {"enum": [3, 30]}}, ITSELF, "/schema/enum/1", "more than the maximum"),
    ("enum", INT, {"schema": {"enum": []}}, ITSELF, "/schema/enum", "is empty"),
    ("range", INT, {"schema": {"minimum": -11}}, ITSELF, "/schema/minimum", "takes down to -10"),
    ("range", INT, {"schema": {"exclusiveMaximum": 11}}, ITSELF, "/schema/exclusiveMaximum", "takes up to 10"),
    ("range", INT, {"schema": {"minimum": 7, "maximum": 5}}, ITSELF, "/schema/minimum", "leaves no number"),
    ("length, number of items", {**TEXT, "maxLength": 9}, {"schema": {"maxLength": 10}}, ITSELF, "/schema/maxLength",
     "the package has 9"),
    ("length, number of items", TEXT, {"schema": {"minLength": 3, "maxLength": 2}}, ITSELF, "/schema/minLength",
     "leaves nothing"),
    ("pattern, multipleOf", TEXT, {"schema": {"pattern": "(?=a)"}}, ITSELF, "/schema", "looks ahead"),
    ("members of objects", RECORD, {"schema": {"properties": {"c": {}}}}, ITSELF, "/schema/properties/c", "has a, b"),
    ("members of objects", RECORD, {"schema": {"properties": {"a": {"maximum": 11}}}}, ITSELF,
     "/schema/properties/a/maximum", "takes up to 10"),
    ("default", INT, {"schema": {"default": "a"}}, ITSELF, "/schema/default", "whole number"),
    ("default", CSV, {"schema": {"default": "a"}}, FILE, "/schema/default", "is for the package to say"),
    ("nullable", INT, {"schema": {"nullable": True}}, ITSELF, "/schema/nullable", "needs a value"),
    ("minOccurs", INT, {"minOccurs": 0}, ITSELF, "/minOccurs", "needs 1"),
    ("maxOccurs", INT, {"maxOccurs": 2}, ITSELF, "/maxOccurs", "takes 1"),
    ("maxOccurs", INT, {"maxOccurs": "unbounded"}, ITSELF, "/maxOccurs", "takes 1"),
    ("maxOccurs", INT, {"minOccurs": 3, "maxOccurs": 2}, LIST, "/minOccurs", "more than maxOccurs"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "schema", "said", "members", "expected"), MERGED)
def test_what_fits_is_merged(row, schema, said, members, expected):
    found = merged(schema, said, **members)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(("row", "schema", "said", "members", "pointer", "words"), REFUSED)
def test_what_contradicts_the_package_is_refused_where_it_stands(row, schema, said, members, pointer, words):
    with pytest.raises(InvalidPackage) as caught:
        merged(schema, said, **members)
    assert [fault.pointer for fault in caught.value.faults] == [f"/processDescription/inputs/x{pointer}"]
    assert words in caught.value.faults[0].message


def test_ids_that_the_package_lacks_are_refused():
    with pytest.raises(InvalidPackage, match="no input 'y'"):
        applied(InputDescription(input_id="x", schema=INT), {"inputs": {"y": {}}})


def test_the_same_rules_hold_for_outputs():
    port = InputDescription(input_id="x", schema=INT)
    said = {"title": "T", "schema": {"contentMediaType": "text/csv"}, "uom": "m"}
    (found,) = applied(port, {"outputs": {"o": said}}).outputs
    assert (found.title, found.schema, found.metadata[0]["title"]) == ("T", CSV, "m")
    with pytest.raises(InvalidPackage) as caught:
        applied(port, {"outputs": {"o": {"schema": {"contentMediaType": "image/png"}}}})
    assert caught.value.faults[0].pointer == "/processDescription/outputs/o/schema/contentMediaType"


def test_every_contradiction_of_a_schema_is_told_at_once():
    with pytest.raises(InvalidPackage) as caught:
        merged(INT, {"schema": {"minimum": -20, "maximum": 20, "enum": [99]}, "maxOccurs": 2})
    assert len(caught.value.faults) == 4


def test_the_table_has_these_rows():
    text = TABLE.read_text(encoding="utf-8")
    table = re.split(r"^=+  =+  =+$", text, flags=re.MULTILINE)
    rows = [line[:27].strip() for line in table[2].splitlines() if line[:1].strip()]
    assert rows == list(dict.fromkeys(row for row, *_ in MERGED))
    refusing = {line[:27].strip() for line in table[2].splitlines() if line[:1].strip() and line[75:].strip()}
    assert refusing == {row for row, *_ in REFUSED} | {"ids"}
