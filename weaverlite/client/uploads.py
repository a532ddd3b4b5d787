"""Files and directories of this machine sent to the service, in memory that does not grow with them.

A file is the body of one request; a directory is one tar stream (uncompressed, names relative to the directory) that is
made while it is sent. Both have a known length, so no server has to understand chunked bodies. A service without a
vault gets small files inside the request instead.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

from weaverlite.client.connection import Connection
from weaverlite.client.errors import InvalidUsage, TransferFailed, Unreachable
from weaverlite.client.inputs import LocalFile
from weaverlite.client.operation import OperationResult

#: Largest file that goes inside the request when the service takes no uploads.
INLINE_LIMIT = 4 * 1024 * 1024
CHUNK = 256 * 1024
TAR_TYPE = "application/x-tar"
DIRECTORY_TYPE = "inode/directory"
#: Answers of a service that has nothing to upload to.
_NO_VAULT = frozenset({404, 405, 406, 415, 501})
_TYPES = {
    ".cwl": "application/cwl+yaml",
    ".geojson": "application/geo+json",
    ".json": "application/json",
    ".nc": "application/netcdf",
    ".parquet": "application/vnd.apache.parquet",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zarr": "application/vnd.zarr",
}


class Uploader:
    """Turns local files into values that the service can read; each path is sent once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sent: dict[tuple[Path, str], dict[str, Any]] = {}

    def put(self, file: LocalFile) -> dict[str, Any]:
        """Return the value that stands for ``file`` in an execute request, after it was sent.

        :raises ClientError: the service did not take it.
        """
        key = (file.path.resolve(), file.name)
        if key not in self._sent:
            self._sent[key] = self._put(file)
        return self._sent[key]

    def _put(self, file: LocalFile) -> dict[str, Any]:
        answer = upload(self._connection, file.path, name=file.name, media_type=file.media_type)
        if answer.success and isinstance(answer.body, dict) and isinstance(answer.body.get("href"), str):
            media_type = DIRECTORY_TYPE if file.is_directory else file.media_type or guess_type(file.name)
            reference = {"href": answer.body["href"], "type": media_type, "title": file.name}
            return {key: value for key, value in reference.items() if value}
        if answer.success or answer.code in _NO_VAULT or self._lacks_vault(answer):
            return _inline(file)
        answer.check()
        raise TransferFailed(f"{file.path} could not be uploaded.")

    def _lacks_vault(self, answer: OperationResult) -> bool:
        # A server may hang up on a body that it does not want before its answer is read: ask without a body.
        if not isinstance(answer.error, Unreachable):
            return False
        return self._connection.call("POST", "/vault", data=b"").code in _NO_VAULT


def upload(
    connection: Connection, path: Path, *, name: str | None = None, media_type: str | None = None
) -> OperationResult:
    """Send a file or a directory to the vault; the body of the result holds its ``href``."""
    name = name or path.resolve().name
    if path.is_dir():
        body: FileBody | TarBody = TarBody(path)
        media_type = TAR_TYPE
    else:
        body = FileBody(path)
        media_type = media_type or guess_type(name) or "application/octet-stream"
    headers = {
        "Content-Type": media_type,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
    }
    # An empty body cannot be streamed: it would be taken for one of unknown length.
    result = connection.call("POST", "/vault", data=body if len(body) else b"", headers=headers)
    if not result.success or not isinstance(result.body, dict):
        return result
    received = result.body.get("sha256")
    if isinstance(received, str) and received != body.sha256:
        message = f"{path} arrived damaged, or changed while it was sent: upload it again."
        return OperationResult(
            success=False, code=result.code, message=message, error=TransferFailed(message), url=result.url
        )
    if "href" not in result.body and "Location" in result.headers:
        result.body["href"] = urljoin(result.url, result.headers["Location"])
    return result


def guess_type(name: str) -> str | None:
    """Return the media type that the ending of ``name`` tells, None when it tells none."""
    return _TYPES.get(os.path.splitext(name)[1].lower()) or mimetypes.guess_type(name)[0]


