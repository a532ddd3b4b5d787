"""Requests that come again: under an idempotency key, and as a rerun of a job."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from weaverlite.ogc import exceptions

from .conftest import ended, submit


@pytest.fixture
def key():
    return f"key-{uuid.uuid4().hex}"


def execute(http, base, key, text="a", **headers):
    return http.post(
        f"{base}/processes/shout/execution",
        json={"inputs": {"text": text}},
        headers={"Prefer": "respond-async", "Idempotency-Key": key, **headers},
    )


def test_the_same_request_makes_one_job(http, base, key):
    first = execute(http, base, key)
    assert first.status_code == 201
    assert "Idempotent-Replayed" not in first.headers
    again = execute(http, base, key)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.headers["Location"] == first.headers["Location"]
    assert again.json()["jobID"] == first.json()["jobID"]


def test_the_same_request_that_waits_has_the_same_answer(http, base, key):
    first, again = (execute(http, base, key, Prefer="wait=20") for _ in range(2))
    assert (first.status_code, first.text) == (again.status_code, again.text) == (200, "A")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Link"] == first.headers["Link"]


def test_another_request_under_the_key_is_refused(http, base, key):
    first = execute(http, base, key).json()["jobID"]
    for answer in (
        execute(http, base, key, "b"),
        http.post(f"{base}/processes/halves/execution", json={}, headers={"Idempotency-Key": key}),
        http.post(
            f"{base}/processes/shout/execution?tags=x", json={"inputs": {"text": "a"}}, headers={"Idempotency-Key": key}
        ),
    ):
        assert answer.status_code == 422
        assert first in answer.json()["detail"]


def test_a_refused_request_leaves_the_key_free(http, base, key):
    wrong = http.post(f"{base}/processes/shout/execution", json={"inputs": {}}, headers={"Idempotency-Key": key})
    assert wrong.status_code == 400
    assert execute(http, base, key).status_code == 201
    body = {"inputs": {"text": "a"}, "options": {"colour": 1}}
    wrong = http.post(f"{base}/processes/shout/execution", json=body, headers={"Idempotency-Key": key})
    assert wrong.status_code == 400


def test_a_removed_job_keeps_its_key(http, base, key):
    job = execute(http, base, key).headers["Location"]
    ended(http, job)
    assert http.delete(job).status_code == 200
    assert execute(http, base, key).status_code == 410
    assert execute(http, base, key, "b").status_code == 422


def test_of_equal_requests_at_once_one_makes_the_job(service, base, key):
    start = threading.Barrier(6)

    def ask(_):
        with service.session() as http:
            start.wait(60)
            return execute(http, base, key)

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(ask, range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 5


@pytest.mark.parametrize("wrong", ["é", "a" * 256, "a\tb"], ids=["not ascii", "long", "control"])
def test_what_is_no_key_is_refused(http, base, wrong):
    answer = execute(http, base, wrong)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["pointer"] == "Idempotency-Key"


# ---------------------------------------------------------------- rerun


def test_a_job_is_run_once_more(http, base):
    body = {
        "inputs": {"text": "again"},
        "outputs": {"loud": {}},
        "options": {"name": "first", "labels": {"site": "sea"}, "priority": 3},
    }
    first = http.post(f"{base}/processes/shout/execution", json=body, headers={"Prefer": "respond-async"}).json()
    answer = http.post(f"{base}/jobs/{first['jobID']}/rerun")
    assert answer.status_code == 201, answer.text
    second = answer.headers["Location"]
    assert second.rpartition("/")[2] == answer.json()["jobID"] != first["jobID"]
    assert ended(http, second)["status"] == "successful"
    assert http.get(f"{second}/results").json() == {"loud": "AGAIN"}
    assert answer.json()["title"] == "first"
    for member in ("inputs", "outputs"):
        documents = [http.get(f"{job}/inputs").json() for job in (f"{base}/jobs/{first['jobID']}", second)]
        assert documents[0][member] == documents[1][member]
    assert answer.json()["labels"] == {"site": "sea"}


def test_a_failed_job_is_run_once_more_on_its_own_revision(http):
    job = submit(http, "fail")
    ended(http, job)
    answer = http.post(f"{job}/rerun?revision=same")
    assert answer.status_code == 201
    assert ended(http, answer.headers["Location"])["status"] == "failed"


def test_a_rerun_has_its_own_key(http, key):
    job = submit(http, "shout", text="a")
    answers = [http.post(f"{job}/rerun", headers={"Idempotency-Key": key}) for _ in range(2)]
    assert answers[0].headers["Location"] == answers[1].headers["Location"] != job
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    other = http.post(f"{submit(http, 'shout', text='b')}/rerun", headers={"Idempotency-Key": key})
    assert other.status_code == 422


def test_a_job_that_is_not_there_is_not_run_again(http, base):
    answer = http.post(f"{base}/jobs/00000000-0000-0000-0000-000000000000/rerun")
    assert (answer.status_code, answer.json()["type"]) == (404, exceptions.NO_SUCH_JOB)
    job = submit(http, "shout", text="a")
    ended(http, job)
    assert http.post(f"{job}/rerun?revision=first").status_code == 400
    http.delete(job)
    assert http.post(f"{job}/rerun").status_code == 410
