from __future__ import annotations

import os
from pathlib import Path

import pytest

from weaverlite.errors import InvalidInput, ReferenceRefused, StagingError
from weaverlite.models.results import LocalDirectory
from weaverlite.transfer.file import FileStager
from weaverlite.transfer.interfaces import FetchLimits, Reference

LIMITS = FetchLimits(size=1000, seconds=10)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_bytes(b"a")
    (root / "sub" / "b.txt").write_bytes(b"b")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "rooted").mkdir()
    (tmp_path / "rooted" / "x").write_bytes(b"neighbour")
    return root


@pytest.fixture
def out(tmp_path: Path) -> Path:
    out = tmp_path / "out"
    out.mkdir()
    return out


def directory(path: Path) -> Reference:
    return Reference(href=path.as_uri(), is_directory=True)


@pytest.mark.parametrize(
    "path",
    ["../secret", "%2e%2e/secret", "sub/../../secret", "sub/%2E%2E/%2E%2E/secret", "../rooted/x", "..%2Fx", "../none"],
)
def test_nothing_outside_the_roots_is_read(root: Path, out: Path, path: str) -> None:
    reference = Reference(href=f"{root.as_uri()}/{path}")
    with pytest.raises(ReferenceRefused, match="weaverlite.egress.file_roots"):
        FileStager([root]).check(reference)
    with pytest.raises(ReferenceRefused):
        FileStager([root]).fetch(reference, out, LIMITS)
    assert not [*out.iterdir()]


def test_without_roots_nothing_is_read(root: Path) -> None:
    for path in (root / "a.txt", Path("/etc/passwd"), Path("/none")):
        with pytest.raises(ReferenceRefused):
            FileStager([]).check(Reference(href=path.as_uri()))


@pytest.mark.parametrize(
    "href",
    ["file:a", "file://host/a", "file:///a?b", "file:///a#b", "file:///a%00b", "file:///%ff", "file://[/a", "file:"],
)
def test_what_is_malformed_is_refused(root: Path, href: str) -> None:
    with pytest.raises(InvalidInput):
        FileStager([root]).check(Reference(href=href))


def test_a_link_out_of_the_roots_is_refused(root: Path, out: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to(tmp_path)
    for path in (root / "link", root / "up" / "secret", root / "up"):
        with pytest.raises(ReferenceRefused):
            FileStager([root]).fetch(Reference(href=path.as_uri()), out, LIMITS)
    assert not [*out.iterdir()]


def test_a_link_within_the_roots_is_followed(root: Path, out: Path, tmp_path: Path) -> None:
    (root / "latest.txt").symlink_to(root / "sub" / "b.txt")
    (tmp_path / "alias").symlink_to(root)
    staged = FileStager([tmp_path / "alias"]).fetch(Reference(href=(root / "latest.txt").as_uri()), out, LIMITS)
    assert staged.path.read_bytes() == b"b" and not staged.path.is_symlink() and staged.name == "latest.txt"


def test_a_directory_is_copied_whole(root: Path, out: Path) -> None:
    (root / "sub" / "empty").mkdir()
    (root / "sub" / "link").symlink_to(root / "a.txt")
    (root / "sub" / "b.txt").chmod(0o755)
    staged = FileStager([root]).fetch(directory(root), out, LIMITS)
    assert isinstance(staged, LocalDirectory) and staged.path == out / "root"
    found = {str(path.relative_to(staged.path)): path for path in staged.path.rglob("*")}
    assert sorted(found) == ["a.txt", "sub", "sub/b.txt", "sub/empty", "sub/link"]
    assert found["sub/link"].read_bytes() == b"a" and not found["sub/link"].is_symlink()
    assert os.access(found["sub/b.txt"], os.X_OK) and not found["a.txt"].stat().st_mode & 0o111


def test_a_directory_with_a_way_out_is_refused(root: Path, out: Path, tmp_path: Path) -> None:
    (root / "sub" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ReferenceRefused):
        FileStager([root]).fetch(directory(root), out, LIMITS)


def test_a_directory_that_contains_itself_is_refused(root: Path, out: Path) -> None:
    (root / "sub" / "again").symlink_to(root)
    with pytest.raises(StagingError, match="circles"):
        FileStager([root]).fetch(directory(root), out, LIMITS)


def test_pipes_and_sockets_are_refused_without_waiting(root: Path, out: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(StagingError, match="regular"):
        FileStager([root]).fetch(Reference(href=(root / "pipe").as_uri()), out, LIMITS)
    with pytest.raises(StagingError, match="regular"):
        FileStager([root]).fetch(directory(root), out, LIMITS)


def test_files_and_directories_are_not_mistaken_for_each_other(root: Path, out: Path) -> None:
    with pytest.raises(StagingError, match="wants a file"):
        FileStager([root]).fetch(Reference(href=(root / "sub").as_uri()), out, LIMITS)
    with pytest.raises(StagingError, match="wants a directory"):
        FileStager([root]).fetch(directory(root / "a.txt"), out, LIMITS)


def test_a_directory_has_limits(root: Path, out: Path) -> None:
    with pytest.raises(StagingError, match="3 files"):
        FileStager([root], files=3).fetch(directory(root), out, LIMITS)
    (root / "large").write_bytes(b"x" * 999)
    with pytest.raises(StagingError, match="1000 bytes"):
        FileStager([root]).fetch(directory(root), out / "again", LIMITS)
    with pytest.raises(StagingError, match="seconds"):
        FileStager([root]).fetch(directory(root), out / "late", FetchLimits(size=10_000, seconds=-1))


def test_a_deep_directory_is_refused(root: Path, out: Path) -> None:
    deep = root
    for _ in range(70):
        deep = deep / "d"
    deep.mkdir(parents=True)
    with pytest.raises(StagingError, match="deeper"):
        FileStager([root]).fetch(directory(root), out, LIMITS)


def test_a_copy_is_not_the_original(root: Path, out: Path) -> None:
    (root / "large").write_bytes(b"0" * 5_000_000)
    limits = FetchLimits(size=5_000_000, seconds=60)
    staged = FileStager([root]).fetch(Reference(href=(root / "large").as_uri()), out, limits)
    assert staged.path.stat().st_ino != (root / "large").stat().st_ino
    assert staged.path.read_bytes() == b"0" * 5_000_000
    staged.path.write_bytes(b"changed")
    assert (root / "large").stat().st_size == 5_000_000
