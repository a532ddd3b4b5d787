"""The composition root: the one place that knows both a setting and a class.

``Runtime.from_settings(settings)`` gives an object whose parts are built when first asked for, from the entry points of
``setup.cfg``; plugins come in by the same door. Web process, worker, commands and job processes all begin here, so they
cannot disagree.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import threading
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from weaverlite import plugins
from weaverlite.errors import QueueError, WeaverLiteError
from weaverlite.models.job import Job
from weaverlite.models.options import Offer
from weaverlite.settings import QueueSettings, Settings, StoreSettings

if TYPE_CHECKING:
    # Everything below is imported when it is first used: a command that only asks for the store loads nothing else.
    from weaverlite.engines.interfaces import Engine, Leftovers
    from weaverlite.execution.describer import Describer
    from weaverlite.execution.processes import JobProcesses
    from weaverlite.execution.reaper import Reaper
    from weaverlite.execution.supervisor import Supervisor
    from weaverlite.queues.interfaces import Queue
    from weaverlite.services.announcer import Announcer
    from weaverlite.services.deliveries import Compose
    from weaverlite.services.directory import Directory
    from weaverlite.services.jobs import Jobs
    from weaverlite.services.management import Management
    from weaverlite.services.packages import Packages
    from weaverlite.services.processes import Processes
    from weaverlite.services.provenance import Provenance
    from weaverlite.services.results import Results
    from weaverlite.services.uploads import Uploads
    from weaverlite.stores.interfaces import Store
    from weaverlite.transfer.interfaces import Caller, Publisher, Stager

log = logging.getLogger(__name__)


class Runtime:
    """Every part of one process of the service. Closing it closes everything that was built."""

    def __init__(self, settings: Settings, *, worker: bool = True) -> None:
        self.settings = settings
        #: Whether jobs run here; a front end only keeps a process to describe packages in.
        self.is_worker = worker
        self._serving: threading.Thread | None = None
        self._announcer: Announcer | None = None
        self._is_closed = False

    @classmethod
    def from_settings(cls, settings: Settings, *, worker: bool = True) -> Runtime:
        """Return the runtime of these settings; nothing is opened yet."""
        return cls(settings, worker=worker)

    # ------------------------------------------------------------ adapters

    @cached_property
    def store(self) -> Store:
        name = self.settings.store.url.partition(":")[0].partition("+")[0]
        store: Store = plugins.load("weaverlite.stores", name, "weaverlite.store.url").create(self.settings)
        return store

    @cached_property
    def queue(self) -> Queue:
        name = self.settings.queue.url.partition("+")[0]
        cls = plugins.load("weaverlite.queues", name, "weaverlite.queue.url")
        queue: Queue = cls.create(self.settings, self._claim)
        return queue

    @cached_property
    def engines(self) -> Mapping[str, Engine]:
        return plugins.engines(self.settings)

    @cached_property
    def stagers(self) -> Mapping[str, Stager]:
        return plugins.stagers(self.settings, self.store.uploads.get)

    @cached_property
    def publisher(self) -> Publisher:
        return plugins.publisher(self.settings)

    # ------------------------------------------------------------ use cases

    @cached_property
    def processes(self) -> Processes:
        from weaverlite.services.processes import Processes

        return Processes(
            self.store,
            self.describe,
            deploy_allowed=self.settings.allows_deploy,
            host_commands=self.settings.allows_host_commands,
            urls=self._urls,
        )

    @cached_property
    def packages(self) -> Packages:
        from weaverlite.engines.images import compile_image
        from weaverlite.services.packages import Packages

        size = self.settings.server.body_limit
        return Packages(self.stagers, compile_image, self.settings.limits, size_limit=size)

    @cached_property
    def directory(self) -> Directory | None:
        """The packages that are deployed at start, None when no directory is set."""
        if not (path := self.settings.processes.dir):
            return None
        from weaverlite.services.directory import Directory

        return Directory(path, self.packages, self.processes)

    @cached_property
    def jobs(self) -> Jobs:
        from weaverlite.services.jobs import Jobs

        return Jobs(
            self.store,
            self.queue,
            self.stagers,
            self.publisher,
            self.settings.limits,
            host_commands=self.settings.allows_host_commands,
            held_threads=self.settings.server.held_threads,
            chaining=self.settings.chaining,
        )

    @cached_property
    def management(self) -> Management:
        from weaverlite.services.management import Management

        keep = self.settings.limits.created
        return Management(self.store, self.jobs, self.processes, self.packages, keep=keep)

    @cached_property
    def provenance(self) -> Provenance:
        from weaverlite.services.provenance import Provenance

        return Provenance(self.store, title=self.settings.server.title)

    @cached_property
    def results(self) -> Results:
        from weaverlite.services.results import Results

        return Results(self.store, self.publisher, not_ready_status=self.settings.server.result_not_ready_status)

    @cached_property
    def caller(self) -> Caller:
        from weaverlite.transfer.callbacks import HTTPCaller

        return HTTPCaller.create(self.settings)

    @cached_property
    def uploads(self) -> Uploads:
        from weaverlite.services.uploads import Uploads

        vault = self.settings.vault
        return Uploads(
            self.store.uploads,
            directory=self.settings.vault_directory,
            size_limit=vault.size_limit,
            keep=vault.keep,
        )

    # ------------------------------------------------------------ execution

    @cached_property
    def instance(self) -> str:
        """The id of this installation: marks its processes and containers, the same for all that share its data."""
        path = self.settings.data / "instance"
        self.settings.data.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".instance-{uuid.uuid4().hex}")
        draft.write_text(uuid.uuid4().hex)
        try:
            # Of several processes that start at once the first one's link wins, and all read the same.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text().strip()

    @cached_property
    def job_processes(self) -> JobProcesses:
        from weaverlite.execution.processes import JobProcesses

        settings = self.settings
        return JobProcesses(
            # Job processes need neither store nor queue: their URLs may hold passwords, and packages run there.
            replace(settings, store=StoreSettings(), queue=QueueSettings()),
            instance=self.instance,
            idle=(settings.worker.warm or settings.concurrency) if self.is_worker else 0,
            jobs_per_process=settings.worker.jobs_per_process,
            reusable=frozenset(name for name, engine in self.engines.items() if engine.is_reusable),
        )

    @cached_property
    def describe(self) -> Describer:
        from weaverlite.execution.describer import Describer

        return Describer(self.job_processes)

    @cached_property
    def leftovers(self) -> tuple[Leftovers, ...]:
        from weaverlite.engines.docker import DockerContainers

        return (DockerContainers.create(self.settings, self.instance),)

    @cached_property
    def supervisor(self) -> Supervisor:
        from weaverlite.execution.parts import Limits
        from weaverlite.execution.supervisor import Supervisor

        worker = self.settings.worker
        return Supervisor(
            self.store,
            self.job_processes,
            self.publisher,
            instance=self.instance,
            directory=self.settings.work_directory,
            limits=Limits.create(self.settings.limits),
            heartbeat=worker.heartbeat,
            lease=worker.lease,
            grace=worker.grace,
            leftovers=self.leftovers,
            host_commands=self.settings.allows_host_commands,
            ring=self._ring,
            on_end=self._follow_up,
        )

    @cached_property
    def reaper(self) -> Reaper:
        from weaverlite.execution.reaper import Reaper
        from weaverlite.services.hidden import forget_hidden

        worker = self.settings.worker
        return Reaper(
            self.store,
            self.queue,
            self.publisher,
            instance=self.instance,
            directory=self.settings.work_directory,
            lease=worker.lease,
            sweep=worker.sweep,
            leftovers=self.leftovers,
            expire_uploads=self.uploads.expire,
            forget=partial(forget_hidden, self.store),
            on_end=self._follow_up,
            look_after=self.jobs.nesting.look_after,
        )

    @cached_property
    def offer(self) -> Offer:
        """What this worker brings when it claims."""
        data = self.settings.data
        return Offer(
            worker=f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}",
            engines=frozenset(self.engines),
            schemes=frozenset(self.stagers),
            publishers=frozenset({self.publisher.name}),
            cores=float(len(os.sched_getaffinity(0))),
            memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            disk=shutil.disk_usage(data if data.exists() else data.anchor or ".").free,
        )

    # ------------------------------------------------------------ life

    def prepare(self) -> None:
        """Make the store ready for use and install the built-in processes. Idempotent, safe to run by many at once.

        :raises ConfigurationError: store or queue cannot be used; says what to do.
        """
        from weaverlite.engines.python import builtin_processes

        self.settings.data.mkdir(parents=True, exist_ok=True)
        # Built now, not connected: a URL that is none is told at the start, not by the first job that needs a bell.
        _ = self.queue
        self.store.migrate()
        self.processes.install_builtin(builtin_processes(datetime.now(UTC)))

    def start_worker(self) -> None:
        """Begin to run jobs, in threads of this process; returns at once."""
        self.job_processes.start()
        self.reaper.start()
        serve = partial(self.queue.serve, self.supervisor.run, concurrency=self.settings.concurrency)
        self._serving = threading.Thread(target=serve, name="queue", daemon=True)
        self._serving.start()

    def start_announcing(self, compose: Compose) -> None:
        """Begin to call the subscribers of jobs, with the messages that ``compose`` makes. Returns at once."""
        if self._announcer is not None:
            return
        from weaverlite.services.announcer import Announcer
        from weaverlite.services.deliveries import Deliveries

        chosen = self.settings.callbacks
        deliveries = Deliveries(
            self.store,
            self.caller,
            compose,
            attempts=chosen.attempts,
            pause=chosen.pause,
            lease=2 * chosen.timeout + timedelta(seconds=10),
        )
        self._announcer = Announcer(deliveries, chosen.poll.total_seconds())
        self._announcer.start()

    def stop(self) -> None:
        """Claim no more jobs, let running ones end for a while, hand the others back. Idempotent."""
        if self._serving is None:
            return
        self.supervisor.drain(self.settings.worker.drain.total_seconds())
        self.queue.stop(self.settings.worker.grace.total_seconds())
        self.reaper.stop()
        self._serving.join(self.settings.worker.grace.total_seconds())
        self._serving = None

    def close(self) -> None:
        """Stop, and let go of everything that was built. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        self.stop()
        if self._announcer is not None:
            self._announcer.stop()
        built = vars(self)
        for name in ("jobs", "job_processes", "queue", "store"):
            if name in built:
                built[name].close()

    def ready(self) -> dict[str, str]:
        """Return each part that submissions need, with ``ok`` or a sentence that says what is wrong with it."""
        found = {}
        for name, ping in (("store", self.store.ping), ("queue", self.queue.ping)):
            try:
                ping()
                found[name] = "ok"
            except WeaverLiteError as error:
                found[name] = error.detail
        return found

    # ------------------------------------------------------------ inner

    @property
    def _urls(self) -> tuple[str, ...]:
        """The URLs under which clients find this service, as far as settings tell."""
        server = self.settings.server
        hosts = dict.fromkeys((server.host, "localhost", "127.0.0.1"))
        return (*([server.url.rstrip("/")] if server.url else []), *(f"http://{host}:{server.port}" for host in hosts))

    def _claim(self, job_id: str | None) -> Any:
        return self.store.jobs.claim(self.offer, datetime.now(UTC), job_id)

    def _follow_up(self, job: Job) -> None:
        """Do what the end of a job means for others; most jobs are nobody's business."""
        if job.parent_id is not None or job.needs.held:
            self.jobs.nesting.ended(job)

    def _ring(self, job_id: str, priority: int) -> None:
        try:
            self.queue.put(job_id, priority)
        except QueueError as error:
            # The reaper rings for every job that waits.
            log.warning("the bell could not be rung: %s", error, extra={"action": "ring", "job_id": job_id})