def _inline(file: LocalFile) -> dict[str, Any]:
    if file.is_directory:
        raise InvalidUsage(f"This service takes no uploads, so the directory {file.path} cannot be passed: give a URL.")
    size = file.path.stat().st_size
    if size > INLINE_LIMIT:
        raise InvalidUsage(
            f"This service takes no uploads, and {file.path} is too large ({size >> 20} MiB) to go inside the request: "
            "give a URL."
        )
    content = file.path.read_bytes()
    media_type = file.media_type or guess_type(file.name) or "application/octet-stream"
    if media_type.startswith("text/") or media_type.endswith(("json", "yaml", "xml")):
        try:
            return {"value": content.decode(), "mediaType": media_type}
        except UnicodeDecodeError:
            pass
    return {"value": base64.b64encode(content).decode(), "mediaType": media_type, "encoding": "base64"}


class FileBody:
    """The bytes of a file, with their length as it was at the start and their digest once they were read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = path.stat().st_size
        self._digest = hashlib.sha256()

    def __len__(self) -> int:
        return self._size

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        self._digest = hashlib.sha256()
        for chunk in _read(self._path, self._size):
            self._digest.update(chunk)
            yield chunk


@dataclass(frozen=True)
class _Member:
    header: bytes
    path: Path
    size: int

    @property
    def padding(self) -> bytes:
        return b"\0" * (-self.size % tarfile.BLOCKSIZE)


class TarBody:
    """A directory as a tar stream. Links are followed, as far as they do not lead back up."""

    def __init__(self, directory: Path) -> None:
        self._members = [*_walk(directory, "", (directory.resolve(),))]
        self._digest = hashlib.sha256()

    def __len__(self) -> int:
        content = sum(len(member.header) + member.size + len(member.padding) for member in self._members)
        return content + 2 * tarfile.BLOCKSIZE

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        self._digest = hashlib.sha256()
        for chunk in self._chunks():
            self._digest.update(chunk)
            yield chunk

    def _chunks(self) -> Iterator[bytes]:
        for member in self._members:
            yield member.header
            if member.size:
                yield from _read(member.path, member.size)
                yield member.padding
        yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _walk(directory: Path, prefix: str, above: tuple[Path, ...]) -> Iterator[_Member]:
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError as exc:
        raise InvalidUsage(f"{directory} cannot be read: {exc.strerror or exc}.") from exc
    for entry in entries:
        path, name = Path(entry.path), prefix + entry.name
        try:
            found = entry.stat()
        except OSError as exc:
            raise InvalidUsage(f"{path} cannot be uploaded: {exc.strerror or exc}.") from exc
        info = tarfile.TarInfo(name)
        info.mtime, info.mode = int(found.st_mtime), stat.S_IMODE(found.st_mode) & 0o755
        if stat.S_ISDIR(found.st_mode):
            real = path.resolve()
            if real in above:
                raise InvalidUsage(f"{path} cannot be uploaded: the link leads back to {real}.")
            info.type = tarfile.DIRTYPE
            yield _Member(_header(info), path, 0)
            yield from _walk(path, name + "/", (*above, real))
        elif stat.S_ISREG(found.st_mode):
            info.size = found.st_size
            yield _Member(_header(info), path, info.size)
        else:
            raise InvalidUsage(f"{path} cannot be uploaded: it is neither a file nor a directory.")


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _read(path: Path, size: int) -> Iterator[bytes]:
    """Yield the first ``size`` bytes of a file, never fewer: they were promised in the length of the body."""
    remaining = size
    try:
        with path.open("rb") as stream:
            while remaining:
                chunk = stream.read(min(CHUNK, remaining))
                if not chunk:
                    raise TransferFailed(f"{path} became shorter while it was sent: upload it again.")
                remaining -= len(chunk)
                yield chunk
    except OSError as exc:
        raise TransferFailed(f"{path} cannot be read: {exc.strerror or exc}.") from exc


__all__ = ["FileBody", "TarBody", "Uploader", "guess_type", "upload"]
