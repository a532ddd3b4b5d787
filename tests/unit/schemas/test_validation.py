"""Values against schemas: which faults, where, in which words."""

from __future__ import annotations

import subprocess
import sys

import pytest

from weaverlite import schemas

OGC_BBOX = "http://schemas.opengis.net/ogcapi/processes/part1/1.0/openapi/schemas/bbox.yaml"


def faults(schema, value):
    return [f"{fault.pointer} {fault.message}".strip() for fault in schemas.validate_value(schema, value)]


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "string"}, 3, "is the number 3; expected is a string"),
        ({"type": ["string", "null"]}, [], "is a list; expected is a string or null"),
        ({"type": "integer"}, True, "is true; expected is a whole number"),
        ({"enum": ["red", "green"]}, "gren",
         "is the string \"gren\"; allowed are \"red\", \"green\" (is 'green' meant?)"),
        ({"const": 1}, 2, "is the number 2; it can only be 1"),
        ({"minimum": 1}, 0, "is 0, less than the minimum 1"),
        ({"maximum": 1}, 2, "is 2, more than the maximum 1"),
        ({"minimum": 0, "exclusiveMinimum": True}, 0, "is 0; it must be more than 0"),
        ({"exclusiveMaximum": 5}, 5, "is 5; it must be less than 5"),
        ({"multipleOf": 3}, 4, "is 4, which is not a multiple of 3"),
        ({"minLength": 2}, "a", "has 1 character; at least 2 are needed"),
        ({"maxItems": 1}, [1, 2], "has 2 items; at most 1 are allowed"),
        ({"pattern": "^a$"}, "b", "is \"b\", which does not match the pattern '^a$'"),
        ({"format": "date-time"}, "yesterday", 'is the string "yesterday", which is not a date and time'),
        ({"format": "uri"}, "a b", "which is not a URI"),
        ({"format": "int32"}, 2**31, "which is not a whole number of 32 bits"),
        ({"format": "byte"}, "?", "is not base64"),
        ({"allOf": [{"format": "ogc-bbox"}]}, {"bbox": [1, 2, 3]}, "has a 'bbox' of 3 numbers: 4 are needed"),
        ({"uniqueItems": True}, [1, 1.0], "/1 is in the list before"),
        ({"uniqueItems": True}, [{"a": 1}, {"b": 1}, {"a": 1}], "/2 is in the list before"),
        ({"contains": {"type": "string"}}, [1], "has no item that fits"),
        ({"not": {"type": "string"}}, "a", "which is excluded"),
        ({"required": ["b"]}, {}, "/b is missing"),
        ({"properties": {"labels": {}}, "additionalProperties": False}, {"lables": 1},
         "/lables is not known here; is 'labels' meant?"),
        ({"properties": {"a/b": {"type": "integer"}}}, {"a/b": "x"}, "/a~1b is the string"),
        ({"items": {"type": "integer"}}, [1, "x"], "/1 is the string \"x\"; expected is a whole number"),
        ({"oneOf": [{"type": "string"}, {"type": "object"}]}, 3, "expected is a string or an object"),
        ({"oneOf": [{"type": "string"}, {"required": ["a"], "properties": {"a": {"type": "integer"}},
         "type": "object"}]},
         {"a": "x"}, "/a is the string \"x\"; expected is a whole number"),
        ({"anyOf": [{"minimum": 5}, {"maximum": 2}]}, 3, "fits none of the 2 forms"),
        (False, 1, "must not be here"),
        ({"$ref": OGC_BBOX}, {"bbox": "x"}, "/bbox is the string"),
        ({"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False}, {"xa": "s"}, "/xa is the"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence_and_pointed_at(schema, value, expected):
    found = faults(schema, value)
    assert len(found) == 1
    assert expected in found[0]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "number"}, 3),
        ({"type": "integer"}, 3.0),
        ({"type": "string", "nullable": True}, None),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": False}, 0),
        ({"uniqueItems": True}, [1, True, "1", None]),
        ({"$ref": OGC_BBOX}, {"bbox": [1, 2, 3, 4]}),
        ({"format": "date-time"}, "2024-01-01T00:00:00.5+02:00"),
        ({"type": "string", "contentMediaType": "text/csv"}, "a,b"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}, 1),
        ({"patternProperties": {"^x": {}}, "additionalProperties": False}, {"xa": 1}),
        ({"format": "http://www.opengis.net/def/format/ogcapi-processes/0/ogc-bbox"}, {"bbox": [1, 2, 3, 4, 5, 6]}),
        (True, object),
    ],
)
def test_values_that_fit_have_no_faults(schema, value):
    assert faults(schema, value) == []


