"""What people and packages do wrong: each has its answer, and leaves nothing behind.

After every test the service has never answered 500, is alive and runs the next job, and neither a process nor a
directory of a job is left.
"""

from __future__ import annotations

import contextlib
import http.server
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.conftest import BIN, Service, free_port, serving
from tests.integration.fleet import IMPATIENT, environment_of, parents
from tests.integration.tools import SHELL, Gate, deploy, processes_of, tree, until

pytestmark = pytest.mark.integration

CONCURRENCY = 2
#: Small, so that tests reach them soon.
LIMITS = {
    "WEAVERLITE_SERVER_BODY_LIMIT": "1MiB",
    "WEAVERLITE_VAULT_SIZE_LIMIT": "1MiB",
    "WEAVERLITE_EGRESS_ALLOW_PRIVATE": "127.0.0.1",
    "WEAVERLITE_EGRESS_SIZE_LIMIT": "64KiB",
    "WEAVERLITE_EGRESS_CONNECT_TIMEOUT": "1s",
    "WEAVERLITE_EGRESS_READ_TIMEOUT": "500ms",
    "WEAVERLITE_EGRESS_TOTAL_TIMEOUT": "2s",
    "WEAVERLITE_EGRESS_MINIMUM_SPEED": "0",
    "WEAVERLITE_LIMITS_DISK": "20MiB",
    "WEAVERLITE_LIMITS_MEMORY": "256MiB",
    "WEAVERLITE_LIMITS_LOG_HEAD": "16KiB",
    "WEAVERLITE_LIMITS_LOG_TAIL": "16KiB",
    "WEAVERLITE_WORKER_GRACE": "500ms",
    "WEAVERLITE_WORKER_SWEEP": "1s",
}
#: Recovers as soon as it may.
QUICK = {**IMPATIENT, "WEAVERLITE_WORKER_LEASE": "1500ms", "WEAVERLITE_WORKER_SWEEP": "500ms"}
MIB = 1024**2
JSON_BODY = {"Content-Type": "application/json"}
ENDS = ("successful", "failed", "dismissed")

#: Reads one file.
READER: dict[str, Any] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": "cat",
    "inputs": {"file": {"type": "File", "inputBinding": {"position": 1}}},
    "outputs": {"read": {"type": "stdout"}},
    "stdout": "read.txt",
}
#: Has inputs of which each can be wrong in a way of its own.
TYPED: dict[str, Any] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": "true",
    "inputs": {
        "text": "string",
        "share": {"type": "float", "weaverlite:schema": {"minimum": 0, "maximum": 1}},
        "colour": {"type": {"type": "enum", "symbols": ["red", "green"]}},
        "numbers": "int[]",
        "file": "File",
    },
    "outputs": {},
    "$namespaces": {"weaverlite": "https://weaverlite.org/cwl#"},
}


