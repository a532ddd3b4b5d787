"""What an execution answers to a request of version 1.0: the tables of 18-062r2, clauses 7.11.4 and 7.13."""

from __future__ import annotations

from email.message import Message
from email.parser import BytesParser
from typing import Any

import pytest
import requests

from tests.conformance.asserts import JSON, body, document, header_links, media_type, problem, said, status, valid
from tests.conformance.marks import V1, req
from tests.conformance.packages import MANY_OUTPUTS, MANY_TYPES
from tests.conformance.service import Job, Service

PAIRS = [("text", "table"), ("text", "count"), ("table", "data"), ("count", "word"), ("text", "table", "data", "count")]


def wanted(*names: str, mode: str = "value") -> dict[str, Any]:
    """Return ``outputs`` of a request: each to be transmitted this way."""
    return {name: {"transmissionMode": mode} for name in names}


def parts(answer: requests.Response) -> dict[str, Message]:
    """Return the parts of a multipart answer by the id of their output."""
    status(answer, 200)
    assert media_type(answer) == "multipart/related", said(answer)
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + answer.content)
    assert message.is_multipart(), said(answer)
    assert not message.defects, message.defects
    found = {}
    for part in message.get_payload():
        assert isinstance(part, Message)
        output_id = (part["Content-ID"] or "").strip("<>").partition("@")[0]
        assert output_id, f"a part without Content-ID: {part.items()}"
        assert output_id not in found, f"two parts of {output_id}"
        found[output_id] = part
    return found


def content(part: Message) -> str:
    """Return the text of a part."""
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().rstrip("\r\n") if part["Content-Type"] != "text/csv" else payload.decode()


def is_content(found: str, name: str) -> bool:
    """Whether this is what an output of ``conf-many`` says: a word may be JSON, line ends may be lost."""
    expected = MANY_OUTPUTS[name]
    return found.strip() in (expected.strip(), f'"{expected}"') or found.replace("\r\n", "\n") == expected


def many(service: Service, **request: Any) -> requests.Response:
    """Execute ``conf-many`` and wait for it; nothing of ``Accept`` decides."""
    return service.execute("conf-many", {"text": "many"}, accept=request.pop("accept", None), **request)


@req(V1 + "core/process-execute-sync-raw-value-one")
@pytest.mark.parametrize("name", MANY_OUTPUTS)
@pytest.mark.parametrize("response", ["raw", None], ids=["raw", "default"])
def test_req_core_process_execute_sync_raw_value_one(service: Service, name: str, response: str | None) -> None:
    more = {"response": response} if response else {}
    answer = many(service, outputs=wanted(name), **more)
    status(answer, 200)
    assert media_type(answer) in MANY_TYPES[name], said(answer)
    assert is_content(answer.text, name), said(answer)


@req(V1 + "core/process-execute-sync-raw-value-multi")
@pytest.mark.parametrize("response", ["raw", None], ids=["raw", "default"])
@pytest.mark.parametrize("names", PAIRS, ids="-".join)
def test_req_core_process_execute_sync_raw_value_multi(
    service: Service, names: tuple[str, ...], response: str | None
) -> None:
    more = {"response": response} if response else {}
    found = parts(many(service, outputs=wanted(*names), **more))
    assert found.keys() == set(names)
    for name, part in found.items():
        assert part.get_content_type() in MANY_TYPES[name], f"{name}: {part.items()}"
        assert is_content(content(part), name), f"{name}: {content(part)!r}"


@req(V1 + "core/process-execute-sync-raw-value-multi")
def test_req_core_process_execute_sync_raw_value_multi__json_accepted(service: Service) -> None:
    """Acceptance tests send ``Accept: application/json`` and want the parts all the same."""
    found = parts(many(service, outputs=wanted("text", "count"), response="raw", accept=JSON))
    assert found.keys() == {"text", "count"}


