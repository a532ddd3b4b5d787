"""Inputs become local values."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from weaverlite.errors import ExecutionError
from weaverlite.execution.stage import Staging
from weaverlite.models.process import InputDescription
from weaverlite.models.results import LocalFile
from weaverlite.testing.execution import job_parts

TEXT = InputDescription(
    input_id="f", schema={"type": "string", "contentMediaType": "text/plain"}, type_name="File", max_occurs=None
)
BINARY = InputDescription(
    input_id="f",
    schema={"type": "string", "contentMediaType": "image/png", "contentEncoding": "binary"},
    type_name="File",
)
NUMBERS = InputDescription(input_id="n", schema={"type": "integer"}, max_occurs=None)
RECORD = InputDescription(input_id="r", schema={"type": "object", "required": ["a"]})


def stage(directory: Path, description: InputDescription, value: Any) -> Any:
    staging = Staging(job_parts(str(directory)), directory / "inputs", None)
    return staging.run((description,), {description.input_id: value})[description.input_id]


@pytest.mark.parametrize(
    ("value", "content", "name"),
    [
        ("text", "text", "f.txt"),
        ({"value": "a,b", "mediaType": "text/csv"}, "a,b", "f.csv"),
        ({"value": {"a": 1}, "mediaType": "application/json"}, '{"a": 1}', "f.json"),
        ({"value": base64.b64encode(b"x").decode(), "encoding": "base64"}, "x", "f.txt"),
        ({"value": "x", "mediaType": "text/plain", "title": "../../my.txt"}, "x", "my.txt"),
        ({"href": "data:,x", "title": "n.dat"}, "x", "n.dat"),
        ({"a": 1}, '{"a": 1}', "f.txt"),
    ],
)
def test_files(tmp_path: Path, value: Any, content: str, name: str) -> None:
    found = stage(tmp_path, TEXT, value)
    assert isinstance(found, LocalFile)
    assert found.name == found.path.name == name
    assert found.path.read_text() == content
    assert found.path.is_relative_to(tmp_path / "inputs")


def test_many_files_keep_their_order_and_their_names(tmp_path: Path) -> None:
    found = stage(tmp_path, TEXT, [{"href": f"data:,{n}", "title": "same"} for n in range(20)])
    assert [file.path.read_text() for file in found] == [str(n) for n in range(20)]
    assert {file.name for file in found} == {"same"}


def test_a_bare_string_for_a_binary_file_is_base64(tmp_path: Path) -> None:
    assert stage(tmp_path, BINARY, base64.b64encode(b"\x00\xff").decode()).path.read_bytes() == b"\x00\xff"
    with pytest.raises(ExecutionError, match="base64"):
        stage(tmp_path / "other", BINARY, "not base64!")


@pytest.mark.parametrize(
    ("description", "value", "staged"),
    [
        (NUMBERS, [1, {"value": 2}, {"href": "data:application/json,3"}], [1, 2, 3]),
        (NUMBERS, {"href": "data:,4"}, 4),
        (RECORD, {"a": {"href": "stays"}}, {"a": {"href": "stays"}}),
        (RECORD, {"value": {"a": 1}, "mediaType": "application/json"}, {"a": 1}),
        (InputDescription(input_id="t", schema={"type": "string"}), {"href": "data:,12%0A"}, "12"),
        (InputDescription(input_id="t", schema={"type": "string"}), None, None),
    ],
)
def test_literals(tmp_path: Path, description: InputDescription, value: Any, staged: Any) -> None:
    assert stage(tmp_path, description, value) == staged


def test_a_file_remembers_where_it_came_from(tmp_path: Path) -> None:
    fetched, sent = stage(tmp_path, TEXT, [{"href": "data:,x"}, "x"])
    assert (fetched.source, sent.source) == ("data:,x", "")


def test_values_of_other_kinds_are_brought_and_checked(tmp_path: Path) -> None:
    def count(value: Any, description: InputDescription, destination: Path) -> Any:
        assert destination.is_dir() and not list(destination.iterdir())
        return list(range(value["upto"])) if value["upto"] >= 0 else "nothing"

    def brought(value: Any, number: int) -> Any:
        parts = replace(job_parts(str(tmp_path / str(number))), kinds={"upto": count})
        staging = Staging(parts, tmp_path / str(number) / "inputs", None)
        return staging.run((NUMBERS,), {"n": value})["n"]

    assert brought([7, {"upto": 3}, {"href": "data:,8"}], 1) == [7, 0, 1, 2, 8]
    with pytest.raises(ExecutionError) as caught:
        brought([1, {"upto": -1}], 2)
    assert caught.value.faults[0].pointer == "/inputs/n/1"


def test_a_run_fetches_by_the_same_rules(tmp_path: Path) -> None:
    staging = Staging(job_parts(str(tmp_path)), tmp_path / "inputs", None)
    (tmp_path / "a").mkdir()
    file = staging.fetch("data:text/plain,hello", "", tmp_path / "a")
    assert (file.path.read_text(), file.path.parent) == ("hello", tmp_path / "a")
    for href in ("nope:x", "relative", "data:;base64,?"):
        with pytest.raises(ExecutionError):
            staging.fetch(href, "", tmp_path / "a")


@pytest.mark.parametrize(
    ("schema", "href", "expected"),
    [
        ({"oneOf": [{"type": "string"}, {"type": "object"}]}, "data:,12", "12"),
        ({"oneOf": [{"type": "string"}, {"type": "object"}]}, "data:application/json,{}", {}),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, "data:,a", "a"),
        ({"type": "string", "contentMediaType": "application/geo+json"}, "data:application/geo+json,{}", "{}"),
        ({"type": "string", "contentEncoding": "base64"}, "data:;base64,/w==", "/w=="),
        ({"type": "boolean"}, "data:,true", True),
    ],
)
def test_a_value_by_reference_is_read_as_its_schema_means_it(
    tmp_path: Path, schema: dict[str, Any], href: str, expected: Any
) -> None:
    assert stage(tmp_path, InputDescription(input_id="x", schema=schema), {"href": href}) == expected


def test_a_web_page_is_no_data(tmp_path: Path) -> None:
    page = {"href": "data:text/html,<p>Log in</p>"}
    with pytest.raises(ExecutionError, match="web page"):
        stage(tmp_path, BINARY, page)
    assert stage(tmp_path / "said", BINARY, {**page, "type": "image/png"}).path.read_bytes()


@pytest.mark.parametrize(
    ("description", "value", "pointer", "why"),
    [
        (TEXT, [{"href": "data:,x"}, {"href": "nope:x"}], "/inputs/f/1", "scheme 'nope'"),
        (TEXT, {"href": "data:text/plain;base64,?"}, "/inputs/f", "data: URL"),
        (TEXT, {"href": 3}, "/inputs/f", "not a URL"),
        (NUMBERS, [{"href": "data:,x"}], "/inputs/n/0/href", "whole number"),
        (NUMBERS, {"href": "data:application/json,NaN"}, "/inputs/n/href", "is not JSON"),
        (NUMBERS, {"href": "data:application/json," + "[" * 5000}, "/inputs/n/href", "nested deeper"),
        (RECORD, {"href": "data:application/json,{}"}, "/inputs/r/href", "at /a it is missing"),
        (RECORD, {"href": "data:;base64,/w=="}, "/inputs/r/href", "UTF-8"),
        (InputDescription(input_id="d", schema={}, type_name="Directory"), "text", "/inputs/d", "directory"),
        (InputDescription(input_id="d", schema={}, type_name="Directory"), {"href": "data:,x"}, "/inputs/d", "data:"),
    ],
)
def test_what_cannot_be_had_is_told_with_its_place(
    tmp_path: Path, description: InputDescription, value: Any, pointer: str, why: str
) -> None:
    with pytest.raises(ExecutionError) as caught:
        stage(tmp_path, description, value)
    assert caught.value.faults[0].pointer == pointer
    assert why in caught.value.detail


def test_everything_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ExecutionError) as caught:
        stage(tmp_path, TEXT, [{"href": f"nope:{n}"} for n in range(3)])
    assert [fault.pointer for fault in caught.value.faults] == ["/inputs/f/0", "/inputs/f/1", "/inputs/f/2"]
