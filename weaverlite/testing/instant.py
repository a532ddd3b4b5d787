"""Jobs without job processes: functions of a test, run at once in threads of this process.

Everything else is real: store, queue, publisher and services. Over a queue that hosts share, two processes serve it and
claim, and only what they win is done here. For tests of what lies above the execution, where a job
must do exactly what the test says, when it says so.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from weaverlite.engines.interfaces import Engine
from weaverlite.errors import EngineError, ExecutionError, StaleRevision, UnsupportedMedia
from weaverlite.models.function import GROUP, PythonProcess
from weaverlite.models.job import Job, JobEvent
from weaverlite.models.options import Offer
from weaverlite.models.package import Package
from weaverlite.models.process import Description, InputDescription, OutputDescription, Process
from weaverlite.models.results import Manifest, OutputDirectory, OutputFile
from weaverlite.runtime import Runtime
from weaverlite.settings import Settings
from weaverlite.stores.interfaces import Store
from weaverlite.testing.listening import Listener
from weaverlite.transfer.interfaces import Publisher

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/vnd.weaverlite.instant+json"
#: ``.txt`` and the like, without a table of the system that differs between hosts.
_MEDIA_TYPES = {".txt": "text/plain", ".csv": "text/csv", ".json": "application/json", ".html": "text/html"}


class Stopped(Exception):
    """The dismissal of the job was asked."""


@dataclass(slots=True)
class InstantContext:
    """What an instant function gets beside its inputs: an empty directory, and a voice."""

    job: Job
    directory: Path
    store: Store
    printed: dict[str, list[str]] = field(default_factory=lambda: {"stdout": [], "stderr": []})
    exit_code: int = 0

    def say(self, text: str, topic: str = "stdout", step: str = "") -> None:
        """Print lines to ``stdout`` or ``stderr``, or say them as the ``service``."""
        for line in text.splitlines():
            if topic in self.printed:
                self.printed[topic].append(f"[{step}] {line}" if step else line)
            self.store.events.append(
                [
                    JobEvent(
                        job_id=self.job.job_id,
                        attempt=self.job.attempt,
                        at=datetime.now(UTC),
                        topic=topic,
                        message=line,
                        step=step,
                    )
                ]
            )
        self.store.changes.announce(self.job.job_id)

    def log(self, message: str, level: str = "info") -> None:
        self.say(message, "service")

    def progress(self, percent: int, message: str = "") -> None:
        """Report progress.

        :raises Stopped: the dismissal of the job was asked.
        """
        now = datetime.now(UTC)
        if self.store.jobs.beat(self.job.job_id, self.job.attempt, now, percent, message).dismissal_asked_at:
            raise Stopped

    def wait(self, event: threading.Event, seconds: float = 30) -> None:
        """Wait for the test to go on, or for a dismissal, which raises :class:`Stopped`."""
        deadline = seconds
        while not event.wait(0.02) and deadline > 0:
            deadline -= 0.02
            self.progress(50)


Function = Callable[[Mapping[str, Any], InstantContext], Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstantProcess:
    """A process that is a function of the test. It returns literals, and paths below its directory."""

    process_id: str
    function: Function
    inputs: tuple[InputDescription, ...] = ()
    outputs: tuple[OutputDescription, ...] = ()

    def to_process(self, at: datetime) -> Process:
        """Return the process as it is stored."""
        return Process(
            process_id=self.process_id,
            revision=1,
            package=Package.of(MEDIA_TYPE, {"function": self.process_id}),
            engine="instant",
            description=Description(process_id=self.process_id, inputs=self.inputs, outputs=self.outputs),
            created_at=at,
            mutable=False,
        )


class InstantRuntime(Runtime):
    """A runtime whose worker runs instant processes and registered Python functions in its own threads."""

    def __init__(self, settings: Settings, processes: tuple[InstantProcess, ...] = ()) -> None:
        super().__init__(settings, worker=True)
        self.instant = {process.process_id: process for process in processes}
        self._listeners: list[Listener] = []

    def prepare(self) -> None:
        super().prepare()
        now = datetime.now(UTC)
        self.processes.install_builtin([process.to_process(now) for process in self.instant.values()])

    @cached_property
    def describe(self) -> Any:
        return InProcessDescriber(self.engines)

    @cached_property
    def supervisor(self) -> Any:
        return InstantSupervisor(self.store, self.publisher, self.settings.work_directory, self.instant)

    @cached_property
    def offer(self) -> Offer:
        real = super().offer
        return replace(real, engines=real.engines | {"instant"})

    def start_worker(self) -> None:
        concurrency = self.settings.concurrency
        if self.queue.is_shared:
            # Other processes hear the bell and claim; what they win is done here, where the functions are.
            self._listeners = [Listener(self.settings, self._run) for _ in range(2)]
            return
        self._serving = threading.Thread(
            target=self.queue.serve, args=(self.supervisor.run, concurrency), name="queue", daemon=True
        )
        self._serving.start()

    def stop(self) -> None:
        for listener in self._listeners:
            listener.tell_to_stop()
        for listener in self._listeners:
            listener.join()
        self._listeners = []
        if self._serving is not None:
            self.queue.stop(5)
            self._serving.join(5)
            self._serving = None

    def _run(self, job_id: str) -> None:
        self.supervisor.run(self.store.jobs.get(job_id))


class InProcessDescriber:
    """Describes packages in this process: a test trusts its own."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        self._engines = engines

    def __call__(self, package: Package) -> tuple[str, Description]:
        for name, engine in self._engines.items():
            if package.media_type in engine.media_types:
                return name, engine.describe(package)
        raise UnsupportedMedia(f"No engine takes {package.media_type!r}.")