@req(V1 + "core/process-execute-sync-raw-ref")
@pytest.mark.parametrize("response", ["raw", None], ids=["raw", "default"])
@pytest.mark.parametrize("names", [("text",), ("count",), *PAIRS], ids="-".join)
def test_req_core_process_execute_sync_raw_ref(service: Service, names: tuple[str, ...], response: str | None) -> None:
    more = {"response": response} if response else {}
    answer = many(service, outputs=wanted(*names, mode="reference"), **more)
    status(answer, 204)
    assert answer.content == b""
    assert "Content-Type" not in answer.headers
    links = [item for rel in ("related", "item", "alternate", "enclosure") for item in header_links(answer, rel)]
    assert len(links) == len(names), answer.headers.get("Link")
    contents = [service.get(href, accept=None) for href, _ in links]
    for found in contents:
        status(found, 200)
    for name in names:
        assert [found for found in contents if is_content(found.text, name)], f"{name} is behind no link"


@req(V1 + "core/process-execute-sync-raw-mixed-multi")
@pytest.mark.parametrize(("value", "reference"), [("text", "table"), ("table", "text"), ("count", "data")])
@pytest.mark.parametrize("response", ["raw", None], ids=["raw", "default"])
def test_req_core_process_execute_sync_raw_mixed_multi(
    service: Service, value: str, reference: str, response: str | None
) -> None:
    more = {"response": response} if response else {}
    outputs = {**wanted(value), **wanted(reference, mode="reference")}
    found = parts(many(service, outputs=outputs, **more))
    assert found.keys() == {value, reference}
    assert is_content(content(found[value]), value)
    assert not content(found[reference]).strip(), "a part by reference is empty"
    behind = service.get(found[reference]["Content-Location"], accept=None)
    status(behind, 200)
    assert is_content(behind.text, reference)


@req(V1 + "core/process-execute-sync-document")
@pytest.mark.parametrize("names", [("text",), ("count",), ("word",), *PAIRS], ids="-".join)
def test_req_core_process_execute_sync_document(service: Service, names: tuple[str, ...]) -> None:
    answer = many(service, outputs={name: {} for name in names}, response="document")
    found = document(answer, "results")
    assert found.keys() == set(names)


@req(V1 + "core/process-execute-sync-document")
@pytest.mark.parametrize("name", ["text", "table", "count", "ratio", "flag", "word"])
def test_req_core_process_execute_sync_document__by_value(service: Service, name: str) -> None:
    found = document(many(service, outputs=wanted(name), response="document"), "results")
    value = found[name]["value"] if isinstance(found[name], dict) else found[name]
    expected = MANY_OUTPUTS[name]
    assert str(value).lower() == expected, found


@req(V1 + "core/process-execute-sync-document")
@pytest.mark.parametrize("name", MANY_OUTPUTS)
def test_req_core_process_execute_sync_document__by_reference(service: Service, name: str) -> None:
    found = document(many(service, outputs=wanted(name, mode="reference"), response="document"), "results")
    assert found[name].keys() >= {"href"}, found
    behind = service.get(found[name]["href"], accept=None)
    status(behind, 200)
    assert is_content(behind.text, name)


@req(V1 + "core/process-execute-sync-document")
@pytest.mark.parametrize("name", ["numbers", "parts"])
def test_req_core_process_execute_sync_document__lists(service: Service, name: str) -> None:
    found = document(many(service, outputs={name: {}}, response="document"), "results")
    items = found[name]["value"] if isinstance(found[name], dict) else found[name]
    assert len(items) == 3, found


@req(V1 + "core/process-execute-default-outputs")
@pytest.mark.parametrize("response", ["document", "raw"])
def test_req_core_process_execute_default_outputs(service: Service, response: str) -> None:
    """Without ``outputs`` all of them come."""
    answer = many(service, response=response)
    expected = {*MANY_OUTPUTS, "numbers", "parts"}
    found = document(answer, "results") if response == "document" else parts(answer)
    assert set(found) == expected


@req(V1 + "core/process-execute-success-async")
@pytest.mark.parametrize("response", ["raw", "document"])
@pytest.mark.parametrize("mode", ["value", "reference"])
@pytest.mark.parametrize("names", [("text",), ("text", "count")], ids="-".join)
def test_req_core_process_execute_success_async(
    service: Service, names: tuple[str, ...], mode: str, response: str
) -> None:
    answer = many(service, outputs=wanted(*names, mode=mode), response=response, prefer="respond-async", accept=JSON)
    found = document(answer, "status-1.0", 201)
    location = answer.headers["Location"]
    assert location == f"{service.url}/jobs/{found['jobID']}", "acceptance tests append /results to it"
    assert found["status"] in ("accepted", "running", "successful")
    assert found["processID"] == "conf-many"
    Job(service, location).ended("successful")


