"""Where the files of outputs go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weaverlite.errors import EngineError, OutputLimit, UnsafeOutput
from weaverlite.execution.collect import Collection
from weaverlite.models.results import LocalDirectory, LocalFile, OutputFile, files_of


def collect(root: Path, outputs: dict[str, Any], inputs: dict[str, Any] | None = None, **limits: int) -> dict[str, Any]:
    return Collection(root, inputs or {}, lambda name: "text/plain", **limits).run(outputs)


def local(root: Path, path: str, text: str = "x", **members: Any) -> LocalFile:
    file = root / "work" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return LocalFile(path=file, name=file.name, **members)


def paths(value: Any) -> list[str]:
    return [file.path for file in files_of(value)]


def test_one_file(tmp_path: Path) -> None:
    found = collect(tmp_path, {"a": local(tmp_path, "x.txt", "text", media_type="text/csv")})
    assert found["a"] == OutputFile(
        path="outputs/a/x.txt",
        size=4,
        sha256="982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1",
        media_type="text/csv",
    )
    assert (tmp_path / "outputs/a/x.txt").read_text() == "text"


def test_files_of_different_names_lie_side_by_side(tmp_path: Path) -> None:
    found = collect(tmp_path, {"a": [local(tmp_path, "1/x"), local(tmp_path, "2/y")]})
    assert paths(found["a"]) == ["outputs/a/x", "outputs/a/y"]


def test_files_of_equal_names_lie_in_numbered_folders(tmp_path: Path) -> None:
    value = [[local(tmp_path, "1/x"), local(tmp_path, "2/y")], [local(tmp_path, "3/x")]]
    assert paths(collect(tmp_path, {"a": value})["a"]) == ["outputs/a/0/0/x", "outputs/a/0/1/y", "outputs/a/1/0/x"]


def test_members_of_a_record_keep_their_names_apart(tmp_path: Path) -> None:
    value = {"left": local(tmp_path, "1/x"), "right": local(tmp_path, "2/x"), "n": 3}
    found = collect(tmp_path, {"a": value})["a"]
    assert paths(found) == ["outputs/a/left/x", "outputs/a/right/x"]
    assert found["n"] == 3


def test_secondary_files_lie_beside_their_file(tmp_path: Path) -> None:
    index = local(tmp_path, "x.bam.bai")
    (tmp_path / "work" / "more").mkdir()
    local(tmp_path, "more/z")
    directory = LocalDirectory(path=tmp_path / "work" / "more", name="more")
    found = collect(tmp_path, {"a": local(tmp_path, "x.bam", secondary=(index, directory))})["a"]
    assert found.path == "outputs/a/x.bam"
    assert [file.path for file in found.secondary] == ["outputs/a/x.bam.bai", "outputs/a/more/z"]


def test_secondary_files_of_equal_names_are_kept_apart_too(tmp_path: Path) -> None:
    value = [local(tmp_path, f"{n}/{n}.bam", secondary=(local(tmp_path, f"{n}/index"),)) for n in range(2)]
    assert "outputs/a/1/index" in paths(collect(tmp_path, {"a": value})["a"])


def test_the_output_outputs_lies_beside_the_folders_of_others(tmp_path: Path) -> None:
    found = collect(tmp_path, {"outputs": local(tmp_path, "1/x"), "x": local(tmp_path, "2/y")})
    assert paths(found["outputs"]) == ["outputs/0/x"]
    assert paths(found["x"]) == ["outputs/x/y"]
    assert list(found) == ["outputs", "x"]


def test_values_without_files_stay_as_they_are(tmp_path: Path) -> None:
    values = {"a": 1, "b": None, "c": [1, [2]], "d": {"e": "f"}}
    assert collect(tmp_path, values) == values


@pytest.mark.parametrize("value", [float("inf"), [float("nan")], object(), {"x": {1, 2}}])
def test_values_without_json_form_are_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(EngineError, match="'a' has no JSON form"):
        collect(tmp_path, {"a": value})


def test_an_input_outside_the_directory_may_be_handed_on_and_is_copied(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "job", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.write_text("mine")
    file = LocalFile(path=elsewhere, name="elsewhere")
    found = collect(root, {"a": file}, {"in": [file]})
    assert (root / found["a"].path).stat().st_ino != elsewhere.stat().st_ino
    with pytest.raises(UnsafeOutput, match="leads outside"):
        collect(root, {"b": file})


def test_limits_of_size_and_number(tmp_path: Path) -> None:
    files = [local(tmp_path, f"{n}", "12345") for n in range(4)]
    with pytest.raises(OutputLimit, match="10 bytes"):
        collect(tmp_path, {"a": files}, size=10)
    with pytest.raises(OutputLimit, match="3 files"):
        collect(tmp_path, {"b": files}, files=3)


def test_a_file_nobody_may_read_is_read_all_the_same(tmp_path: Path) -> None:
    file = local(tmp_path, "x", "secret")
    file.path.chmod(0o000)
    found = collect(tmp_path, {"a": file})["a"]
    assert (tmp_path / found.path).stat().st_mode & 0o777 == 0o644


def test_two_names_that_become_the_same_are_refused(tmp_path: Path) -> None:
    local(tmp_path, "d/a\x01b")
    local(tmp_path, "d/a\x02b")
    with pytest.raises(UnsafeOutput, match="same name"):
        collect(tmp_path, {"a": LocalDirectory(path=tmp_path / "work" / "d", name="d")})
