"""The whole service as it is: real CWL tools in real job processes, through HTTP."""

from __future__ import annotations

import time

import pytest

from tests.functional.tools import SORT, deploy, shell
from weaverlite.testing.app import URL, running

from .conftest import ended, submit

SHELL = shell({"made": {"type": "File?", "outputBinding": {"glob": "made.txt"}}})


@pytest.fixture(scope="module")
def service(tmp_path_factory, backends):
    directory = tmp_path_factory.mktemp("real")
    with running(directory, settings=backends.settings_for(directory)) as started:
        with started.session() as http:
            deploy(http, SORT, SHELL)
        yield started


def test_an_uploaded_file_is_sorted(http):
    kept = http.post(f"{URL}/vault?name=t.txt", data=b"b\na\nc\n", headers={"Content-Type": "text/plain"}).json()
    job = submit(http, "sort", text={"href": kept["href"], "type": "text/plain"})
    assert ended(http, job)["status"] == "successful"
    document = http.get(f"{job}/results").json()
    assert http.get(document["sorted"]["href"]).content == b"a\nb\nc\n"
    assert document["sorted"]["href"] == f"{job}/outputs/sorted/sorted.txt"
    assert http.get(f"{job}/exitCode").text == "0\n"


def test_the_result_of_a_synchronous_execution_is_the_file(http):
    inputs = {"text": {"value": "z\ny\n", "mediaType": "text/plain"}}
    answer = http.post(f"{URL}/processes/sort/execution", json={"inputs": inputs})
    assert (answer.status_code, answer.content) == (200, b"y\nz\n")
    assert answer.headers["ETag"]


def test_a_tool_that_fails_leaves_what_it_said(http):
    job = submit(http, "shell", script="echo out; echo err >&2; exit 3")
    status = ended(http, job)
    assert status["status"] == "failed"
    assert http.get(f"{job}/exitCode").text == "3\n"
    assert http.get(f"{job}/stdout").text == "out\n"
    assert "err" in http.get(f"{job}/stderr").text
    answer = http.get(f"{job}/results")
    assert answer.status_code == 400
    assert answer.json()["reason"] == "execution"


def test_the_lines_of_a_tool_come_while_it_runs_and_it_ends_when_dismissed(http):
    job = submit(http, "shell", script="echo begun; sleep 60; echo never")
    following = http.get(f"{job}/logs?follow=true&f=text&stream=stdout", stream=True)
    assert next(following.iter_lines(chunk_size=1)) == b"begun"
    assert http.get(f"{job}/stdout").text == "begun\n"
    following.close()
    began = time.monotonic()
    answer = http.delete(job)
    assert (answer.status_code, answer.json()["status"]) == (200, "dismissed")
    assert time.monotonic() - began < 15
    assert http.get(f"{job}/results").status_code == 410
    assert http.get(f"{job}/stdout").text == "begun\n"


def test_an_output_that_is_not_there_is_left_out(http):
    job = submit(http, "shell", script="true")
    assert ended(http, job)["status"] == "successful"
    assert http.get(f"{job}/results").json() == {}
    assert http.get(f"{job}/results/made").status_code == 404
    statistics = http.get(f"{job}/statistics").json()
    assert statistics["cpuSeconds"] >= 0
    assert statistics["outputFiles"] == 0


def test_the_built_in_echo_gives_its_inputs_back(http):
    body = {"inputs": {"stringInput": "hello", "arrayInput": [1, 2]}, "response": "document"}
    answer = http.post(f"{URL}/processes/echo/execution", json=body)
    assert answer.json()["stringInput"] == "hello"
    assert answer.json()["arrayInput"] == [1, 2]
