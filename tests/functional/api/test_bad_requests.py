"""Requests that are wrong in one place each: a 4xx that names the place, soon."""

from __future__ import annotations

import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from tests.functional.api.conftest import PROCESSES, ended, submit
from weaverlite.testing.app import running

#: Far beyond what a refusal takes, and far below what working on the request would.
_SOON = 5.0
_LONG = pytest.param("a" * 5000, id="long")
_JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def job(service):
    with service.session() as http:
        url = submit(http, "report")
        ended(http, url)
        return url


def places(answer):
    return {(fault["location"], fault["pointer"]) for fault in answer.json().get("errors", ())}


# ---------------------------------------------------------------- queries


@pytest.mark.parametrize("path", ["/jobs", "/processes"])
@pytest.mark.parametrize("value", ["0", "-1", "1000000000", "1e9", "10001", "1.5", "ten", "", "%D9%A1", "9" * 40])
def test_a_limit_that_is_none(http, base, path, value):
    answer = http.get(f"{base}{path}?limit={value}")
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("/invalid-query-parameter-value")
    assert places(answer) == {("query", "limit")}


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "2026-13-01T00:00:00Z",
        "2026-02-30",
        "2026-01-02T00:00:00Z/2026-01-01T00:00:00Z",
        "..",
        "../..",
        "/",
        "a/b",
        "2026-01-01/2026-01-02/2026-01-03",
        "99999-01-01",
        "2026-01-01T00:00:00%2B99:00",
    ],
)
def test_a_time_that_is_none(http, base, value):
    answer = http.get(f"{base}/jobs", params=f"datetime={value}")
    assert answer.status_code == 400
    assert places(answer) == {("query", "datetime")}


@pytest.mark.parametrize("query", ["status=done", "status=failed,,gone", "f=none", "f=json&f=html"])
def test_a_word_that_is_none(http, base, query):
    answer = http.get(f"{base}/jobs?{query}", headers={"Accept": "*/*"})
    assert answer.status_code == 400
    assert places(answer) == {("query", query.partition("=")[0])}


@pytest.mark.parametrize("value", ["x", _LONG, "%00", "eyJ9", "..%2F.."])
def test_a_cursor_of_nobody(http, base, value):
    for path in ("/jobs", "/processes"):
        answer = http.get(f"{base}{path}?cursor={value}")
        assert answer.status_code == 400, answer.text
        assert "cursor" in answer.text


def test_faults_of_path_query_and_body_stand_in_one_answer(http, base):
    answer = http.post(f"{base}/processes/shout/execution?f=none", data="[", headers=_JSON)
    assert answer.status_code == 400
    assert {location for location, _ in places(answer)} == {"query", "body"}


# ---------------------------------------------------------------- headers


@pytest.mark.parametrize(
    "accept",
    ["*", "text", "/", "*/json", ";;;", ",,,", "application/json;q=x", _LONG, "application/json;q=1;q=x", '"', "é"],
)
def test_an_accept_that_cannot_be_understood_asks_for_nothing(http, base, accept):
    answer = http.get(f"{base}/processes?limit=1", headers={"Accept": accept.encode().decode("latin-1")})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("accept", ["image/png", "application/xml;q=1", "text/*;q=0, image/*", "application/json;q=0"])
def test_an_accept_that_cannot_be_met(http, base, accept):
    answer = http.get(f"{base}/conformance", headers={"Accept": accept})
    assert answer.status_code == 406
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize(
    "prefer", ["wait", "wait=", "wait=x", "wait=-1", "wait=1e99", ",,;;=", "respond-async=", '"', _LONG, "return=all"]
)
def test_preferences_that_cannot_be_understood_are_ignored(http, base, prefer):
    answer = http.post(
        f"{base}/processes/shout/execution", json={"inputs": {"text": "a"}}, headers={"Prefer": f"{prefer}, wait=20"}
    )
    assert answer.status_code in (200, 201)


@pytest.mark.parametrize("value", ["-1", "x", "1e3", "9" * 30])
def test_the_number_of_an_event_that_is_none(http, job, value):
    answer = http.get(f"{job}/logs", headers={"Last-Event-ID": value})
    assert answer.status_code == 400
    assert places(answer) == {("header", "Last-Event-ID")}


@pytest.mark.parametrize("value", ["bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=9-1", "lines=1-2", "bytes=1--1"])
def test_a_range_that_is_none_gets_the_whole_file(http, job, value):
    answer = http.get(f"{job}/outputs/table/table.csv", headers={"Range": value})
    assert answer.status_code in (200, 416)


# ---------------------------------------------------------------- bytes that are no text


@pytest.fixture(scope="module")
def listening(tmp_path_factory):
    """The URL of a service of this module: one that was served does not wait for jobs any more afterwards."""
    with running(tmp_path_factory.mktemp("listening"), *PROCESSES, worker=False) as service, service.served() as url:
        yield url


