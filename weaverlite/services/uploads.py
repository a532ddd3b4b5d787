"""The vault: files that clients send to be used as inputs, each of one owner, gone after a while."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from weaverlite.errors import InvalidRequest, NoSuchUpload, TooLarge, TransferError
from weaverlite.models.upload import Upload
from weaverlite.ogc.names import safe_name
from weaverlite.services.clock import utc_now
from weaverlite.stores.interfaces import UploadStore

_BLOCK = 256 * 1024
_PART = ".part"
#: Files without a record are somebody's upload under way, unless they are older.
_ORPHANED = timedelta(days=1)


class Readable(Protocol):
    """The body of a request. ``read`` raises OSError when the client goes away before its end."""

    def read(self, size: int, /) -> bytes: ...


class Uploads:
    """Receives, finds and removes uploads. The bytes are in ``directory``, under the ids; the records in ``store``.

    The record comes last and goes last: what has one has its bytes. To ``owner`` the uploads of others do not exist.
    """

    def __init__(self, store: UploadStore, *, directory: Path, size_limit: int, keep: timedelta) -> None:
        self._store = store
        self._directory = directory
        self._size_limit = size_limit
        self._keep = keep

    def receive(
        self,
        stream: Readable,
        name: str | None,
        media_type: str | None,
        owner: str | None,
        *,
        size: int | None = None,
        at: datetime | None = None,
    ) -> Upload:
        """Store what ``stream`` gives until its end, and return its record. ``size``: as announced, if it was.

        :raises TooLarge: it is larger than an upload may be.
        :raises InvalidRequest: it ended early.
        :raises TransferError: it could not be stored.
        """
        if size is not None and size > self._size_limit:
            raise self._too_large()
        at = at or utc_now()
        upload_id = str(uuid.uuid4())
        part = self._directory / f"{upload_id}{_PART}"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            received, sha256 = self._write(stream, part, size)
            upload = Upload(
                upload_id=upload_id,
                name=safe_name(name),
                media_type=media_type or "application/octet-stream",
                size=received,
                sha256=sha256,
                created_at=at,
                expires_at=at + self._keep,
                owner=owner,
            )
            part.rename(self._path(upload))
            _sync(self._directory)
        except OSError as error:
            self._discard(part)
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            reason = "the disk is full" if full else error.strerror or str(error)
            raise TransferError(f"The upload could not be stored: {reason}.") from error
        except BaseException:
            self._discard(part)
            raise
        try:
            self._store.add(upload)
        except BaseException:
            self._discard(self._path(upload))
            raise
        return upload

    def get(self, upload_id: str, owner: str | None, *, at: datetime | None = None) -> Upload:
        """Return an upload of ``owner``.

        :raises NoSuchUpload: there is none, or it has expired.
        """
        try:
            upload = self._store.get(upload_id)
        except NoSuchUpload:
            upload = None
        if upload is None or upload.owner != owner or upload.expires_at <= (at or utc_now()):
            raise NoSuchUpload(f"There is no upload {upload_id[:64]!r}, or it has expired.")
        return upload

    def remove(self, upload_id: str, owner: str | None) -> None:
        """Remove an upload of ``owner``. Raises as :meth:`get`."""
        self.forget(self.get(upload_id, owner))

    def forget(self, upload: Upload) -> None:
        """Remove an upload, whoever owns it."""
        self._discard(self._path(upload))
        self._store.remove(upload.upload_id)

    def expire(self, at: datetime) -> int:
        """Remove uploads whose time is over, and files that never became one; return how many of both."""
        count = 0
        while expired := list(self._store.expired(at)):
            for upload in expired:
                self.forget(upload)
            count += len(expired)
        return count + self._remove_orphans(at)

    def _write(self, stream: Readable, part: Path, size: int | None) -> tuple[int, str]:
        digest, received = hashlib.sha256(), 0
        with open(part, "xb", buffering=0, opener=_private) as file:
            while block := _read(stream):
                received += len(block)
                if received > self._size_limit:
                    raise self._too_large()
                digest.update(block)
                _write_all(file.fileno(), block)
            if size is not None and received != size:
                raise InvalidRequest(f"The upload ended after {received} of {size} bytes: send it again.")
            os.fsync(file.fileno())
        return received, digest.hexdigest()

    def _remove_orphans(self, at: datetime) -> int:
        count = 0
        # The clock of the files may be that of a file server: close enough for days.
        part_limit = (at - _ORPHANED).timestamp()
        limit = (at - max(_ORPHANED, self._keep)).timestamp()
        with contextlib.suppress(FileNotFoundError), os.scandir(self._directory) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    written = entry.stat(follow_symlinks=False).st_mtime
                    is_old = written < (part_limit if entry.name.endswith(_PART) else limit)
                    if is_old and not self._is_recorded(entry.name.partition(".")[0]):
                        self._discard(Path(entry.path))
                        count += 1
        return count

    def _is_recorded(self, upload_id: str) -> bool:
        try:
            self._store.get(upload_id)
        except NoSuchUpload:
            return False
        return True

    def _path(self, upload: Upload) -> Path:
        return self._directory / upload.stored_as

    def _discard(self, *paths: Path) -> None:
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink()

    def _too_large(self) -> TooLarge:
        return TooLarge(f"An upload may have {self._size_limit} bytes here (weaverlite.vault.size_limit).")


def _read(stream: Readable) -> bytes:
    try:
        return stream.read(_BLOCK)
    except OSError as error:
        raise InvalidRequest("The upload ended early: send it again.") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write_all(descriptor: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
