"""Executions: how they are asked for, and what comes back."""

from __future__ import annotations

from email.parser import BytesParser

import pytest

from weaverlite.ogc import exceptions
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import find, read_header

from .conftest import ended, submit

EXECUTE = "{base}/processes/{process}/execution"


@pytest.fixture
def execute(http, base):
    def post(process, body, **headers):
        return http.post(f"{base}/processes/{process}/execution", json=body, headers=headers)

    return post


# ---------------------------------------------------------------- modes


def test_an_asynchronous_execution_answers_at_once_with_its_job(execute, http, base):
    answer = execute("shout", {"inputs": {"text": "a"}}, Prefer="respond-async")
    status = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert answer.headers["Location"] == f"{base}/jobs/{status['jobID']}"
    assert status["id"] == status["jobID"]
    assert (status["type"], status["processingEntityType"]) == ("process", "ogc-api-processes")
    assert status["processID"] == "shout"
    assert ended(http, answer.headers["Location"])["status"] == "successful"


@pytest.mark.parametrize(
    "prefer", ["respond-async, wait=10", "wait=10; respond-async", "respond-async;return=minimal, wait=10"]
)
def test_an_asynchronous_execution_that_is_waited_for_still_answers_with_its_job(execute, prefer):
    answer = execute("shout", {"inputs": {"text": "a"}}, Prefer=prefer)
    assert answer.status_code == 201
    assert answer.json()["status"] == "successful"
    assert answer.headers["Preference-Applied"] == "respond-async, wait=10"


def test_one_output_of_a_synchronous_execution_comes_as_it_is(execute, base):
    answer = execute("shout", {"inputs": {"text": "größe"}})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text == "GRÖSSE"
    monitor = find(read_header(answer.headers["Link"]), rel.MONITOR)
    assert monitor is not None
    assert monitor.href.startswith(f"{base}/jobs/")


def test_a_text_comes_as_json_to_who_accepts_json(execute):
    assert execute("shout", {"inputs": {"text": "a"}}, Accept="application/json").json() == "A"


def test_a_number_comes_as_json_or_as_text(execute):
    body = {"outputs": {"count": {}}}
    assert execute("report", body).json() == 3
    assert execute("report", body, Accept="text/plain").text == "3"
    assert execute("report", body, Accept="image/png").status_code == 406


def test_an_object_comes_bare(execute):
    assert execute("report", {"outputs": {"box": {}}}).json() == {"a": [1, None]}


def test_a_file_comes_as_its_bytes(execute):
    answer = execute("report", {"outputs": {"table": {}}})
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.text.startswith("000000\n000001\n")
    assert len(answer.content) == 70_000


def test_several_outputs_come_as_a_document(execute):
    answer = execute("report", {"outputs": {"count": {}, "table": {}}})
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"count", "table"}
    assert answer.json()["count"] == 3
    assert answer.json()["table"]["type"] == "text/csv"
    assert find(read_header(answer.headers["Link"]), rel.PROFILE).href == rel.RESULTS_PROFILE


def test_an_output_without_a_value_does_not_change_the_form(execute):
    assert execute("halves", {}).json() == {"first": 1}
    assert execute("halves", {"outputs": {"first": {}}}).json() == 1


def test_a_document_comes_when_it_is_asked_for(execute):
    answer = execute("shout", {"inputs": {"text": "a"}, "response": "document"})
    assert answer.json() == {"loud": "A"}


def test_no_outputs_come_when_none_are_asked_for(execute):
    answer = execute("shout", {"inputs": {"text": "a"}, "outputs": {}})
    assert answer.status_code == 204
    assert answer.content == b""


def test_an_execution_that_takes_longer_than_waited_for_answers_with_its_job(execute, http, gate_name):
    answer = execute("gate", {"inputs": {"name": gate_name}}, Prefer="wait=0.2")
    assert answer.status_code == 201
    assert answer.json()["status"] in ("accepted", "running")
    assert answer.headers["Preference-Applied"] == "wait=0.2"


def test_a_synchronous_execution_that_fails_answers_with_the_reason(execute):
    answer = execute("fail", {})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "The tool ended with exit code 7."
    assert find(read_header(answer.headers.get("Link", "")), rel.MONITOR) is not None


# ---------------------------------------------------------------- version 1.0


def test_raw_outputs_come_in_parts(execute, base):
    answer = execute("report", {"outputs": {"count": {}, "table": {}, "box": {}}, "response": "raw"})
    assert answer.headers["Content-Type"].startswith("multipart/related; boundary=")
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + answer.content).get_payload()
    found = {part["Content-ID"]: part for part in parts}
    assert set(found) == {"<count>", "<table>", "<box>"}
    assert found["<count>"].get_payload() == "3"
    assert found["<table>"].get_content_type() == "text/csv"
    assert len(found["<table>"].get_payload(decode=True)) == 70_000
    assert found["<box>"].get_content_type() == "application/json"


