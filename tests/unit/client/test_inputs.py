from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from weaverlite.client.coercion import InputType
from weaverlite.client.errors import InvalidUsage
from weaverlite.client.inputs import LocalFile, Request, local_files, read_inputs, replace_files

TYPES = {
    "count": InputType({"type": "integer"}),
    "ratio": InputType({"type": "number"}),
    "flag": InputType({"type": "boolean"}),
    "text": InputType({"type": "string"}),
    "colour": InputType({"type": "string", "enum": ["red", "green"]}),
    "xs": InputType({"type": "integer"}, many=True),
    "words": InputType({"type": "string"}, many=True),
    "box": InputType({"type": "object"}),
    "file": InputType({"type": "string", "contentEncoding": "binary"}, "File"),
    "files": InputType({"type": "string"}, "File[]", many=True),
    "folder": InputType({"type": "string"}, "Directory"),
}


def describe() -> Mapping[str, InputType]:
    return TYPES


def never() -> Mapping[str, InputType]:
    raise AssertionError("the description is not needed")


def assign(*texts: str) -> dict[str, Any]:
    return read_inputs(list(texts), describe).inputs


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a file and a folder, which is not the current one."""
    directory = tmp_path / "data"
    (directory / "folder").mkdir(parents=True)
    (directory / "a.txt").write_text("a", encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return directory


def document(directory: Path, content: Any, name: str = "inputs.json") -> str:
    path = directory / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)


# ---------------------------------------------------------------- documents


def test_nothing_is_no_inputs() -> None:
    assert read_inputs(None, never) == Request()


def test_bare_mapping(data: Path) -> None:
    assert read_inputs(document(data, {"a": 1, "b": [1, "x"], "c": None}), never).inputs == {
        "a": 1,
        "b": [1, "x"],
        "c": None,
    }


def test_yaml_document(data: Path) -> None:
    assert read_inputs(document(data, "a: 1\nday: 2012-01-01\n", "inputs.yaml"), never).inputs == {
        "a": 1,
        "day": "2012-01-01",
    }


def test_execute_body_gives_inputs_and_the_other_members(data: Path) -> None:
    body = {
        "inputs": {"a": 1, "f": {"href": "https://host/f", "type": "text/csv"}},
        "outputs": {"out": {}},
        "response": "document",
        "options": {"priority": 5},
    }
    request = read_inputs(document(data, body), never)
    assert request.inputs == body["inputs"]
    assert request.members == {"outputs": {"out": {}}, "response": "document", "options": {"priority": 5}}


def test_mapping_with_an_input_called_inputs_is_a_bare_mapping(data: Path) -> None:
    assert read_inputs(document(data, {"inputs": [1, 2], "scale": 3}), never).inputs == {"inputs": [1, 2], "scale": 3}
    assert read_inputs(document(data, {"inputs": "text"}), never).inputs == {"inputs": "text"}


def test_list_form(data: Path) -> None:
    items = [
        {"id": "a", "value": 1},
        {"id": "many", "value": 1},
        {"id": "many", "value": 2},
        {"id": "ref", "href": "https://host/x", "format": {"mimeType": "text/csv"}},
        {"id": "qualified", "value": "<x/>", "mediaType": "text/xml", "encoding": "utf-8"},
        {"id": "old", "data": "text"},
    ]
    expected = {
        "a": 1,
        "many": [1, 2],
        "ref": {"href": "https://host/x", "type": "text/csv"},
        "qualified": {"value": "<x/>", "mediaType": "text/xml", "encoding": "utf-8"},
        "old": "text",
    }
    assert read_inputs(document(data, items), never).inputs == expected
    assert read_inputs(items, never).inputs == expected
    assert read_inputs(document(data, {"inputs": items}), never).inputs == expected


def test_job_order_with_paths_relative_to_its_file(data: Path) -> None:
    order = {
        "f": {"class": "File", "path": "a.txt"},
        "d": {"class": "Directory", "location": "folder"},
        "many": [{"class": "File", "path": str(data / "a.txt"), "basename": "renamed.txt"}],
        "remote": {"class": "File", "location": "https://host/x.nc"},
        "folder": {"class": "Directory", "location": "s3://bucket/x/"},
        "local": {"class": "File", "location": (data / "a.txt").as_uri()},
        "literal": {"class": "File", "contents": "hello"},
        "n": 3,
        "cwl:tool": "tool.cwl",
    }
    inputs = read_inputs(document(data, order), never).inputs
    assert inputs == {
        "f": LocalFile(data / "a.txt", "a.txt"),
        "d": LocalFile(data / "folder", "folder"),
        "many": [LocalFile(data / "a.txt", "renamed.txt")],
        "remote": {"href": "https://host/x.nc"},
        "folder": {"href": "s3://bucket/x/", "type": "inode/directory"},
        "local": LocalFile(data / "a.txt", "a.txt"),
        "literal": {"value": "hello", "mediaType": "text/plain"},
        "n": 3,
    }
    assert inputs["d"].is_directory and not inputs["f"].is_directory


def test_reference_without_a_scheme_is_a_local_file(data: Path) -> None:
    inputs = read_inputs(document(data, {"f": {"href": "a.txt", "type": "text/x"}}), never).inputs
    assert inputs == {"f": LocalFile(data / "a.txt", "a.txt", "text/x")}


def test_server_side_reference_stays(data: Path) -> None:
    assert read_inputs({"f": {"href": "file:///data/x"}}, never).inputs == {"f": {"href": "file:///data/x"}}


def test_python_paths_are_local_files(data: Path) -> None:
    inputs = read_inputs({"f": data / "a.txt", "many": [data / "a.txt"]}, never).inputs
    assert [*local_files(inputs)] == [LocalFile(data / "a.txt", "a.txt")] * 2


def test_replaced_files_keep_everything_else() -> None:
    file = LocalFile(Path("/x"), "x")
    assert replace_files({"a": [file, 1], "b": {"c": file}}, lambda found: found.name) == {
        "a": ["x", 1],
        "b": {"c": "x"},
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([{"value": 1}], "an 'id'"),
        ([{"id": "a"}], "'value' or an 'href'"),
        ('"text"', "must be a mapping"),
        (3, "must be a mapping"),
        ({"f": {"class": "File", "path": "absent.txt"}}, r"f: there is no file or directory .*absent\.txt"),
        ({"f": {"class": "File", "path": "folder"}}, "is a directory, not a File"),
        ({"f": {"class": "Directory", "path": "a.txt"}}, "is a file, not a Directory"),
        ({"f": {"class": "File"}}, "needs a 'path' or a 'location'"),
        ({"f": {"class": "File", "path": 3}}, "must be a text"),
        ({"f": {"class": "File", "path": "a.txt", "secondaryFiles": [{}]}}, "secondaryFiles"),
        ({"cwl:requirements": []}, "into the package"),
    ],
)
def test_documents_that_cannot_be_meant_are_refused(data: Path, content: Any, words: str) -> None:
    with pytest.raises(InvalidUsage, match=words):
        read_inputs(document(data, content), never)


# ---------------------------------------------------------------- assignments


def test_assignments_take_the_types_of_the_process() -> None:
    assert assign("count=5", "ratio=2.5", "flag=true", "text=5", "colour=red", 'box={"a": 1}', "unknown=7") == {
        "count": 5,
        "ratio": 2.5,
        "flag": True,
        "text": "5",
        "colour": "red",
        "box": {"a": 1},
        "unknown": "7",
    }


def test_value_may_hold_equal_signs_and_be_empty() -> None:
    assert assign("text=a=b", "colour=") == {"text": "a=b", "colour": ""}


def test_arrays_are_split_repeated_or_json() -> None:
    assert assign("xs=1;2;3") == {"xs": [1, 2, 3]}
    assert assign("xs=1", "xs=2;3") == {"xs": [1, 2, 3]}
    assert assign("xs=[1, 2]") == {"xs": [1, 2]}
    assert assign("xs=7") == {"xs": [7]}
    assert assign("xs=") == {"xs": []}
    assert assign(r"words=a\;b;c") == {"words": ["a;b", "c"]}


def test_text_with_semicolons_stays_whole_where_one_value_is_asked_for() -> None:
    assert assign("text=1;2;3") == {"text": "1;2;3"}


def test_text_that_looks_like_a_url_is_the_value_of_a_text_input() -> None:
    assert assign("text=https://host/x") == {"text": "https://host/x"}


def test_url_is_a_reference_where_no_text_fits() -> None:
    assert assign("file=https://host/x.nc", "count=https://host/n") == {
        "file": {"href": "https://host/x.nc"},
        "count": {"href": "https://host/n"},
    }
    assert assign("folder=s3://bucket/x/") == {"folder": {"href": "s3://bucket/x/", "type": "inode/directory"}}
    assert assign("files=https://host/a;https://host/b") == {
        "files": [{"href": "https://host/a"}, {"href": "https://host/b"}]
    }


def test_local_paths_are_files_of_a_file_input(data: Path) -> None:
    path, folder = data / "a.txt", data / "folder"
    assert assign(f"file=@{path}", f"folder=@{folder}", f"files=@{path};@{path}") == {
        "file": LocalFile(path, "a.txt"),
        "folder": LocalFile(folder, "folder"),
        "files": [LocalFile(path, "a.txt")] * 2,
    }


def test_local_path_gives_the_content_of_a_literal_input(data: Path) -> None:
    (data / "n.json").write_text("[1, 2]", encoding="utf-8")
    (data / "box.yaml").write_text("a: 1", encoding="utf-8")
    assert assign(f"text=@{data / 'a.txt'}", f"box=@{data / 'box.yaml'}") == {"text": "a", "box": {"a": 1}}


def test_text_for_a_file_is_refused_with_the_hint() -> None:
    with pytest.raises(InvalidUsage, match=r"-I file=@hello\.txt"):
        assign("file=hello.txt")
    with pytest.raises(InvalidUsage, match="takes a directory"):
        assign("folder=x")
    with pytest.raises(InvalidUsage, match="-I files=@b"):
        assign("files=https://host/a;b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file=@absent", "there is no file or directory absent"),
        ("file=@{data}/folder", "takes a file, and .* is a directory"),
        ("folder=@{data}/a.txt", "takes a directory, and .* is a file"),
        ("text=@absent", "begins with @ can be given in a document"),
    ],
)
def test_local_paths_that_do_not_fit_are_refused(data: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidUsage, match=words):
        assign(text.format(data=data))


def test_later_sources_win_over_earlier_ones(data: Path) -> None:
    first = document(data, {"count": 1, "text": "a"})
    second = document(data, {"inputs": {"text": "b"}, "options": {"priority": 1}}, "second.json")
    request = read_inputs([first, second, "count=9"], describe)
    assert request.inputs == {"count": 9, "text": "b"}
    assert request.members == {"options": {"priority": 1}}


def test_path_with_an_equal_sign_is_a_document_when_it_names_a_directory(data: Path) -> None:
    assert read_inputs([document(data, {"a": 1}, "x=y.json")], never).inputs == {"a": 1}


def test_absent_document_is_named() -> None:
    with pytest.raises(InvalidUsage, match=r"absent\.json cannot be read"):
        read_inputs(["absent.json"], never)


def test_nested_processes_and_collections_pass_as_they_are(data: Path) -> None:
    nested = {"process": "sort", "inputs": {"text": "a"}, "outputs": {"sorted": {}}}
    collection = {"collection": "https://e.org/collections/x", "filter": "a = 1"}
    inputs = {"text": nested, "area": collection}
    assert read_inputs(document(data, inputs), never).inputs == inputs
    listed = [{"id": "text", **nested}, {"id": "area", **collection}]
    assert read_inputs(document(data, listed), never).inputs == inputs
