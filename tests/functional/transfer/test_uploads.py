"""The vault over a real store and a real disk."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from weaverlite.errors import InvalidRequest, NoSuchUpload, StoreError, TooLarge, TransferError
from weaverlite.models.upload import Upload
from weaverlite.runtime import Runtime
from weaverlite.services.uploads import Uploads
from weaverlite.settings import Settings, StoreSettings
from weaverlite.stores.interfaces import Store
from weaverlite.transfer.interfaces import FetchLimits, Reference
from weaverlite.transfer.vault import VaultStager

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEEP = timedelta(days=1)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "vault"


@pytest.fixture
def uploads(store: Store, directory: Path) -> Uploads:
    return Uploads(store.uploads, directory=directory, size_limit=1000, keep=KEEP)


def receive(uploads: Uploads, content: bytes = b"content", name: str = "a.txt") -> Upload:
    return uploads.receive(io.BytesIO(content), name, "text/plain", "ada", at=NOW)


def test_an_upload_is_kept_with_all_that_is_known(uploads: Uploads, directory: Path) -> None:
    upload = receive(uploads, b"content", "../dir/a.txt")
    assert uploads.get(upload.upload_id, "ada", at=NOW) == upload
    assert (upload.name, upload.media_type, upload.size, upload.owner) == ("a.txt", "text/plain", 7, "ada")
    assert upload.sha256 == "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    assert (upload.created_at, upload.expires_at) == (NOW, NOW + KEEP)
    assert (directory / upload.stored_as).read_bytes() == b"content"
    assert (directory / upload.stored_as).stat().st_mode & 0o777 == 0o600


def test_a_job_process_without_a_store_can_fetch_it(uploads: Uploads, directory: Path, tmp_path: Path) -> None:
    upload = uploads.receive(io.BytesIO(b"content"), None, None, None)
    # The record comes with the job.
    stager = VaultStager(directory, {upload.upload_id: upload}.__getitem__)
    out = tmp_path / "out"
    staged = stager.fetch(Reference(href=f"vault:{upload.upload_id}"), out, FetchLimits(size=10, seconds=10))
    assert staged.path.read_bytes() == b"content"


def test_uploads_of_others_do_not_exist(uploads: Uploads) -> None:
    upload = receive(uploads)
    for other in ("bob", None, ""):
        with pytest.raises(NoSuchUpload):
            uploads.get(upload.upload_id, other, at=NOW)
        with pytest.raises(NoSuchUpload):
            uploads.remove(upload.upload_id, other)
    with pytest.raises(NoSuchUpload):
        uploads.get("nothing", "ada")


def test_an_expired_upload_does_not_exist(uploads: Uploads) -> None:
    upload = receive(uploads)
    assert uploads.get(upload.upload_id, "ada", at=NOW + KEEP - timedelta(seconds=1))
    with pytest.raises(NoSuchUpload):
        uploads.get(upload.upload_id, "ada", at=NOW + KEEP)


def test_removing_leaves_nothing(uploads: Uploads, directory: Path) -> None:
    upload = uploads.receive(io.BytesIO(b"x"), "a", None, "ada")
    uploads.remove(upload.upload_id, "ada")
    assert os.listdir(directory) == []
    with pytest.raises(NoSuchUpload):
        uploads.get(upload.upload_id, "ada")


def test_expiry_removes_what_is_over_and_nothing_else(uploads: Uploads, directory: Path) -> None:
    old = [receive(uploads) for _ in range(150)]
    fresh = uploads.receive(io.BytesIO(b"y"), "b", None, "ada", at=NOW + timedelta(hours=1))
    assert uploads.expire(NOW + KEEP) == len(old)
    assert uploads.expire(NOW + KEEP) == 0
    assert sorted(os.listdir(directory)) == [fresh.stored_as]
    assert uploads.get(fresh.upload_id, "ada", at=NOW + KEEP) == fresh


def test_files_that_never_became_an_upload_go_after_a_day(uploads: Uploads, directory: Path) -> None:
    kept = receive(uploads)
    for name in ("1.part", "2", "2.json", "3.part"):
        (directory / name).write_bytes(b"x")
    for path in directory.iterdir():
        os.utime(path, times=(0, (NOW - timedelta(hours=25)).timestamp()))
    os.utime(directory / "3.part", times=(0, (NOW - timedelta(hours=2)).timestamp()))
    assert uploads.expire(NOW) == 3
    assert sorted(os.listdir(directory)) == sorted(["3.part", kept.stored_as])


def test_the_limit_is_the_largest_that_fits(uploads: Uploads, directory: Path) -> None:
    assert receive(uploads, b"x" * 1000).size == 1000
    before = os.listdir(directory)
    with pytest.raises(TooLarge, match="weaverlite.vault.size_limit"):
        receive(uploads, b"x" * 1001)
    with pytest.raises(TooLarge):
        uploads.receive(io.BytesIO(b""), "a", None, None, size=10**15)
    assert sorted(os.listdir(directory)) == sorted(before)


class Endless(io.RawIOBase):
    """A body that never ends, and counts what was read of it."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int = -1, /) -> bytes:
        self.given += size
        return b"x" * size


def test_an_endless_body_is_left_soon(store: Store, directory: Path) -> None:
    body = Endless()
    with pytest.raises(TooLarge):
        Uploads(store.uploads, directory=directory, size_limit=10_000_000, keep=KEEP).receive(body, "a", None, None)
    assert body.given < 11_000_000
    assert os.listdir(directory) == []


def test_a_body_that_ends_early_is_no_upload(uploads: Uploads, directory: Path) -> None:
    with pytest.raises(InvalidRequest, match="7 of 9 bytes"):
        uploads.receive(io.BytesIO(b"content"), "a", None, None, size=9)

    class Broken(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            raise ConnectionResetError

    with pytest.raises(InvalidRequest, match="send it again"):
        uploads.receive(Broken(), "a", None, None)
    assert os.listdir(directory) == []


@pytest.mark.parametrize("url", ["sqlite:////dev/null/records.db", "mongodb://127.0.0.1:1/records"])
def test_a_store_that_is_away_leaves_no_bytes(tmp_path: Path, directory: Path, url: str) -> None:
    settings = Settings(data=tmp_path, store=StoreSettings(url=url, timeout=timedelta(seconds=0.2)))
    runtime = Runtime.from_settings(settings)
    vault = Uploads(runtime.store.uploads, directory=directory, size_limit=10, keep=KEEP)
    with pytest.raises(StoreError):
        vault.receive(io.BytesIO(b"x"), "a", None, None)
    runtime.close()
    assert os.listdir(directory) == []


def test_a_disk_that_refuses_is_told(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    vault = Uploads(store.uploads, directory=tmp_path / "file" / "vault", size_limit=10, keep=KEEP)
    with pytest.raises(TransferError, match="could not be stored"):
        vault.receive(io.BytesIO(b"x"), "a", None, None)