class Caller:
    """Calls a service over HTTP, and waits for jobs."""

    def __init__(self, service: Service, marker: str) -> None:
        self.service = service
        self.marker = marker

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body, given = json.dumps(body).encode(), {**JSON_BODY, **given}
        return requests.request(method, f"{self.service.url}{path}", data=body, headers=given, timeout=60)

    def submit(self, process_id: str, **inputs: Any) -> str:
        reply = self.call("POST", f"/processes/{process_id}/execution", {"inputs": inputs}, Prefer="respond-async")
        assert reply.status_code == 201, reply.text
        return str(reply.json()["jobID"])

    def ended(self, job_id: str, seconds: float = 60) -> dict[str, Any]:
        """Return the status of a job once it has ended."""

        def ask() -> dict[str, Any] | None:
            status: dict[str, Any] = self.call("GET", f"/jobs/{job_id}", Prefer="wait=5").json()
            return status if status["status"] in ENDS else None

        return until(ask, seconds, what=f"job {job_id} ends") or {}

    def run(self, script: str) -> dict[str, Any]:
        return self.ended(self.submit("shell", script=script))

    def failed(self, script: str, *words: str) -> dict[str, Any]:
        """Run a script that must fail, and check the words of its failure."""
        status = self.run(script)
        assert status["status"] == "failed"
        for word in words:
            assert word in status["exception"]["detail"], status["exception"]
        return status

    def processes(self) -> list[int]:
        """Return the processes of the service itself, warm job processes among them."""
        return [pid for pid in parents() if environment_of(pid).get("LC_WEAVERLITE_TEST") == self.marker]

    def tools(self) -> list[int]:
        """Return the processes that jobs of this service have started."""
        instance = (self.service.data / "instance").read_text(encoding="utf-8").strip()
        found = {pid: environment_of(pid) for pid in parents()}
        # The processes that wait for jobs carry the instance only.
        return [pid for pid, its in found.items() if "WEAVERLITE_JOB" in its and its["WEAVERLITE_INSTANCE"] == instance]

    def peaks(self) -> dict[int, int]:
        """Return the most memory that each process of the service has had since this was asked, in bytes."""
        found = {}
        for pid in self.processes():
            with contextlib.suppress(OSError):
                if words := re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()):
                    found[pid] = int(words[1]) * 1024
                Path(f"/proc/{pid}/clear_refs").write_text("5")
        return found

    def is_clean(self) -> bool:
        """Whether nothing is left of any job, beside results of ended ones."""
        work, results = self.service.data / "work", self.service.data / "results"
        return (
            not self.tools()
            and not (work.exists() and any(work.iterdir()))
            and not (results.exists() and any(path.name.startswith(".") for path in results.iterdir()))
        )

    def is_sound(self) -> None:
        """Check that the service goes on as if nothing had been."""
        until(self.is_clean, 20, what="no process, work directory or half-published result of a job is left")
        reply = self.call("POST", "/processes/echo/execution", {"inputs": {"stringInput": "still here"}})
        assert reply.status_code == 200 and reply.json()["stringInput"] == "still here"
        assert self.service.process.poll() is None
        assert self.call("GET", "/ready").status_code == 200
        words = self.service.log.read_text(encoding="utf-8", errors="replace")
        # Of an access log line, the status follows the request.
        assert not re.search(r'" 5\d\d ', words), words[-4000:]
        assert "Traceback" not in words, words[-4000:]


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    directory, marker = tmp_path_factory.mktemp("bad-input"), f"bad-{uuid.uuid4()}"
    with serving(
        directory, "--concurrency", str(CONCURRENCY), LC_WEAVERLITE_TEST=marker, **LIMITS
    ) as service:
        for process_id, document in (("shell", SHELL), ("reader", READER), ("typed", TYPED)):
            deploy(service, process_id, document, directory)
        yield Caller(service, marker)


@pytest.fixture
def caller(limited: Caller) -> Iterator[Caller]:
    """The service of this module, checked after each test."""
    yield limited
    limited.is_sound()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path)
    yield made
    made.open()


@pytest.fixture
def flat_memory(caller: Caller) -> Iterator[None]:
    """Checks that no process of the service needs more memory than before, a little aside."""
    caller.peaks()
    before = caller.peaks()
    assert caller.service.process.pid in before
    yield
    for pid, peak in caller.peaks().items():
        # A job process may be new.
        assert peak - before.get(pid, max(before.values())) < 48 * MIB, f"process {pid}: {peak} bytes"


# ---------------------------------------------------------------- requests


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"inputs": {}} {}',
        b'{"inputs": {"stringInput": NaN}}',
        b'{"a": 1, "a": 2}',
        b"\xff\xfe{}",
        b'{"inputs": {"stringInput": "\\ud800"}}',
    ],
    ids=["empty", "cut", "two", "nan", "twice", "not-utf-8", "surrogate"],
)
def test_malformed_json_is_refused(caller: Caller, body: bytes) -> None:
    for path in ("/processes/echo/execution", "/processes"):
        reply = caller.call("POST", path, body, Content_Type="application/json")
        assert reply.status_code == 400, reply.text
        assert reply.json()["detail"]


@pytest.mark.parametrize("body", [b"null", b"[]", b"7", b'{"inputs": []}', b'{"inputs": {}, "options": 1}'])
def test_json_of_the_wrong_shape_is_refused(caller: Caller, body: bytes) -> None:
    assert caller.call("POST", "/processes/echo/execution", body, Content_Type="application/json").status_code == 400


