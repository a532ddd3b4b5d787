"""Jobs: status, list, dismissal, and what is known about one."""

from __future__ import annotations

import time

import pytest

from weaverlite.ogc import exceptions
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import find, read_links

from .conftest import GATES, ended, submit


def test_the_status_of_a_job_follows_it(http, gate_name):
    job = submit(http, "gate", name=gate_name)
    assert _until(http, job, "running")["attempt"] == 1
    GATES[gate_name].set()
    status = ended(http, job)
    assert status["status"] == "successful"
    assert status["created"] <= status["started"] <= status["finished"]
    assert find(read_links(status), rel.RESULTS).href == f"{job}/results"
    assert find(read_links(status), rel.MONITOR).href == job
    assert None not in status.values()


def test_waiting_for_a_status_ends_with_the_time_asked_for(http, gate_name):
    job = submit(http, "gate", name=gate_name)
    began = time.monotonic()
    answer = http.get(job, headers={"Prefer": "wait=0.3"})
    assert 0.2 < time.monotonic() - began < 5
    assert answer.headers["Preference-Applied"] == "wait=0.3"
    assert answer.json()["status"] in ("accepted", "running")


def test_a_failed_job_tells_why(http):
    job = submit(http, "fail")
    status = ended(http, job)
    assert status["status"] == "failed"
    assert status["exception"]["detail"] == "The tool ended with exit code 7."
    assert find(read_links(status), rel.EXCEPTIONS).href == f"{job}/exceptions"
    assert http.get(f"{job}/exceptions").json()["exceptions"] == [status["exception"]]
    assert http.get(f"{job}/exitCode").text == "7\n"
    assert http.get(f"{job}/stderr").text == "it did not work\n"


@pytest.mark.parametrize("job_id", ["x", "00000000-0000-0000-0000-000000000000", "a%00b", "%22%27", "..%2f.."])
@pytest.mark.parametrize(
    "page",
    ["", "/results", "/results/a", "/results/a/0", "/outputs/a/b", "/manifest", "/stdout", "/stderr", "/exitCode"]
    + ["/logs", "/logs?follow=true", "/logs?f=sse", "/history", "/inputs", "/exceptions", "/statistics"],
)
def test_an_unknown_job_has_nothing(http, base, job_id, page):
    answer = http.get(f"{base}/jobs/{job_id}{page}")
    assert answer.status_code == 404
    if "%2f" not in job_id:
        assert answer.json()["type"] == exceptions.NO_SUCH_JOB


# ---------------------------------------------------------------- list


def test_jobs_are_listed_newest_first_page_by_page(http, base):
    made = [submit(http, "shout", text=str(number)) for number in range(5)]
    for job in made:
        ended(http, job)
    found, href = [], f"{base}/jobs?limit=2&processID=shout"
    while len(found) < 5:
        page = http.get(href).json()
        assert len(page["jobs"]) <= 2
        found += [f"{base}/jobs/{job['jobID']}" for job in page["jobs"]]
        following = find(read_links(page), rel.NEXT)
        href = following.href if following else ""
        assert len(found) >= 5 or "processID=shout" in href
    assert found[:5] == made[::-1]


def test_the_last_page_has_no_next(http, base):
    submit(http, "shout", text="a")
    page = http.get(f"{base}/jobs?limit=10000").json()
    assert find(read_links(page), rel.NEXT) is None
    assert find(read_links(page), rel.SELF).href == f"{base}/jobs?limit=10000"


