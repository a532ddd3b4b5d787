"""How long a job will take, judged by the last ones of its process: hints for those who ask for it again and again."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from datetime import datetime

from weaverlite.models.job import Job
from weaverlite.models.queries import JobQuery
from weaverlite.ogc.status import StatusCode
from weaverlite.stores.interfaces import JobStore

#: Jobs that are looked at, how long what they tell is believed (seconds), and for how many processes it is kept.
_LAST, _FRESH, _PROCESSES = 15, 30.0, 500
#: The bounds of a hint, in seconds.
_SHORTEST, _LONGEST = 1.0, 300.0


class Estimates:
    """The median of the last successful runs of each process, remembered for a while. Safe from any thread."""

    def __init__(self, jobs: JobStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._jobs = jobs
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, float | None]] = {}

    def seconds(self, process_id: str) -> float | None:
        """Return how long a run of the process takes, None when none was successful yet."""
        now = self._clock()
        with self._lock:
            read_at, seconds = self._known.get(process_id, (None, None))
        if read_at is not None and now - read_at < _FRESH:
            return seconds
        query = JobQuery(
            process_ids=frozenset({process_id}), statuses=frozenset({StatusCode.SUCCESSFUL}), limit=_LAST
        )
        taken = [job.seconds for job in self._jobs.find(query).items if job.seconds is not None]
        seconds = statistics.median(taken) if taken else None
        with self._lock:
            if len(self._known) >= _PROCESSES:
                self._known.clear()
            self._known[process_id] = (now, seconds)
        return seconds

    def left(self, job: Job, at: datetime) -> float | None:
        """Return how many seconds the job will go on, it seems; None when nobody knows, or it takes longer already."""
        typical = self.seconds(job.process_id)
        if typical is None:
            return None
        left = typical - _gone(job, at)
        return left if left > 0 else None

    def next_poll(self, job: Job, at: datetime) -> float:
        """Return after how many seconds it is worth to ask for the job again.

        When it should have ended; of one that takes longer than others, or of which nothing is known, after a quarter
        of the time it has taken already.
        """
        left = self.left(job, at)
        hint = _gone(job, at) / 4 if left is None else left
        return min(_LONGEST, max(_SHORTEST, hint))


def _gone(job: Job, at: datetime) -> float:
    begun = job.started_at if job.status is StatusCode.RUNNING else None
    return 0.0 if begun is None else max(0.0, (at - begun).total_seconds())