@pytest.mark.parametrize("opening, closing", [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
def test_json_nested_ten_thousand_deep_is_refused(caller: Caller, opening: bytes, closing: bytes) -> None:
    deep = opening * 10_000 + b"1" + closing * 10_000
    body = b'{"inputs": {"stringInput": ' + deep + b"}}"
    for path in ("/processes/echo/execution", "/processes"):
        reply = caller.call("POST", path, body, Content_Type="application/json")
        assert reply.status_code == 400 and "deep" in reply.text, reply.text


def talk(caller: Caller, request: bytes, body: Iterable[bytes] = (), shut: bool = False) -> tuple[bytes, int]:
    """Send a raw request and as much of a body as is taken.

    Returns what comes back until the connection ends, and how many bytes of the body were taken.
    """
    taken, answer = 0, b""
    with socket.create_connection(("127.0.0.1", caller.service.port), timeout=30) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
            for part in body:
                connection.sendall(part)
                taken += len(part)
            if shut:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while chunk := connection.recv(65536):
                answer += chunk
    return answer, taken


def head(caller: Caller, path: str, *lines: str) -> bytes:
    host = f"Host: localhost:{caller.service.port}"
    return "\r\n".join([f"POST {path} HTTP/1.1", host, "Connection: close", *lines, "", ""]).encode()


@pytest.mark.usefixtures("flat_memory")
@pytest.mark.parametrize("path", ["/processes/echo/execution", "/processes", "/vault"])
def test_body_that_says_it_has_a_gigabyte_is_refused_unread(caller: Caller, path: str) -> None:
    started = time.monotonic()
    lines = ("Content-Type: application/json", f"Content-Length: {1024 * MIB}")
    answer, _ = talk(caller, head(caller, path, *lines) + b"{")
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]
    assert time.monotonic() - started < 10


@pytest.mark.usefixtures("flat_memory")
@pytest.mark.parametrize("path", ["/processes/echo/execution", "/vault"])
def test_gigabyte_that_says_no_length_is_not_taken(caller: Caller, path: str) -> None:
    chunk = b"%x\r\n%s\r\n" % (MIB, b"x" * MIB)
    request = head(caller, path, "Content-Type: application/json", "Transfer-Encoding: chunked")
    answer, taken = talk(caller, request, itertools.repeat(chunk, 1024))
    assert taken < 64 * MIB
    # The service may hang up while we still send: then its answer can be lost on the way.
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 "), answer[:200]
    assert not list((caller.service.data / "vault").glob("*.part*"))


@pytest.mark.usefixtures("flat_memory")
def test_gigabyte_that_says_it_is_short_is_cut_there(caller: Caller) -> None:
    request = head(caller, "/processes/echo/execution", "Content-Type: application/json", "Content-Length: 10")
    answer, taken = talk(caller, request, itertools.repeat(b"{" * MIB, 1024))
    assert taken < 64 * MIB
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 "), answer[:200]


@pytest.mark.parametrize("path", ["/processes/echo/execution", "/vault"])
def test_body_that_ends_before_its_length_makes_no_job_and_no_upload(caller: Caller, path: str) -> None:
    before = caller.call("GET", "/jobs?limit=1").json()["jobs"]
    body = b'{"inputs": {"stringInput": "x"}}'
    request = head(caller, path, "Content-Type: application/json", "Content-Length: 1000") + body
    answer, _ = talk(caller, request, shut=True)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 "), answer[:200]
    assert caller.call("GET", "/jobs?limit=1").json()["jobs"] == before


def test_all_wrong_inputs_are_told_in_one_answer(caller: Caller) -> None:
    inputs = {"share": 2, "colour": "mauve", "numbers": [1, "two", 3.5], "file": 7, "surplus": True}
    body = {"inputs": inputs, "outputs": {"nothing": {}}, "options": {"prioritty": 3}}
    reply = caller.call("POST", "/processes/typed/execution", body, Prefer="respond-async")
    assert reply.status_code == 400
    faults = {fault["pointer"]: fault["message"] for fault in reply.json()["errors"]}
    assert {
        "/inputs/text",
        "/inputs/share",
        "/inputs/colour",
        "/inputs/numbers/1",
        "/inputs/numbers/2",
        "/inputs/file",
        "/inputs/surplus",
        "/outputs/nothing",
    } <= faults.keys(), faults
    assert "priority" in next(message for pointer, message in faults.items() if pointer.startswith("/options"))


NINES = "9" * 5000


@pytest.mark.parametrize(
    "member",
    [
        f'"inputs": {{"stringInput": "x", "doubleInput": {NINES}}}',
        f'"options": {{"resources": {{"memory": "{NINES}MiB"}}}}',
        f'"options": {{"resources": {{"disk": {NINES[:40]}}}}}',
        f'"options": {{"timeouts": {{"execution": "{NINES}h"}}}}',
        f'"options": {{"priority": {NINES[:40]}}}',
    ],
    ids="input memory disk time priority".split(),
)
def test_numbers_beyond_all_measure_are_refused(caller: Caller, member: str) -> None:
    body = f'{{"inputs": {{"stringInput": "x"}}, {member}}}' if "inputs" not in member else f"{{{member}}}"
    reply = caller.call("POST", "/processes/echo/execution", body.encode(), Content_Type="application/json")
    assert reply.status_code == 400, reply.text


@pytest.mark.parametrize(
    "query", ["/jobs?limit={}", "/jobs?cursor={}", "/jobs/{job}/logs?tail={}", "/jobs/{job}/logs?after={}"]
)
def test_queries_beyond_all_measure_are_refused(caller: Caller, query: str) -> None:
    job = caller.run("true")["jobID"]
    assert caller.call("GET", query.format(NINES, job=job)).status_code == 400
    for wanted in ("bytes=-", f"bytes={NINES}-", "bytes=x"):
        assert caller.call("GET", f"/jobs/{job}/exitCode", Range=wanted).text == "0\n"


def test_what_is_unknown_is_not_found(caller: Caller) -> None:
    done = caller.run("echo said > said.txt")
    nobody = "00000000-0000-4000-8000-000000000000"
    for method, path, status, kind in (
        ("GET", "/processes/nothing", 404, "no-such-process"),
        ("DELETE", "/processes/nothing", 404, "no-such-process"),
        ("POST", "/processes/nothing/execution", 404, "no-such-process"),
        ("GET", f"/jobs/{nobody}", 404, "no-such-job"),
        ("GET", f"/jobs/{nobody}/results", 404, "no-such-job"),
        ("GET", f"/jobs/{nobody}/logs", 404, "no-such-job"),
        ("DELETE", f"/jobs/{nobody}", 404, "no-such-job"),
        ("GET", "/jobs/..%2f..%2fetc%2fpasswd", 404, ""),
        ("GET", f"/jobs/{done['jobID']}/results/nothing", 400, "no-such-output"),
        ("GET", f"/jobs/{done['jobID']}/outputs/nothing.txt", 404, ""),
        ("GET", f"/jobs/{done['jobID']}/outputs/..%2f..%2fmanifest.json", 404, ""),
        ("GET", "/vault/nothing", 404, ""),
        ("GET", "/nothing", 404, ""),
    ):
        reply = caller.call(method, path, {"inputs": {}} if method == "POST" else None)
        assert reply.status_code == status, f"{method} {path}: {reply.text}"
        assert reply.json()["type"].endswith(kind)


# ---------------------------------------------------------------- packages


def bomb() -> bytes:
    lines = ["cwlVersion: v1.2", "class: CommandLineTool", "id: bomb", "inputs: {}", "outputs: {}", "a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines).encode()


def package(**changes: Any) -> bytes:
    document = {"id": "wrong", **SHELL, **changes}
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


@pytest.mark.usefixtures("flat_memory")
@pytest.mark.parametrize(
    "body, media_type, words",
    [
        (b"cwlVersion: [", "application/cwl+yaml", ""),
        (b"%PDF-1.7 nonsense", "application/cwl+yaml", ""),
        (b"just a text", "application/cwl+yaml", ""),
        (b"!!python/object/apply:os.system ['true']", "application/cwl+yaml", ""),
        (bomb(), "application/cwl+yaml", "alias"),
        (b"a: &a [*a]", "application/cwl+yaml", ""),
        (package(id=None), "application/cwl+json", "id"),
        (package(**{"class": None}), "application/cwl+json", "class"),
        (package(**{"class": "Nonsense"}), "application/cwl+json", "class"),
        (package(cwlVersion="v9"), "application/cwl+json", "cwlVersion"),
        (package(inputs={"x": "no-such-type"}), "application/cwl+json", "no-such-type"),
        (package(requirements={"NoSuchRequirement": {}}), "application/cwl+json", "NoSuchRequirement"),
        (package(requirements=[{"class": "NoSuchRequirement"}]), "application/cwl+json", "NoSuchRequirement"),
        (package(inputs={"$import": "/etc/passwd"}), "application/cwl+json", ""),
        (package(inputs={"$import": "http://127.0.0.1:1/x"}), "application/cwl+json", ""),
        (package(doc={"$include": "/etc/passwd"}), "application/cwl+json", ""),
        (
            json.dumps({"processDescription": {"id": "../up"}, "executionUnit": {"value": SHELL}}).encode(),
            "application/ogcapppkg+json",
            "/processDescription/id",
        ),
        (json.dumps({"executionUnit": {"value": SHELL}}).encode(), "application/ogcapppkg+json", ""),
        (json.dumps({"processDescription": {"id": "x"}}).encode(), "application/ogcapppkg+json", ""),
    ],
    ids=(
        "cut pdf text python-tag alias-bomb recursive no-id no-class wrong-class version type requirement "
        "requirements import import-http include climbing-id unit-without-id no-unit"
    ).split(),
)
def test_package_that_is_none_is_refused_with_words(caller: Caller, body: bytes, media_type: str, words: str) -> None:
    before = caller.call("GET", "/processes").json()["processes"]
    reply = caller.call("POST", "/processes", body, Content_Type=media_type)
    assert reply.status_code in (400, 422), reply.text
    assert words in reply.text and "root:" not in reply.text
    assert caller.call("GET", "/processes").json()["processes"] == before


def test_package_of_an_unknown_kind_is_refused(caller: Caller) -> None:
    assert caller.call("POST", "/processes", b"x", Content_Type="application/zip").status_code == 415


def test_second_deployment_of_an_id_is_a_conflict(caller: Caller) -> None:
    reply = caller.call("POST", "/processes", package(id="shell"), Content_Type="application/cwl+json")
    assert reply.status_code == 409 and "shell" in reply.json()["detail"]
    assert reply.json()["type"].endswith("duplicated-process")


def test_built_in_process_is_neither_removed_nor_replaced(caller: Caller) -> None:
    removed = caller.call("DELETE", "/processes/echo")
    replaced = caller.call("PUT", "/processes/echo", package(id="echo"), Content_Type="application/cwl+json")
    for reply in (removed, replaced):
        assert reply.status_code == 403 and reply.json()["type"].endswith("immutable-process"), reply.text


# ---------------------------------------------------------------- references


class Web(http.server.BaseHTTPRequestHandler):
    """Answers badly."""

    protocol_version = "HTTP/1.0"
    stop = threading.Event()

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            getattr(self, self.path.strip("/"))()

    def start(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def good(self) -> None:
        self.start(Content_Type="text/plain")
        self.wfile.write(b"good")

    def large(self) -> None:
        self.start(Content_Length=str(10 * MIB))
        self.wfile.write(b"x" * 10 * MIB)

    def endless(self) -> None:
        self.start()
        while not self.stop.is_set():
            self.wfile.write(b"x" * 4096)

    def slow(self) -> None:
        self.start()
        while not self.stop.wait(0.1):
            self.wfile.write(b"x")

    def silent(self) -> None:
        self.stop.wait(60)

    def broken(self) -> None:
        self.start(500)

    def inwards(self) -> None:
        self.start(302, Location=f"http://127.0.0.2:{self.server.server_address[1]}/good")

    def metadata(self) -> None:
        self.start(302, Location="http://169.254.169.254/latest/meta-data/")

    def passwd(self) -> None:
        self.start(302, Location="file:///etc/passwd")

    def circle(self) -> None:
        self.start(302, Location="/circle")

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    """The port of a web server at every loopback address, of which the service may use 127.0.0.1 only."""
    Web.stop.clear()
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Web)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield int(server.server_address[1])
    Web.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_good_reference_is_read(caller: Caller, web: int) -> None:
    job = caller.submit("reader", file={"href": f"http://127.0.0.1:{web}/good"})
    assert caller.ended(job)["status"] == "successful"
    assert caller.call("GET", f"/jobs/{job}/outputs/read/read.txt").text == "good"


@pytest.mark.parametrize(
    "href",
    [
        "http://127.0.0.2:{web}/good",
        "http://[::1]:{web}/good",
        "http://0.0.0.0:{web}/good",
        "http://2130706434:{web}/good",
        "http://10.0.0.1/x",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "ftp://example.org/x",
        "gopher://127.0.0.1/x",
        "vault:no-such-upload",
        "http://127.0.0.1:22/x",
    ],
)
def test_reference_to_a_private_place_is_refused(caller: Caller, web: int, href: str) -> None:
    body = {"inputs": {"file": {"href": href.format(web=web)}}}
    reply = caller.call("POST", "/processes/reader/execution", body, Prefer="respond-async")
    if reply.status_code == 201:
        # What a name stands for is known only to the worker.
        status = caller.ended(reply.json()["jobID"])
        assert status["status"] == "failed" and status["exception"]["detail"]
        assert caller.call("GET", f"/jobs/{status['jobID']}/outputs/read/read.txt").status_code == 404
    else:
        assert reply.status_code in (400, 403) and "/inputs/file" in reply.text, reply.text


@pytest.mark.parametrize("path", "large endless slow silent broken inwards metadata passwd circle".split())
def test_reference_that_cannot_be_had_fails_the_job_with_words(caller: Caller, web: int, path: str) -> None:
    href = f"http://127.0.0.1:{web}/{path}"
    status = caller.ended(caller.submit("reader", file={"href": href}), 20)
    assert status["status"] == "failed"
    detail = status["exception"]["detail"]
    words = {
        "large": "65536",
        "endless": "65536",
        "inwards": "127.0.0.2",
        "metadata": "169.254.169.254",
        "broken": "500",
        "passwd": "file",
        "circle": "redirect",
    }
    assert words.get(path, path) in detail, detail


def test_reference_to_nobody_fails_the_job_with_words(caller: Caller) -> None:
    href = f"http://127.0.0.1:{free_port()}/nobody"
    status = caller.ended(caller.submit("reader", file={"href": href}), 20)
    assert status["status"] == "failed" and href in status["exception"]["detail"]


# ---------------------------------------------------------------- jobs


def test_exit_code_and_last_words_of_a_failing_job_are_told(caller: Caller) -> None:
    status = caller.failed("echo working; echo it broke >&2; exit 42", "42", "it broke")
    parts = {part: caller.call("GET", f"/jobs/{status['jobID']}/{part}") for part in ("exitCode", "stdout", "stderr")}
    assert [reply.text.strip() for reply in parts.values()] == ["42", "working", "it broke"]
    results = caller.call("GET", f"/jobs/{status['jobID']}/results")
    assert results.status_code == 400 and "it broke" in results.json()["detail"]


@pytest.mark.usefixtures("flat_memory")
@pytest.mark.parametrize("source", ["yes 'a line of text'", "cat /dev/zero"], ids=["lines", "no-line"])
def test_gigabytes_of_output_are_cut_and_counted(caller: Caller, source: str) -> None:
    status = caller.run(f"echo first; {source} | head -c {2048 * MIB}; echo; echo last; echo short >&2")
    assert status["status"] == "successful", status
    kept = caller.call("GET", f"/jobs/{status['jobID']}/stdout").content
    assert kept.startswith(b"first\n") and kept.endswith(b"last\n")
    assert len(kept) < 64 * 1024 and re.search(rb"\d{9,} bytes", kept)
    assert caller.call("GET", f"/jobs/{status['jobID']}/stderr").text == "short\n"
    assert len(caller.call("GET", f"/jobs/{status['jobID']}/logs?f=json").content) < MIB


def test_job_that_ignores_the_signal_to_end_is_killed(caller: Caller, gate: Gate) -> None:
    job = caller.submit("shell", script=f"trap '' TERM INT HUP; {gate.script}")
    gate.reached()
    assert caller.call("DELETE", f"/jobs/{job}").json()["status"] == "dismissed"
    assert processes_of(job) == []


def running(words: str) -> list[int]:
    """Return the living processes that were started with exactly these words."""
    found = []
    for pid in parents():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1] == words.split():
                found.append(pid)
    return found


@pytest.mark.parametrize("how", ["setsid", "nohup", "env -i", "setsid env -i", "daemon"])
@pytest.mark.parametrize("ends", ["successful", "dismissed"])
def test_children_of_a_job_end_with_it(caller: Caller, gate: Gate, how: str, ends: str) -> None:
    # Nobody else on this host sleeps for just so long.
    sleep = f"sleep {3000 + uuid.uuid4().int % 10**9 / 10**9:.9f}"
    start = f"(setsid sh -c '{sleep} &' &);" if how == "daemon" else f"{how} {sleep} &"
    job = caller.submit("shell", script=f"{start} {gate.script}")
    gate.reached()
    until(lambda: running(sleep), what="the child has started")
    if ends == "dismissed":
        assert caller.call("DELETE", f"/jobs/{job}").json()["status"] == "dismissed"
    gate.open()
    assert caller.ended(job)["status"] == ends
    until(lambda: not running(sleep), 10, what="the child is gone")


def test_job_that_fills_its_disk_is_stopped(caller: Caller) -> None:
    caller.failed("while :; do head -c 1000000 /dev/zero >> big; sleep 0.02; done", "disk")


def test_job_that_has_filled_its_disk_at_its_end_fails(caller: Caller) -> None:
    caller.failed("mkdir made; head -c 40000000 /dev/zero > made/big; echo done", "20971520 bytes")


@pytest.mark.parametrize(
    "program",
    [
        "bytearray(1 << 30)",
        "import os, time; [os.fork() for _ in range(3)]; held = bytearray(80 << 20); time.sleep(60)",
    ],
    ids=["one", "together"],
)
def test_job_that_takes_too_much_memory_fails(caller: Caller, program: str) -> None:
    caller.failed(f"python3 -c {program!r}" if '"' in program else f'python3 -c "{program}"', "emory")


@pytest.mark.parametrize(
    "script",
    [
        "echo secret > ../x; echo '{\"outputs\": {\"class\": \"File\", \"path\": \"../x\"}}' > cwl.output.json",
        "echo '{\"outputs\": {\"class\": \"File\", \"path\": \"/etc/passwd\"}}' > cwl.output.json",
        "echo '{\"outputs\": {\"class\": \"File\", \"location\": \"file:///etc/passwd\"}}' > cwl.output.json",
        "echo '{\"outputs\": {\"class\": \"File\", \"location\": \"http://127.0.0.1:1/x\"}}' > cwl.output.json",
        "ln -s /etc/passwd said.txt",
        "ln -s ../../../../../../../../../etc/passwd said.txt",
        "mkdir made; ln -s /etc/passwd made/one",
        "ln -s said.txt said.txt",
        "mkfifo said.txt",
        "echo nonsense > cwl.output.json",
    ],
    ids="climb absolute location http link climbing-link link-in-list circle fifo not-json".split(),
)
def test_output_that_is_not_of_the_job_is_not_given(caller: Caller, script: str) -> None:
    status = caller.run(script)
    assert status["status"] == "failed" and status["exception"]["detail"]
    left = tree(caller.service.data / "results" / status["jobID"])
    assert {"stdout", "stderr", "exitCode", "manifest.json"} == left.keys()


def test_link_that_leads_out_of_the_job_is_not_followed_by_a_pattern(caller: Caller) -> None:
    job = caller.run("ln -s /etc made")["jobID"]
    assert caller.call("GET", f"/jobs/{job}/results").json() == {"made": []}
    assert tree(caller.service.data / "results" / job).keys() == {"stdout", "stderr", "exitCode", "manifest.json"}
    assert "removed a link" in caller.call("GET", f"/jobs/{job}/logs?f=text").text


# ---------------------------------------------------------------- dismissal


def test_dismissed_before_it_runs_a_job_never_starts(caller: Caller, tmp_path: Path) -> None:
    gates = [Gate(tmp_path, f"gate{number}") for number in range(CONCURRENCY)]
    busy = [caller.submit("shell", script=gate.script) for gate in gates]
    for gate in gates:
        gate.reached()
    trace = tmp_path / "trace"
    waiting = caller.submit("shell", script=f"touch {trace}")
    reply = caller.call("DELETE", f"/jobs/{waiting}")
    assert (reply.status_code, reply.json()["status"]) == (200, "dismissed")
    for gate in gates:
        gate.open()
    for job in busy:
        assert caller.ended(job)["status"] == "successful"
    # The next job in the queue has run, so it was this one's turn before.
    assert caller.run("true")["status"] == "successful"
    assert not trace.exists()
    assert caller.call("GET", f"/jobs/{waiting}/history").json()["attempts"] == []
    assert caller.call("GET", f"/jobs/{waiting}/results").status_code == 410


def test_dismissed_while_it_runs_a_job_is_stopped_and_its_output_kept(caller: Caller, gate: Gate) -> None:
    job = caller.submit("shell", script=f"echo so far; {gate.script}; echo never")
    gate.reached()
    # What is looked for after each test is found while there is something.
    assert processes_of(job) and caller.tools() and any((caller.service.data / "work").iterdir())
    reply = caller.call("DELETE", f"/jobs/{job}")
    assert (reply.status_code, reply.json()["status"]) == (200, "dismissed")
    assert processes_of(job) == []
    assert caller.call("GET", f"/jobs/{job}/results").status_code == 410
    assert caller.call("GET", f"/jobs/{job}/stdout").text == "so far\n"


def test_dismissed_after_its_end_a_job_is_removed_with_its_files(caller: Caller) -> None:
    job = caller.run("echo said > said.txt")["jobID"]
    assert (caller.service.data / "results" / job / "outputs" / "said.txt").exists()
    reply = caller.call("DELETE", f"/jobs/{job}")
    assert (reply.status_code, reply.json()["status"]) == (200, "dismissed")
    for path in ("", "/results", "/outputs/said.txt", "/logs"):
        assert caller.call("GET", f"/jobs/{job}{path}").status_code == 410
    assert caller.call("DELETE", f"/jobs/{job}").status_code == 410
    assert not (caller.service.data / "results" / job).exists()


def test_dismissed_by_many_at_once_a_job_ends_once(caller: Caller, gate: Gate) -> None:
    job = caller.submit("shell", script=gate.script)
    gate.reached()
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(caller.call("DELETE", f"/jobs/{job}").status_code))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(codes) <= {200, 202, 410} and 200 in codes


