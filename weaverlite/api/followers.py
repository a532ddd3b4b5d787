"""Answers that go on: the events of a job as they come, until it has ended, the client has gone or the service stops.

Each holds a thread of the server, so how many one owner may hold is bounded here, and all together by
:class:`weaverlite.services.jobs.Jobs`.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pyramid.request import Request
from pyramid.response import Response

from weaverlite.api.rendering import set_type, write_json
from weaverlite.errors import TooManyHeld
from weaverlite.models.job import JobEvent

#: Requests one owner may have held at a time. Without authentication all are of nobody, and only the sum is bounded.
SHARE = 8
#: Seconds of silence after which something is sent, so that proxies and clients see that we are there.
KEEP_ALIVE = 15.0


class Shares:
    """Counts the held requests of each owner."""

    def __init__(self, share: int = SHARE) -> None:
        self._share = share
        self._held: dict[str, int] = {}
        self._lock = threading.Lock()
        #: Set when the service stops: whoever is held ends.
        self.stop = threading.Event()

    def take(self, owner: str | None) -> bool:
        """Count one more, if the owner may have one more."""
        if owner is None:
            return True
        with self._lock:
            if self._held.get(owner, 0) >= self._share:
                return False
            self._held[owner] = self._held.get(owner, 0) + 1
            return True

    def give(self, owner: str | None) -> None:
        """Count one less."""
        if owner is not None:
            with self._lock:
                self._held[owner] -= 1
                if not self._held[owner]:
                    del self._held[owner]

    @contextmanager
    def waiting(self, owner: str | None) -> Iterator[bool]:
        """Tell whether the owner may wait, and count it while it does."""
        taken = self.take(owner)
        try:
            yield taken
        finally:
            if taken:
                self.give(owner)


class Form:
    """How events are written: the text around and between them, and the text of each."""

    media_type = "application/json"
    keep_alive = b"\n"

    def begin(self) -> bytes:
        return b'{"events":['

    def __init__(self, show: Callable[[JobEvent], Any]) -> None:
        self.show = show
        self._last = 0

    def write(self, events: list[JobEvent]) -> bytes:
        glue = b"," if self._last else b""
        self._last = events[-1].seq
        return glue + b",\n".join(write_json(self.show(item)) for item in events)

    def end(self) -> bytes:
        return b'],"last":%d,"links":[]}' % self._last


class TextForm(Form):
    """One line an event."""

    media_type = "text/plain; charset=utf-8"
    keep_alive = b""

    def begin(self) -> bytes:
        return b""

    def write(self, events: list[JobEvent]) -> bytes:
        return "".join(f"{self.show(item)}\n" for item in events).encode("utf-8", "replace")

    def end(self) -> bytes:
        return b""


class EventForm(Form):
    """Server-sent events; the last one, ``end``, has the status of the job."""

    media_type = "text/event-stream"
    keep_alive = b":\n\n"

    def __init__(self, show: Callable[[JobEvent], Any], status: Callable[[], Any]) -> None:
        super().__init__(show)
        self._status = status

    def begin(self) -> bytes:
        # Browsers come back after a break, with Last-Event-ID.
        return b"retry: 1000\n\n"

    def write(self, events: list[JobEvent]) -> bytes:
        return b"".join(
            b"id: %d\nevent: %s\ndata: %s\n\n" % (item.seq, item.topic.encode(), write_json(self.show(item)))
            for item in events
        )

    def end(self) -> bytes:
        return b"event: end\ndata: %s\n\n" % write_json(self._status())


Batches = Iterator[list[JobEvent] | None]


def follow(request: Request, form: Form, begin: Callable[[threading.Event], Batches]) -> Response:
    """Return a response that writes batches of events as ``begin`` gives them.

    :raises TooManyHeld: the owner has his share already.
    """
    shares: Shares = request.registry.shares
    owner = request.owner
    if not shares.take(owner):
        raise TooManyHeld(f"{owner} has {SHARE} waiting requests already: end one, or try again later.")
    try:
        batches = begin(shares.stop)
    except BaseException:
        shares.give(owner)
        raise
    response = _Prompt(status=200)
    set_type(response, form.media_type)
    # nginx would hold the lines back.
    response.headers["X-Accel-Buffering"] = "no"
    gone = _gone(request.environ)
    response.app_iter = _Held(_lines(form, batches, gone, shares.stop), batches, lambda: shares.give(owner))
    return response


def _lines(
    form: Form, batches: Batches, gone: Callable[[], bool], stop: threading.Event
) -> Iterator[bytes]:
    if text := form.begin():
        yield text
    said = time.monotonic()
    for batch in batches:
        if gone() or stop.is_set():
            return
        if batch:
            yield form.write(batch)
        elif form.keep_alive and time.monotonic() - said >= KEEP_ALIVE:
            yield form.keep_alive
        else:
            continue
        said = time.monotonic()
    if not stop.is_set() and (text := form.end()):
        yield text


def _gone(environ: dict[str, Any]) -> Callable[[], bool]:
    """Return what tells whether the client has gone, as far as the server lets us know."""
    if asked := environ.get("waitress.client_disconnected"):
        return lambda: bool(asked())
    if (connection := environ.get("gunicorn.socket")) is not None:
        return lambda: _is_closed(connection)
    return lambda: False


def _is_closed(connection: Any) -> bool:
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


class _Prompt(Response):
    """A response whose headers are sent at once, not with the first line, which may be long in coming."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            write = start_response(status, headers, exc_info)
            if environ["REQUEST_METHOD"] != "HEAD" and callable(write):
                write(b"")
            return write

        return super().__call__(environ, start)


class _Held:
    """The body of a held response. Closing it frees what it holds, also when not a byte of it was asked for."""

    def __init__(self, lines: Iterator[bytes], batches: Any, free: Callable[[], None]) -> None:
        self._lines, self._batches = lines, batches
        self._free: Callable[[], None] | None = free

    def __iter__(self) -> _Held:
        return self

    def __next__(self) -> bytes:
        return next(self._lines)

    def close(self) -> None:
        free, self._free = self._free, None
        if free is not None:
            # Generators that were never begun run no ``finally``: what they hold is let go of here.
            for part in (self._lines, self._batches):
                if hasattr(part, "close"):
                    part.close()
            free()
