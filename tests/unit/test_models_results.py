from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from weaverlite.models.results import Manifest, OutputDirectory, OutputFile, files_of


def file(path: str, *secondary: OutputFile) -> OutputFile:
    return OutputFile(path=path, size=len(path), sha256="ab" * 32, media_type="text/plain", secondary=secondary)


def manifest(**outputs: Any) -> Manifest:
    return Manifest(
        job_id="1",
        attempt=2,
        created_at=datetime(2026, 1, 1, 12, 30, 1, 5, tzinfo=UTC),
        exit_code=0,
        outputs=outputs,
        streams=(file("stdout"), file("stderr"), file("exitCode")),
    )


@pytest.mark.parametrize(
    "value",
    [
        42,
        0,
        1.5,
        "text",
        "",
        True,
        False,
        None,
        [],
        {},
        [1, "a", None],
        {"file": "not one", "value": 3},
        [[1], {"a": [2]}],
        file("outputs/a/b.csv"),
        file("outputs/a/b.shp", file("outputs/a/b.dbf")),
        OutputDirectory(path="outputs/d", files=(file("outputs/d/x"), file("outputs/d/y/z"))),
        OutputDirectory(path="outputs/empty"),
        [file("outputs/a/0/x"), file("outputs/a/1/x")],
        [[file("outputs/a/0/x")], [], None, 5],
        {"one": file("outputs/a/x"), "more": [file("outputs/a/y")], "count": 2},
    ],
)
def test_every_kind_of_output_reads_back_as_itself(value: Any) -> None:
    written = manifest(a=value)
    assert Manifest.from_json(json.loads(json.dumps(written.to_json()))) == written


def test_the_document_has_the_words_of_the_wire() -> None:
    document = manifest(n=3, f=file("outputs/f/a")).to_json()
    assert document == {
        "jobID": "1",
        "attempt": 2,
        "created": "2026-01-01T12:30:01.000005Z",
        "exitCode": 0,
        "outputs": {
            "n": {"value": 3},
            "f": {"file": {"path": "outputs/f/a", "size": 11, "sha256": "ab" * 32, "mediaType": "text/plain"}},
        },
        "streams": [
            {"path": path, "size": len(path), "sha256": "ab" * 32, "mediaType": "text/plain"}
            for path in ("stdout", "stderr", "exitCode")
        ],
    }


def test_a_job_without_exit_code_says_none() -> None:
    bare = Manifest(job_id="1", attempt=1, created_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert "exitCode" not in bare.to_json()
    assert Manifest.from_json(bare.to_json()) == bare


def test_all_files_are_listed_streams_first() -> None:
    found = manifest(
        a=[file("outputs/a/0/x", file("outputs/a/0/x.idx"))],
        b=OutputDirectory(path="outputs/b", files=(file("outputs/b/y"),)),
        c={"d": file("outputs/c/z")},
        e="outputs/not-a-file",
    )
    assert [item.path for item in found.files()] == [
        "stdout",
        "stderr",
        "exitCode",
        "outputs/a/0/x",
        "outputs/a/0/x.idx",
        "outputs/b/y",
        "outputs/c/z",
    ]
    assert found.find("outputs/a/0/x.idx") == file("outputs/a/0/x.idx")
    assert found.find("outputs/../stdout") is None
    assert [*files_of("text")] == []
    assert file("outputs/a/b.csv").name == "b.csv"


def test_an_empty_directory_may_stand_in_a_list_and_in_an_object() -> None:
    empty = OutputDirectory(path="outputs/a/0/empty")
    made = manifest(a=[empty], b={"c": empty, "d": 1})
    assert Manifest.from_json(json.loads(json.dumps(made.to_json()))) == made
