"""A small service that speaks the wire, over real sockets, and can be told to misbehave."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.listening import listening

NOT_READY = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/result-not-ready"
NO_SUCH_JOB = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-job"
JOB = "0b6f3c1e-5d1f-4c5a-9f5e-2f6a3c9d7e10"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Call:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class RemoteJob:
    """A job of the service; ``states`` are what successive questions about it see, the last one for ever."""

    job_id: str = JOB
    states: list[dict[str, Any]] = field(default_factory=lambda: [{"status": "successful", "progress": 100}])
    results: Any = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    manifest: dict[str, Any] | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    problem: dict[str, Any] | None = None
    asked: int = 0

    def status(self, advance: bool = True) -> dict[str, Any]:
        state = self.states[min(self.asked, len(self.states) - 1)]
        self.asked += advance
        return {"jobID": self.job_id, "id": self.job_id, "processID": "echo", "type": "process", **state}

    def add_file(self, path: str, content: bytes, media_type: str = "text/plain") -> dict[str, Any]:
        """Keep a file and return its entry in the manifest."""
        self.files[path] = content
        return {"path": path, "size": len(content), "sha256": digest(content), "mediaType": media_type}

    def make_manifest(self, outputs: dict[str, Any] | None = None, **streams: bytes) -> None:
        entries = [self.add_file(name, content) for name, content in streams.items()]
        self.manifest = {
            "jobID": self.job_id,
            "attempt": 1,
            "created": "2026-01-31T12:00:00.000000Z",
            "outputs": outputs or {},
            "streams": entries,
        }


@dataclass
class Wire:
    """The state of the service and its behaviour."""

    processes: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, RemoteJob] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    has_vault: bool = True
    has_manifest: bool = True
    has_prefixes: bool = True
    honours_wait: bool = True
    #: How many bytes of a file are sent before the connection is cut, for each of the next answers with one.
    cuts: list[int] = field(default_factory=list)
    #: After how many events a log stream breaks off, for each of the next streams.
    breaks: list[int] = field(default_factory=list)
    honours_range: bool = True
    #: Answers instead of the usual ones: (method, path) -> (status, headers, body).
    canned: dict[tuple[str, str], tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    on_call: Callable[[Call], None] | None = None
    url: str = ""
    connections: list[socket.socket] = field(default_factory=list)

    def add_job(self, job: RemoteJob) -> RemoteJob:
        self.jobs[job.job_id] = job
        return job

    def paths(self, method: str = "GET") -> list[str]:
        return [call.path for call in self.calls if call.method == method]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wire: Wire

    def setup(self) -> None:
        super().setup()
        self.wire.connections.append(self.connection)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the calls are recorded."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_DELETE = do_GET

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        call = Call(
            self.command, parts.path, parse_qs(parts.query), dict(self.headers.items()), self.rfile.read(length)
        )
        self.wire.calls.append(call)
        if self.wire.on_call is not None:
            self.wire.on_call(call)
        canned = self.wire.canned.get((call.method, call.path))
        if canned is not None:
            self._send(*canned)
            return
        names = [unquote(name) for name in call.path.strip("/").split("/")]
        handler = getattr(self, f"_{names[0] or 'landing'}", None)
        if handler is None:
            self._problem(404, "There is nothing here.")
        else:
            handler(call, names[1:])

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _json(self, document: Any, status: int = 200, **headers: str) -> None:
        self._send(status, {"Content-Type": "application/json", **headers}, json.dumps(document).encode())

    def _problem(self, status: int, detail: str, kind: str = "about:blank", **members: Any) -> None:
        document = {"type": kind, "title": "Refused", "status": status, "detail": detail, **members}
        self._send(status, {"Content-Type": "application/problem+json"}, json.dumps(document).encode())

    # ------------------------------------------------------------ resources

    def _landing(self, call: Call, names: list[str]) -> None:
        self._json({"title": "A small service", "links": []})

    def _versions(self, call: Call, names: list[str]) -> None:
        self._json({"weaverlite": "0.0.0"})

    def _conformance(self, call: Call, names: list[str]) -> None:
        self._json({"conformsTo": ["http://example.org/core", "http://example.org/json"]})

    def _processes(self, call: Call, names: list[str]) -> None:
        if not names and call.method == "POST":
            self._json({"id": "deployed"}, 201, Location="/processes/deployed")
        elif not names:
            offset = int(call.query.get("cursor", ["0"])[0])
            limit = int(call.query["limit"][0])
            entries = list(self.wire.processes.values())
            links = []
            if offset + limit < len(entries):
                links = [{"rel": "next", "href": f"/processes?limit={limit}&cursor={offset + limit}"}]
            self._json({"processes": entries[offset : offset + limit], "links": links})
        elif names[0] not in self.wire.processes:
            self._problem(404, f"There is no process {names[0]!r}.")
        elif call.method in ("PUT", "DELETE"):
            self._send(204, {}, b"")
        elif names[1:] == ["execution"]:
            job = next(iter(self.wire.jobs.values()))
            location = f"{self.wire.url}/jobs/{job.job_id}"
            self._json(job.status(advance=False), 201, Location=location)
        elif names[1:] == ["package"]:
            self._send(200, {"Content-Type": "application/cwl+yaml"}, b"cwlVersion: v1.2\n")
        else:
            self._json(self.wire.processes[names[0]])

    def _vault(self, call: Call, names: list[str]) -> None:
        if not self.wire.has_vault:
            self._problem(404, "There is nothing here.")
            return
        upload_id = f"u{len(self.wire.uploads) + 1}"
        self.wire.uploads[upload_id] = call.body
        self._json(
            {"id": upload_id, "href": f"vault:{upload_id}", "size": len(call.body), "sha256": digest(call.body)}, 201
        )

    def _jobs(self, call: Call, names: list[str]) -> None:
        if not names:
            prefix = call.query.get("prefix", [""])[0] if self.wire.has_prefixes else ""
            found = [job.status(advance=False) for name, job in self.wire.jobs.items() if name.startswith(prefix)]
            self._json({"jobs": found, "links": []})
            return
        job = self.wire.jobs.get(names[0])
        if job is None:
            self._problem(404, f"There is no job {names[0]!r}.", NO_SUCH_JOB)
        elif not names[1:] and call.method == "DELETE":
            self._json({**job.status(), "status": "dismissed"})
        elif not names[1:]:
            self._status(call, job)
        elif names[1] == "results":
            self._results(job)
        elif names[1] == "logs":
            self._logs(call, job)
        elif names[1] == "manifest" and self.wire.has_manifest and job.manifest is not None:
            self._json(job.manifest)
        elif "/".join(names[1:]) in job.files:
            self._file(call, job.files["/".join(names[1:])])
        elif names[1] in ("inputs", "exceptions", "statistics", "history"):
            self._json({"part": names[1]})
        else:
            self._problem(404, "There is nothing here.")

    def _status(self, call: Call, job: RemoteJob) -> None:
        document = job.status()
        wait = call.headers.get("Prefer", "")
        if self.wire.honours_wait and wait.startswith("wait=") and document["status"] in ("accepted", "running"):
            # Long enough that a client which asks without pause would show.
            time.sleep(min(float(wait[5:]), 0.05))
            document = job.status()
        self._json(document)

    def _results(self, job: RemoteJob) -> None:
        status = job.status(advance=False)["status"]
        if status in ("accepted", "running"):
            self._problem(404, "The results are not ready: the job has not ended.", NOT_READY)
        elif job.problem is not None:
            document = {"type": "about:blank", "title": "Failed", "detail": "It went wrong.", **job.problem}
            self._problem(document.pop("status", 400), document.pop("detail"), document.pop("type"))
        else:
            self._json(job.results)

    def _file(self, call: Call, content: bytes) -> None:
        start = 0
        asked = call.headers.get("Range")
        if asked and self.wire.honours_range:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self._problem(416, "There is no such part.")
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", f'"{digest(content)}"')
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.wire.cuts:
            self.wfile.write(content[start : start + self.wire.cuts.pop(0)])
            self.close_connection = True
            return
        self.wfile.write(content[start:])

    def _logs(self, call: Call, job: RemoteJob) -> None:
        after = int(call.query.get("after", ["0"])[0])
        events = [event for event in job.events if event["seq"] > after]
        if call.query.get("f") != ["sse"]:
            self._json({"events": events, "last": events[-1]["seq"] if events else after, "links": []})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        limit = self.wire.breaks.pop(0) if self.wire.breaks else None
        for number, event in enumerate(events):
            if number == limit:
                self.close_connection = True
                return
            self._chunk(f"id: {event['seq']}\nevent: {event['topic']}\ndata: {json.dumps(event)}\n\n")
        job.asked = len(job.states)
        self._chunk(f"event: end\ndata: {json.dumps(job.status())}\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, text: str) -> None:
        content = text.encode()
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()


def handler_of(wire: Wire) -> type[BaseHTTPRequestHandler]:
    """Return the class of handlers that answer for ``wire``."""
    return type("Handler", (_Handler,), {"wire": wire})


@contextmanager
def serving(wire: Wire, port: int = 0) -> Iterator[Wire]:
    """Serve until the end of the block, then cut every connection; the port is free again."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler_of(wire))
    try:
        with listening(server) as wire.url:
            yield wire
    finally:
        for connection in wire.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def event(seq: int, message: str, topic: str = "stdout") -> dict[str, Any]:
    return {
        "seq": seq,
        "time": "2026-01-31T12:00:00.000000Z",
        "attempt": 1,
        "level": "info",
        "topic": topic,
        "message": message,
    }
