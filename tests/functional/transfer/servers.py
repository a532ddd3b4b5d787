"""Servers that say exactly what a test makes them say, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

#: What is sent in answer to the head of a request, piece by piece; then the connection is closed.
Answer: TypeAlias = Callable[[str], Iterable[bytes]]


def reply(body: bytes = b"", status: str = "200 OK", **headers: str) -> list[bytes]:
    """Return an honest answer; underscores in the names of ``headers`` become hyphens."""
    fields = {"Content_Length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return [f"HTTP/1.1 {status}\r\n".encode() + "\r\n".join([*lines, "", ""]).encode("latin-1"), body]


@dataclass
class Server:
    """A listening socket and the heads of the requests it got."""

    port: int
    host: str = "127.0.0.1"
    scheme: str = "http"
    requests: list[str] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        return f"{self.scheme}://{self.host}:{self.port}{path}"


@contextlib.contextmanager
def serving(answer: Answer, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Answer every request with ``answer`` until the context is left."""
    with socket.create_server((host, 0)) as listener:
        server = Server(listener.getsockname()[1], host, "https" if tls else "http")
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=_talk, args=(connection, server, answer, tls)))
                threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join(10)
            for thread in threads:
                thread.join(10)


def _talk(connection: socket.socket, server: Server, answer: Answer, tls: ssl.SSLContext | None) -> None:
    # A client that has seen enough hangs up: that is what many tests are about.
    with contextlib.suppress(OSError), connection:
        connection.settimeout(10)
        with tls.wrap_socket(connection, server_side=True) if tls else connection as stream:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (block := stream.recv(65536)):
                    return
                head += block
            server.requests.append(head.decode("latin-1"))
            for piece in answer(head.decode("latin-1")):
                stream.sendall(piece)
