"""Waiting for what becomes of a job, and following what it says: requests that are held, a thread each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from weaverlite.errors import JobRemoved, NoSuchJob, Overloaded
from weaverlite.models.job import Job, JobEvent
from weaverlite.models.queries import EventQuery
from weaverlite.stores.interfaces import Store

#: Waits between two looks at the store, in seconds: the first is short for jobs that end at once.
_FIRST, _LONGEST = 0.05, 0.5
#: How long a follower waits for the last words of an ended job.
_LAST_WORDS = 1.0
#: How often a follower without news says so.
_IDLE = 1.0


class Waiting:
    """Holds so many waits and followers at a time, and no more. Safe from any thread."""

    def __init__(self, store: Store, held_threads: int) -> None:
        self._store = store
        self._held = threading.BoundedSemaphore(held_threads)
        self._closed = threading.Event()

    def close(self) -> None:
        """End every wait and every follower, now and from now on. Idempotent."""
        self._closed.set()

    def wait(self, job: Job, seconds: float, until: Callable[[Job], bool]) -> Job:
        """Return the job as soon as it is as ``until`` says, else as it is after ``seconds``.

        Returns at once when as many wait already as may.
        """
        if until(job) or seconds <= 0 or not self._held.acquire(blocking=False):
            return job
        deadline = time.monotonic() + seconds
        try:
            with self._store.changes.watch(job.job_id) as watch:
                pause = _FIRST
                while True:
                    job = self._store.jobs.get(job.job_id)
                    left = deadline - time.monotonic()
                    if until(job) or left <= 0 or self._closed.is_set():
                        return job
                    # News comes from this process only; jobs may also be run and ended by others.
                    pause = _FIRST if watch.wait(min(pause, left)) else min(_LONGEST, pause * 1.5)
        finally:
            self._held.release()

    def follow(self, job_id: str, query: EventQuery, stop: threading.Event) -> Iterator[list[JobEvent] | None]:
        """Return the events that fit as they come; see :meth:`weaverlite.services.jobs.Jobs.follow`.

        :raises Overloaded: as many wait already as may.
        """
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
