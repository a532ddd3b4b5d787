"""Nested processes: jobs of their own, waited for without taking a place of a worker, ended with their parents."""

from __future__ import annotations

import pytest

from weaverlite.testing.app import URL

from .conftest import children_of, ended, post, submit, text_of

TEXT = {"value": "0\n", "mediaType": "text/plain"}


def echo(text: str, **inputs):
    return {"process": "echo", "inputs": {"stringInput": text, **inputs}, "outputs": {"stringInput": {}}}


def shell(script: str, *output: str):
    return {"process": "shell", "inputs": {"script": script}, "outputs": {name: {} for name in output or ["said"]}}


# ---------------------------------------------------------------- what comes of them


def test_the_output_of_a_nested_process_is_the_input(http):
    job = submit(http, "sort", text=shell("echo b; echo a"))
    assert text_of(http, job, "sorted") == "a\nb\n"
    (child,) = children_of(http, job)
    assert (child["processID"], child["status"]) == ("shell", "successful")
    assert job in [link["href"] for link in child["links"] if link["rel"] == "related"]


def test_nested_in_nested_and_in_lists(http):
    inner = {"process": "sort", "inputs": {"text": shell("echo d; echo c")}}
    job = submit(http, "join", parts=[TEXT, inner, echo("a\n"), {"href": "data:text/plain,z"}])
    assert text_of(http, job, "whole") == "0\nc\nd\na\nz"
    assert {child["processID"] for child in children_of(http, job)} == {"sort", "echo"}


def test_a_file_becomes_a_text_and_a_directory_stays_one(http):
    job = submit(http, "echo", stringInput=shell("printf hello"))
    assert ended(http, job)["status"] == "successful"
    assert http.get(f"{job}/results").json()["stringInput"] == "hello"
    job = submit(http, "folder", where=shell("mkdir -p made/deep; touch made/a made/b", "made"))
    assert text_of(http, job, "names") == "a\nb\n"


def test_the_only_output_needs_no_choice_and_names_may_be_urls(http):
    for name in ("sort", f"{URL}/processes/sort", "/processes/sort", "sort:1.0.0"):
        text = {"value": "b\na\n", "mediaType": "text/plain"}
        answer = post(http, "sort", {"text": {"process": name, "inputs": {"text": text}}})
        assert (answer.status_code, answer.text) == (200, "a\nb\n")


def test_the_inputs_of_the_job_say_what_is_nested(http):
    job = submit(http, "echo", stringInput=echo("a"))
    assert ended(http, job)["status"] == "successful"
    nested = http.get(f"{job}/inputs").json()["inputs"]["stringInput"]
    assert (nested["process"], nested["inputs"]["stringInput"]) == ("echo", "a")


# ---------------------------------------------------------------- what goes wrong


def test_the_failure_of_a_nested_process_is_that_of_its_parent(http):
    job = submit(http, "sort", text={"process": "sort", "inputs": {"text": shell("echo bad >&2; exit 3")}})
    status = ended(http, job)
    assert status["status"] == "failed"
    problem = http.get(f"{job}/results").json()
    assert problem["reason"] == "nested"
    assert problem["errors"][0]["pointer"] == "/inputs/text/inputs/text"
    assert problem["detail"].startswith("/inputs/text/inputs/text: the nested process failed: ")
    assert "exit code 3" in problem["detail"]
    assert "bad" in problem["detail"]


