"""The steps of one attempt, inside the job process: stage in, run, collect, publish.

Whatever happens, the job leaves a manifest with its streams and with what it produced; only a killed one does not, and
then the supervisor writes it.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import resource
import signal
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from weaverlite.engines.interfaces import Engine, Outcome, Run
from weaverlite.errors import (
    EngineError,
    ExecutionError,
    OutOfMemory,
    OutputLimit,
    PublishError,
    WeaverLiteError,
)
from weaverlite.execution import procfs
from weaverlite.execution.collect import Collection
from weaverlite.execution.confine import Confinement
from weaverlite.execution.parts import Parts
from weaverlite.execution.reset import end_children
from weaverlite.execution.stage import Staging
from weaverlite.execution.tasks import RunTask
from weaverlite.execution.voice import Voice
from weaverlite.execution.workspace import Workspace
from weaverlite.models.results import LocalValue, Manifest, OutputValue, files_of

_log = logging.getLogger(__name__)

#: The exit code of a job that failed before or without a tool that could have one.
NO_TOOL = 1
#: Time for the last processes of a tool to end by themselves before what was produced is collected.
_LEFT_GRACE = 0.02
_FULL = (errno.ENOSPC, errno.EDQUOT)
#: What tools say when they do not get the memory they want.
_NO_MEMORY = re.compile(
    rb"MemoryError|bad_alloc|[Cc]annot allocate (?:memory|vector)|[Oo]ut of memory|OutOfMemory|Cannot reserve"
)


class Steps:
    """One attempt. ``run`` is called once."""

    def __init__(self, task: RunTask, parts: Parts, voice: Voice, launch: Confinement) -> None:
        self._task = task
        self._parts = parts
        self._voice = voice
        self._launch = launch
        self._workspace = Workspace(task.directory)
        self._inputs: Mapping[str, LocalValue] = {}
        self._outputs: Mapping[str, OutputValue] = {}
        self._outcome: Outcome | None = None
        self._cpu = used_cpu()
        self._oom_kills = procfs.out_of_memory_kills()
        #: Whether an error says that this process may not be what it was.
        self.is_tainted = False

    def run(self, engine: Engine, around: AbstractContextManager[None]) -> dict[str, Any]:
        """Do everything and return the report of it. ``around`` is entered for as long as the engine runs."""
        failure = self._guarded(lambda: self._produce(engine, around))
        end_children(_LEFT_GRACE, kill=True)
        if self._outcome is not None:
            # Also of a failed run: what it left is often what tells why.
            failure = failure or self._judged(self._outcome)
            spoiled = self._guarded(lambda: self._collect(self._outcome))
            failure = failure or spoiled
        exit_code = NO_TOOL if self._outcome is None else self._outcome.exit_code
        manifest, lost = self._publish(exit_code)
        failure = failure or lost
        return {
            "kind": "ended",
            "exit_code": exit_code,
            "failure": failure.problem() if failure else None,
            "manifest": manifest.to_json() if manifest else None,
            "cpu": self._own_cpu(),
            "memory": self._peak_memory(),
        }

    # ------------------------------------------------------------ the steps

    def _produce(self, engine: Engine, around: AbstractContextManager[None]) -> None:
        task = self._task
        self._parts.uploads.clear()
        self._parts.uploads.update({upload.upload_id: upload for upload in task.uploads})
        staging = Staging(self._parts, self._workspace.inputs, task.owner)
        self._inputs = staging.run(task.descriptions, task.inputs)
        if staging.references:
            self._voice.log(f"staged {_count(staging.references, 'reference')}")
        run = Run(
            package=task.package,
            inputs=self._inputs,
            directory=self._workspace.work,
            report=self._voice,
            launch=self._launch,
            resources=task.resources,
            labels={
                "weaverlite.instance": task.instance,
                "weaverlite.job": task.job_id,
                "weaverlite.attempt": str(task.attempt),
            },
            environment=procfs.marks(task.job_id, task.attempt, task.instance),
            host_commands=task.host_commands,
            fetch=staging.fetch,
            collections=self._parts.collections,
            exchange=self._parts.exchange,
        )
        with around:
            self._outcome = engine.run(run)

    def _collect(self, outcome: Outcome | None) -> None:
        if outcome is None or not outcome.outputs:
            return
        limits = self._task.limits
        collection = Collection(
            self._workspace.path, self._inputs, self._parts.media_type_of, size=limits.disk, files=limits.files
        )
        self._outputs = collection.run(outcome.outputs)
        files = [file for value in self._outputs.values() for file in files_of(value)]
        if files:
            self._voice.log(f"collected {_count(len(files), 'file')}, {sum(file.size for file in files)} bytes")

    def _publish(self, exit_code: int) -> tuple[Manifest | None, ExecutionError | None]:
        manifest = None

        def publish() -> None:
            nonlocal manifest
            # The streams are closed first: what is published does not change any more.
            self._voice.close()
            made = Manifest(
                job_id=self._task.job_id,
                attempt=self._task.attempt,
                created_at=self._task.created_at,
                exit_code=exit_code,
                outputs=self._outputs,
                streams=self._workspace.streams(exit_code),
            )
            try:
                self._parts.publisher.publish(made, self._workspace.path)
            except OSError as exc:
                raise PublishError(f"The results could not be published: {exc.strerror or exc}.") from exc
            manifest = made

        failure = self._guarded(publish)
        return manifest, failure

    # ------------------------------------------------------------ what went wrong

    def _guarded(self, step: Callable[[], None]) -> ExecutionError | None:
        """Do a step; return what it failed of, as an error a job can have."""
        try:
            step()
        except ExecutionError as exc:
            return exc
        except WeaverLiteError as exc:
            return EngineError(exc.detail, faults=exc.faults)
        except MemoryError:
            self.is_tainted = True
            return OutOfMemory(self._memory_sentence())
        except OSError as exc:
            if exc.errno in _FULL:
                return OutputLimit("The disk of the worker is full.")
            self.is_tainted = True
            return self._unexpected(exc)
        except KeyboardInterrupt:
            self.is_tainted = True
            return EngineError("The job was stopped.")
        except Exception as exc:
            self.is_tainted = True
            return self._unexpected(exc)
        return None

    def _unexpected(self, exc: Exception) -> EngineError:
        _log.warning("job %s failed of an unexpected error", self._task.job_id, exc_info=exc)
        self._voice.log("".join(traceback.format_exception(exc)), level="debug")
        return EngineError(f"The job failed of an unexpected error: {type(exc).__name__}: {str(exc)[:1000]}")

    def _judged(self, outcome: Outcome) -> ExecutionError | None:
        """Return the failure that an outcome is, or None when it is none."""
        if outcome.exit_code == 0 and not outcome.failure:
            return None
        said = _end_of(self._workspace.path / "stderr")
        if self._is_short_of_memory(outcome, said):
            return OutOfMemory(self._memory_sentence(), exitCode=outcome.exit_code)
        detail = outcome.failure or f"The process ended with exit code {outcome.exit_code}."
        last = said.decode("utf-8", "replace").strip().rpartition("\n")[2].strip()
        if last and not outcome.failure:
            detail = f"{detail} It said last: {last[:300]}"
        return EngineError(detail, exitCode=outcome.exit_code)

    def _is_short_of_memory(self, outcome: Outcome, said: bytes) -> bool:
        if outcome.exit_code in (-signal.SIGKILL, 128 + signal.SIGKILL):
            if procfs.out_of_memory_kills() > self._oom_kills:
                return True
        limit = self._task.limits.memory
        if not limit:
            return "MemoryError" in outcome.failure
        if (self._peak_memory() or 0) > 0.9 * limit:
            return True
        return bool(_NO_MEMORY.search(said) or _NO_MEMORY.search(outcome.failure.encode("utf-8", "replace")))

    def _memory_sentence(self) -> str:
        limit = self._task.limits.memory
        if not limit:
            return "The job needed more memory than the worker has."
        return f"The job needed more than the {limit} bytes of memory it may have (options: resources.memory)."

    # ------------------------------------------------------------ what was used

    def _own_cpu(self) -> float:
        return max(0.0, used_cpu() - self._cpu)

    def _peak_memory(self) -> int | None:
        told = self._outcome.usage.peak_memory if self._outcome else None
        return max((peak for peak in (told, self._launch.peak_memory) if peak), default=None)


def used_cpu() -> float:
    """Return the CPU seconds of this process and of all it has waited for."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def _end_of(path: Path) -> bytes:
    """Return the last bytes of a log file that is still being written."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
        return file.read()
    return b""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
