"""Serving: listen, answer until told to stop, and end in order."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments

from weaverlite.api import WSGIApplication, make_app
from weaverlite.api.callbacks import composer
from weaverlite.api.server import Server
from weaverlite.errors import ConfigurationError
from weaverlite.runtime import Runtime
from weaverlite.settings import ServerSettings, Settings

log = logging.getLogger(__name__)

Announce = Callable[[str], None]

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
            runtime.start_announcing(composer(runtime))
            while not ending.is_set():
                wasyncore.loop(timeout=0.5, use_poll=True, map=server.map, count=1)
            _drain(application, runtime, server)
        finally:
            server.end()


def _listen(application: Any, settings: Settings) -> Server:
    adjustments = Adjustments(
        threads=settings.server.threads,
        # Large enough to see that a client has gone while its request is still being answered.
        channel_request_lookahead=1,
        connection_limit=1000,
        asyncore_use_poll=True,
        max_request_body_size=settings.vault.size_limit + 1,
        max_request_header_size=_HEAD_LIMIT,
        clear_untrusted_proxy_headers=True,
        ident="weaverlite",
    )
    try:
        bound = _bind(settings.server)
    except OSError as error:
        raise ConfigurationError(_why_not(settings.server, error)) from error
    return Server(application, settings, bound, adjustments)


def _bind(settings: ServerSettings) -> socket.socket:
    found = socket.getaddrinfo(settings.host.strip("[]"), settings.port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)
    # Of a name that is both, the older family: what prints as the URL is then what every client tries.
    family, kind, protocol, _, address = min(found, key=lambda item: item[0])
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()
    except OSError:
        bound.close()
        raise
    return bound


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
