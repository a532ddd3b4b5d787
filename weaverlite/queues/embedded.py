"""The embedded queue: threads of this process that run the next accepted job.

The accepted jobs in the store are the queue, so nothing is lost at a restart and several processes may share them. One
thread claims and hands over; it is woken by :meth:`EmbeddedQueue.put` and by a job that ends, and looks by itself from
time to time for jobs that other processes accepted.
"""

from __future__ import annotations

import logging
import queue
import threading
import time

from weaverlite.errors import BackendError
from weaverlite.models.job import Job
from weaverlite.queues.interfaces import Claim, Handle, Queue
from weaverlite.settings import Settings

_log = logging.getLogger(__name__)


class EmbeddedQueue(Queue):
    """Claims jobs one by one as long as a thread is free to handle them."""

    is_shared = False

    def __init__(self, claim: Claim, *, poll: float = 0.5) -> None:
        """``poll`` is the longest time between two looks for jobs of other processes, in seconds."""
        self._claim = claim
        self._poll = poll
        # One lock for everything below; whoever changes any of it notifies.
        self._state = threading.Condition()
        self._rung = False
        self._busy = 0
        self._serving = False
        self._stopping = False
        self._deadline: float | None = None

    @classmethod
    def create(cls, settings: Settings, claim: Claim) -> EmbeddedQueue:
        """Return the queue that the settings describe."""
        return cls(claim, poll=settings.queue.poll.total_seconds())

    def put(self, job_id: str, priority: int = 0) -> None:
        with self._state:
            self._rung = True
            self._state.notify_all()

    def serve(self, handle: Handle, concurrency: int) -> None:
        with self._state:
            if self._stopping:
                return
            self._serving = True
        work: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        for number in range(concurrency):
            # Daemons: a handler that outlives the grace must not keep the process alive.
            threading.Thread(
                target=self._handle_all, args=(work, handle), name=f"worker-{number + 1}", daemon=True
            ).start()
        try:
            self._claim_all(work, concurrency)
        finally:
            for _ in range(concurrency):
                work.put(None)
            with self._state:
                self._stopping = True
                self._state.wait_for(lambda: not self._busy, self._remaining())
                self._serving = False
                self._state.notify_all()

    def stop(self, grace: float) -> None:
        with self._state:
            self._stopping = True
            if self._deadline is None:
                self._deadline = time.monotonic() + grace
            self._state.notify_all()
            self._state.wait_for(lambda: not self._serving, self._remaining())

    def ping(self) -> None:
        """There is no broker that could be away."""

    def close(self) -> None:
        self.stop(0)

    def _claim_all(self, work: queue.SimpleQueue[Job | None], concurrency: int) -> None:
        failing = False
        while True:
            with self._state:
                self._state.wait_for(lambda: self._stopping or self._busy < concurrency)
                if self._stopping:
                    return
                # Before the look, so that a ring during it makes us look again.
                self._rung = False
            try:
                job = self._claim(None)
                failing = False
            except BackendError as exc:
                if not failing:
                    _log.warning("Cannot look for jobs, trying again each %.1f s: %s", self._poll, exc)
                job, failing = None, True
            except Exception:
                # A worker that ends of this would leave all jobs waiting, and nobody to say why.
                _log.exception("Cannot look for jobs, trying again each %.1f s", self._poll)
                job, failing = None, True
            with self._state:
                if job is not None:
                    self._busy += 1
                    work.put(job)
                else:
                    # While the store is away a ring changes nothing: only time does.
                    heard = (lambda: self._stopping) if failing else (lambda: self._stopping or self._rung)
                    self._state.wait_for(heard, self._poll)

    def _handle_all(self, work: queue.SimpleQueue[Job | None], handle: Handle) -> None:
        while (job := work.get()) is not None:
            try:
                handle(job)
            except Exception:
                _log.exception("The handler of job %s failed", job.job_id, extra={"job_id": job.job_id})
            finally:
                with self._state:
                    self._busy -= 1
                    self._state.notify_all()

    def _remaining(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
