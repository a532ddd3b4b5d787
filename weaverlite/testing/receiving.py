"""A subscriber: an HTTP server that keeps what it is sent, and answers as it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """What came: path with query, headers by lower-case name, and the body."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """What a subscriber got. ``status`` is what it answers: a number, or a function of the message."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status: int | Callable[[Message], int] = 200
        self._messages: list[Message] = []
        self._came = threading.Condition()

    @property
    def messages(self) -> tuple[Message, ...]:
        with self._came:
            return tuple(self._messages)

    def take(self, message: Message) -> int:
        """Keep a message; return the status to answer."""
        with self._came:
            self._messages.append(message)
            self._came.notify_all()
        return self.status if isinstance(self.status, int) else self.status(message)

    def until(self, number: int, seconds: float = 60) -> tuple[Message, ...]:
        """Return the messages once there are so many.

        :raises TimeoutError: there are not after ``seconds``.
        """
        with self._came:
            if not self._came.wait_for(lambda: len(self._messages) >= number, seconds):
                raise TimeoutError(f"{len(self._messages)} of {number} messages came")
            return tuple(self._messages)


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Receive on a port of this host, any free one by default, until the context is left."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    server.daemon_threads = True
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    server.receiver = receiver  # type: ignore[attr-defined]  # handlers know nothing but their server.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        receiver: Receiver = getattr(self.server, "receiver")
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = receiver.take(Message(self.path, headers, body))
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"{receiver.url}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""