def test_an_output_that_does_not_fit_is_told_at_its_place(http):
    answer = post(http, "echo", {"stringInput": "a", "doubleInput": echo("no number")})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/inputs/doubleInput"
    answer = post(http, "sort", {"text": shell("true", "made")})
    assert answer.json()["detail"] == "/inputs/text: the nested process failed: it left no output 'made'"


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ({"process": "nope"}, {"/process": "there is no such process"}),
        ({"process": 3}, {"/process": "expected is the id or the URL"}),
        ({"process": ""}, {"/process": "expected is the id or the URL"}),
        ({"process": "//["}, {"/process": "not a URL"}),
        ({"process": "/[//["}, {"/process": "no such process"}),
        ({"process": "sort:9"}, {"/process": "no such process"}),
        ({"process": "x" * 5000}, {"/process": "no such process"}),
        ({"process": "nope", "revision": 10**30}, {"/process": "no such process"}),
        ({"process": "sort", "inputs": []}, {"/inputs": "expected is an object"}),
        ({"process": "sort"}, {"/inputs/text": "is missing"}),
        ({"process": "sort", "inputs": {"txt": 1}}, {"/inputs/text": "is missing", "/inputs/txt": "no input"}),
        ({"process": "sort", "inputs": {"text": {"process": "nope"}}}, {"/inputs/text/process": "no such process"}),
        ({"process": "sort", "inputs": {"text": TEXT}, "outputs": {"x": {}}}, {"/outputs/x": "it has sorted"}),
        ({**shell("a"), "outputs": {"said": {}, "made": {}}}, {"/outputs": "2 outputs"}),
        ({"process": "sort", "inputs": {"text": TEXT}, "filter": "a="}, {"/filter": "is not CQL2 text: at column 3"}),
        ({"process": "sort", "inputs": {"text": TEXT}, "limit": 1}, {"/limit": "not understood beside"}),
        ({"process": "sort", "inputs": {"text": {"href": "http://10.0.0.1/"}}}, {"/inputs/text/href": "Internet"}),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_what_is_wrong_with_a_nested_process_is_told_at_submission(http, value, faults):
    answer = post(http, "join", {"parts": [TEXT, value]})
    assert answer.status_code == (403 if "/inputs/text/href" in faults else 400)
    found = {fault["pointer"]: fault["message"] for fault in answer.json()["errors"]}
    assert found.keys() == {f"/inputs/parts/1{pointer}" for pointer in faults}
    for pointer, message in faults.items():
        assert message in found[f"/inputs/parts/1{pointer}"]


def test_depth_and_number_are_bounded(http):
    def nested(depth):
        return {"process": "echo", "inputs": {"stringInput": nested(depth - 1) if depth > 1 else "a"}}

    assert post(http, "echo", {"stringInput": nested(3)}).status_code == 200
    answer = post(http, "echo", {"stringInput": nested(4)})
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == "/inputs/stringInput" + "/inputs/stringInput" * 3 + "/process"
    assert "weaverlite.chaining.depth" in fault["message"]
    answer = post(http, "join", {"parts": [echo(str(number)) for number in range(9)]})
    (fault,) = answer.json()["errors"]
    assert (fault["pointer"], answer.status_code) == ("/inputs/parts/5/process", 400)
    assert "weaverlite.chaining.jobs" in fault["message"]


# ---------------------------------------------------------------- dismissal


def test_with_a_parent_its_children_are_dismissed(http):
    job = submit(http, "join", parts=[shell("sleep 300"), {"process": "sort", "inputs": {"text": shell("sleep 300")}}])
    # One runs, or will; one cannot even start before its own child has ended.
    assert http.delete(job).json()["status"] == "dismissed"
    for child in children_of(http, job):
        address = f"{URL}/jobs/{child['id']}"
        assert ended(http, address)["status"] == "dismissed"
        for grandchild in children_of(http, address):
            assert ended(http, f"{URL}/jobs/{grandchild['id']}")["status"] == "dismissed"


def test_a_child_that_is_dismissed_fails_its_parent(http):
    job = submit(http, "join", parts=[shell("sleep 300"), shell("sleep 301")])
    first, second = children_of(http, job)
    http.delete(f"{URL}/jobs/{first['id']}")
    assert "was dismissed" in ended(http, job)["message"]
    assert ended(http, f"{URL}/jobs/{second['id']}")["status"] == "dismissed"


def test_a_job_that_is_made_first_runs_its_nested_processes_when_it_is_started(http):
    body = {"process": f"{URL}/processes/sort", "inputs": {"text": shell("echo b; echo a")}}
    answer = http.post(f"{URL}/jobs", json=body)
    assert (answer.status_code, answer.json()["status"]) == (201, "created"), answer.text
    job = answer.headers["Location"]
    assert children_of(http, job) == []
    assert http.post(f"{job}/results", json={}).status_code == 200
    assert text_of(http, job, "sorted") == "a\nb\n"


def test_a_dry_run_leaves_nothing(http, service):
    before = sum(service.runtime.store.jobs.count(_all()).values())
    answer = http.post(
        f"{URL}/processes/join/execution?dryRun=true", json={"inputs": {"parts": [echo("a"), {"process": "nope"}]}}
    )
    assert answer.status_code in (200, 400)
    assert sum(service.runtime.store.jobs.count(_all()).values()) == before


def _all():
    from weaverlite.models.queries import JobQuery

    return JobQuery()
