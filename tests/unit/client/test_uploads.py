from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from weaverlite.client.errors import InvalidUsage, TransferFailed
from weaverlite.client.uploads import FileBody, TarBody, guess_type


def test_file_body_has_length_chunks_and_digest(tmp_path: Path) -> None:
    content = os.urandom(700_000)
    path = tmp_path / "x"
    path.write_bytes(content)
    body = FileBody(path)
    assert len(body) == len(content)
    chunks = [*body]
    assert len(chunks) > 1 and b"".join(chunks) == content
    assert body.sha256 == hashlib.sha256(content).hexdigest()


def test_file_that_grows_is_sent_as_long_as_it_was_announced(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    body = FileBody(path)
    path.write_bytes(b"abcdef")
    assert b"".join(body) == b"abc"


def test_file_that_shrinks_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    body = FileBody(path)
    path.write_bytes(b"a")
    with pytest.raises(TransferFailed, match="became shorter"):
        [*body]


def test_directory_is_a_tar_of_relative_names_and_known_length(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "a.txt").write_bytes(b"a")
    (root / "sub" / ("long" * 50)).write_bytes(b"x" * 1000)
    (root / "sub" / "ü").write_bytes(b"")
    (root / "link").symlink_to(tmp_path / "outside.txt")
    (tmp_path / "outside.txt").write_bytes(b"followed")
    body = TarBody(root)
    content = b"".join(body)
    assert len(body) == len(content)
    assert body.sha256 == hashlib.sha256(content).hexdigest()
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        members = {member.name: member for member in archive}
        assert set(members) == {"a.txt", "sub", "sub/empty", "sub/" + "long" * 50, "sub/ü", "link"}
        assert members["sub/empty"].isdir() and members["link"].isreg()
        stream = archive.extractfile("link")
        assert stream is not None and stream.read() == b"followed"
        assert all(member.uid == 0 and member.uname == "" for member in members.values())


def test_empty_directory_is_a_tar_too(tmp_path: Path) -> None:
    content = b"".join(TarBody(tmp_path))
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        assert archive.getnames() == []


def test_link_that_leads_back_up_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "back").symlink_to(tmp_path)
    with pytest.raises(InvalidUsage, match="leads back"):
        TarBody(tmp_path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidUsage, match="neither a file nor a directory"):
        TarBody(tmp_path)


def test_dangling_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "absent")
    with pytest.raises(InvalidUsage, match="cannot be uploaded"):
        TarBody(tmp_path)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.csv", "text/csv"),
        ("a.nc", "application/netcdf"),
        ("A.TIF", "image/tiff"),
        ("a.geojson", "application/geo+json"),
        ("a", None),
    ],
)
def test_media_type_is_told_by_the_name(name: str, media_type: str | None) -> None:
    assert guess_type(name) == media_type
