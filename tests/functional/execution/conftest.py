"""A worker of its own for each test: real store, fork server, job processes, publisher; engines that do as told."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from weaverlite.execution import procfs
from weaverlite.execution.parts import Limits
from weaverlite.execution.processes import JobProcesses
from weaverlite.execution.supervisor import Supervisor
from weaverlite.models.job import Job, new_job_id
from weaverlite.models.options import Needs, Offer, Options
from weaverlite.models.package import Package
from weaverlite.models.process import Description, InputDescription, Process
from weaverlite.models.queries import EventQuery
from weaverlite.models.results import Manifest
from weaverlite.stores.interfaces import Store
from weaverlite.testing import execution as engines
from weaverlite.transfer.local import LocalPublisher

ENGINES = {engines.SCRIPT: "script", engines.CODE: "code", engines.CARELESS: "careless"}


class Worker:
    """Everything that runs jobs, in one directory."""

    def __init__(self, directory: Path, store: Store, **changes: Any) -> None:
        self.directory = directory
        self.instance = f"test-{directory.name}-{os.getpid()}"
        self.store = store
        self.publisher = LocalPublisher(directory / "results")
        self.processes = JobProcesses(
            str(directory),
            entry="weaverlite.testing.execution:job_parts",
            warm="weaverlite.testing.execution:warm",
            instance=self.instance,
            idle=changes.pop("idle", 1),
            jobs_per_process=changes.pop("jobs_per_process", 200),
            reusable=frozenset({"script", "careless"}),
        )
        self.rung: list[str] = []
        self.supervisor = self.supervise(**changes)

    def supervise(self, **changes: Any) -> Supervisor:
        """Return another supervisor on the same parts."""
        values: dict[str, Any] = {
            "limits": Limits(),
            "heartbeat": timedelta(seconds=0.2),
            "lease": timedelta(seconds=10),
            "grace": timedelta(seconds=1),
            **changes,
        }
        return Supervisor(
            values.pop("store", self.store),
            self.processes,
            values.pop("publisher", self.publisher),
            instance=self.instance,
            directory=self.directory / "work",
            ring=lambda job_id, priority: self.rung.append(job_id),
            **values,
        )

    def close(self) -> None:
        self.processes.close()

    # ------------------------------------------------------------ jobs

    def accept(
        self,
        package: Package,
        inputs: Mapping[str, Any] | None = None,
        descriptions: tuple[InputDescription, ...] = (),
        **members: Any,
    ) -> Job:
        """Store a process of this package and an accepted job of it."""
        at = datetime.now(UTC)
        process_id = f"p-{new_job_id()}"
        engine = ENGINES[package.media_type]
        self.store.processes.add(
            Process(
                process_id=process_id,
                revision=1,
                package=package,
                engine=engine,
                description=Description(inputs=descriptions),
                created_at=at,
            )
        )
        job = Job(
            job_id=new_job_id(),
            process_id=process_id,
            process_revision=1,
            created_at=at,
            needs=Needs(engine=engine),
            **members,
        ).accept(at)
        self.store.jobs.add(job, dict(inputs or {}))
        return job

    def claim(self, job: Job, worker: str = "worker-1") -> Job:
        offer = Offer(
            worker=worker,
            engines=frozenset(ENGINES.values()),
            schemes=frozenset({"data"}),
            publishers=frozenset({"local"}),
            cores=8,
            memory=2**40,
            disk=2**50,
        )
        claimed = self.store.jobs.claim(offer, datetime.now(UTC), job.job_id)
        assert claimed is not None
        return claimed

    def begin(self, package: Package, *args: Any, **members: Any) -> Running:
        """Have a job run in a thread."""
        return Running(self, self.claim(self.accept(package, *args, **members)))

    def run(self, package: Package, *args: Any, **members: Any) -> Job:
        """Run a job to its end and return it."""
        return self.begin(package, *args, **members).wait()

    # ------------------------------------------------------------ what is there

    def manifest(self, job: Job) -> Manifest:
        manifest = self.store.jobs.manifest(job.job_id)
        assert manifest is not None
        return manifest

    def text(self, job: Job, path: str) -> str:
        """Return a published file of a job."""
        file = self.manifest(job).find(path)
        assert file is not None, path
        with self.publisher.open(job.job_id, file) as opened:
            return opened.read().decode()

    def events(self, job: Job, *topics: str) -> list[str]:
        query = EventQuery(topics=frozenset(topics), limit=100_000)
        return [event.message for event in self.store.events.read(job.job_id, query)]

    def marked(self) -> list[procfs.Marked]:
        """Return every living process of a job of this worker."""
        return list(procfs.find_marked(self.instance))

    def left(self) -> list[str]:
        """Return what is left in the directory of attempts."""
        return sorted(str(path) for path in (self.directory / "work").glob("*/*"))


class Running:
    """A job that runs in a thread of the test."""

    def __init__(self, worker: Worker, job: Job, supervisor: Supervisor | None = None) -> None:
        self.worker = worker
        self.job = job
        self.thread = threading.Thread(target=(supervisor or worker.supervisor).run, args=(job,), daemon=True)
        self.thread.start()

    def wait(self, seconds: float = 60) -> Job:
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "the job did not end"
        return self.worker.store.jobs.get(self.job.job_id)

    def tools(self) -> list[int]:
        return [each.pid for each in self.worker.marked() if each.job_id == self.job.job_id]

    def path(self, name: str) -> Path:
        """Return a path in the working directory of the job."""
        return self.worker.directory / "work" / self.job.job_id / str(self.job.attempt) / "work" / name

    def until_file(self, name: str = "begun") -> None:
        """Wait until the job has made a file."""
        until(self.path(name).exists, f"the job made no file {name}")

    def dismiss(self) -> None:
        job = self.worker.store.jobs.get(self.job.job_id)
        self.worker.store.jobs.save(job.ask_dismissal(datetime.now(UTC)))


def until(holds: Callable[[], Any], why: str, seconds: float = 20) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, why
        time.sleep(0.01)


def alive(pid: int) -> bool:
    return procfs.is_alive(pid)


@pytest.fixture
def make_worker(tmp_path: Path, store: Store) -> Iterator[Callable[..., Worker]]:
    made: list[Worker] = []

    def make(**changes: Any) -> Worker:
        made.append(Worker(tmp_path, store, **changes))
        return made[-1]

    yield make
    for worker in made:
        worker.close()
        marked = worker.marked()
        with contextlib.suppress(ProcessLookupError):
            for each in marked:
                os.kill(each.pid, 9)
        assert not marked, "processes of jobs outlived their worker"


@pytest.fixture
def worker(make_worker: Callable[..., Worker]) -> Worker:
    return make_worker()


def idempotent(attempts: int = 2) -> dict[str, Any]:
    """Return members of a job that may be started again."""
    return {"options": replace(Options(), idempotent=True, attempts=attempts), "max_attempts": attempts}
