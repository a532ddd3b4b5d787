"""What a running job takes, measured from outside: disk below its directory, memory of each of its tools."""

from __future__ import annotations

import contextlib
import os
import time
from collections import defaultdict
from pathlib import Path

from weaverlite.errors import ExecutionError, OutOfMemory, OutputLimit
from weaverlite.execution import procfs
from weaverlite.execution.parts import Limits

#: The first look at the disk, and the least pause between two; a large tree is looked at less often.
_DISK_EVERY = 1.0
_DISK_SHARE = 20.0
_MEMORY_EVERY = 0.25


class Quota:
    """Watches one attempt: call :meth:`check` when :attr:`due_at` (monotonic) has come."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        self._directory = directory
        self._limits = limits
        now = time.monotonic()
        self._disk_at = now + _DISK_EVERY if limits.disk or limits.files else float("inf")
        self._memory_at = now + _MEMORY_EVERY if limits.memory else float("inf")

    @property
    def due_at(self) -> float:
        return min(self._disk_at, self._memory_at)

    def check(self, pid: int | None) -> ExecutionError | None:
        """Return what the job, whose job process is ``pid``, has exceeded, or None."""
        now = time.monotonic()
        found: ExecutionError | None = None
        if now >= self._memory_at:
            self._memory_at = now + _MEMORY_EVERY
            found = self._check_memory(pid) if pid else None
        if found is None and now >= self._disk_at:
            found = self._check_disk()
            self._disk_at = time.monotonic() + max(_DISK_EVERY, _DISK_SHARE * (time.monotonic() - now))
        return found

    def _check_memory(self, pid: int) -> ExecutionError | None:
        # Each tool leads a group of processes.
        tools: dict[int, list[int]] = defaultdict(list)
        for each in procfs.descendants(pid):
            with contextlib.suppress(ProcessLookupError):
                tools[os.getpgid(each)].append(each)
        most = max((self._memory_of(tool) for tool in tools.values()), default=0)
        if most <= self._limits.memory:
            return None
        return OutOfMemory(
            f"The job used {most} bytes of memory; {self._limits.memory} are allowed (options: resources.memory)."
        )

    def _memory_of(self, tool: list[int]) -> int:
        resident = sum(procfs.resident_memory(pid) for pid in tool)
        if resident <= self._limits.memory:
            return resident
        # Pages that processes share were counted for each: only now is it worth to ask for what is theirs in fact.
        return sum(procfs.proportional_memory(pid) for pid in tool)

    def _check_disk(self) -> ExecutionError | None:
        size, files = measure(self._directory, self._limits.disk, self._limits.files)
        if self._limits.disk and size > self._limits.disk:
            return OutputLimit(
                f"The job wrote more than the {self._limits.disk} bytes it may have on disk (options: resources.disk)."
            )
        if self._limits.files and files > self._limits.files:
            return OutputLimit(f"The job made more than the {self._limits.files} files it may have.")
        return None


def measure(directory: Path, most_bytes: int = 0, most_files: int = 0) -> tuple[int, int]:
    """Return the bytes that files below ``directory`` take on disk, and how many there are.

    Links are not followed, a file of several names counts once, holes do not count. Stops soon after a limit (zero: no
    limit) is passed.
    """
    size = files = 0
    seen: set[tuple[int, int]] = set()
    left = [os.fspath(directory)]
    while left:
        # What vanishes while we look, or is locked by the tool, is not counted.
        with contextlib.suppress(OSError), os.scandir(left.pop()) as entries:
            for entry in entries:
                files += 1
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)
                    continue
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if status.st_nlink == 1 or (status.st_dev, status.st_ino) not in seen:
                        size += status.st_blocks * 512
                    if status.st_nlink > 1:
                        seen.add((status.st_dev, status.st_ino))
                if (most_files and files > most_files) or (most_bytes and size > most_bytes):
                    return size, files
    return size, files
