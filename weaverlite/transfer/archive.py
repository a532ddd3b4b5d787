"""Unpacks a directory that was sent as one uncompressed tar file, trusting nothing in it.

Only regular files and directories come out, under names that stay below the target: no links, no devices, no modes or
owners, no sparse files (a few bytes of them claim any size), nothing twice. :mod:`tarfile` only reads headers here; its
own extraction is never used.
"""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

from weaverlite.errors import StagingError
from weaverlite.transfer.files import Budget, staging_errors, writing

_BLOCK = 1024**2
_DEEPEST = 64


def extract(source: int, target: Path, budget: Budget) -> None:
    """Unpack the tar file behind the descriptor ``source`` into the new directory ``target``.

    :raises StagingError: it is not such a file, or holds what may not be in it.
    """
    target.mkdir(parents=True)
    try:
        with _Source(os.dup(source)) as raw, tarfile.open(fileobj=raw, mode="r:") as archive:
            end = -1
            while (member := archive.next()) is not None:
                # Headers with negative sizes lead some releases of tarfile round in circles.
                if member.size < 0 or archive.offset <= end:
                    raise tarfile.ReadError("a header with a negative size")
                end = archive.offset
                _extract(archive, member, target, budget)
                # tarfile remembers every member: a million of them would stay in memory.
                archive.members.clear()  # type: ignore[attr-defined]  # not in the stubs of tarfile.
            # tarfile takes a broken header for the end; the true one is a block of zeros.
            if os.pread(source, tarfile.BLOCKSIZE, archive.offset) != tarfile.NUL * tarfile.BLOCKSIZE:
                raise tarfile.ReadError("it ends early, or has a broken header")
    except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
        raise StagingError(f"A directory is sent as an uncompressed tar file, and this is none: {error}.") from error


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, budget: Budget) -> None:
    parts = _parts(member.name)
    path = target.joinpath(*parts)
    budget.take_file()
    with staging_errors(f"{member.name[:120]!r} in the tar file of a directory"):
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            return
        content = archive.extractfile(member) if member.isreg() and not member.issparse() and parts else None
        if content is None:
            raise StagingError(
                f"{member.name[:120]!r} in the tar file of a directory is neither a regular file nor a directory: "
                "links and devices are not unpacked."
            )
        with content, writing(path, mode=member.mode) as file:
            while block := content.read(_BLOCK):
                budget.take(len(block))
                file.write(block)


def _parts(name: str) -> list[str]:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if (
        name.startswith("/")
        or ".." in parts
        or len(parts) > _DEEPEST
        or any(len(os.fsencode(part)) > 255 or "\0" in part for part in parts)
    ):
        raise StagingError(f"{name[:120]!r} cannot be a name in the tar file of a directory.")
    return parts


class _Source(io.FileIO):
    """The file, which refuses the long reads that only hostile headers ask for: they would go into memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= 2 * _BLOCK:
            raise tarfile.ReadError("a header that is too long")
        return super().read(size)