def test_bytes_that_are_not_utf_8_are_refused_wherever_they_stand(listening):
    for head, place in (
        (b"GET /jobs/\xff HTTP/1.1\r\n", "URI"),
        (b"GET /jobs/%ff HTTP/1.1\r\n", "path"),
        (b"GET /jobs?status=\xff HTTP/1.1\r\n", "URI"),
        (b"GET /jobs?status=%ff HTTP/1.1\r\n", "query"),
        (b"GET /jobs?%ff=1 HTTP/1.1\r\n", "query"),
        (b"GET /jobs HTTP/1.1\r\nPrefer: wait=\xff\r\n", "header"),
        (b"GET /jobs HTTP/1.1\r\nAccept: text/\xc3\x28\r\n", "header"),
        (b"GET /jobs HTTP/1.1\r\nX-Anything: \xff\r\n", "header"),
    ):
        status, document = _raw(listening, head)
        assert status == 400, (head, status, document)
        said = json.dumps(document)
        assert place in said and ("UTF-8" in said or place == "URI"), (head, document)
    body = b'{"inputs": {"text": "\xff"}}'
    head = b"POST /processes/shout/execution HTTP/1.1\r\nContent-Type: application/json\r\n"
    status, document = _raw(listening, head + b"Content-Length: %d\r\n" % len(body), body)
    assert status == 400
    assert "UTF-8" in json.dumps(document)


def test_a_head_that_is_too_long_is_refused(listening):
    # One byte more than is taken, and no end: what the server does not read would cut its answer off.
    head = (b"GET /jobs HTTP/1.1\r\nX-Long: " + b"a" * 70_000)[: 64 * 1024 + 1]
    status, document = _raw(listening, head, end=b"")
    assert status == 431
    assert document["status"] == 431


def _raw(url, head, body=b"", end=b"Host: localhost\r\nConnection: close\r\n\r\n"):
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(head + end + body)
        found = b""
        while chunk := connection.recv(65536):
            found += chunk
    head, _, body = found.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


# ---------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"[1, 2", "JSON"),
        (b'{"inputs": {}, "inputs": {}}', "inputs"),
        (b'{"inputs": {"text": NaN}}', "NaN"),
        pytest.param(b'{"inputs": ' + b"[" * 5000 + b"]" * 5000 + b"}", "deep", id="deep"),
        (b"\xff\xfe{\x00}\x00", "UTF-8"),
        (b"[]", "object"),
        (b'"inputs"', "object"),
        (b"null", "object"),
        (b'{"inputs": []}', "/inputs"),
        (b'{"inputs": {"text": "a"}, "outputs": 1}', "/outputs"),
        (b'{"inputs": {"text": "a"}, "response": "xml"}', "/response"),
        (b'{"inputs": {"text": 1}}', "/inputs/text"),
        (b'{"inputs": {"txet": "a"}}', "text"),
    ],
)
def test_a_body_that_is_none(http, base, body, word):
    began = time.monotonic()
    answer = http.post(f"{base}/processes/shout/execution", data=body, headers=_JSON)
    assert time.monotonic() - began < _SOON
    assert answer.status_code == 400
    assert word in answer.text


def test_every_fault_of_a_body_is_told_at_once(http, base):
    body = {"inputs": {"size": 99, "kind": "c", "colour": "red"}}
    answer = http.post(f"{base}/processes/picky/execution", json=body)
    assert answer.status_code == 400
    assert {pointer for _, pointer in places(answer)} >= {"/inputs/size", "/inputs/kind", "/inputs/colour"}
    assert "name" in answer.text


@pytest.mark.parametrize("media_type", [None, "", "text/plain", "application/xml", "application/jsonx", "json", ";"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/processes"),
        ("PUT", "/processes/null"),
        ("PUT", "/processes/echo"),
        ("POST", "/processes/null/execution"),
        ("POST", "/processes/echo/execution"),
    ],
)
def test_the_media_type_of_a_body_is_looked_at_first(http, base, method, path, media_type):
    answer = http.request(method, base + path, headers={} if media_type is None else {"Content-Type": media_type})
    assert answer.status_code == 415
    assert answer.json()["type"] == (
        "http://www.opengis.net/def/exceptions/ogcapi-processes-2/1.0/unsupported-media-type"
    )
    assert "application/" in answer.json()["detail"]


def test_a_body_that_is_too_large_is_refused(http, base, service):
    limit = service.runtime.settings.server.body_limit
    body = b'{"inputs": {"text": "' + b"a" * limit + b'"}}'
    answer = http.post(f"{base}/processes/shout/execution", data=body, headers=_JSON)
    assert answer.status_code == 413
    assert "POST /vault" in answer.json()["detail"]


# ---------------------------------------------------------------- paths and methods


@pytest.mark.parametrize("segment", ["none", _LONG, "..", "%2e%2e%2f", "%00", "x%2Fy", "%F0%9F%98%80", "' OR 1=1"])
def test_what_is_not_there(http, base, segment):
    for path, word in (("jobs", "no-such-job"), ("processes", "no-such-process"), ("vault", "about:blank")):
        answer = http.get(f"{base}/{path}/{segment}x")
        assert answer.status_code == 404
        assert answer.json()["type"].endswith(word) or answer.json()["type"] == "about:blank"


@pytest.mark.parametrize("rest", ["/results/none", "/results/parts/9", "/results/parts/-1", "/results/parts/x"])
def test_an_output_that_is_not_there(http, job, rest):
    answer = http.get(job + rest)
    assert answer.status_code in (400, 404)
    assert answer.json()["detail"]


@pytest.mark.parametrize("rest", ["none", "%2e%2e/manifest.json", "%2e%2e%2fmanifest.json", "table/", "table/none.csv"])
def test_a_file_that_is_not_there(http, job, rest):
    assert http.get(f"{job}/outputs/{rest}").status_code == 404


@pytest.mark.parametrize("path", ["/", "/api", "/conformance", "/jobs", "/processes", "/processes/echo", "/vault"])
@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "OPTIONS", "FOO"])
def test_methods_that_are_not_taken(http, base, path, method):
    answer = http.request(method, base + path)
    assert answer.status_code == 405
    assert answer.headers["Allow"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert method in answer.json()["detail"]