class InstantSupervisor:
    """Runs a claimed job in the thread that calls, and records how it ended."""

    def __init__(
        self, store: Store, publisher: Publisher, directory: Path, processes: Mapping[str, InstantProcess]
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._directory = directory
        self._processes = processes

    def run(self, job: Job) -> None:
        """Do everything for a job that was won."""
        directory = self._directory / job.job_id / str(job.attempt)
        context = InstantContext(job, directory / "work", self._store)
        context.directory.mkdir(parents=True)
        try:
            self._record(context, *self._produce(job, context))
        except StaleRevision:
            log.info("job %s was taken away", job.job_id)
        except Exception:
            log.exception("job %s", job.job_id)
        finally:
            shutil.rmtree(directory.parent, ignore_errors=True)

    def _produce(self, job: Job, context: InstantContext) -> tuple[str, Mapping[str, Any], ExecutionError | None]:
        process = self._store.processes.get(job.process_id, job.process_revision)
        inputs = self._store.jobs.inputs(job.job_id)
        self._tell(context, "running")
        try:
            return "successful", self._function(process)(inputs, context), None
        except Stopped:
            return "dismissed", {}, None
        except ExecutionError as error:
            return "failed", {}, error
        except Exception as error:
            return "failed", {}, EngineError(f"The function failed with {type(error).__name__}: {error}")

    def _function(self, process: Process) -> Callable[[Any, Any], Mapping[str, Any]]:
        if process.process_id in self._processes:
            return self._processes[process.process_id].function
        (entry,) = entry_points(group=GROUP, name=process.package.document["function"])
        registered: PythonProcess = entry.load()
        return registered.function

    def _record(
        self, context: InstantContext, ended: str, outputs: Mapping[str, Any], error: ExecutionError | None
    ) -> None:
        base, now = context.directory.parent, datetime.now(UTC)
        exit_code = context.exit_code or (0 if ended == "successful" else 1)
        manifest = Manifest(
            job_id=context.job.job_id,
            attempt=context.job.attempt,
            created_at=now,
            exit_code=exit_code,
            outputs={name: _collect(base, name, value, f"outputs/{name}") for name, value in outputs.items()},
            streams=tuple(_streams(base, context.printed, exit_code)),
        )
        self._publisher.publish(manifest, base)
        while True:
            job = self._store.jobs.get(context.job.job_id)
            if ended == "dismissed" or job.dismissal_asked_at:
                after = job.dismiss(now, exit_code=exit_code)
            elif error:
                after = job.fail(error.problem(), now, exit_code=exit_code)
            else:
                after = job.succeed(now, exit_code=exit_code)
            try:
                self._store.jobs.save(after, manifest)
                break
            except StaleRevision:
                # A dismissal was asked meanwhile.
                continue
        self._tell(context, after.status.value if not error else f"failed: {error.detail}")

    def _tell(self, context: InstantContext, message: str) -> None:
        context.say(message, "status")


def _collect(base: Path, name: str, value: Any, folder: str) -> Any:
    if isinstance(value, list):
        return [_collect(base, name, item, f"{folder}/{number}") for number, item in enumerate(value)]
    if not isinstance(value, Path):
        return value
    target = base / folder / value.name
    target.parent.mkdir(parents=True, exist_ok=True)
    value.rename(target)
    if target.is_dir():
        files = sorted(path for path in target.rglob("*") if path.is_file())
        return OutputDirectory(path=f"{folder}/{value.name}", files=tuple(_file(base, path) for path in files))
    return _file(base, target)


def _file(base: Path, path: Path) -> OutputFile:
    content = path.read_bytes()
    return OutputFile(
        path=path.relative_to(base).as_posix(),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        media_type=_MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
    )


def _streams(base: Path, printed: Mapping[str, list[str]], exit_code: int) -> list[OutputFile]:
    texts = {name: "".join(f"{line}\n" for line in lines) for name, lines in printed.items()}
    found = []
    for name, text in {**texts, "exitCode": f"{exit_code}\n"}.items():
        (base / name).write_text(text)
        found.append(replace(_file(base, base / name), media_type="text/plain"))
    return found
