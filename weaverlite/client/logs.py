"""The log events of a job as they happen, over a stream that is taken up again when it breaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import requests

from weaverlite.client.connection import Connection, problem_of
from weaverlite.client.errors import ClientError, Unreachable
from weaverlite.client.events import ServerEvent, read_events
from weaverlite.client.waiting import PATIENCE, Absence

#: A stream without a byte for this long is dead: a service sends a comment every 15 seconds.
SILENCE = 45.0
_SHORTEST = 1.0


def follow_logs(
    connection: Connection,
    job_url: str,
    *,
    stream: str | None = None,
    tail: int | None = None,
    after: int | None = None,
    since: str | None = None,
    patience: timedelta = PATIENCE,
    reached: bool = False,
    stop: threading.Event | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the events of a job, each once and in order, until the job has ended.

    :param reached: whether the service answered already; one that never did is not waited for.
    :param stop: ends the iteration when it is set, within the time between two signs of life of the stream.
    :raises ClientError: the service has no live logs, refuses, or is gone for longer than ``patience``.
    """
    stop = stop or threading.Event()
    absence = Absence(patience, reached)
    last = after
    while not stop.is_set():
        params = {"follow": "true", "f": "sse", "stream": stream, "tail": tail, "after": last, "since": since}
        headers = {"Accept": "text/event-stream"} | ({} if last is None else {"Last-Event-ID": str(last)})
        began = time.monotonic()
        try:
            with connection.stream(
                "GET", f"{job_url}/logs", params=params, headers=headers, silence=SILENCE
            ) as response:
                _check(response)
                for event in read_events(_chunks(response, stop)):
                    absence.back()
                    if event.name == "end":
                        return
                    number = _number(event)
                    if last is not None and number is not None and number <= last:
                        continue
                    if number is not None:
                        # What is asked for once, at the start, is not asked for again.
                        last, tail, since = number, None, None
                    yield event.json()
            # It may end before the job does, and is asked for again; one that ends at once is as good as none.
            if time.monotonic() - began < _SHORTEST:
                raise Unreachable(f"{job_url}/logs ends at once.")
            absence.back()
        except ClientError as exc:
            absence.note(exc)
        stop.wait(absence.pause())


def _check(response: requests.Response) -> None:
    if not response.ok:
        raise problem_of(response)
    if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
        raise ClientError("This service has no live logs.")


def _chunks(response: requests.Response, stop: threading.Event) -> Iterator[bytes]:
    # None gives each chunk as it comes. A body without chunks would be read to its end so: byte by byte then.
    size = None if getattr(response.raw, "chunked", False) else 1
    for chunk in response.iter_content(size):
        if stop.is_set():
            return
        yield chunk


def _number(event: ServerEvent) -> int | None:
    number = event.json().get("seq", event.id)
    try:
        return int(number)
    except (TypeError, ValueError):
        return None


__all__ = ["follow_logs"]
