"""The HTTP server of ``weaverlite serve``: waitress, set up for long answers, large uploads and an orderly end."""

from __future__ import annotations

import copy
import errno
import json
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.buffers import OverflowableBuffer, TempfileBasedBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher

from weaverlite.api import WSGIApplication, make_app
from weaverlite.errors import ConfigurationError
from weaverlite.ogc.exceptions import BLANK
from weaverlite.ogc.negotiation import PROBLEM
from weaverlite.runtime import Runtime
from weaverlite.settings import ServerSettings, Settings

log = logging.getLogger(__name__)

Announce = Callable[[str], None]

#: Requests to these paths may have bodies as large as uploads.
_UPLOADS = "/vault"
_HEAD_LIMIT = 64 * 1024


def serve(
    runtime: Runtime,
    app: WSGIApplication | None = None,
    *,
    stop: threading.Event | None = None,
    announce: Announce | None = None,
) -> None:
    """Answer requests until SIGTERM, SIGINT or ``stop``; then end what is held, drain, and return.

    ``announce`` is called with the URL once requests are accepted; without it the URL is printed. The worker and the
    runtime stay the caller's to stop and to close.

    :raises ConfigurationError: the address cannot be listened on; says why and what to do.
    """
    application: Any = app or make_app(runtime)
    ending = stop or threading.Event()
    server = _listen(application, runtime.settings)
    with _signals(ending, server):
        try:
            (announce or _print)(_url(runtime.settings.server, server))
            while not ending.is_set():
                wasyncore.loop(timeout=0.5, use_poll=True, map=server.map, count=1)
            _drain(application, runtime, server)
        finally:
            server.end()


class Server(TcpWSGIServer):  # type: ignore[misc]
    """A listening waitress with its own threads."""

    def __init__(self, application: Any, settings: Settings, sockinfo: Any, adjustments: Adjustments) -> None:
        self.map: dict[int, Any] = {}
        self.body_limit = settings.server.body_limit
        self.spool = settings.data / "tmp"
        self.dispatcher = ThreadedTaskDispatcher()
        self.channel_class = _Channel
        super().__init__(application, self.map, dispatcher=self.dispatcher, adj=adjustments, sockinfo=sockinfo)
        self.dispatcher.set_thread_count(adjustments.threads)

    def refuse_connections(self) -> None:
        """Listen no more; what is connected stays."""
        self.accepting = False
        self.del_channel()
        self.socket.close()

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered, or an answer is not sent yet."""
        return any(channel.requests or channel.total_outbufs_len for channel in list(self.active_channels.values()))

    def end(self) -> None:
        """Close everything."""
        self.dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self.map, ignore_all=True)
        with suppress(OSError):
            self.socket.close()


def _listen(application: Any, settings: Settings) -> Server:
    server = settings.server
    try:
        found = socket.getaddrinfo(server.host.strip("[]"), server.port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)
        # Of a name that is both, the older family: what prints as the URL is then what every client tries.
        family, kind, protocol, _, address = min(found, key=lambda item: item[0])
        adjustments = Adjustments(
            threads=server.threads,
            # Large enough to see that a client has gone while its request is still being answered.
            channel_request_lookahead=1,
            connection_limit=1000,
            asyncore_use_poll=True,
            max_request_body_size=settings.vault.size_limit + 1,
            max_request_header_size=_HEAD_LIMIT,
            clear_untrusted_proxy_headers=True,
            ident="weaverlite",
        )
        return Server(application, settings, (family, kind, protocol, address), adjustments)
    except OSError as error:
        raise ConfigurationError(_why_not(server, error)) from error


def _why_not(server: ServerSettings, error: OSError) -> str:
    where = f"Cannot listen on {server.host}, port {server.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: it is in use. Stop what uses it, or choose another with --port or weaverlite.server.port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{where}: that is not permitted. Ports below 1024 are the superuser's: choose a higher one."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this host does not have that address. Change --host or weaverlite.server.host."
    return f"{where}: {error.strerror or error}. Change weaverlite.server.host or weaverlite.server.port."


def _url(settings: ServerSettings, server: Server) -> str:
    host = settings.host.strip("[]")
    return f"http://{f'[{host}]' if ':' in host else host}:{server.effective_port}"


def _print(url: str) -> None:
    print(f"weaverlite: listening on {url}", flush=True)


@contextmanager
def _signals(ending: threading.Event, server: Server) -> Iterator[None]:
    """Let SIGTERM and SIGINT end the loop, not the process; only the main thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: Any) -> None:
        ending.set()
        # Python goes on with an interrupted poll: something must come in.
        server.pull_trigger()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _drain(application: Any, runtime: Runtime, server: Server) -> None:
    log.info("stopping: no new requests", extra={"action": "stop"})
    server.refuse_connections()
    if (registry := getattr(application, "registry", None)) is not None:
        registry.shares.stop.set()
    runtime.jobs.close()
    deadline = time.monotonic() + runtime.settings.worker.drain.total_seconds()
    while server.is_busy and time.monotonic() < deadline:
        wasyncore.loop(timeout=0.05, use_poll=True, map=server.map, count=1)


# ---------------------------------------------------------------- waitress, fitted


class _Spool(TempfileBasedBuffer):  # type: ignore[misc]
    """A body on disk, on the disk of the data: the system's directory for temporary files may be memory."""

    def __init__(self, directory: Path, from_buffer: Any = None) -> None:
        self.directory = directory
        super().__init__(from_buffer)

    def newfile(self) -> Any:
        self.directory.mkdir(parents=True, exist_ok=True)
        return TemporaryFile("w+b", dir=self.directory)


class _BodyBuffer(OverflowableBuffer):  # type: ignore[misc]
    """A body in memory until it is large."""

    def __init__(self, overflow: int, directory: Path) -> None:
        super().__init__(overflow)
        self.directory = directory

    def _set_large_buffer(self) -> None:
        small: Any = self.buf
        self.buf: Any = _Spool(self.directory, small)
        if small is not None:
            small.close()
        self.overflowed = True


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Refuses a large body by its announced length, before any of it is read, except where uploads go."""

    def __init__(self, adjustments: Adjustments, server: Server) -> None:
        super().__init__(adjustments)
        self._server = server

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.path != _UPLOADS:
            self.adj: Any = copy.copy(self.adj)
            self.adj.max_request_body_size = self._server.body_limit + 1
        if self.body_rcv is not None:
            self.body_rcv.buf = _BodyBuffer(self.adj.inbuf_overflow, self._server.spool)


class _ErrorTask(ErrorTask):  # type: ignore[misc]
    """What waitress refuses by itself, as a problem document like all others."""

    def execute(self) -> None:
        error = self.request.error
        detail = f"The request was refused before it was read whole: {error.body}."
        document = {"type": BLANK, "title": error.reason, "status": error.code, "detail": detail}
        body = json.dumps(document).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.extend(
            [
                ("Content-Type", PROBLEM),
                ("Content-Length", str(len(body))),
                ("X-Content-Type-Options", "nosniff"),
            ]
        )
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that reads and refuses requests our way."""

    error_task_class = _ErrorTask

    def parser_class(self, adjustments: Adjustments) -> _Parser:
        return _Parser(adjustments, self.server)
