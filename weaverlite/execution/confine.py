"""Start the tools of a job: with its marks, its limits, in a process group of its own.

Limits are put on the tool and never on the job process, which could not take them back for its next job. They are set
from outside as soon as the tool runs: to set them between fork and exec would need Python code in a forked child of a
process with threads, which is slow and may hang. What a tool starts in that instant is found and limited too; what
escapes is seen by the watch on the memory of the whole job.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weaverlite.errors import EngineError
from weaverlite.execution import procfs


class Tool(subprocess.Popen[bytes]):
    """A tool's process, which remembers what it used."""

    #: Peak resident bytes, of the tool or any process it waited for; None before its end.
    peak_memory: int | None = None

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        # The hook through which Popen waits: wait4 tells the usage of this very child, while the process's own count
        # of all its children only ever grows, over the jobs of other people.
        try:
            pid, status, usage = os.wait4(self.pid, wait_flags)
        except ChildProcessError:
            return self.pid, 0
        if pid:
            self.peak_memory = usage.ru_maxrss * 1024
        return pid, status


class Confinement:
    """The :class:`~weaverlite.engines.interfaces.Launch` of one attempt.

    ``memory`` (bytes) and ``processes`` limit each tool, zero is no limit. The limit of memory is on what a process
    may write to (``RLIMIT_DATA``), not on addresses: runtimes that reserve large ranges without using them still run.
    """

    def __init__(self, environment: Mapping[str, str], *, memory: int = 0, processes: int = 0) -> None:
        self._environment = dict(environment)
        self._limits: dict[int, int] = {}
        if memory:
            self._limits[resource.RLIMIT_DATA] = memory
        if processes:
            self._limits[resource.RLIMIT_NPROC] = processes
        self._lock = threading.Lock()
        self._tools: list[Tool] = []
        self._is_stopped = False

    def __call__(
        self,
        arguments: list[str],
        *,
        cwd: str | Path,
        env: Mapping[str, str],
        stdin: Any = None,
        stdout: Any = None,
        stderr: Any = None,
        network: bool = False,
        confined: bool = True,
    ) -> subprocess.Popen[bytes]:
        if self._is_stopped:
            raise EngineError("The job is being stopped: it starts no further tool.")
        tool = Tool(
            arguments,
            cwd=cwd,
            env={**env, **self._environment},
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout,
            stderr=stderr,
            process_group=0 if confined else None,
        )
        if self._limits and confined:
            self._limit(tool.pid, *procfs.descendants(tool.pid))
        with self._lock:
            self._tools.append(tool)
        if self.is_stopped:
            # Asked to stop between the look above and here: what was sent to the tool before its exec is lost.
            with contextlib.suppress(ProcessLookupError):
                os.kill(tool.pid, signal.SIGTERM)
        return tool

    def stop(self) -> None:
        """Start no further tool. Safe in a signal handler."""
        self._is_stopped = True

    @property
    def is_stopped(self) -> bool:
        return self._is_stopped

    @property
    def peak_memory(self) -> int | None:
        """The most that one tool had resident, of those that have ended."""
        with self._lock:
            return max((tool.peak_memory for tool in self._tools if tool.peak_memory), default=None)

    def limit_self(self) -> None:
        """Put the limits on this very process, which is not used again: it runs the user's code itself."""
        self._limit(os.getpid())

    def _limit(self, *pids: int) -> None:
        for pid in pids:
            # A process that is gone needs no limit.
            with contextlib.suppress(ProcessLookupError):
                for limit, value in self._limits.items():
                    hard = resource.prlimit(pid, limit)[1]
                    lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
                    resource.prlimit(pid, limit, (lowered, lowered))
