"""Run claimed jobs: one thread watches one job, and it alone writes the job's state."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from weaverlite.engines.interfaces import Leftovers
from weaverlite.errors import EngineError, StoreError
from weaverlite.execution.parts import Limits
from weaverlite.execution.preparation import Conditions
from weaverlite.execution.processes import JobProcesses
from weaverlite.execution.record import Ending, write_ending
from weaverlite.execution.watch import Watch
from weaverlite.models.job import Job
from weaverlite.ogc.status import StatusCode
from weaverlite.stores.interfaces import Store
from weaverlite.transfer.interfaces import Publisher

_log = logging.getLogger(__name__)

#: Processes (packages with their descriptions) kept: they never change.
_PROCESSES = 64


class Supervisor:
    """Watches the jobs that a queue hands to it. :meth:`run` is the queue's handler.

    ``directory`` is where attempts have their directories, ``leftovers`` find what jobs leave outside their processes.
    ``ring`` wakes a worker for a job that waits again, ``on_end`` hears of each that has ended; they must not raise.
    """

    def __init__(
        self,
        store: Store,
        processes: JobProcesses,
        publisher: Publisher,
        *,
        instance: str,
        directory: Path,
        limits: Limits,
        heartbeat: timedelta,
        lease: timedelta,
        grace: timedelta,
        leftovers: Sequence[Leftovers] = (),
        host_commands: bool = True,
        ring: Callable[[str, int], None] | None = None,
        on_end: Callable[[Job], None] | None = None,
    ) -> None:
        self._store = store
        self._ring = ring
        self._on_end = on_end
        self._conditions = Conditions(
            store=store,
            processes=processes,
            publisher=publisher,
            instance=instance,
            directory=directory,
            limits=limits,
            heartbeat=heartbeat.total_seconds(),
            lease=lease.total_seconds(),
            grace=grace.total_seconds(),
            leftovers=tuple(leftovers),
            host_commands=host_commands,
            process_of=lru_cache(_PROCESSES)(store.processes.get),
        )
        self._changed = threading.Condition()
        self._watches: dict[str, Watch] = {}
        self._is_draining = False
        store.changes.listen(self._hear)

    @property
    def running(self) -> frozenset[str]:
        """The ids of the jobs that are watched now."""
        with self._changed:
            return frozenset(self._watches)

    @property
    def held(self) -> dict[str, int]:
        """The process id of the job process of each job that has one now."""
        with self._changed:
            watches = list(self._watches.items())
        return {job_id: pid for job_id, watch in watches if (pid := watch.pid) is not None}

    def run(self, job: Job) -> None:
        """Do everything for a job that was claimed, until it has ended or is given away. Never raises."""
        try:
            recorded = self._watch(job)
        except StoreError as exc:
            _log.error("job %s is left to be found again: %s", job.job_id, exc.detail)
        except Exception as exc:
            _log.exception("the watch of job %s failed", job.job_id)
            self._record_failure(job, exc)
        else:
            if recorded is not None and recorded.status is StatusCode.ACCEPTED and self._ring is not None:
                self._ring(recorded.job_id, recorded.priority)
            if recorded is not None and recorded.is_terminal and self._on_end is not None:
                self._on_end(recorded)

    def drain(self, seconds: float) -> None:
        """Start no more jobs, wait for those that run, stop those that run still after ``seconds``; return when done.

        What is stopped is tried again by another worker if that does no harm, else it fails.
        """
        with self._changed:
            self._is_draining = True
            self._changed.wait_for(lambda: not self._watches, seconds)
            left = list(self._watches.values())
        for watch in left:
            watch.hand_over()
        with self._changed:
            self._changed.wait_for(lambda: not self._watches)

    # ------------------------------------------------------------ inner

    def _watch(self, job: Job) -> Job | None:
        watch = Watch(self._conditions, job)
        with self._changed:
            is_taken = not self._is_draining
            if is_taken:
                self._watches[job.job_id] = watch
        if not is_taken:
            watch.close()
            return write_ending(self._store, job, Ending(outcome="hand-back"), self._conditions.lease)
        try:
            return watch.run()
        finally:
            with self._changed:
                self._watches.pop(job.job_id, None)
                self._changed.notify_all()

    def _record_failure(self, job: Job, exc: Exception) -> None:
        problem = EngineError(f"The worker failed of an unexpected error: {type(exc).__name__}.").problem()
        try:
            write_ending(self._store, job, Ending(outcome="failed", problem=problem), self._conditions.lease)
        except Exception:
            _log.exception("job %s is left to be found again", job.job_id)

    def _hear(self, job_id: str) -> None:
        # Called by whoever saves any job, at any time: no lock that is held for long, no exception.
        watch = self._watches.get(job_id)
        if watch is not None:
            watch.ring()
