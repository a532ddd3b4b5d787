"""The life of a job process: wait for a task, do it, report, become clean again.

It holds no connection but the socket to the service. When that closes, or the fork server ends, so does this.
"""

from __future__ import annotations

import logging
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Any

from weaverlite.engines.interfaces import Engine
from weaverlite.errors import (
    EngineError,
    ExecutionError,
    InvalidPackage,
    OutputLimit,
    UnsupportedMedia,
    WeaverLiteError,
)
from weaverlite.execution.confine import Confinement
from weaverlite.execution.messages import receive_task, report_frame
from weaverlite.execution.parts import Parts
from weaverlite.execution.procfs import marks, out_of_memory_kills
from weaverlite.execution.reset import Baseline
from weaverlite.execution.steps import NO_TOOL, Steps, used_cpu
from weaverlite.execution.tasks import DescribeTask, RunTask
from weaverlite.execution.voice import Voice
from weaverlite.models.codec import to_json

_log = logging.getLogger(__name__)


class Stopped(KeyboardInterrupt):
    """The job is to stop."""


class JobProcess:
    """The loop of a job process."""

    def __init__(self, connection: socket.socket, parts: Parts) -> None:
        self._connection = connection
        self._parts = parts
        self._launch: Confinement | None = None
        #: For good: a process that was told to stop gets no other task.
        self._is_stopped = False
        #: Whether code that is not ours runs in this very process, and is to be interrupted.
        self._is_interruptible = False

    def run(self) -> None:
        """Do tasks until the service is gone or wants no more."""
        signal.signal(signal.SIGTERM, self._stop)
        baseline = Baseline()
        while (task := receive_task(self._connection)) is not None:
            is_tainted = False
            self._send({"kind": "started", "cpu": used_cpu(), "oom": out_of_memory_kills()})
            if isinstance(task, RunTask):
                is_tainted = self._run(task)
            elif isinstance(task, DescribeTask):
                self._send(self._describe(task))
            why = "an unexpected error" if is_tainted else baseline.restore()
            self._send({"kind": "reset", "clean": not why, "why": why})

    def _stop(self, number: int, frame: FrameType | None) -> None:
        # Tools get a signal of their own; here only what would follow them is kept from starting.
        self._is_stopped = True
        if self._launch is not None:
            self._launch.stop()
        if self._is_interruptible:
            self._is_interruptible = False
            raise Stopped

    def _run(self, task: RunTask) -> bool:
        """Run a job; return whether this process may have been changed by it for good."""
        engine = self._parts.engines.get(task.engine)
        if engine is None:
            self._send(_failed(EngineError(f"This worker has no engine {task.engine!r}.")))
            return False
        try:
            voice = Voice(self._connection, task.directory, task.limits.log_head, task.limits.log_tail)
        except OSError as exc:
            self._send(_failed(OutputLimit(f"The worker cannot write to the job's directory: {exc.strerror}.")))
            return True
        marked = marks(task.job_id, task.attempt, task.instance)
        launch = Confinement(marked, memory=task.limits.memory, processes=task.limits.processes)
        steps = Steps(task, self._parts, voice, launch)
        self._launch = launch
        if self._is_stopped:
            # Before there was anything to stop.
            launch.stop()
        try:
            ended = steps.run(engine, self._in_this_process(launch) if not engine.is_reusable else nullcontext())
        finally:
            self._launch = None
        voice.close()
        voice.flush()
        self._send(ended)
        return steps.is_tainted

    @contextmanager
    def _in_this_process(self, launch: Confinement) -> Iterator[None]:
        """Let code that is not ours run in this process: within the limits of a tool, and interrupted by TERM."""
        launch.limit_self()
        self._is_interruptible = not launch.is_stopped
        try:
            if launch.is_stopped:
                raise Stopped
            yield
        finally:
            self._is_interruptible = False

    def _describe(self, task: DescribeTask) -> dict[str, Any]:
        resource.setrlimit(resource.RLIMIT_DATA, (task.memory, task.memory))
        resource.setrlimit(resource.RLIMIT_CPU, (task.seconds, task.seconds + 1))
        package = task.package
        try:
            engine = self._engine_of(package.media_type)
            description = engine.describe(package)
            return {"kind": "described", "engine": engine.name, "description": to_json(description)}
        except (InvalidPackage, UnsupportedMedia) as exc:
            return _refusal(exc)
        except WeaverLiteError as exc:
            return _refusal(InvalidPackage(exc.detail, faults=exc.faults))
        except (MemoryError, RecursionError):
            return _refusal(InvalidPackage("The package is too large or too deep to be read."))
        except Exception as exc:
            _log.warning("a package could not be described", exc_info=exc)
            return _refusal(InvalidPackage(f"The package cannot be read: {type(exc).__name__}: {str(exc)[:1000]}"))

    def _engine_of(self, media_type: str) -> Engine:
        for engine in self._parts.engines.values():
            if media_type in engine.media_types:
                return engine
        known = ", ".join(sorted(name for engine in self._parts.engines.values() for name in engine.media_types))
        raise UnsupportedMedia(f"No engine here runs packages of the type {media_type!r}; known are {known}.")

    def _send(self, report: dict[str, Any]) -> None:
        self._connection.sendall(report_frame(report))


def serve(connection: socket.socket, parts: Parts) -> None:
    """Be a job process on this connection, until nothing is wanted of it any more."""
    JobProcess(connection, parts).run()


def _failed(error: ExecutionError) -> dict[str, Any]:
    return {"kind": "ended", "exit_code": NO_TOOL, "failure": error.problem(), "manifest": None, "cpu": 0.0}


def _refusal(exc: WeaverLiteError) -> dict[str, Any]:
    return {
        "kind": "refused",
        "error": type(exc).__name__,
        "detail": exc.detail,
        "faults": [fault.to_json() for fault in exc.faults],
    }
