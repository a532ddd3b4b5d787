"""The directory of one attempt: ``inputs/ work/ outputs/<output id>/… stdout stderr exitCode``.

It lies at ``<work directory>/<job id>/<attempt>``, so that its name alone tells whose it is. Results have the same
names in it, at the publisher and on the user's disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from weaverlite.execution.capped import settle
from weaverlite.models.results import OutputFile

#: How often the directory of an attempt is made anew when that of its job goes away meanwhile.
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Workspace:
    """The directory of one attempt."""

    path: Path

    @classmethod
    def of(cls, root: Path, job_id: str, attempt: int) -> Workspace:
        """Return the workspace of an attempt below the work directory."""
        return cls(root / job_id / str(attempt))

    @property
    def inputs(self) -> Path:
        return self.path / "inputs"

    @property
    def work(self) -> Path:
        """What the engine gets as the directory of its run."""
        return self.path / "work"

    @property
    def outputs(self) -> Path:
        return self.path / "outputs"

    def create(self) -> None:
        """Make the directory, empty, whatever was there; those of inputs and outputs are made when there are any."""
        remove_tree(self.path)
        for tries_left in reversed(range(_TRIES)):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # Only ours: other users of this host have no business with inputs and outputs.
                self.path.mkdir(mode=0o700)
                break
            except (FileExistsError, FileNotFoundError):
                # The reaper removes the job's directory, with its last attempt, in this very moment.
                if not tries_left:
                    raise
        self.work.mkdir()

    def remove(self) -> None:
        """Remove the directory with all that is in it, and that of the job when this was its last attempt."""
        remove_tree(self.path)
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()

    def streams(self, exit_code: int) -> tuple[OutputFile, ...]:
        """Finish the log files, write the exit code, and return the three as files of the manifest."""
        for name in ("stdout", "stderr"):
            path = self.path / name
            with contextlib.suppress(OSError):
                path.touch()
                settle(path)
        with contextlib.suppress(OSError):
            (self.path / "exitCode").write_text(f"{exit_code}\n", encoding="ascii")
        return tuple(
            file
            for name in ("exitCode", "stdout", "stderr")
            if (file := _stream_file(self.path / name, name)) is not None
        )


def attempts(root: Path) -> Iterator[tuple[str, int]]:
    """Yield job id and attempt of every workspace below the work directory."""
    for job in _directories(root):
        for attempt in _directories(root / job):
            if attempt.isdigit():
                yield job, int(attempt)


def digest(path: Path) -> tuple[int, str]:
    """Return size and SHA-256 of a regular file; never follows a link."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path.name} is not a regular file.")
        return status.st_size, hashlib.file_digest(file, "sha256").hexdigest()


def remove_tree(path: Path) -> None:
    """Remove a directory with all that is in it, links not followed, also where permissions are in the way.

    What cannot be removed now is left to a later try.
    """
    if not os.path.lexists(path):
        return
    shutil.rmtree(path, ignore_errors=True)
    if not os.path.lexists(path):
        return
    # A tool took the rights from its directories: give them back, then once more. fwalk goes by open directories
    # and never through a link.
    with contextlib.suppress(OSError):
        path.chmod(0o700)
        for _, names, _, directory in os.fwalk(path, follow_symlinks=False):
            for name in names:
                with contextlib.suppress(OSError):
                    if not stat.S_ISLNK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
                        os.chmod(name, 0o700, dir_fd=directory)
    shutil.rmtree(path, ignore_errors=True)


def _stream_file(path: Path, name: str) -> OutputFile | None:
    try:
        size, sha256 = digest(path)
    except OSError:
        return None
    return OutputFile(path=name, size=size, sha256=sha256, media_type="text/plain")


def _directories(path: Path) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
