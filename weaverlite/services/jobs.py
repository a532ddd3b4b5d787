"""The life of a job as its owner sees it: submitted, watched, followed, dismissed.

Knows neither HTTP nor how jobs are run. The record is written before the bell is rung; whatever happens to the bell,
the job is found by a worker.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from weaverlite.errors import JobRemoved, NoSuchJob, Overloaded, QueueError, StaleRevision, StoreError
from weaverlite.models.job import Job, JobEvent
from weaverlite.models.queries import EventQuery, JobQuery, Page
from weaverlite.ogc.status import StatusCode
from weaverlite.queues.interfaces import Queue
from weaverlite.services.requests import ExecuteRequest, parse_execute
from weaverlite.services.submission import Submission
from weaverlite.settings import LimitsSettings
from weaverlite.stores.interfaces import Store
from weaverlite.transfer.interfaces import Publisher, Stager

__all__ = ["ExecuteRequest", "Jobs", "parse_execute"]

#: Waits between two looks at the store, in seconds: the first is short for jobs that end at once.
_FIRST, _LONGEST = 0.05, 0.5
#: How long a dismissal waits for the worker to stop the job, and a follower for the last words of an ended one.
_STOPPING, _LAST_WORDS = 15.0, 1.0
#: How often a follower without news says so.
_IDLE = 1.0

_log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Jobs:
    """The use cases of jobs. Safe from any thread."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        stagers: Mapping[str, Stager],
        publisher: Publisher,
        limits: LimitsSettings,
        *,
        host_commands: bool = True,
        held_threads: int = 24,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """``stagers`` are by scheme; ``held_threads`` is how many waits and followers there may be at a time."""
        self._store = store
        self._queue = queue
        self._publisher = publisher
        self._clock = clock
        self._submission = Submission(store.processes, stagers, publisher.name, limits, host_commands)
        self._held = threading.BoundedSemaphore(held_threads)
        self._closed = threading.Event()

    def close(self) -> None:
        """End every wait and every follower, now and from now on. Idempotent."""
        self._closed.set()

    # ------------------------------------------------------------ submission

    def submit(self, process_id: str, request: ExecuteRequest, owner: str | None) -> Job:
        """Accept a job: from the return on it reaches exactly one terminal status, whatever happens here.

        :raises NoSuchProcess: there is no such process.
        :raises InvalidRequest: the request does not fit it; all faults at once (also InvalidInput, NoSuchOutput).
        :raises Refused: policy forbids it (ReferenceRefused: forbids the references).
        """
        job, inputs = self._submission.job(process_id, request, owner, self._clock())
        self._store.jobs.add(job, inputs)
        self._tell(job, "accepted")
        try:
            self._queue.put(job.job_id, job.priority)
        except QueueError as error:
            # The job is promised; the reaper rings again.
            _log.warning("could not ring for job %s: %s", job.job_id, error, extra=_about(job, "ring"))
        return job

    def _tell(self, job: Job, message: str) -> None:
        event = JobEvent(job_id=job.job_id, attempt=job.attempt, at=self._clock(), topic="status", message=message)
        try:
            self._store.events.append([event])
        except StoreError as error:
            # The state is stored already, and says the same.
            _log.warning("could not record an event of job %s: %s", job.job_id, error, extra=_about(job, "event"))

    # ------------------------------------------------------------ questions

    def get(self, job_id: str, owner: str | None) -> Job:
        """Return the job.

        :raises NoSuchJob: there is none, or it is another owner's.
        :raises JobRemoved: it was removed.
        """
        job = self._store.jobs.get(job_id)
        if job.owner != owner:
            raise NoSuchJob(f"There is no job {job_id!r}.")
        return job

    def find(self, query: JobQuery, owner: str | None) -> Page[Job]:
        """Return a page of the owner's jobs.

        :raises NoSuchProcess: a process that is asked for never was there (OGC: .../job-list/processID-response).
        """
        for process_id in query.process_ids:
            # Any revision will do: jobs of an undeployed process are still found.
            self._store.processes.get(process_id, 1)
        return self._store.jobs.find(replace(query, any_owner=False, owner=owner))

    def inputs(self, job_id: str, owner: str | None) -> Mapping[str, object]:
        """Return the inputs the job was accepted with, defaults included. Raises as :meth:`get`."""
        self.get(job_id, owner)
        return self._store.jobs.inputs(job_id)

    def events(self, job_id: str, owner: str | None, query: EventQuery) -> Sequence[JobEvent]:
        """Return the events of the job that fit. Raises as :meth:`get`."""
        self.get(job_id, owner)
        return self._store.events.read(job_id, query)

    # ------------------------------------------------------------ waiting

    def wait(self, job_id: str, owner: str | None, seconds: float) -> Job:
        """Return the job as soon as it is terminal, else as it is after ``seconds``.

        Returns at once when as many wait already as may.
        """
        return self._await_end(self.get(job_id, owner), seconds)

    def _await_end(self, job: Job, seconds: float) -> Job:
        if job.is_terminal or seconds <= 0 or not self._held.acquire(blocking=False):
            return job
        deadline = time.monotonic() + seconds
        try:
            with self._store.changes.watch(job.job_id) as watch:
                pause = _FIRST
                while True:
                    job = self._store.jobs.get(job.job_id)
                    left = deadline - time.monotonic()
                    if job.is_terminal or left <= 0 or self._closed.is_set():
                        return job
                    # News comes from this process only; jobs may also be run and ended by others.
                    pause = _FIRST if watch.wait(min(pause, left)) else min(_LONGEST, pause * 1.5)
        finally:
            self._held.release()

    def follow(
        self, job_id: str, owner: str | None, query: EventQuery, stop: threading.Event
    ) -> Iterator[list[JobEvent] | None]:
        """Return the events of the job that fit, as they come, until it has ended or ``stop`` is set.

        None stands for a while without news. ``query.limit`` is how many come at a time. Whoever lets go of the
        iterator frees its place.

        :raises Overloaded: as many wait already as may.
        """
        self.get(job_id, owner)
        if not self._held.acquire(blocking=False):
            raise Overloaded("Too many clients follow jobs: try again, or read the log without 'follow'.")
        events = self._follow(job_id, query, stop)
        # Up to its first yield, within the block that gives the place back.
        next(events)
        return events

    def _follow(self, job_id: str, query: EventQuery, stop: threading.Event) -> Iterator[list[JobEvent] | None]:
        try:
            yield None
            with self._store.changes.watch(job_id) as watch:
                pause, said, ended = _FIRST, time.monotonic(), 0.0
                while not (stop.is_set() or self._closed.is_set()):
                    # The state first: what was written before the end is read after it.
                    is_over = self._is_over(job_id)
                    has_said_all = is_over and self._has_last_words(job_id)
                    found = list(self._store.events.read(job_id, query))
                    query = replace(query, after=found[-1].seq if found else query.after, tail=None)
                    now = time.monotonic()
                    if found or now - said >= _IDLE:
                        said = now
                        yield found or None
                    if len(found) >= query.limit:
                        continue
                    if is_over and not found:
                        ended = ended or now
                        if has_said_all or now - ended > _LAST_WORDS:
                            return
                    pause = _FIRST if watch.wait(pause) or found else min(_LONGEST, pause * 1.5)
        finally:
            self._held.release()

    def _is_over(self, job_id: str) -> bool:
        try:
            return self._store.jobs.get(job_id).is_terminal
        except (NoSuchJob, JobRemoved):
            return True

    def _has_last_words(self, job_id: str) -> bool:
        """Whether the event of the end is there: it is written right after the end itself."""
        last = self._store.events.read(job_id, EventQuery(topics=frozenset({"status"}), tail=1))
        return bool(last) and last[-1].message.startswith(("successful", "failed", "dismissed"))

    # ------------------------------------------------------------ dismissal

    def dismiss(self, job_id: str, owner: str | None) -> Job:
        """Stop the job, or remove one that has ended with all its files; return it as it is then.

        A job that still runs when this returns will be stopped by its worker.
        """
        while True:
            job = self.get(job_id, owner)
            if job.is_terminal:
                return self._remove(job)
            try:
                if job.status is StatusCode.RUNNING:
                    return self._stop(job)
                dismissed = job.dismiss(self._clock())
                self._store.jobs.save(dismissed)
            except StaleRevision:
                # A worker was faster: look again, and decide by what is true now.
                continue
            self._tell(dismissed, "dismissed")
            return dismissed

    def _stop(self, job: Job) -> Job:
        if not job.dismissal_asked_at:
            job = job.ask_dismissal(self._clock())
            self._store.jobs.save(job)
        return self._await_end(job, _STOPPING)

    def _remove(self, job: Job) -> Job:
        # Files first: if this is cut short, the record is still there to be dismissed again.
        self._publisher.remove(job.job_id)
        self._store.jobs.delete(job.job_id, self._clock())
        return replace(job, status=StatusCode.DISMISSED, message="removed")


def _about(job: Job, action: str) -> dict[str, str]:
    return {"action": action, "job_id": job.job_id}