# ---------------------------------------------------------------- a full disk, and a service that is gone


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place]
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"A small file system can be mounted by root only: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_full_disk_at_publishing_fails_the_job_and_the_next_one_works(
    small_disk: Path, serve: Callable[..., Service], tmp_path: Path
) -> None:
    marker = f"full-{uuid.uuid4()}"
    service = serve(LC_WEAVERLITE_TEST=marker, WEAVERLITE_PUBLISH_DIRECTORY=str(small_disk / "results"))
    deploy(service, "shell", SHELL, tmp_path)
    caller = Caller(service, marker)
    script = "echo begun; mkdir made; head -c 8000000 /dev/zero > made/big"
    status = caller.failed(script, "the disk of this node is full")
    assert caller.run("echo said > said.txt")["status"] == "successful"
    # What is small enough is kept of the failed one.
    assert caller.call("GET", f"/jobs/{status['jobID']}/stdout").text == "begun\n"
    assert not any(path.name.startswith(".") for path in (small_disk / "results").iterdir())
    assert "made" not in {path.name for path in (small_disk / "results" / status["jobID"]).rglob("*")}
    caller.is_sound()
    service.stop()


@pytest.fixture
def mortal(serve: Callable[..., Service], tmp_path: Path) -> Iterator[Callable[[], Caller]]:
    """Starts a service that may be killed, and starts it again on the same port and data."""
    port, marker = free_port(), f"mortal-{uuid.uuid4()}"

    def start() -> Caller:
        service = serve(port=port, data=tmp_path / "data", LC_WEAVERLITE_TEST=marker, **QUICK)
        return Caller(service, marker)

    yield start


