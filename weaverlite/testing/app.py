"""The real application over a directory of its own, for functional tests of the service and of plugins.

::

    with running(tmp_path) as service:                     # embedded worker with its job processes
        session = service.session()                        # requests, joined to the application without a socket
        session.get("http://localhost:4001/processes")

    with running(tmp_path, InstantProcess(…)) as service:  # jobs are functions of the test
        with service.served() as url: …                    # the same behind waitress, on a free port
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict, HTTPResponse

from weaverlite.api import WSGIApplication, make_app
from weaverlite.api.callbacks import composer
from weaverlite.api.openapi import api_document
from weaverlite.api.serving import serve
from weaverlite.runtime import Runtime
from weaverlite.settings import CallbackSettings, ServerSettings, Settings, StoreSettings, WorkerSettings
from weaverlite.testing.instant import InstantProcess, InstantRuntime
from weaverlite.testing.openapi import Definition
from weaverlite.testing.workers import workers

URL = "http://localhost:4001"


def settings_for(directory: Path, **sections: Any) -> Settings:
    """Return settings for tests: everything below ``directory``, quick to notice and to give up."""
    quick = Settings(
        data=directory,
        server=ServerSettings(port=0, held_threads=8, threads=12),
        store=StoreSettings(url=f"sqlite:///{directory}/weaverlite.db", synchronous="NORMAL"),
        worker=WorkerSettings(concurrency=2, grace=timedelta(seconds=1), drain=timedelta(seconds=3)),
        callbacks=CallbackSettings(poll=timedelta(milliseconds=50)),
    )
    return replace(quick, **sections)


@contextmanager
def running(
    directory: Path, *processes: InstantProcess, settings: Settings | None = None, worker: bool = True
) -> Iterator[Service]:
    """Start the service; with instant processes their runtime runs the jobs, without any the real worker does.

    Where the settings name a queue that hosts share, two workers run beside it, as processes of their own.
    """
    chosen = settings or settings_for(directory)
    runtime: Runtime = InstantRuntime(chosen, processes) if processes else Runtime.from_settings(chosen)
    with ExitStack() as stack:
        stack.callback(runtime.close)
        runtime.prepare()
        if worker and runtime.queue.is_shared and not processes:
            runtime.is_worker = False
            stack.enter_context(workers(chosen))
        elif worker:
            runtime.start_worker()
        runtime.start_announcing(composer(runtime))
        yield Service(runtime, make_app(runtime))


@dataclass(slots=True)
class Service:
    """A running service."""

    runtime: Runtime
    app: WSGIApplication
    #: Every answer that passed through a session, checked against the service's own definition.
    definition: Definition = field(init=False)

    def __post_init__(self) -> None:
        registry: Any = getattr(self.app, "registry", None)
        self.definition = Definition(api_document(registry, self.runtime.settings.server, URL))

    def session(self, *, is_checked: bool = True, **environ: Any) -> requests.Session:
        """Return a session whose requests to :data:`URL` go straight to the application.

        Every answer is checked against the definition of the API unless ``is_checked`` is false; ``environ`` goes into
        the WSGI environment of each request.
        """
        session = requests.Session()
        session.trust_env = False
        session.mount(URL, WSGIAdapter(self.app, environ))
        if is_checked:
            session.hooks["response"].append(lambda answer, *args, **kwargs: self.definition.check(answer))
        return session

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve over a real socket; give the URL."""
        stop, listening, urls = threading.Event(), threading.Event(), []

        def announce(url: str) -> None:
            urls.append(url)
            listening.set()

        arguments = {"stop": stop, "announce": announce}
        thread = threading.Thread(target=serve, args=(self.runtime, self.app), kwargs=arguments, name="serve")
        thread.start()
        try:
            if not listening.wait(60):
                raise RuntimeError("the service does not listen")
            yield urls[0]
        finally:
            stop.set()
            thread.join(30)


class WSGIAdapter(BaseAdapter):
    """Joins a requests session to a WSGI application in the same process.

    Bodies are read while the application answers; one that goes on is read by the thread that iterates over the answer.
    """

    def __init__(self, app: WSGIApplication, environ: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._app = app
        self._environ = dict(environ or {})

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Return the answer of the application."""
        said: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            said[:] = [status, headers]
            return io.BytesIO().write

        body = self._app(self._environ_of(request), start_response)
        chunks = iter(body)
        first = next(chunks, b"")
        status, headers = said
        answer = requests.Response()
        answer.status_code = int(status.partition(" ")[0])
        answer.reason = status.partition(" ")[2]
        # Headers of one name in one value, as they come from a socket.
        answer.headers = CaseInsensitiveDict(HTTPHeaderDict(headers))
        answer.encoding = requests.utils.get_encoding_from_headers(answer.headers)
        answer.request, answer.url = request, request.url or ""
        answer.raw = HTTPResponse(
            body=_Body(body, first, chunks),
            headers=headers,
            status=answer.status_code,
            preload_content=False,
            request_method=request.method,
        )
        return answer

    def close(self) -> None:
        """Nothing is held."""

    def _environ_of(self, request: requests.PreparedRequest) -> dict[str, Any]:
        parts = urlsplit(request.url or "")
        body = request.body if request.body is not None else b""
        if isinstance(body, str):
            body = body.encode()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
            "QUERY_STRING": parts.query,
            "SERVER_NAME": parts.hostname,
            "SERVER_PORT": str(parts.port or 80),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": parts.netloc,
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": parts.scheme,
            "wsgi.input": body if hasattr(body, "read") else io.BytesIO(_joined(body)),
            "wsgi.input_terminated": True,
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in request.headers.items():
            key = name.upper().replace("-", "_")
            if key != "TRANSFER_ENCODING":
                environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        return {**environ, **self._environ}


def _joined(body: Any) -> bytes:
    return body if isinstance(body, bytes) else b"".join(body)


class _Body(io.RawIOBase):
    """The chunks of a WSGI answer as a file."""

    def __init__(self, body: Any, first: bytes, rest: Iterator[bytes]) -> None:
        self._body, self._left, self._rest = body, first, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            try:
                self._left = next(self._rest)
            except StopIteration:
                return 0
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size

    def close(self) -> None:
        if not self.closed and hasattr(self._body, "close"):
            self._body.close()
        super().close()
