"""A small server of the suite itself: files to refer to, packages, collections, a remote process, callbacks."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.conformance.collections import Collections
from tests.listening import listening


class Origin:
    """What the server has, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.collections = Collections()
        self._files: dict[str, tuple[str, bytes]] = {}
        self._posted: dict[str, list[tuple[Mapping[str, str], Any]]] = defaultdict(list)
        self._refusals: dict[str, int] = {}
        self._changed = threading.Condition()

    def put(self, path: str, content: bytes | str | Mapping[str, Any], media_type: str) -> str:
        """Offer a file; return its URL."""
        body = content if isinstance(content, bytes) else content if isinstance(content, str) else json.dumps(content)
        self._files[path] = (media_type, body.encode() if isinstance(body, str) else body)
        return self.url + path

    def callback(self, name: str, refusals: int = 0) -> str:
        """Return a URL for callbacks that answers 503 this many times first."""
        self._refusals[f"/callbacks/{name}"] = refusals
        return f"{self.url}/callbacks/{name}"

    def posted(self, name: str, number: int = 1, seconds: float = 120) -> list[tuple[Mapping[str, str], Any]]:
        """Wait until so many bodies were posted to a callback; return them with their headers."""
        path = f"/callbacks/{name}"
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self._posted[path]) >= number, seconds)
            assert arrived, f"{len(self._posted[path])} of {number} callbacks came to {path}"
            return list(self._posted[path])

    def came(self, name: str) -> int:
        """Return how many callbacks have come so far."""
        with self._changed:
            return len(self._posted[f"/callbacks/{name}"])

    def file(self, path: str) -> tuple[str, bytes] | None:
        return self._files.get(path)

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Keep what was posted; return the status of the answer."""
        with self._changed:
            left = self._refusals.get(path, 0)
            self._refusals[path] = left - 1
            self._posted[path].append((headers, json.loads(body) if body else None))
            self._changed.notify_all()
        return 503 if left > 0 else 200


def _handler(origin: Origin) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body leave together: two small writes wait for each other.
        wbufsize = -1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if found := origin.file(parts.path):
                self._answer(200, *found)
            elif parts.path.startswith("/ogc"):
                query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
                document = origin.collections.answer(origin.url, parts.path.removeprefix("/ogc"), query)
                self._answer(200 if document is not None else 404, *_json(document if document is not None else {}))
            else:
                self._answer(404, *_json({"type": "about:blank", "title": "Not found"}))

        do_HEAD = do_GET

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.startswith("/callbacks/"):
                self._answer(origin.post(self.path, dict(self.headers), body), *_json({}))
                return
            result = origin.collections.execute(self.path.removeprefix("/ogc"), json.loads(body))
            self._answer(200 if result is not None else 404, *_json(result if result is not None else {}))

        def _answer(self, status: int, media_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing: a test run has its own words."""

    return Handler


def _json(document: Any) -> tuple[str, bytes]:
    is_features = isinstance(document, dict) and document.get("type") == "FeatureCollection"
    return "application/geo+json" if is_features else "application/json", json.dumps(document).encode()


@contextmanager
def offering() -> Iterator[Origin]:
    """Serve on a free port of this host."""
    origin = Origin()
    with listening(ThreadingHTTPServer(("127.0.0.1", 0), _handler(origin))) as origin.url:
        yield origin
