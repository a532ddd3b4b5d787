"""Files of a service onto the disk: several at a time, resumed where they broke off, checked, renamed into place."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import requests

from weaverlite.client.connection import Connection, problem_of
from weaverlite.client.errors import ClientError, InvalidUsage, TransferFailed
from weaverlite.client.layout import PART, RemoteFile, part_of, place
from weaverlite.client.waiting import is_passing
from weaverlite.ogc.negotiation import essence

PARALLEL = 4
#: What is read at a time; when a connection breaks, as much may be lost of what came last.
CHUNK = 64 * 1024
#: Broken transfers in a row, none of which brought a byte, after which a file is given up.
ATTEMPTS = 6
#: Seconds before the first of them; each following pause is twice as long.
FIRST_PAUSE = 0.2
_RANGE = re.compile(r"bytes (\d+)-")

Advance = Callable[[int], None]


def fetch_all(
    connection: Connection, files: Sequence[RemoteFile], root: Path, *, overwrite: bool = False, progress: bool = False
) -> None:
    """Bring all files below ``root``; what is there already and identical is kept.

    :raises InvalidUsage: a file is there already and differs; nothing was fetched then.
    :raises ClientError: a file could not be brought; what came of it stays as ``.part`` and is resumed next time.
    """
    taken = frozenset(file.path for file in files)
    missing = [file for file in files if not _is_there(file, place(root, file.path), overwrite)]
    with _progress(missing, progress) as advance, ThreadPoolExecutor(PARALLEL, "download") as pool:
        stop = threading.Event()
        transfers = [_Transfer(connection, file, root, taken, advance, stop) for file in missing]
        try:
            # In the order of the list, so that the first file that fails is the one that is told.
            for _ in pool.map(_Transfer.run, transfers):
                pass
        finally:
            # Also for Ctrl-C: the pool waits for its threads, and they look at this between two chunks.
            stop.set()
            pool.shutdown(cancel_futures=True)


def fetch_archive(
    connection: Connection,
    url: str,
    params: Mapping[str, str],
    media_type: str,
    target: Path,
    *,
    overwrite: bool = False,
    progress: bool = False,
) -> int:
    """Bring one file that the service makes while it sends it; return its size.

    It cannot be resumed: what came of a broken transfer is removed.

    :raises InvalidUsage: ``target`` is there already.
    :raises ClientError: it could not be brought.
    """
    if os.path.lexists(target) and not (overwrite and target.is_file()):
        raise InvalidUsage(f"{target} is there already: choose another name, or allow to overwrite.")
    part = target.with_name(target.name + PART)
    try:
        with connection.stream("GET", url, params=params, headers={"Accept": media_type}) as response:
            if not response.ok:
                raise problem_of(response)
            if essence(response.headers.get("Content-Type", "")) != media_type:
                raise TransferFailed(f"The service does not give these results as {media_type}.")
            length = response.headers.get("Content-Length", "")
            file = RemoteFile(target.name, url, int(length) if length.isdigit() else None)
            with _disk(part), open(part, "wb") as stream, _progress([file], progress) as advance:
                for chunk in response.iter_content(CHUNK):
                    stream.write(chunk)
                    advance(len(chunk))
                size = stream.tell()
        if file.size not in (None, size):
            raise TransferFailed(f"The archive ends after {size} of its {file.size} bytes.")
        with _disk(target):
            os.replace(part, target)
    finally:
        with suppress(OSError):
            part.unlink()
    return size


def _is_there(file: RemoteFile, target: Path, overwrite: bool) -> bool:
    if not os.path.lexists(target):
        return False
    if target.is_dir() and not target.is_symlink():
        raise InvalidUsage(f"{target} is a directory, and the job has a file of that name: choose another directory.")
    try:
        if file.sha256 and target.is_file() and target.stat().st_size == file.size:
            with target.open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256:
                    return True
    except OSError as exc:
        raise TransferFailed(f"{target} cannot be read: {exc.strerror or exc}.") from exc
    if not overwrite:
        raise InvalidUsage(f"{target} is there already and differs: choose another directory, or allow to overwrite.")
    return False


class _Transfer:
    """One file on its way."""

    def __init__(
        self,
        connection: Connection,
        file: RemoteFile,
        root: Path,
        taken: frozenset[str],
        advance: Advance,
        stop: threading.Event,
    ) -> None:
        self._connection = connection
        self._file = file
        self._target = place(root, file.path)
        self._part = part_of(self._target, taken, root)
        self._advance = advance
        self._stop = stop
        self._digest = hashlib.sha256()
        self._size = 0
        self._etag = ""

    def run(self) -> None:
        with _disk(self._part), open(self._part, "ab+") as part:
            self._take_up(part)
            resumed = self._size > 0
            self._transfer(part)
            if resumed and not self._is_complete():
                # What was there belonged to something else: once more, from the start.
                self._restart(part)
                self._transfer(part)
        if not self._is_complete():
            self._part.unlink(missing_ok=True)
            raise TransferFailed(f"{self._file.path} arrived damaged: its digest is not the one the service names.")
        with _disk(self._target):
            os.replace(self._part, self._target)

    def _is_complete(self) -> bool:
        size, sha256 = self._file.size, self._file.sha256
        return (size is None or size == self._size) and (sha256 is None or sha256 == self._digest.hexdigest())

    def _take_up(self, part: BinaryIO) -> None:
        """Go on where an earlier command broke off; without a digest nobody could say whether the parts fit."""
        length = part.seek(0, os.SEEK_END)
        if self._file.sha256 is None or self._file.size is None or length > self._file.size:
            part.truncate(0)
            return
        part.seek(0)
        while chunk := part.read(CHUNK):
            self._digest.update(chunk)
        self._size = length
        self._advance(length)

    def _restart(self, part: BinaryIO) -> None:
        self._advance(-self._size)
        part.truncate(0)
        self._digest, self._size, self._etag = hashlib.sha256(), 0, ""

    def _transfer(self, part: BinaryIO) -> None:
        failures, furthest = 0, self._size
        while self._file.size is None or self._size < self._file.size:
            problem: ClientError = TransferFailed(f"{self._file.path} ends before it has {self._file.size} bytes.")
            try:
                self._receive(part)
                if self._file.size is None:
                    return
            except ClientError as exc:
                if not is_passing(exc):
                    raise
                problem = exc
            # Only what was never reached before is progress: a service may begin again and again.
            failures = 0 if self._size > furthest else failures + 1
            furthest = max(furthest, self._size)
            if failures >= ATTEMPTS or (failures and self._stop.wait(FIRST_PAUSE * 2**failures)):
                raise problem

    def _receive(self, part: BinaryIO) -> None:
        headers = {"Accept": "*/*"}
        if self._size and self._file.sha256 is None and not self._etag:
            self._restart(part)
        if self._size:
            headers["Range"] = f"bytes={self._size}-"
            if self._file.sha256 is None:
                headers["If-Range"] = self._etag
        with self._connection.stream("GET", self._file.url, headers=headers) as response:
            if response.status_code == 416:
                self._restart(part)
                return
            if not response.ok:
                raise problem_of(response)
            if not _continues(response, self._size):
                self._restart(part)
            etag = response.headers.get("ETag", "")
            self._etag = "" if etag.startswith("W/") else etag
            for chunk in response.iter_content(CHUNK):
                self._keep(part, chunk)

    def _keep(self, part: BinaryIO, chunk: bytes) -> None:
        if self._stop.is_set():
            raise TransferFailed("The download was stopped.")
        self._size += len(chunk)
        if self._file.size is not None and self._size > self._file.size:
            raise TransferFailed(f"{self._file.path} is longer than the service says: {self._file.size} bytes.")
        self._digest.update(chunk)
        part.write(chunk)
        self._advance(len(chunk))


def _continues(response: requests.Response, offset: int) -> bool:
    """Whether the body is what follows the first ``offset`` bytes."""
    if response.status_code != 206:
        return offset == 0
    found = _RANGE.match(response.headers.get("Content-Range", ""))
    if not found or int(found[1]) != offset:
        raise TransferFailed(f"The service answers a range that was not asked for: {response.url}.")
    return True


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Turn errors of the disk into ours."""
    try:
        yield
    except ClientError:
        raise
    except requests.exceptions.RequestException:
        # These are OSErrors too, and not of the disk.
        raise
    except OSError as exc:
        raise TransferFailed(f"{path} cannot be written: {exc.strerror or exc}.") from exc


@contextmanager
def _progress(files: Sequence[RemoteFile], shown: bool) -> Iterator[Advance]:
    """Give the function that counts bytes; a bar on stderr shows them."""
    if not shown or not files:
        yield lambda count: None
        return
    # Imported here: it is not needed where nobody looks.
    from tqdm import tqdm

    lock = threading.Lock()
    known = [file.size for file in files]
    total = None if None in known else sum(size for size in known if size is not None)
    bar: Any = tqdm(total=total, unit="B", unit_scale=True, unit_divisor=1024, file=sys.stderr, leave=False)

    def advance(count: int) -> None:
        with lock:
            bar.update(count)

    try:
        yield advance
    finally:
        bar.close()


__all__ = ["fetch_all", "fetch_archive"]
