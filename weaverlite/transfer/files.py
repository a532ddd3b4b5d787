"""Files on this node, opened and copied so that no link, device or race leads elsewhere."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from weaverlite.errors import StagingError
from weaverlite.transfer.interfaces import FetchLimits

_BLOCK = 1024**2
_SLICE = 16 * _BLOCK
#: The request of linux/fs.h that shares the blocks of a file with another one (btrfs, XFS).
_FICLONE = 0x40049409
#: What copy_file_range says where it does not work: other file systems, old kernels.
_CANNOT = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})


class Budget:
    """What one fetch may still take: bytes, files, and time."""

    def __init__(self, limits: FetchLimits, *, files: int = 1) -> None:
        self._size = self._left = limits.size
        self._files = self._files_left = files
        self._seconds = limits.seconds
        self._deadline = time.monotonic() + limits.seconds

    @property
    def left(self) -> int:
        """Bytes that may still come."""
        return self._left

    def take(self, count: int) -> None:
        """Count bytes.

        :raises StagingError: they are too many, or time is over.
        """
        self._left -= count
        if self._left < 0:
            raise StagingError(f"It is larger than the {self._size} bytes an input may have here.")
        self._check_time()

    def take_file(self) -> None:
        """Count a file or a directory.

        :raises StagingError: they are too many.
        """
        self._files_left -= 1
        if self._files_left < 0:
            raise StagingError(f"It has more than the {self._files} files and directories an input may have here.")
        self._check_time()

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise StagingError(f"It took longer than the {self._seconds:g} seconds a transfer may take.")


@contextmanager
def writing(path: Path, *, mode: int = 0) -> Iterator[BinaryIO]:
    """Create the file ``path`` to be written; if that fails nothing of it is left.

    Of ``mode`` only counts whether the owner may execute the file.

    :raises StagingError: the disk does not take it.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with staging_errors(path.name):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, flags, 0o755 if mode & stat.S_IXUSR else 0o644)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


@contextmanager
def staging_errors(what: str) -> Iterator[None]:
    """Turn what the operating system says into our words."""
    try:
        yield
    except FileNotFoundError as error:
        raise StagingError(f"{what}: there is no such file or directory.") from error
    except FileExistsError as error:
        raise StagingError(f"{what}: there is something of this name already.") from error
    except PermissionError as error:
        raise StagingError(f"{what}: this node may not read it.") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StagingError(f"{what}: the disk of this node is full.") from error
        raise StagingError(f"{what}: {error.strerror or error}.") from error


def open_inside(root: str, parts: Sequence[str]) -> int:
    """Return a descriptor, for reading, of what ``parts`` name below ``root``; no link is followed on the way.

    :raises OSError: it is not there, or a link is in the way.
    """
    directory = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
            os.close(directory)
            directory = below
        # A pipe without a writer would be waited for without O_NONBLOCK.
        return os.open(
            parts[-1] if parts else ".", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory
        )
    finally:
        os.close(directory)


def copy(source: int, target: BinaryIO, budget: Budget) -> None:
    """Copy a regular file; the copy shares its blocks where the file system can, and never its content later.

    :raises StagingError: it is not a regular file, or over the budget.
    """
    state = os.fstat(source)
    if not stat.S_ISREG(state.st_mode):
        raise StagingError("It is neither a regular file nor a directory.")
    if state.st_size and _clone(source, target, state.st_size, budget):
        return
    while count := _copy_range(source, target, budget):
        budget.take(count)
    # What the kernel could not copy, and the end of a file that grew meanwhile.
    while block := os.read(source, _BLOCK):
        budget.take(len(block))
        target.write(block)


def _clone(source: int, target: BinaryIO, size: int, budget: Budget) -> bool:
    with contextlib.suppress(OSError):
        fcntl.ioctl(target, _FICLONE, source)
        budget.take(size)
        return True
    return False


def _copy_range(source: int, target: BinaryIO, budget: Budget) -> int:
    try:
        return os.copy_file_range(source, target.fileno(), min(_SLICE, budget.left + 1))
    except OSError as error:
        if error.errno in _CANNOT:
            return 0
        raise
