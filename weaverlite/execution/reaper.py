"""Speak for workers that are silent, ring for jobs nobody has heard of, and remove what nobody needs any more.

Every step is a compare-and-set or removes what is there, so any number of reapers may run, in any process, at any time.
What is alive is told by the store alone: an attempt that runs there is never touched, whoever runs it. Every step is
guarded by itself: one that fails is tried again by the next pass.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from weaverlite.engines.interfaces import Leftovers
from weaverlite.errors import (
    IllegalTransition,
    JobRemoved,
    NoSuchJob,
    QueueError,
    StaleRevision,
    TimeLimit,
    WeaverLiteError,
    WorkerLost,
)
from weaverlite.execution import procfs
from weaverlite.execution.record import may_retry, now, tell_status
from weaverlite.execution.workspace import Workspace, attempts
from weaverlite.models.job import Job
from weaverlite.models.queries import JobQuery
from weaverlite.ogc.status import StatusCode
from weaverlite.queues.interfaces import Queue
from weaverlite.stores.interfaces import Store
from weaverlite.transfer.interfaces import Publisher

_log = logging.getLogger(__name__)

#: An accepted job that has waited this long is rung for again: the bell may have been lost.
_RING_AFTER = timedelta(seconds=5)
#: The longest pause between two rings for one job.
_RING_RARELY = timedelta(minutes=10)
_TIDY_EVERY = timedelta(seconds=20)
#: Jobs of a page, and pages of waiting jobs that one sweep goes through.
_PAGE = 100
_PAGES = 10


class Reaper:
    """Sweeps every ``sweep``, the first time at once.

    ``lease`` is the silence after which a worker has lost its jobs. ``directory``, ``instance`` and ``leftovers`` tell
    where jobs of this node leave things; ``expire_uploads`` removes uploads whose time is over, ``forget`` what went
    with a job that was removed. ``on_end`` hears of jobs that were ended here, ``look_after`` does what is due for a
    job that waits for others, or that another one waits for.
    """

    def __init__(
        self,
        store: Store,
        queue: Queue,
        publisher: Publisher,
        *,
        instance: str,
        directory: Path,
        lease: timedelta,
        sweep: timedelta,
        leftovers: Sequence[Leftovers] = (),
        expire_uploads: Callable[[datetime], object] | None = None,
        forget: Callable[[Job], object] | None = None,
        on_end: Callable[[Job], None] | None = None,
        look_after: Callable[[Job], None] | None = None,
    ) -> None:
        self._store = store
        self._queue = queue
        self._publisher = publisher
        self._instance = instance
        self._directory = directory
        self._lease = lease
        self._sweep = sweep
        self._leftovers = tuple(leftovers)
        self._expire_uploads = expire_uploads
        self._forget = forget
        self._on_end = on_end
        self._look_after = look_after
        self._waiting_cursor: str | None = None
        #: When each waiting job is rung for next, and the pause after that; and who was met on this way.
        self._rung: dict[str, tuple[datetime, timedelta]] = {}
        self._met: set[str] = set()
        self._tidied_at = datetime.min.replace(tzinfo=UTC)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Sweep from now on, in a thread."""
        self._thread = threading.Thread(target=self._loop, name="reaper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Sweep no more; returns when a sweep under way has ended. Idempotent."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def sweep(self, at: datetime) -> None:
        """Do everything that is due at this time, once."""
        steps = [self._take_from_silent, self._look_after_waiting]
        steps += [self._remove_expired_jobs, self._remove_dead_attempts]
        if at >= self._tidied_at + _TIDY_EVERY:
            self._tidied_at = at
            steps += [self._remove_leftovers, self._tidy_results, self._tidy_uploads, self._stop_unwanted]
        for step in steps:
            if self._stopping.is_set():
                return
            try:
                step(at)
            except WeaverLiteError as exc:
                _log.warning("the reaper could not %s: %s", step.__name__.strip("_").replace("_", " "), exc.detail)
            except Exception:
                _log.exception("the reaper could not %s", step.__name__.strip("_").replace("_", " "))

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self.sweep(now())
            self._stopping.wait(self._sweep.total_seconds())

    # ------------------------------------------------------------ jobs

    def _take_from_silent(self, at: datetime) -> None:
        """Retry, fail or dismiss the jobs of workers that have not been heard of for a lease."""
        for job in self._each(JobQuery(statuses=frozenset({StatusCode.RUNNING}), silent_since=at - self._lease)):
            why = WorkerLost(
                f"The worker {job.worker} was not heard of for more than {self._lease.total_seconds():g} seconds."
            )
            if job.dismissal_asked_at is not None:
                self._save(job.dismiss(at))
            elif may_retry(job):
                # The step that follows rings for it at once, whenever it was rung for before.
                self._rung.pop(job.job_id, None)
                self._save(job.retry(at, why.detail))
            else:
                self._save(job.fail(why.problem(), at))

    def _look_after_waiting(self, at: datetime) -> None:
        """Fail the jobs that have waited longer than they may, and ring for the others: the bell may have been lost.

        A long queue is gone through over several sweeps, and a job is rung for less and less often: when all workers
        are busy, rings only pile up.
        """
        query = JobQuery(statuses=frozenset({StatusCode.ACCEPTED}), accepted_before=at)
        for _ in range(_PAGES):
            page = self._store.jobs.find(replace(query, cursor=self._waiting_cursor, limit=_PAGE))
            for job in page.items:
                if job.queue_deadline is not None and job.queue_deadline <= at:
                    error = TimeLimit("No worker took the job in the time it may wait (options: timeouts.queue).")
                    self._save(job.fail(error.problem(), at))
                elif self._look_after is not None and (job.needs.held or job.parent_id is not None):
                    self._look_after(job)
                    if not job.needs.held:
                        self._ring_if_waiting(job, at)
                else:
                    self._ring_if_waiting(job, at)
            self._waiting_cursor = page.next_cursor
            if page.next_cursor is None:
                # Who was not met on the whole way does not wait any more.
                self._rung, self._met = {job_id: self._rung[job_id] for job_id in self._met}, set()
                return

    def _ring_if_waiting(self, job: Job, at: datetime) -> None:
        if job.accepted_at is None or job.accepted_at > at - _RING_AFTER:
            return
        due, pause = self._rung.get(job.job_id, (at, _RING_AFTER))
        if due <= at:
            self._ring(job)
            self._rung[job.job_id] = (at + pause, min(2 * pause, _RING_RARELY))
        self._met.add(job.job_id)

    def _remove_expired_jobs(self, at: datetime) -> None:
        """Remove results and records whose time is over; the record last, so that nothing is forgotten half-way."""
        for job in self._each(JobQuery(expired_at=at)):
            if job.status is StatusCode.CREATED:
                # Its start, or a change of it, may be faster: then it stays.
                ended = job.dismiss(at)
                job = ended if self._save(ended) else job
            if job.is_terminal:
                self._publisher.remove(job.job_id)
                try:
                    self._store.jobs.delete(job.job_id, at)
                except (NoSuchJob, JobRemoved, IllegalTransition):
                    continue
                if self._forget:
                    self._forget(job)

    # ------------------------------------------------------------ what is left on this node

    def _remove_dead_attempts(self, at: datetime) -> None:
        """Kill and remove what is left here of attempts that do not run any more."""
        left = {(each.job_id, each.attempt) for each in procfs.find_marked(self._instance)}
        dead = {each for each in left if not self._is_live(*each)}
        if dead:
            killed = procfs.kill_marked(self._instance, lambda each: (each.job_id, each.attempt) in dead)
            _log.warning("killed %s processes of jobs that have ended", killed)
        for job_id, attempt in attempts(self._directory):
            if not self._is_live(job_id, attempt):
                Workspace.of(self._directory, job_id, attempt).remove()

    def _remove_leftovers(self, at: datetime) -> None:
        """Remove containers of attempts that do not run any more."""
        for leftovers in self._leftovers:
            for job_id, attempt in leftovers.find():
                if not self._is_live(job_id, attempt):
                    leftovers.remove(job_id, attempt)

    def _tidy_results(self, at: datetime) -> None:
        self._publisher.tidy(self._is_live)

    def _tidy_uploads(self, at: datetime) -> None:
        if self._expire_uploads is not None:
            self._expire_uploads(at)

    def _stop_unwanted(self, at: datetime) -> None:
        """Have running jobs dismissed that make inputs of one that has ended."""
        for job in self._each(JobQuery(statuses=frozenset({StatusCode.RUNNING}))):
            if job.parent_id is not None and self._look_after is not None:
                self._look_after(job)

    def _is_live(self, job_id: str, attempt: int) -> bool:
        """Whether the store says that this attempt runs, anywhere."""
        try:
            job = self._store.jobs.get(job_id)
        except (NoSuchJob, JobRemoved):
            return False
        return job.status is StatusCode.RUNNING and job.attempt == attempt

    # ------------------------------------------------------------ inner

    def _each(self, query: JobQuery) -> Iterator[Job]:
        cursor: str | None = None
        while True:
            page = self._store.jobs.find(replace(query, cursor=cursor, limit=_PAGE))
            yield from page.items
            cursor = page.next_cursor
            if cursor is None or self._stopping.is_set():
                return

    def _save(self, job: Job) -> bool:
        try:
            self._store.jobs.save(job)
        except (StaleRevision, NoSuchJob, JobRemoved):
            # Somebody else was faster: its worker after all, its owner, or another reaper.
            return False
        tell_status(self._store, job)
        if job.is_terminal and self._on_end is not None:
            self._on_end(job)
        return True

    def _ring(self, job: Job) -> None:
        try:
            self._queue.put(job.job_id, job.priority)
        except QueueError as exc:
            _log.warning("job %s could not be rung for: %s", job.job_id, exc.detail)
