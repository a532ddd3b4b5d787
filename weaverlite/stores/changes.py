"""News of jobs within one process: who waits for a job is woken by the thread that saves it.

Only a shortcut: writers in other processes are not heard here, so every waiter also looks for itself from time to time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Listener = Callable[[str], None]


class Changes:
    """Announce and await that a job was saved. Safe from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waited: dict[str, int] = {}
        self._serial = 0
        self._last: dict[str, int] = {}
        self._listeners: tuple[Listener, ...] = ()

    def announce(self, job_id: str) -> None:
        """Wake who waits for this job, and tell every listener."""
        with self._changed:
            if job_id in self._waited:
                self._serial += 1
                self._last[job_id] = self._serial
                self._changed.notify_all()
        for listener in self._listeners:
            listener(job_id)

    def listen(self, listener: Listener) -> None:
        """Have ``listener`` called with the id of each job announced; it must return at once and not raise."""
        self._listeners = (*self._listeners, listener)

    def watch(self, job_id: str) -> Watch:
        """Return a context manager that remembers news of this job from now on."""
        return Watch(self, job_id)

    def _enter(self, job_id: str) -> None:
        with self._changed:
            self._waited[job_id] = self._waited.get(job_id, 0) + 1

    def _leave(self, job_id: str) -> None:
        with self._changed:
            self._waited[job_id] -= 1
            if not self._waited[job_id]:
                del self._waited[job_id]
                self._last.pop(job_id, None)

    def _wait(self, job_id: str, seen: int, seconds: float) -> int:
        with self._changed:
            self._changed.wait_for(lambda: self._last.get(job_id, 0) > seen, seconds)
            return max(seen, self._last.get(job_id, 0))


class Watch:
    """Awaits news of one job. News between two waits is not lost."""

    def __init__(self, changes: Changes, job_id: str) -> None:
        self._changes = changes
        self._job_id = job_id
        self._seen = 0

    def __enter__(self) -> Watch:
        self._changes._enter(self._job_id)
        return self

    def __exit__(self, *_: object) -> None:
        self._changes._leave(self._job_id)

    def wait(self, seconds: float) -> bool:
        """Return True as soon as there is news since the last wait, False after ``seconds`` without."""
        before, self._seen = self._seen, self._changes._wait(self._job_id, self._seen, seconds)
        return self._seen > before
