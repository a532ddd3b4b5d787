"""What an execution answers to a request of version 2.0: modes, the answer by outputs and Accept, preferences."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.conformance.asserts import (
    JSON,
    PROFILES,
    document,
    header_links,
    media_type,
    problem,
    profiled,
    said,
    status,
)
from tests.conformance.marks import V2, both, req
from tests.conformance.packages import MANY_OUTPUTS, MANY_TYPES
from tests.conformance.service import Job, Service

NO_RESULT = "ogcapi-processes-1/1.0/result-not-available"


def many(service: Service, *names: str, **options: Any) -> requests.Response:
    """Execute ``conf-many`` and wait for it."""
    outputs = {"outputs": {name: {} for name in names}} if names else {}
    return service.execute("conf-many", {"text": "many"}, **outputs, **options)


def plain(found: Any) -> Any:
    """Return a value of results without what qualifies it."""
    return found["value"] if isinstance(found, dict) and "value" in found else found


# ---------------------------------------------------------------- modes

#: What ``Prefer`` may say so that a process that can do both is executed synchronously.
SYNC = {
    "none": None,
    "wait": "wait=30",
    "unknown": "respond-sync",
    "other": "handling=lenient",
    "return": "return=minimal",
    "empty": "",
    "junk": ";;,,=",
    "wait-and-return": "wait=10; return=minimal; profile=https://www.opengis.net/def/profile/OGC/0/ogc-results",
}
ASYNC = {
    "plain": "respond-async",
    "trailing-space": "respond-async ",
    "capitals": "Respond-Async",
    "with-others": "return=minimal, respond-async, handling=lenient",
    "semicolon": "respond-async;return=representation",
    "profile": "respond-async; profile=https://www.opengis.net/def/profile/OGC/0/ogc-results",
    "unknown-first": "bird, respond-async",
}


@both("core/process-execute-default-execution-mode")
@pytest.mark.parametrize("process_id", ["echo", "conf-text", "conf-many"])
def test_req_core_process_execute_default_execution_mode(service: Service, process_id: str) -> None:
    """Without a preference a process that can do both is executed synchronously."""
    inputs = {"echo": {"stringInput": "now"}, "conf-text": {"text": "now"}, "conf-many": {"text": "now"}}[process_id]
    answer = service.execute(process_id, inputs)
    status(answer, 200)
    assert "Location" not in answer.headers
    assert "now" in answer.text or "http" in answer.text, said(answer)


@both("core/process-execute-default-execution-mode")
@pytest.mark.parametrize("prefer", SYNC)
def test_req_core_process_execute_default_execution_mode__preferences(service: Service, prefer: str) -> None:
    answer = service.execute("echo", {"stringInput": "now"}, prefer=SYNC[prefer], outputs={"stringInput": {}})
    status(answer, 200)
    assert "now" in answer.text
    assert "respond-async" not in answer.headers.get("Preference-Applied", "")


@both("core/process-execute-auto-execution-mode")
@pytest.mark.parametrize("prefer", ASYNC)
@pytest.mark.parametrize("process_id", ["echo", "conf-text"])
def test_req_core_process_execute_auto_execution_mode(service: Service, process_id: str, prefer: str) -> None:
    inputs = {"stringInput": "later"} if process_id == "echo" else {"text": "later"}
    answer = service.execute(process_id, inputs, prefer=ASYNC[prefer])
    found = document(answer, "status", 201)
    assert answer.headers["Location"].endswith(found["jobID"])
    assert found["processID"] == process_id


@both("core/process-execute-auto-execution-mode")
def test_req_core_process_execute_auto_execution_mode__several_headers(service: Service) -> None:
    """RFC 7240: several ``Prefer`` headers are one list."""
    parts = urlsplit(service.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=60)
    try:
        body = json.dumps({"inputs": {"stringInput": "x"}}).encode()
        connection.putrequest("POST", "/processes/echo/execution")
        for name, value in {"Content-Type": JSON, "Content-Length": str(len(body)), "Accept": JSON}.items():
            connection.putheader(name, value)
        connection.putheader("Prefer", "return=minimal")
        connection.putheader("Prefer", "respond-async")
        connection.endheaders(body)
        answer = connection.getresponse()
        found = json.loads(answer.read())
        assert answer.status == 201
        assert found["jobID"] in (answer.getheader("Location") or "")
    finally:
        connection.close()


@req(V2 + "core/process-execute-auto-execution-mode")
@pytest.mark.parametrize("prefer", [None, "wait=10", "respond-async"])
@pytest.mark.parametrize("mode", ["async-execute", "sync-execute"])
def test_req_core_process_execute_auto_execution_mode__of_one_mode(
    service: Service, mode: str, prefer: str | None
) -> None:
    """A process that can do one thing does that, whatever is preferred."""
    process_id = f"conf-only-{mode}"
    service.put_once(process_id, mode)
    answer = service.execute(process_id, {"text": "x"}, prefer=prefer)
    if mode == "async-execute":
        document(answer, "status", 201)
    else:
        status(answer, 200)
        assert "Location" not in answer.headers
        assert "x" in answer.text or "href" in answer.text


@both("core/prefer-applied")
@pytest.mark.parametrize(
    ("prefer", "token"),
    [("respond-async", "respond-async"), ("wait=30", "wait=30"), ("return=minimal", "return=minimal")],
)
def test_req_core_prefer_applied(service: Service, prefer: str, token: str) -> None:
    answer = service.execute("echo", {"stringInput": "x"}, prefer=prefer)
    status(answer, 200, 201)
    applied = answer.headers.get("Preference-Applied", "").replace(" ", "").lower()
    assert token in applied, f"{applied!r}; {said(answer)}"


@both("core/prefer-applied")
def test_req_core_prefer_applied__strict(service: Service) -> None:
    """``handling=strict``: what cannot be honoured is an error, RFC 7240, 4.4."""
    answer = service.execute("echo", {"stringInput": "x"}, prefer="handling=strict, bird=blue")
    problem(answer, 400)
    assert "bird" in answer.text


@req(V2 + "core/prefer-applied")
def test_req_core_prefer_applied__wait_that_is_over(service: Service) -> None:
    """A wait that is over makes the answer that of an asynchronous execution."""
    answer = service.execute("echo", {"stringInput": "x", "pause": 20}, prefer="wait=0")
    found = document(answer, "status", 201)
    assert found["status"] in ("accepted", "running")
    status(service.delete(answer.headers["Location"]), 200, 202)


# ---------------------------------------------------------------- synchronous answers

@req(V2 + "core/process-execute-sync-one")
@pytest.mark.parametrize("name", ["text", "table", "data", "count", "ratio", "flag", "word"])
def test_req_core_process_execute_sync_one(service: Service, name: str) -> None:
    answer = many(service, name, accept=f"{MANY_TYPES[name][0]}, */*;q=0.1")
    status(answer, 200)
    assert media_type(answer) == MANY_TYPES[name][0], said(answer)
    assert answer.text.strip().strip('"') == MANY_OUTPUTS[name].strip().strip('"')


@req(V2 + "core/process-execute-sync-one")
@pytest.mark.parametrize("accept", [JSON, "text/plain", "*/*", "text/*", "text/plain;q=0.5, application/json;q=0.4"])
def test_req_core_process_execute_sync_one__negotiated(service: Service, accept: str) -> None:
    answer = many(service, "word", accept=accept)
    status(answer, 200)
    expected = JSON if accept == JSON else "text/plain" if accept.startswith("text/") else None
    assert expected in (None, media_type(answer)), said(answer)
    found = answer.json() if media_type(answer) == JSON else answer.text
    assert found == "a word"


@req(V2 + "core/process-execute-sync-one")
@pytest.mark.parametrize("name", ["count", "word"])
def test_req_core_process_execute_sync_one__not_acceptable(service: Service, name: str) -> None:
    problem(many(service, name, accept="image/tiff"), 406)


@req(V2 + "core/process-execute-sync-one-default-content")
@pytest.mark.parametrize("accept", [None, "*/*"])
@pytest.mark.parametrize("name", ["text", "table", "data", "count", "ratio", "flag", "word"])
def test_req_core_process_execute_sync_one_default_content(service: Service, name: str, accept: str | None) -> None:
    answer = many(service, name, accept=accept)
    status(answer, 200)
    assert media_type(answer) in MANY_TYPES[name], said(answer)
    assert answer.text.strip().strip('"') == MANY_OUTPUTS[name].strip().strip('"')


@req(V2 + "core/process-execute-sync-one-default-content")
def test_req_core_process_execute_sync_one_default_content__only_output(service: Service) -> None:
    """A process that has one output needs no ``outputs``."""
    answer = service.execute("conf-text", {"text": "alone"}, accept=None)
    status(answer, 200)
    assert media_type(answer) == "text/plain"
    assert answer.text == "alone"


@req(V2 + "core/process-execute-sync-many-json")
@pytest.mark.parametrize("accept", [JSON, "*/*", None])
@pytest.mark.parametrize(
    "names", [("count", "word"), ("text", "table"), ("count", "text", "data"), ("numbers", "parts")], ids="-".join
)
def test_req_core_process_execute_sync_many_json(service: Service, names: tuple[str, ...], accept: str | None) -> None:
    answer = many(service, *names, accept=accept)
    found = document(answer, "results")
    assert found.keys() == set(names)
    profiled(answer, "ogc-results")


@req(V2 + "core/process-execute-sync-many-json")
def test_req_core_process_execute_sync_many_json__values(service: Service) -> None:
    found = document(many(service, "count", "ratio", "flag", "word", "numbers"), "results")
    values = {name: plain(value) for name, value in found.items()}
    assert values == {"count": 3, "ratio": 0.5, "flag": True, "word": "a word", "numbers": [1, 2, 3]}


@req(V2 + "core/process-execute-sync-many-json")
def test_req_core_process_execute_sync_many_json__not_acceptable(service: Service) -> None:
    problem(many(service, "count", "word", accept="image/tiff"), 406)


@req(V2 + "core/process-execute-omitted-outputs", V2 + "core/process-execute-success-sync-outputs-omitted")
@pytest.mark.parametrize("prefer", [None, "wait=20", "return=minimal", "return=representation"])
def test_req_core_process_execute_omitted_outputs(service: Service, prefer: str | None) -> None:
    answer = many(service, prefer=prefer)
    found = document(answer, "results")
    assert found.keys() == {*MANY_OUTPUTS, "numbers", "parts"}
    profiled(answer, "ogc-results")


@req(V2 + "core/process-execute-success-sync-outputs-omitted")
def test_req_core_process_execute_success_sync_outputs_omitted(service: Service) -> None:
    found = document(service.execute("echo", {"stringInput": "x", "doubleInput": 2}), "results")
    values = {name: plain(value) for name, value in found.items()}
    assert (values["stringInput"], values["doubleInput"]) == ("x", 2)


def before(service: Service) -> str:
    """Prove that the process would have something to say: a test of emptiness is to fail where all is empty."""
    answer = service.execute("echo", {"stringInput": "full"}, outputs={"stringInput": {}})
    status(answer, 200)
    assert "full" in answer.text, said(answer)
    return answer.text


@req(V2 + "core/process-execute-empty-outputs", V2 + "core/process-execute-success-sync-empty-outputs")
@pytest.mark.parametrize("accept", [JSON, None, "text/plain"])
@pytest.mark.parametrize(
    ("process_id", "inputs"),
    [("echo", {"stringInput": "x"}), ("conf-many", {"text": "x"}), ("conf-text", {"text": "x"})],
    ids=["echo", "many", "text"],
)
def test_req_core_process_execute_empty_outputs(
    service: Service, process_id: str, inputs: dict[str, Any], accept: str | None
) -> None:
    answer = service.execute(process_id, inputs, outputs={}, accept=accept)
    status(answer, 204)
    assert answer.content == b""
    assert "Content-Type" not in answer.headers


@req(V2 + "core/process-execute-success-sync-empty-outputs")
def test_req_core_process_execute_success_sync_empty_outputs(service: Service) -> None:
    assert before(service)
    answer = service.execute("echo", {"stringInput": "full"}, outputs={})
    status(answer, 204)
    # RFC 9110, 8.6: no Content-Length in a 204.
    assert "Content-Length" not in answer.headers


# ---------------------------------------------------------------- asynchronous answers


@req(V2 + "core/process-execute-success-async")
@pytest.mark.parametrize("process_id", ["echo", "conf-text", "conf-many", "conf-fail"])
def test_req_core_process_execute_success_async(service: Service, process_id: str) -> None:
    inputs = {"echo": {"stringInput": "x"}, "conf-text": {"text": "x"}}.get(process_id, {})
    answer = service.execute(process_id, inputs, prefer="respond-async")
    found = document(answer, "status-2.0", 201)
    assert answer.headers["Location"] == f"{service.url}/jobs/{found['id']}"
    assert found["jobID"] == found["id"]
    assert document(service.get(answer.headers["Location"]), "status-2.0")["id"] == found["id"]


@req(V2 + "core/process-execute-success-async-outputs")
@pytest.mark.parametrize("names", [("text",), ("count",), ("text", "word"), ("numbers", "parts")], ids="-".join)
def test_req_core_process_execute_success_async_outputs(service: Service, names: tuple[str, ...]) -> None:
    answer = many(service, *names, prefer="respond-async")
    document(answer, "status", 201)
    job = Job(service, answer.headers["Location"]).ended("successful")
    assert document(job.results(), "results").keys() == set(names)


@req(V2 + "core/process-execute-success-async-outputs-omitted")
@pytest.mark.parametrize("process_id", ["conf-many", "conf-text"])
def test_req_core_process_execute_success_async_outputs_omitted(service: Service, process_id: str) -> None:
    job = service.start(process_id, {"text": "x"}).ended("successful")
    expected = {*MANY_OUTPUTS, "numbers", "parts"} if process_id == "conf-many" else {"said"}
    assert document(job.results(), "results").keys() == expected


@req(V2 + "core/process-execute-success-async-outputs-empty")
@pytest.mark.parametrize("path", ["/results", "/results/stringInput", "/results?outputs=stringInput"])
def test_req_core_process_execute_success_async_outputs_empty(service: Service, path: str) -> None:
    job = service.empty
    assert job.info()["status"] == "successful"
    problem(service.get(job.url + path), 404, NO_RESULT if path == "/results" else "")


# ---------------------------------------------------------------- Prefer: return


@req(V2 + "core/return-preference")
@pytest.mark.parametrize("name", ["text", "table", "data"])
def test_req_core_return_preference__representation(service: Service, name: str) -> None:
    """Everything stands inline."""
    answer = many(service, name, "count", prefer="return=representation")
    found = document(answer, "results")
    assert "href" not in str(found[name]), found
    value = plain(found[name])
    # JSON may stand there as JSON.
    assert value == MANY_OUTPUTS[name] or value == json.loads(MANY_OUTPUTS[name]), found


@req(V2 + "core/return-preference")
@pytest.mark.parametrize("prefer", [None, "return=minimal"])
@pytest.mark.parametrize("name", ["count", "ratio", "flag", "word"])
def test_req_core_return_preference__minimal(service: Service, name: str, prefer: str | None) -> None:
    """Small values stand inline all the same."""
    found = document(many(service, name, "text", prefer=prefer), "results")
    assert str(plain(found[name])).lower() == MANY_OUTPUTS[name]


@req(V2 + "core/return-preference")
def test_req_core_return_preference__remembered(service: Service) -> None:
    """The results of a job are as the execution preferred them."""
    job = service.shared(
        "representation",
        lambda: Job(
            service,
            many(service, "text", "count", prefer="respond-async, return=representation").headers.get("Location", ""),
        ).ended("successful"),
    )
    found = document(job.results(), "results")
    assert plain(found["text"]) == "many", found


@req(V2 + "core/job-results-success-sync")
def test_req_core_job_results_success_sync__links(service: Service) -> None:
    answer = service.execute("conf-many", {"text": "x"})
    status(answer, 200)
    assert len(header_links(answer, "monitor")) == 1
    assert PROFILES + "ogc-results" in [target for target, _ in header_links(answer, "profile")]