# ---------------------------------------------------------------- results of a job


def job(service: Service, name: str, **request: Any) -> Job:
    """Return a job of ``conf-many`` that has run, shared by the tests that ask for its results."""
    return service.shared(
        f"1.0 {name}", lambda: service.start("conf-many", {"text": "many"}, **request).ended("successful")
    )


@req(V1 + "core/job-results-async-raw-value-one")
@pytest.mark.parametrize("name", MANY_OUTPUTS)
def test_req_core_job_results_async_raw_value_one(service: Service, name: str) -> None:
    answer = job(service, name, outputs=wanted(name), response="raw").results(accept=None)
    status(answer, 200)
    assert media_type(answer) in MANY_TYPES[name], said(answer)
    assert is_content(answer.text, name), said(answer)


@req(V1 + "core/job-results-async-raw-value-multi")
@pytest.mark.parametrize("names", PAIRS, ids="-".join)
def test_req_core_job_results_async_raw_value_multi(service: Service, names: tuple[str, ...]) -> None:
    found = parts(job(service, "-".join(names), outputs=wanted(*names), response="raw").results(accept=None))
    assert found.keys() == set(names)
    for name, part in found.items():
        assert is_content(content(part), name)


@req(V1 + "core/job-results-async-raw-ref")
@pytest.mark.parametrize("names", [("text",), ("text", "count")], ids="-".join)
def test_req_core_job_results_async_raw_ref(service: Service, names: tuple[str, ...]) -> None:
    shared = job(service, "ref-" + "-".join(names), outputs=wanted(*names, mode="reference"), response="raw")
    answer = shared.results(accept=None)
    status(answer, 204)
    assert answer.content == b""
    assert len(answer.headers.get("Link", "").split("<")) == len(names) + 1, answer.headers


@req(V1 + "core/job-results-async-raw-mixed-multi")
def test_req_core_job_results_async_raw_mixed_multi(service: Service) -> None:
    outputs = {**wanted("text"), **wanted("table", mode="reference")}
    found = parts(job(service, "mixed", outputs=outputs, response="raw").results(accept=None))
    assert is_content(content(found["text"]), "text")
    assert not content(found["table"]).strip()
    assert is_content(service.get(found["table"]["Content-Location"], accept=None).text, "table")


@req(V1 + "core/job-results-async-document")
@pytest.mark.parametrize("accept", [JSON, None, "*/*"])
@pytest.mark.parametrize("names", [("text",), ("text", "count")], ids="-".join)
def test_req_core_job_results_async_document(service: Service, names: tuple[str, ...], accept: str | None) -> None:
    shared = job(service, "doc-" + "-".join(names), outputs={name: {} for name in names}, response="document")
    found = document(shared.results(accept=accept), "results")
    assert found.keys() == set(names)


@req(V1 + "core/job-results")
def test_req_core_job_results(service: Service) -> None:
    found = body(service.successful.results())
    valid(found, "results")
    assert "the shared one" in str(found)


@req(V1 + "core/job-results-success-sync", "processes-1/2.0/core/job-results-success-sync")
@pytest.mark.parametrize("process_id", ["echo", "conf-many"])
def test_req_core_job_results_success_sync(service: Service, process_id: str) -> None:
    """A synchronous execution that makes a job says where it is, and its results stay there."""
    inputs = {"stringInput": "a word"} if process_id == "echo" else {"text": "sync"}
    answer = service.execute(process_id, inputs)
    status(answer, 200)
    monitors = header_links(answer, "monitor")
    assert len(monitors) == 1, answer.headers.get("Link")
    found = document(service.get(monitors[0][0]), "status")
    assert found["status"] == "successful"
    assert "a word" in service.get(f"{monitors[0][0]}/results").text


@req(V1 + "core/process-execute-sync-raw-value-one")
@pytest.mark.parametrize("response", ["raw", "document"])
def test_req_core_process_execute_sync_raw_value_one__of_a_failure(service: Service, response: str) -> None:
    answer = service.execute("conf-fail", {}, outputs=wanted("never"), response=response)
    problem(answer, (400, 500))
    assert "3" in answer.text, f"the exit code is to be named: {said(answer)}"
