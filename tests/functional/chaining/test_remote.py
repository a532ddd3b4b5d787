"""Nested processes on other servers, through the whole service: another one like ours, and one of version 1.0."""

from __future__ import annotations

import time

import pytest

from weaverlite.testing.app import URL

from .conftest import children_of, ended, post, submit, text_of


def test_a_process_of_another_service_like_ours_makes_an_input(http, other):
    remote = {"process": f"{other}/processes/shell", "inputs": {"script": "echo b; echo a"}, "outputs": {"said": {}}}
    job = submit(http, "sort", text=remote)
    assert text_of(http, job, "sorted") == "a\nb\n"
    (child,) = children_of(http, job)
    assert child["processID"] == "remote_process"
    said = http.get(f"{URL}/jobs/{child['id']}/logs?f=text").text
    assert f"accepted there as {other}/jobs/" in said
    assert "there: successful" in said


def test_what_is_nested_in_a_remote_process_is_run_and_sent_along(http, other):
    inner = {"process": "sort", "inputs": {"text": {"value": "d\nc\n", "mediaType": "text/plain"}}}
    here = {"process": f"{URL}/processes/sort", "inputs": {"text": inner}}
    remote = {"process": f"{other}/processes/sort", "inputs": {"text": here}}
    job = submit(http, "sort", text=remote)
    assert text_of(http, job, "sorted") == "c\nd\n"
    # A relative name within a remote process is the remote's own.
    relative = {"process": "shell", "inputs": {"script": "echo z"}, "outputs": {"said": {}}}
    job = submit(http, "sort", text={"process": f"{other}/processes/sort", "inputs": {"text": relative}})
    assert text_of(http, job, "sorted") == "z\n"
    (child,) = children_of(http, job)
    (grandchild,) = children_of(http, f"{URL}/jobs/{child['id']}")
    assert grandchild["processID"] == "remote_process"


def test_a_server_of_version_1_0_will_do(http, old):
    for process in ("slow", "sync", "raw"):
        remote = {"process": f"{old.base}/processes/{process}", "inputs": {"text": "a"}, "outputs": {"loud": {}}}
        answer = post(http, "echo", {"stringInput": remote})
        assert answer.status_code == 200, answer.text
        assert answer.json()["stringInput"] == "A"


def test_what_the_other_server_says_of_a_failure_is_told(http, old):
    answer = post(http, "echo", {"stringInput": {"process": f"{old.base}/processes/fail", "inputs": {"text": "a"}}})
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["errors"][0]["pointer"] == "/inputs/stringInput"
    assert "is failed: the disk is full there" in problem["detail"]


def test_a_dismissal_is_forwarded(http, old):
    remote = {"process": f"{old.base}/processes/hang", "inputs": {"text": "a"}}
    job = submit(http, "echo", stringInput=remote)
    (child,) = children_of(http, job)
    address = f"{URL}/jobs/{child['id']}"
    deadline = time.monotonic() + 60
    while "there: running" not in http.get(f"{address}/logs?f=text").text and time.monotonic() < deadline:
        time.sleep(0.05)
    already = len(old.answers.dismissed)
    assert http.delete(job).json()["status"] == "dismissed"
    assert ended(http, address)["status"] == "dismissed"
    assert old.answers.dismissed[already:][0].startswith("hang-")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://elsewhere.example/processes/x", "weaverlite.chaining.servers"),
        ("http://10.1.2.3/processes/x", "public Internet"),
        ("ftp://elsewhere.example/processes/x", "weaverlite.chaining.servers"),
    ],
)
def test_other_servers_are_refused(http, url, said):
    answer = post(http, "echo", {"stringInput": {"process": url}})
    assert answer.status_code == 403
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == "/inputs/stringInput/process"
    assert said in fault["message"]


def test_an_address_that_is_no_process_is_refused(http, old):
    answer = post(http, "echo", {"stringInput": {"process": f"{old.base}/jobs/1"}})
    assert answer.status_code == 400
    assert "https://host/processes/ID" in answer.json()["detail"]


def test_nested_inputs_of_remote_processes_are_checked_at_submission(http, old):
    remote = {"process": f"{old.base}/processes/sync", "inputs": {"text": {"process": f"{URL}/processes/nope"}}}
    answer = post(http, "echo", {"stringInput": remote})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/inputs/stringInput/inputs/text/process"


def test_a_remote_process_may_be_executed_by_itself(http, old):
    inputs = {"process": f"{old.base}/processes/sync", "inputs": {"value": {"text": "a"}}, "output": "loud"}
    answer = post(http, "remote_process", inputs)
    assert (answer.status_code, answer.text) == (200, "A")
    inputs["process"] = "http://elsewhere.example/processes/x"
    answer = post(http, "remote_process", inputs)
    assert answer.status_code == 400
    assert "weaverlite.chaining.servers" in answer.json()["detail"]
