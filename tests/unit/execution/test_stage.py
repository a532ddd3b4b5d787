"""Inputs become local values."""

from __future__ import annotations

import base64
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


@pytest.mark.parametrize(
    ("description", "value", "pointer", "why"),
    [
        (TEXT, [{"href": "data:,x"}, {"href": "nope:x"}], "/inputs/f/1", "scheme 'nope'"),
        (TEXT, {"href": "data:text/plain;base64,?"}, "/inputs/f", "data: URL"),
        (TEXT, {"href": 3}, "/inputs/f", "not a URL"),
        (NUMBERS, [{"href": "data:,x"}], "/inputs/n/0", "whole number"),
        (NUMBERS, {"href": "data:application/json,NaN"}, "/inputs/n", "not valid JSON"),
        (NUMBERS, {"href": "data:application/json," + "[" * 5000}, "/inputs/n", "not valid JSON"),
        (RECORD, {"href": "data:application/json,{}"}, "/inputs/r/a", "is missing"),
        (RECORD, {"href": "data:;base64,/w=="}, "/inputs/r", "UTF-8"),
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