def test_all_faults_are_told_at_once_below_the_given_pointer():
    schema = {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["c"]}
    found = schemas.validate_value(schema, {"a": 1, "b": 2}, "/inputs/x")
    assert {fault.pointer for fault in found} == {"/inputs/x/a", "/inputs/x/b", "/inputs/x/c"}


def test_a_list_wrong_a_million_times_has_an_answer_of_bounded_size():
    assert len(schemas.validate_value({"items": {"type": "string"}}, list(range(5000)))) == 100


def test_hostile_schemas_and_values_are_answered():
    assert "too deeply" in faults({"$ref": "#"}, 1)[0]
    assert "not there" in faults({"$ref": "http://127.0.0.1:1/schema"}, 1)[0]
    assert "does not match" in faults({"pattern": r"^(a+)+$"}, "a" * 3000 + "b")[0]
    assert "cannot be checked" in faults({"pattern": r"(?=a)"}, "a")[0]
    assert not faults({"multipleOf": 1e-308}, 1e308)
    unique = [{"n": n} for n in range(20_000)]
    assert faults({"uniqueItems": True}, unique) == []


def test_schemas_that_can_be_used_pass_the_check():
    usable = (
        {},
        True,
        {"type": "string", "nullable": True},
        {"$ref": OGC_BBOX},
        {"minimum": 1, "exclusiveMinimum": True},
        {"$defs": {"t": {"properties": {"t": {"$ref": "#/$defs/t"}}}}, "$ref": "#/$defs/t"},
    )
    for schema in usable:
        assert schemas.validate_schema(schema) == []


@pytest.mark.parametrize(
    ("schema", "pointer", "words"),
    [
        (3, "/s", "expected is a JSON Schema"),
        ({"type": "strin"}, "/s/type", "is 'string' meant"),
        ({"minimum": "a"}, "/s/minimum", "expected is a number"),
        ({"properties": {"a": {"type": 3}}}, "/s/properties/a/type", "is the number 3"),
        ({"pattern": "("}, "/s", "lacks"),
        ({"items": {"pattern": r"(a)\1"}}, "/s/items", "refers back"),
        ({"patternProperties": {"(?!a)": {}}}, "/s", "looks ahead"),
        ({"$ref": "https://example.org/s.json"}, "/s/$ref", "nothing else is fetched"),
        ({"$ref": "file:///etc/passwd"}, "/s/$ref", "nothing else is fetched"),
        ({"$ref": "#/$defs/nope"}, "/s/$ref", "is not there"),
        ({"$id": "https://example.org/"}, "/s/$id", "not used here"),
        ({"unevaluatedProperties": False}, "/s/unevaluatedProperties", "additionalProperties"),
    ],
)
def test_schemas_that_cannot_be_used_are_refused(schema, pointer, words):
    found = schemas.validate_schema(schema, "/s")
    assert [fault.pointer for fault in found] == [pointer]
    assert words in found[0].message


def test_schemas_that_grow_exponentially_are_refused():
    grow = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
    schema = {"$defs": {**grow, "a40": {}}, "$ref": "#/$defs/a0"}
    assert "held against more than" in schemas.validate_schema(schema)[0].message


def test_schemas_that_are_too_deep_are_refused():
    schema: dict = {}
    for _ in range(500):
        schema = {"items": schema}
    assert "deeper" in schemas.validate_schema(schema)[0].message


def test_importing_the_package_loads_neither_validator_nor_yaml():
    code = (
        "import sys, weaverlite.schemas, weaverlite.services.jobs, weaverlite.services.results;"
        "import weaverlite.services.packages, weaverlite.services.processes;"
        "print([name for name in ('jsonschema', 'yaml', 'cwltool', 'pyramid') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
