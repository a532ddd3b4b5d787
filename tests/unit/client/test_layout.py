from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from weaverlite.client.errors import InvalidUsage, TransferFailed
from weaverlite.client.layout import (
    RemoteFile,
    check_path,
    directories,
    job_directory,
    manifest_files,
    part_of,
    place,
    write_json,
)

DIGEST = "0" * 64


def entry(path: str) -> dict[str, Any]:
    return {"path": path, "size": 1, "sha256": DIGEST, "mediaType": "text/plain"}


def test_manifest_lists_streams_outputs_and_what_goes_with_them() -> None:
    manifest = {
        "streams": [entry("stdout")],
        "outputs": {
            "one": {"file": {**entry("outputs/one/a b.txt"), "secondaryFiles": [entry("outputs/one/a.idx")]}},
            "many": {"items": [{"file": entry("outputs/many/0/x")}, {"value": 3}]},
            "record": {"members": {"m": {"file": entry("outputs/record/y")}}},
            "folder": {"directory": {"path": "outputs/folder/d", "files": [entry("outputs/folder/d/z")]}},
            "literal": {"value": {"file": "not one"}},
        },
    }
    files = manifest_files(manifest, "http://host/jobs/1")
    assert [file.path for file in files] == [
        "stdout",
        "outputs/one/a b.txt",
        "outputs/one/a.idx",
        "outputs/many/0/x",
        "outputs/record/y",
        "outputs/folder/d/z",
    ]
    assert files[1] == RemoteFile("outputs/one/a b.txt", "http://host/jobs/1/outputs/one/a%20b.txt", 1, DIGEST)
    assert [*directories(manifest["outputs"]["folder"])] == ["outputs/folder/d"]


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "outputs/../../x",
        "outputs/./x",
        "outputs//x",
        "/etc/passwd",
        "outputs/x\0y",
        "outputs\\x",
        "outputs/a\\..\\b",
        "outputs",
        "",
        "elsewhere/x",
        "manifest.json",
        "results.json",
        "stdout/x",
    ],
)
def test_paths_outside_the_layout_are_refused(path: str) -> None:
    with pytest.raises(TransferFailed, match="outside the layout"):
        check_path(path)
    with pytest.raises(TransferFailed):
        manifest_files({"streams": [], "outputs": {"x": {"file": entry(path)}}}, "http://host")


@pytest.mark.parametrize("path", ["stdout", "stderr", "exitCode", "outputs/x", "outputs/a/b/c", "outputs/..x/y"])
def test_paths_of_the_layout_are_taken(path: str) -> None:
    check_path(path)


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"streams": [], "outputs": []},
        {"streams": [3], "outputs": {}},
        {"streams": [{"path": "stdout"}], "outputs": {}},
        {"streams": [{**entry("stdout"), "sha256": "x"}], "outputs": {}},
        {"streams": [{**entry("stdout"), "size": "1"}], "outputs": {}},
    ],
)
def test_what_is_no_manifest_is_refused(manifest: dict[str, Any]) -> None:
    with pytest.raises(TransferFailed, match="cannot be read"):
        manifest_files(manifest, "http://host")


def test_job_directory_is_one_name_below_its_parent(tmp_path: Path) -> None:
    assert job_directory(tmp_path, "abc-1") == tmp_path / "abc-1"
    assert job_directory(tmp_path, "a/../b").parent == tmp_path
    for name in ("", ".", "..", "..."):
        with pytest.raises(InvalidUsage):
            job_directory(tmp_path, name)


def test_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "job", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "outputs").symlink_to(outside)
    with pytest.raises(TransferFailed, match="leads out"):
        place(root, "outputs/x")


def test_file_in_the_place_of_a_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("x", encoding="utf-8")
    with pytest.raises(TransferFailed, match="cannot be made"):
        place(tmp_path, "outputs/x/y")


def test_part_never_takes_the_place_of_another_file(tmp_path: Path) -> None:
    assert part_of(tmp_path / "a", frozenset(), tmp_path).name == "a.part"
    assert part_of(tmp_path / "a", frozenset({"a.part"}), tmp_path).name == "a.part.part"
    assert len(part_of(tmp_path / ("x" * 255), frozenset(), tmp_path).name) <= 255


def test_json_is_written_whole(tmp_path: Path) -> None:
    target = tmp_path / "results.json"
    write_json(target, {"a": "ü", "b": "\ud800"})
    write_json(target, {"a": "ü", "b": "\ud800"})
    assert json.loads(target.read_text(encoding="utf-8")) == {"a": "ü", "b": "\ud800"}
    assert [*tmp_path.iterdir()] == [target]