def test_jobs_are_found_by_what_they_are(http, base):
    body = {"inputs": {"text": "a"}, "options": {"labels": {"run": "42", "site": "x=y"}}}
    job = http.post(f"{base}/processes/shout/execution", json=body, headers={"Prefer": "respond-async"}).json()
    failed = submit(http, "fail").rpartition("/")[2]
    ended(http, f"{base}/jobs/{failed}")
    ended(http, f"{base}/jobs/{job['jobID']}")

    def found(query):
        answer = http.get(f"{base}/jobs?{query}")
        assert answer.status_code == 200, answer.text
        return [item["jobID"] for item in answer.json()["jobs"]]

    assert found("label=run=42&label=site=x=y") == [job["jobID"]]
    assert found("label=run=43") == []
    assert found(f"prefix={job['jobID'][:8]}") == [job["jobID"]]
    assert failed in found("status=failed,dismissed&limit=100")
    assert job["jobID"] not in found("status=failed&status=dismissed&limit=100")
    assert failed in found("processID=fail&type=process&limit=100")
    assert found("type=wps") == []
    assert job["jobID"] in found(f"datetime={job['created'][:19]}Z/..&limit=100")
    assert found("datetime=../2020-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=10001",
        "limit=-1",
        "limit=1.5",
        "limit=%D9%A1",
        "status=done",
        "prefix=abc",
        "prefix=zzzzzzzz",
        "label=nothing",
        "datetime=..",
        "datetime=2020-13-01T00:00:00Z",
        "datetime=2021-01-01T00:00:00Z/2020-01-01T00:00:00Z",
        "cursor=broken",
        "cursor=%00",
        "limit=1&limit=2",
    ],
)
def test_a_filter_that_is_none_is_refused(http, base, query):
    answer = http.get(f"{base}/jobs?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"]


def test_jobs_of_an_unknown_process_are_not_found(http, base):
    answer = http.get(f"{base}/jobs?processID=nothing")
    assert answer.status_code == 404
    assert answer.json()["type"] == exceptions.NO_SUCH_PROCESS


# ---------------------------------------------------------------- dismissal


def test_a_running_job_is_dismissed(http, gate_name):
    job = submit(http, "gate", name=gate_name)
    _until(http, job, "running")
    answer = http.delete(job)
    assert answer.status_code == 200
    assert answer.json()["status"] == "dismissed"
    assert http.get(job).json()["status"] == "dismissed"
    gone = http.get(f"{job}/results")
    assert gone.status_code == 410
    assert http.get(f"{job}/stdout").text == "waiting\n"


def test_a_waiting_job_is_dismissed_and_never_runs(http, gate_name):
    # More than run at a time, on one worker or on two.
    held = [submit(http, "gate", name=gate_name) for _ in range(5)]
    last = held[-1]
    answer = http.delete(last)
    assert (answer.status_code, answer.json()["status"]) == (200, "dismissed")
    GATES[gate_name].set()
    for job in held[:4]:
        assert ended(http, job)["status"] == "successful"
    assert "attempt" not in http.get(last).json()
    assert http.get(f"{last}/stdout").text == ""
    answer = http.get(f"{last}/exitCode")
    assert answer.json()["type"] == exceptions.RESULT_NOT_AVAILABLE
    assert "runSeconds" not in http.get(f"{last}/statistics").json()


def test_an_ended_job_is_removed_with_all_it_left(http):
    job = submit(http, "report")
    ended(http, job)
    href = http.get(f"{job}/results").json()["table"]["href"]
    assert http.get(href).status_code == 200
    assert http.delete(job).json()["status"] == "dismissed"
    for page in (job, href, f"{job}/results", f"{job}/logs", f"{job}/inputs"):
        assert http.get(page).status_code == 410, page
    assert http.delete(job).status_code == 410


# ---------------------------------------------------------------- what is known


def test_inputs_are_given_back(http, base):
    body = {"inputs": {"text": "a"}, "outputs": {"loud": {}}, "options": {"name": "run"}}
    job = http.post(f"{base}/processes/shout/execution", json=body, headers={"Prefer": "respond-async"}).json()
    document = http.get(f"{base}/jobs/{job['jobID']}/inputs").json()
    assert document["inputs"] == {"text": "a"}
    assert document["outputs"] == {"loud": {}}
    assert document["options"]["name"] == "run"


def test_history_and_statistics_tell_what_happened(http):
    job = submit(http, "report")
    ended(http, job)
    history = http.get(f"{job}/history").json()
    assert [attempt["exitCode"] for attempt in history["attempts"]] == [0]
    assert "accepted" in [event["message"] for event in history["events"]]
    statistics = http.get(f"{job}/statistics").json()
    assert statistics["attempts"] == 1
    assert statistics["outputFiles"] == 4
    assert statistics["outputBytes"] > 70_000
    assert statistics["queuedSeconds"] >= 0


def _until(http, job, status):
    for _ in range(500):
        found = http.get(job).json()
        if found["status"] == status:
            return found
        time.sleep(0.01)
    raise AssertionError(f"the job is {found['status']}, not {status}")
