"""Publishes results to a directory of this node or of a file system that all nodes share.

``<directory>/<job id>/`` has the one layout, with ``manifest.json``. What is not published yet, and what is being
removed, lies beside it under a hidden name, ``.<job id>~<attempt>~<random>``; one rename makes it visible.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from weaverlite.errors import PublishError, ResultNotAvailable, StagingError
from weaverlite.models.results import Manifest, OutputFile
from weaverlite.settings import Settings
from weaverlite.transfer.files import Budget, copy, open_inside, writing
from weaverlite.transfer.interfaces import FetchLimits, Publisher

MANIFEST = "manifest.json"

_HIDDEN = re.compile(r"\.(?P<job>[A-Za-z0-9][A-Za-z0-9_-]{0,127})~(?P<attempt>\d+)~")
_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}\Z")
#: Larger files are not hurried to the disk: that would also drop them from memory, and they have to be read soon.
_SMALL = 1024**2
#: renameat2(2): swap two names in one step.
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
#: Why a file cannot be linked and is copied: another file system, too many links, links not known or allowed, no /proc.
_CANNOT_LINK = frozenset({errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOENT})


class LocalPublisher(Publisher):
    """Keeps results below ``directory``; the service itself serves them."""

    name = "local"

    def __init__(self, directory: Path) -> None:
        self._directory = os.fspath(directory)

    @classmethod
    def create(cls, settings: Settings) -> LocalPublisher:
        return cls(settings.results_directory)

    def publish(self, manifest: Manifest, source: Path) -> None:
        document = manifest.to_json()
        files = {file.path: file for file in manifest.files()}
        with _publish_errors(manifest.job_id):
            target = self._place(manifest.job_id)
            if _present(target) == document:
                return
            hidden = self._hidden(manifest.job_id, manifest.attempt)
            try:
                _fill(hidden, os.fspath(source), files.values(), document)
                self._show(hidden, target, manifest)
                _sync(self._directory)
            finally:
                # What was there before, or what could not be published.
                shutil.rmtree(hidden, ignore_errors=True)

    def open(self, job_id: str, file: OutputFile) -> BinaryIO:
        gone = ResultNotAvailable(f"The file {file.path} of job {job_id} is not there any more.")
        if not _JOB_ID.match(job_id):
            raise gone
        try:
            descriptor = self._open(job_id, _parts(file.path))
        except (OSError, ValueError) as error:
            raise gone from error
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_size != file.size:
            os.close(descriptor)
            raise gone
        return os.fdopen(descriptor, "rb")

    def _open(self, job_id: str, parts: Sequence[str]) -> int:
        while True:
            seen = _identity(os.path.join(self._directory, job_id))
            try:
                return open_inside(self._directory, [job_id, *parts])
            except FileNotFoundError:
                # On the way down another attempt took the place of this one, which is being removed: look there.
                if _identity(os.path.join(self._directory, job_id)) == seen:
                    raise

    def link(self, job_id: str, file: OutputFile) -> str | None:
        return None

    def remove(self, job_id: str) -> None:
        if not _JOB_ID.match(job_id):
            return
        # Readers see all of it or nothing; what is left by a crash here is found and removed as well.
        with contextlib.suppress(FileNotFoundError):
            os.rename(os.path.join(self._directory, job_id), self._hidden(job_id, 0))
        for name in self._names():
            if name.startswith(f".{job_id}~"):
                shutil.rmtree(os.path.join(self._directory, name), ignore_errors=True)

    def find(self) -> Iterable[str]:
        for name in dict.fromkeys(name.lstrip(".").partition("~")[0] for name in self._names()):
            if _JOB_ID.match(name):
                yield name

    def tidy(self, is_live: Callable[[str, int], bool]) -> None:
        for name in self._names():
            if (hidden := _HIDDEN.match(name)) and not is_live(hidden["job"], int(hidden["attempt"])):
                shutil.rmtree(os.path.join(self._directory, name), ignore_errors=True)

    def _names(self) -> Sequence[str]:
        try:
            return os.listdir(self._directory)
        except FileNotFoundError:
            return ()

    def _place(self, job_id: str) -> str:
        if not _JOB_ID.match(job_id):
            raise ValueError(f"{job_id!r} cannot be the id of a job")
        return os.path.join(self._directory, job_id)

    def _hidden(self, job_id: str, attempt: int) -> str:
        return os.path.join(self._directory, f".{job_id}~{attempt}~{os.urandom(6).hex()}")

    def _show(self, hidden: str, target: str, manifest: Manifest) -> None:
        """Make what lies at ``hidden`` visible at ``target``; what was there is at ``hidden`` then."""
        try:
            # Renaming a directory over one that is not empty is refused: nothing is lost by trying.
            os.rename(hidden, target)
            return
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        _exchange(hidden, target)
        before = _present(hidden) or {}
        if before.get("attempt", 0) > manifest.attempt:
            # This attempt was given up long ago and has woken up late: the newer one stays.
            _exchange(hidden, target)
            raise PublishError(f"Attempt {before['attempt']} of the job has published its results already.")


def _fill(directory: str, source: str, files: Iterable[OutputFile], document: dict[str, Any]) -> None:
    os.makedirs(directory)
    made, brought = {directory}, []
    for file in files:
        parts = _parts(file.path)
        target = os.path.join(directory, *parts)
        parent = os.path.dirname(target)
        if parent not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        _bring(source, parts, target, file)
        if file.size:
            brought.append(target)
    for target in brought:
        _sync(target)
    with open(os.path.join(directory, MANIFEST), "x", encoding="utf-8") as written:
        written.write(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
        written.flush()
        os.fsync(written.fileno())


def _bring(source: str, parts: Sequence[str], target: str, file: OutputFile) -> None:
    """Link or copy a file of the job to ``target``, and have the kernel begin to write it."""
    descriptor = open_inside(source, parts)
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_size != file.size:
            raise PublishError(f"The file {file.path} has changed since the job ended.")
        if _link(descriptor, state, target):
            os.fchmod(descriptor, state.st_mode & 0o666 | stat.S_IRUSR | stat.S_IWUSR)
            if 0 < file.size <= _SMALL:
                # What is on its way to the disk when the first file is waited for needs no commit of its own.
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        else:
            _copy(descriptor, target, file)
    finally:
        os.close(descriptor)


def _link(descriptor: int, state: os.stat_result, target: str) -> bool:
    """Give the open file the name ``target`` too, if it is ours alone; return whether that was done."""
    if state.st_nlink != 1 or state.st_uid != os.geteuid():
        return False
    directory = os.open(os.path.dirname(target), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # The open file, not its name: nobody can put another one in its place between check and link.
        os.link(f"/proc/self/fd/{descriptor}", os.path.basename(target), dst_dir_fd=directory, follow_symlinks=True)
    except OSError as error:
        if error.errno in _CANNOT_LINK:
            return False
        raise
    finally:
        os.close(directory)
    return True


def _copy(descriptor: int, target: str, file: OutputFile) -> None:
    try:
        with writing(Path(target)) as copied:
            copy(descriptor, copied, Budget(FetchLimits(size=file.size, seconds=math.inf)))
    except StagingError as error:
        raise PublishError(f"The file {file.path} could not be copied: {error.detail}") from error


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _present(directory: str) -> dict[str, Any] | None:
    """Return the manifest that is published there, None if there is none that can be read."""
    try:
        with open(os.path.join(directory, MANIFEST), encoding="utf-8") as file:
            document = json.load(file)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _parts(path: str) -> list[str]:
    """Return the parts of a path of the layout.

    :raises ValueError: it could lead out of the directory.
    """
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ValueError(f"{path!r} cannot be the path of a result")
    return parts


def _exchange(one: str, other: str) -> None:
    """Swap two directories, so that each name always shows one of them as a whole."""
    swap = _renameat2()
    if swap is not None:
        import ctypes

        if swap(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise OSError(number, os.strerror(number), one, None, other)
    # Network file systems cannot swap: for a moment readers find neither, and are told that it is not there.
    aside = f"{one}~"
    os.rename(other, aside)
    os.rename(one, other)
    os.rename(aside, one)


@cache
def _renameat2() -> Any:
    # Only a second attempt comes here: ctypes takes a while to import.
    import ctypes

    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)


@contextmanager
def _publish_errors(job_id: str) -> Iterator[None]:
    """Turn what the operating system says into our words."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise PublishError(f"The results of job {job_id} could not be published: the disk is full.") from error
        raise PublishError(
            f"The results of job {job_id} could not be published: {error.strerror or error}."
        ) from error
    except (ValueError, TypeError) as error:
        raise PublishError(f"The results of job {job_id} could not be published: {error}.") from error
