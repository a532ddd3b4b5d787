from __future__ import annotations

from typing import Any

import pytest

from weaverlite.client.coercion import InputType, coerce, input_types, is_url, split_values


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("5", {"type": "integer"}, 5),
        ("-5", {"type": "integer"}, -5),
        ("5.5", {"type": "integer"}, "5.5"),
        ("abc", {"type": "integer"}, "abc"),
        ("9" * 5000, {"type": "integer"}, "9" * 5000),
        ("5", {"type": "number"}, 5),
        ("5.5", {"type": "number"}, 5.5),
        ("1e3", {"type": "number"}, 1000.0),
        ("nan", {"type": "number"}, "nan"),
        ("inf", {"type": "number"}, "inf"),
        ("true", {"type": "boolean"}, True),
        ("False", {"type": "boolean"}, False),
        ("yes", {"type": "boolean"}, "yes"),
        ("5", {"type": "string"}, "5"),
        ("true", {"type": "string"}, "true"),
        ("5", {}, "5"),
        ('{"a": 1}', {"type": "object"}, {"a": 1}),
        ('{"a": 1}', {"properties": {"a": {}}}, {"a": 1}),
        ("[1]", {"type": "object"}, "[1]"),
        ("[" * 100_000, {"type": "array"}, "[" * 100_000),
        ("null", {"type": ["null", "integer"]}, None),
        ("7", {"type": ["null", "integer"]}, 7),
        ("2", {"enum": [1, 2, 3]}, 2),
        ("2", {"enum": ["1", "2"]}, "2"),
        ("true", {"enum": [True, False]}, True),
        ("x", {"enum": ["a", "b"]}, "x"),
        ("3", {"const": 3}, 3),
        ("4", {"oneOf": [{"type": "integer"}, {"type": "string"}]}, 4),
        ("four", {"anyOf": [{"type": "integer"}, {"type": "string"}]}, "four"),
        ("4", {"allOf": [{"type": "integer"}]}, 4),
    ],
)
def test_text_becomes_what_the_schema_asks_for(text: str, schema: dict[str, Any], value: Any) -> None:
    found = coerce(text, schema)
    assert found == value
    assert type(found) is type(value)


def test_values_are_split_at_semicolons_that_are_not_escaped() -> None:
    assert split_values("1;2;3") == ["1", "2", "3"]
    assert split_values(r"a\;b;c") == ["a;b", "c"]
    assert split_values("one") == ["one"]
    assert split_values("") == []


@pytest.mark.parametrize("text", ["https://host/x", "s3://bucket/key", "data:,hello", "vault:abc", "file:///x"])
def test_urls_are_known(text: str) -> None:
    assert is_url(text)


@pytest.mark.parametrize("text", ["plain", "a:b", "https://", "C:\\x", "://x", "two words"])
def test_other_text_is_no_url(text: str) -> None:
    assert not is_url(text)


def test_inputs_of_a_description_are_read() -> None:
    types = input_types(
        {
            "inputs": {
                "one": {"schema": {"type": "integer"}},
                "some": {"schema": {"type": "integer"}, "minOccurs": 0, "maxOccurs": 4},
                "any": {"schema": {"type": "integer"}, "maxOccurs": "unbounded"},
                "list": {"schema": {"type": "array", "items": {"type": "number"}}},
                "file": {"schema": {"type": "string"}, "x-cwl-type": "File"},
                "files": {"schema": {"type": "string"}, "x-cwl-type": "File[]", "maxOccurs": "unbounded"},
            }
        }
    )
    assert types["one"] == InputType({"type": "integer"})
    assert types["some"].many and types["any"].many
    assert types["list"] == InputType({"type": "number"}, many=True)
    assert types["file"].is_file and not types["file"].many
    assert types["files"].is_file and types["files"].many
    assert not types["one"].is_file


def test_inputs_of_the_older_form_are_read() -> None:
    types = input_types({"process": {"inputs": [{"id": "x", "schema": {"type": "integer"}}]}})
    assert types["x"].schema == {"type": "integer"}


@pytest.mark.parametrize("description", [None, [], "text", {}, {"inputs": 3}, {"process": None}])
def test_what_is_no_description_has_no_inputs(description: Any) -> None:
    assert input_types(description) == {}


def test_directories_are_told_from_files() -> None:
    assert InputType({}, "Directory").is_directory
    assert InputType({"type": "string", "contentMediaType": "inode/directory"}).is_directory
    assert InputType({"type": "string", "contentMediaType": "inode/directory"}).is_file
    assert not InputType({}, "File").is_directory


def test_binary_content_is_a_file_where_no_type_is_told() -> None:
    assert InputType({"type": "string", "contentEncoding": "binary"}).is_file
    assert not InputType({"type": "string", "contentMediaType": "text/plain"}).is_file
    assert not InputType({"oneOf": [{"type": "string", "contentEncoding": "base64"}, {"type": "string"}]}).is_file


def test_text_fits_where_a_string_does() -> None:
    assert InputType({"type": ["string", "null"]}).takes_text
    assert not InputType({"type": "integer"}).takes_text