def test_raw_outputs_by_reference_come_as_links(execute, http):
    wanted = {"table": {"transmissionMode": "reference"}, "page": {"transmissionMode": "reference"}}
    answer = execute("report", {"outputs": wanted})
    assert answer.status_code == 204
    linked = [link for link in read_header(answer.headers["Link"]) if link.rel == rel.RELATED]
    assert [link.title for link in linked] == ["table", "page"]
    assert len(http.get(linked[0].href).content) == 70_000


def test_raw_outputs_by_value_and_by_reference_come_in_parts_some_empty(execute):
    wanted = {"table": {"transmissionMode": "reference"}, "count": {"transmissionMode": "value"}}
    answer = execute("report", {"outputs": wanted})
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    found = {part["Content-ID"]: part for part in BytesParser().parsebytes(head + answer.content).get_payload()}
    assert found["<table>"].get_payload() == ""
    assert found["<table>"]["Content-Location"].endswith("/outputs/table/table.csv")
    assert found["<count>"].get_payload() == "3"


# ---------------------------------------------------------------- refusals


def test_all_that_is_wrong_with_a_request_is_told_at_once(execute):
    body = {"inputs": {"size": 12, "kind": "c", "nmae": "x"}, "options": {"pirority": 1}, "response": "loud"}
    answer = execute("picky", body)
    assert answer.status_code == 400
    pointers = {fault["pointer"] for fault in answer.json()["errors"]}
    assert {"/inputs/size", "/inputs/kind", "/inputs/nmae", "/inputs/name", "/response"} <= pointers
    assert any(pointer.startswith("/options") for pointer in pointers)


def test_an_unknown_output_is_refused(execute):
    answer = execute("shout", {"inputs": {"text": "a"}, "outputs": {"quiet": {}}})
    assert answer.status_code == 400
    assert "quiet" in answer.text


def test_an_unknown_process_is_told(execute):
    answer = execute("nothing", {"inputs": {}})
    assert answer.status_code == 404
    assert answer.json()["type"] == exceptions.NO_SUCH_PROCESS


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"{", "JSON"),
        (b'{"inputs": }', "JSON"),
        (b'{"inputs": {"text": NaN}}', "NaN"),
        (b'{"inputs": {"text": 1e999}}', "1e999"),
        (b'{"inputs": {"text": "a", "text": "b"}}', "text"),
        (b'{"inputs": {"text": "\\ud800"}}', "surrogate"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"[" * 10_000 + b"]" * 10_000, "deep"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "deep"),
        (b"[" * 10_000, ""),
        (b'{"inputs": ' + b"9" * 5000 + b"}", ""),
        (b"[]", "object"),
        (b"null", "object"),
        (b'"text"', "object"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused_with_one_fault(http, base, body, words):
    answer = http.post(
        f"{base}/processes/shout/execution", data=body, headers={"Content-Type": "application/json; charset=UTF-8"}
    )
    assert answer.status_code == 400, answer.text
    faults = answer.json()["errors"]
    assert len(faults) == 1
    assert faults[0]["location"] == "body"
    assert words.lower() in faults[0]["message"].lower()


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/xml", "multipart/form-data"])
def test_a_body_of_another_media_type_is_refused_before_all_else(http, base, media_type):
    for process in ("shout", "nothing"):
        answer = http.post(f"{base}/processes/{process}/execution", data=b"", headers={"Content-Type": media_type})
        assert answer.status_code == 415
        assert answer.json()["type"] == exceptions.UNSUPPORTED_MEDIA_TYPE
        assert "application/json" in answer.json()["detail"]


def test_a_body_that_is_announced_too_large_is_refused_unread(service, base):
    environ = {"CONTENT_LENGTH": str(2**30), "wsgi.input": _Untouchable()}
    answer = service.session(**environ).post(f"{base}/processes/shout/execution", json={})
    assert answer.status_code == 413
    assert "body_limit" in answer.json()["detail"]


def test_a_body_without_length_is_refused_when_it_has_become_too_large(http, base):
    answer = http.post(
        f"{base}/processes/shout/execution",
        data=(b" " * 65536 for _ in range(400)),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413


def test_a_body_shorter_than_announced_is_refused(service, base):
    answer = service.session(CONTENT_LENGTH="1000").post(f"{base}/processes/shout/execution", json={"inputs": {}})
    assert answer.status_code == 400
    assert "1000" in answer.text


class _Untouchable:
    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


def test_options_come_back_in_the_status(execute, http):
    body = {"inputs": {"text": "a"}, "options": {"name": "My run", "labels": {"site": "north"}}}
    status = execute("shout", body, Prefer="respond-async").json()
    assert (status["title"], status["labels"]) == ("My run", {"site": "north"})


def test_a_job_that_nobody_waits_for_is_run_all_the_same(http):
    assert ended(http, submit(http, "shout", text="x"))["progress"] == 100
