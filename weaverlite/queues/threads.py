"""The pool of a Celery worker: daemon threads, and a wake-up for the loop that feeds them."""

from __future__ import annotations

import logging
import queue
import threading
from typing import Any

from celery.concurrency.base import BasePool, apply_target
from kombu.asynchronous import get_event_loop

_log = logging.getLogger(__name__)


class DaemonThreads(BasePool):  # type: ignore[misc]  # Celery has no type information
    """Runs what the worker receives in ``limit`` threads.

    Unlike Celery's own pool of threads it never waits at the end: who uses it knows how long to. And when a thread is
    free again it wakes the worker's loop, which else looks for the next message only when a timer fires.
    """

    body_can_be_buffer = True
    signal_safe = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._work: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()

    def on_start(self) -> None:
        for number in range(self.limit):
            threading.Thread(target=self._run, name=f"worker-{number + 1}", daemon=True).start()

    def on_stop(self) -> None:
        for _ in range(self.limit):
            self._work.put(None)

    def on_apply(
        self,
        target: Any,
        args: Any = None,
        kwargs: Any = None,
        callback: Any = None,
        accept_callback: Any = None,
        **_: Any,
    ) -> None:
        self._work.put((target, args, kwargs, callback, accept_callback))

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                apply_target(*work)
            except Exception:
                _log.exception("A message could not be handled")
            wake_loop()


def wake_loop() -> None:
    """Have the loop of the worker in this process, if there is one, look around now."""
    loop = get_event_loop()
    if loop is not None:
        loop.call_soon(_nothing)


def _nothing() -> None:
    pass
