"""How long to wait for a service: between two questions, and while it is gone."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import timedelta

from weaverlite.client.errors import ClientError, ProblemError, TimedOut, Unreachable

#: How long a service may be gone before it is given up.
PATIENCE = timedelta(minutes=10)
#: Answers that say "not now".
BUSY = frozenset({429, 502, 503, 504})
_FIRST, _LONGEST, _GROWTH = 0.1, 5.0, 1.5


def pauses() -> Iterator[float]:
    """Yield the seconds between questions to a service that does not hold them: longer and longer, up to a limit."""
    pause = _FIRST
    while True:
        # Many clients of one service should not ask in step.
        yield pause * random.uniform(0.8, 1.2)
        pause = min(pause * _GROWTH, _LONGEST)


def is_passing(error: ClientError) -> bool:
    """Whether the same request may succeed later: nobody answered, or the service said "not now"."""
    if isinstance(error, ProblemError):
        return error.status in BUSY
    return isinstance(error, Unreachable | TimedOut)


class Absence:
    """How long a service has been gone; ``back`` when it answers again."""

    def __init__(self, patience: timedelta, reached: bool) -> None:
        self._patience = patience.total_seconds()
        self._reached = reached
        self._since: float | None = None
        self._pauses = pauses()

    def back(self) -> None:
        self._reached, self._since = True, None
        self._pauses = pauses()

    def note(self, error: ClientError) -> bool:
        """Take notice of a failed request; return whether it is the first of this absence.

        :raises ClientError: the error itself, when waiting will not help: the service refuses, was never there, or has
            been gone for too long.
        """
        if not is_passing(error) or (not self._reached and not isinstance(error, ProblemError)):
            raise error
        now = time.monotonic()
        if self._since is None:
            self._since = now
            return True
        if now - self._since > self._patience:
            raise error
        return False

    def pause(self) -> float:
        """Return the seconds to wait before the next try."""
        return next(self._pauses)


__all__ = ["BUSY", "PATIENCE", "Absence", "is_passing", "pauses"]
