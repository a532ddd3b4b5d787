"""Validation of hostile values by hostile schemas: answered, and always alike."""

from __future__ import annotations

from typing import Any

import pytest

from weaverlite.schemas import validate_schema, validate_value

#: Checked twice at each level of a value.
TWICE = {"$defs": {"a": {"properties": {"x": {"allOf": [{"$ref": "#/$defs/a"}] * 2}}}}, "$ref": "#/$defs/a"}
#: Contains itself and nothing else.
LOOP = {"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}


def messages(schema: Any, value: Any) -> list[str]:
    return [f"{fault.pointer}: {fault.message}" for fault in validate_value(schema, value, "/x")]


def deep(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"x": value}
    return value


def test_work_that_doubles_with_each_level_is_refused() -> None:
    assert messages(TWICE, deep(5)) == []
    assert messages(TWICE, deep(50)) == ["/x: takes too many steps to be checked against its schema"]


def test_a_schema_that_is_only_itself_is_answered() -> None:
    assert messages(LOOP, 1) == ["/x: is nested too deeply to be checked"]


def test_large_honest_values_pass() -> None:
    point = {"type": "array", "minItems": 2, "maxItems": 3, "items": {"type": "number"}}
    line = {"coordinates": {"type": "array", "items": point}}
    forms = [{"type": "object", "properties": {**line, "type": {"enum": [kind]}}} for kind in ("A", "B", "C", "D")]
    value = [{"type": "D", "coordinates": [[1.5, 2]] * 20}] * 150
    assert messages({"type": "array", "items": {"oneOf": forms}}, value) == []


@pytest.mark.parametrize(
    ("items", "wrong"),
    [
        ({"type": "integer"}, "a"),
        ({"type": "integer"}, True),
        ({"type": "integer", "maximum": 1000}, 1001),
        ({"type": "number", "minimum": 0}, -0.5),
        ({"type": "string"}, 1),
        ({"type": "boolean"}, 0),
    ],
)
def test_one_wrong_value_in_a_long_list_is_found(items: dict[str, Any], wrong: Any) -> None:
    good = {"integer": 1, "number": 1.0, "string": "a", "boolean": True}[items["type"]]
    schema = {"type": "array", "items": items}
    assert messages(schema, [good] * 1000) == []
    (found,) = messages(schema, [good] * 700 + [wrong] + [good] * 299)
    assert found.startswith("/x/700: ")


def test_many_texts_against_an_expensive_pattern_are_answered() -> None:
    pattern = "^(a|b|ab)*c{1,500}(x|y){0,500}$"
    texts = [f"{'ab' * 50}{'c' * 400}{number}" for number in range(300)]
    assert messages({"type": "array", "items": {"pattern": pattern}}, texts)


def test_decimals_are_multiples_as_they_are_written() -> None:
    assert messages({"multipleOf": 0.1}, 0.3) == []
    assert messages({"multipleOf": 0.01}, 19.99) == []
    assert messages({"multipleOf": 0.1}, 0.35) == ["/x: is 0.35, which is not a multiple of 0.1"]
    assert messages({"multipleOf": 0.5}, 10**4000 + 1) == []
    assert messages({"multipleOf": 3.0}, 10**4000) != []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"a": 1}', []),
        ('{"a": "b"}', ['/x: holds JSON that does not fit: at /a it is the string "b"; expected is a whole number']),
        ("{}", ["/x: holds JSON that does not fit: at /a it is missing"]),
        (
            '{"a": 1, "a": 2}',
            ["/x: holds no JSON: is not JSON as understood here: the name 'a' occurs twice in one object"],
        ),
        ("<a/>", ["/x: holds no JSON: is not JSON: Expecting value at line 1, column 1"]),
    ],
)
def test_strings_of_json_are_held_against_their_content_schema(content: str, expected: list[str]) -> None:
    wanted = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    schema = {"type": "string", "contentMediaType": "application/json", "contentSchema": wanted}
    assert messages(schema, content) == expected


def test_content_in_another_language_is_left_alone() -> None:
    schema = {"type": "string", "contentMediaType": "application/gml+xml", "contentSchema": "https://example.org/a.xsd"}
    assert validate_schema(schema) == []
    assert messages(schema, "<a/>") == []


def test_a_dialect_named_inside_brings_no_unbounded_pattern_back() -> None:
    inner = {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "^(a+)+$"}
    assert messages({"allOf": [inner]}, "a" * 5000 + "b")[0].endswith("does not match the pattern '^(a+)+$'")


def test_references_to_what_is_no_schema_are_refused() -> None:
    (found,) = validate_schema({"$ref": "#/default", "default": {"$schema": "x", "pattern": "^(a+)+$"}})
    assert (found.pointer, "is no schema" in found.message) == ("/$ref", True)
    assert validate_schema({"$defs": {"a": {"items": {}}}, "$ref": "#/$defs/a/items"}) == []
