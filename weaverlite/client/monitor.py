"""A job followed to its end.

The state is asked with ``Prefer: wait``, so that a service that honours it answers the moment the job ends; one that
does not is asked again and again, less and less often. Log events come over a stream of their own, read by a thread.
A service that goes away is waited for, and taken up where it left off.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from weaverlite.client.connection import Connection
from weaverlite.client.errors import TimedOut, Unreachable
from weaverlite.client.logs import follow_logs
from weaverlite.client.operation import OperationResult
from weaverlite.client.waiting import PATIENCE, Absence, pauses
from weaverlite.ogc.status import TERMINAL

#: Longest time one question about the state is held by the service.
WAIT = timedelta(seconds=20)
#: With a stream of events open, the state is asked this often for its progress; the stream itself tells the end.
_BEAT = 1.0
#: After the end of the job its last log events are awaited so long.
_REST = 10.0
#: What the service may be late with an answer that it holds, when time is limited.
_GRACE = 5.0


@dataclass(frozen=True)
class Notice:
    """Something that happened to a job.

    ``kind`` is ``status`` (the state or the progress changed: the status document), ``log`` (one event), ``lost`` (the
    service does not answer, it is waited for) or ``silent`` (there are no live logs); the last two with a ``message``.
    """

    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)


def is_over(document: Any) -> bool:
    """Whether a status document says that the job has ended."""
    return isinstance(document, Mapping) and document.get("status") in TERMINAL


class Watch:
    """The notices of one job until it has ended.

    Iterating raises ``TimedOut`` when the time is over, ``Unreachable`` when the service was never there or is gone for
    good, ``ProblemError`` when it refuses. ``answer`` is the last answer about the state.

    :param timeout: seconds in all, None for no limit.
    :param wait: longest time a question is held; shorter ones show progress sooner.
    :param reached: whether the service answered already, so that it is worth waiting for.
    """

    def __init__(
        self,
        connection: Connection,
        job_url: str,
        *,
        timeout: float | None = None,
        wait: timedelta = WAIT,
        logs: bool = False,
        reached: bool = False,
        patience: timedelta = PATIENCE,
    ) -> None:
        self.answer = OperationResult(success=False)
        self._connection = connection
        self._url = job_url
        self._timeout = timeout
        self._deadline = math.inf if timeout is None else time.monotonic() + timeout
        self._wait = wait.total_seconds()
        self._with_logs = logs
        self._patience = patience
        self._absence = Absence(patience, reached)
        self._shown: Mapping[str, Any] = {}

    def __iter__(self) -> Iterator[Notice]:
        if self._with_logs:
            yield from self._with_stream()
        else:
            yield from self._by_asking()

    def _by_asking(self) -> Iterator[Notice]:
        rhythm = pauses()
        while True:
            asked, wait = time.monotonic(), min(self._wait, max(self._remaining(), 1.0))
            changed = yield from self._news(wait)
            if changed:
                rhythm = pauses()
            if is_over(self.answer.body):
                return
            self._check_time()
            # A service that honours the wait has used it up; its word alone does not count, a busy one answers early.
            if time.monotonic() - asked < 0.8 * wait:
                time.sleep(min(next(rhythm), max(self._remaining(), 0)))

    def _with_stream(self) -> Iterator[Notice]:
        # The state first: what is refused is refused here, before a stream is opened.
        yield from self._news(0)
        events: queue.SimpleQueue[Notice | None] = queue.SimpleQueue()
        stop = threading.Event()
        threading.Thread(target=self._pump, args=(events, stop), name="job-logs", daemon=True).start()
        try:
            while not is_over(self.answer.body):
                self._check_time()
                is_open = yield from _drain(events, min(_BEAT, max(self._remaining(), 0)))
                if not is_open:
                    yield from self._by_asking()
                    return
                yield from self._news(0)
            until = time.monotonic() + _REST
            while time.monotonic() < until and (yield from _drain(events, _BEAT)):
                pass
        finally:
            stop.set()

    def _pump(self, events: queue.SimpleQueue[Notice | None], stop: threading.Event) -> None:
        try:
            for event in follow_logs(
                self._connection, self._url, patience=self._patience, reached=True, stop=stop
            ):
                events.put(Notice("log", event))
        except Exception as exc:
            # A thread has nobody to raise to; the job is followed without its log then.
            events.put(Notice("silent", {"message": str(exc)}))
        finally:
            events.put(None)

    def _news(self, wait: float) -> Generator[Notice, None, bool]:
        """Ask for the state until there is an answer; yield and return whether it is news."""
        while True:
            headers = {"Prefer": f"wait={math.ceil(wait)}"} if wait else {}
            silence = min(wait + self._connection.timeout, max(self._remaining(), 1.0) + _GRACE)
            answer = self._connection.call("GET", self._url, headers=headers, silence=silence)
            if answer.success:
                break
            error = answer.error or Unreachable(answer.message)
            if self._absence.note(error):
                yield Notice("lost", {"message": str(error)})
            self._check_time()
            time.sleep(min(self._absence.pause(), max(self._remaining(), 0)))
        if not isinstance(answer.body, Mapping) or not isinstance(answer.body.get("status"), str):
            raise Unreachable(f"{self._url} does not answer with the status of a job.")
        self._absence.back()
        self.answer = answer
        seen = {key: answer.body.get(key) for key in ("status", "progress", "message", "attempt")}
        if seen == self._shown:
            return False
        self._shown = seen
        yield Notice("status", answer.body)
        return True

    def _remaining(self) -> float:
        return self._deadline - time.monotonic()

    def _check_time(self) -> None:
        if self._remaining() <= 0:
            state = self._shown.get("status")
            raise TimedOut(
                f"The job has not ended within {self._timeout:g} seconds"
                + (f": it is {state}." if state else ", and the service does not answer.")
            )


def _drain(events: queue.SimpleQueue[Notice | None], seconds: float) -> Generator[Notice, None, bool]:
    """Yield what comes within some seconds; return whether more may come.

    Ends early with news of the service itself, which may be that the state changed.
    """
    until = time.monotonic() + seconds
    while (remaining := until - time.monotonic()) > 0:
        try:
            notice = events.get(timeout=remaining)
        except queue.Empty:
            break
        if notice is None:
            return False
        yield notice
        if notice.body.get("topic") == "status":
            break
    return True


__all__ = ["Notice", "Watch", "is_over"]
