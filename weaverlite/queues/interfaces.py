"""What a queue promises: to wake workers. It is a doorbell; a lost or doubled ring changes nothing but latency.

A queue is built with ``claim``, the bound ``store.jobs.claim`` with this worker's offer filled in, and calls its
handler only with a job it has won. Each implementation passes the suite of ``weaverlite.testing.queues``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from weaverlite.models.job import Job

#: Win the job of this id, or the next one when None; None when nothing was won.
Claim = Callable[[str | None], Job | None]
#: Do everything for a job that was won, until it is terminal or given away. Never raises.
Handle = Callable[[Job], None]


class Queue(ABC):
    """Wakes a worker when a job waits."""

    #: Whether workers on other hosts hear the bell.
    is_shared: bool = False

    @abstractmethod
    def put(self, job_id: str, priority: int = 0) -> None:
        """Ring for an accepted job. Idempotent. Returns within about two seconds, also when the broker is away.

        :raises QueueError: the bell could not be rung; the job stays accepted and is rung for again later.
        """

    @abstractmethod
    def serve(self, handle: Handle, concurrency: int) -> None:
        """Claim jobs and handle them, at most ``concurrency`` at a time; return after :meth:`stop`.

        Called once, from a thread of its own or the main one.
        """

    @abstractmethod
    def stop(self, grace: float) -> None:
        """Claim no more; return when all handlers have ended, at the latest after ``grace`` seconds. Idempotent."""

    @abstractmethod
    def ping(self) -> None:
        """Return if the broker answers.

        :raises QueueError: it does not.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of every connection. Idempotent."""