def command(caller: Caller, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [BIN / "weaverlite", *arguments],
        env={**os.environ, "WEAVERLITE_URL": caller.service.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("form", [(), ("--logs",)], ids=["by-asking", "with-logs"])
def test_monitor_goes_on_when_the_service_was_killed_and_started_again(
    mortal: Callable[[], Caller], tmp_path: Path, form: tuple[str, ...]
) -> None:
    caller, gate = mortal(), Gate(tmp_path)
    hint = {"class": "weaverlite:Options", "idempotent": True}
    namespaces = {"weaverlite": "https://weaverlite.org/cwl#"}
    deploy(caller.service, "shell", {**SHELL, "hints": [hint], "$namespaces": namespaces}, tmp_path)
    job = caller.submit("shell", script=f"{gate.script}; echo done")
    watching = command(caller, "monitor", "-j", job, "-F", "ndjson", *form)
    assert watching.stdout
    for line in watching.stdout:
        if '"running"' in line:
            break
    gate.reached()
    caller.service.kill_group()
    for line in watching.stdout:
        if '"lost"' in line:
            break
    caller = mortal()
    gate.open()
    told, errors = watching.communicate(timeout=60)
    assert watching.returncode == 0, errors
    last = [json.loads(line) for line in told.splitlines()]
    assert [event["status"] for event in last if event["event"] == "status"][-1] == "successful"
    assert len(caller.call("GET", f"/jobs/{job}/history").json()["attempts"]) == 2
    caller.is_sound()


def test_download_goes_on_when_the_service_was_killed_and_started_again(
    mortal: Callable[[], Caller], tmp_path: Path
) -> None:
    caller, size = mortal(), 128 * MIB
    deploy(caller.service, "shell", SHELL, tmp_path)
    status = caller.run(f"mkdir made; head -c {size} /dev/urandom > made/big")
    assert status["status"] == "successful"
    for attempt in range(5):
        target = tmp_path / f"downloaded{attempt}"
        part = target / status["jobID"] / "outputs" / "made" / "big.part"
        bringing = command(caller, "results", "-j", status["jobID"], "-oD", str(target))
        until(lambda: part.exists() and part.stat().st_size or bringing.poll() is not None)
        # Held, so that it cannot be through before the service is dead.
        with contextlib.suppress(ProcessLookupError):
            bringing.send_signal(signal.SIGSTOP)
        caller.service.kill_group()
        was_cut = part.exists() and part.stat().st_size < size
        bringing.send_signal(signal.SIGCONT)
        caller = mortal()
        told, errors = bringing.communicate(timeout=60)
        if was_cut:
            break
    else:
        raise AssertionError("every download was faster than the test")
    assert bringing.returncode == 0, errors
    brought = Path(told.splitlines()[-1]) / "outputs" / "made" / "big"
    published = caller.service.data / "results" / status["jobID"] / "outputs" / "made" / "big"
    assert brought.read_bytes() == published.read_bytes()
    assert re.search(r'"GET /jobs/[^ ]+/outputs/made/big" 206 ', caller.service.log.read_text())
    caller.is_sound()
