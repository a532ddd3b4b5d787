"""A whole result set as one file, zip or tar: made while it is sent, of blocks, and without a copy anywhere.

The names are those of the one layout: ``manifest.json`` first, then ``stdout``, ``stderr``, ``exitCode`` and
``outputs/…``. Nothing is compressed: the length is known before the first byte, and a broken transfer is noticed.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import BinaryIO

from pyramid.response import Response

from weaverlite.api.files import disposition
from weaverlite.api.inlining import blocks
from weaverlite.api.rendering import set_type, write_json
from weaverlite.models.results import Manifest, OutputDirectory, OutputFile, OutputValue
from weaverlite.ogc.negotiation import TAR, ZIP

_EXTENSIONS = {ZIP: ".zip", TAR: ".tar"}
_MANIFEST = "manifest.json"
Open = Callable[[OutputFile], BinaryIO]


def archive_response(manifest: Manifest, media_type: str, open_file: Open) -> Response:
    """Return the response of an archive of all that a manifest names."""
    document = write_json(manifest.to_json())
    files = {file.path: file for file in manifest.files()}
    empty = [path for value in manifest.outputs.values() for path in _empty_directories(value)]
    write = _zip if media_type == ZIP else _tar
    response = Response(status=200)
    set_type(response, media_type)
    length, response.app_iter = write(manifest, document, files, empty, open_file)
    response.content_length = length
    response.headers["Content-Disposition"] = disposition(manifest.job_id + _EXTENSIONS[media_type], is_shown=False)
    return response


def only(manifest: Manifest, outputs: Mapping[str, OutputValue]) -> Manifest:
    """Return the manifest with these outputs alone."""
    return replace(manifest, outputs=dict(outputs))


def _empty_directories(value: OutputValue) -> Iterator[str]:
    """Yield the directories that no file would make."""
    if isinstance(value, OutputDirectory):
        if not value.files:
            yield value.path
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _empty_directories(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _empty_directories(item)


class _Content:
    """The blocks of a file, which is opened when its turn comes and must be as long as the manifest says."""

    def __init__(self, file: OutputFile, open_file: Open) -> None:
        self._file, self._open = file, open_file

    def __iter__(self) -> Iterator[bytes]:
        left = self._file.size
        for block in blocks(self._open(self._file)):
            left -= len(block)
            yield block
        if left:
            # The length is promised: an archive that is wrong must break off, not look whole.
            raise OSError(f"{self._file.path} is not as long as its manifest says")


# ---------------------------------------------------------------- zip


def _zip(
    manifest: Manifest, document: bytes, files: Mapping[str, OutputFile], empty: list[str], open_file: Open
) -> tuple[int, Iterator[bytes]]:
    from zipstream import ZipStream  # Here for the start-up.

    archive = ZipStream(sized=True)
    archive.add(document, _MANIFEST)
    for path, file in files.items():
        archive.add(_Content(file, open_file), path, size=file.size)
    for path in empty:
        archive.add(None, f"{path}/")
    return len(archive), iter(archive)


# ---------------------------------------------------------------- tar


def _tar(
    manifest: Manifest, document: bytes, files: Mapping[str, OutputFile], empty: list[str], open_file: Open
) -> tuple[int, Iterator[bytes]]:
    at = int(manifest.created_at.timestamp())
    members: list[tuple[bytes, int, Callable[[], Iterator[bytes]]]] = [
        (_head(_MANIFEST, len(document), at), len(document), lambda: iter([document]))
    ]
    for path, file in files.items():
        members.append((_head(path, file.size, at), file.size, _Content(file, open_file).__iter__))
    for path in empty:
        members.append((_head(path, 0, at, is_directory=True), 0, lambda: iter(())))
    end = b"\0" * (2 * tarfile.BLOCKSIZE)
    length = sum(len(head) + size + _padding(size) for head, size, _ in members) + len(end)
    return length, _members(members, end)


def _members(members: list[tuple[bytes, int, Callable[[], Iterator[bytes]]]], end: bytes) -> Iterator[bytes]:
    for head, size, content in members:
        yield head
        yield from content()
        yield b"\0" * _padding(size)
    yield end


def _head(path: str, size: int, at: int, *, is_directory: bool = False) -> bytes:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mtime = size, at
    entry.mode = 0o755 if is_directory else 0o644
    if is_directory:
        entry.type = tarfile.DIRTYPE
    return entry.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> int:
    return -size % tarfile.BLOCKSIZE
