"""Asking for the status again and again: entity tags, long polls, hints; and dismissals of several jobs."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import datetime

import pytest

from weaverlite.ogc import exceptions
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import find, read_links

from .conftest import GATES, ended, submit

UNKNOWN = "00000000-0000-0000-0000-000000000000"


def until(http, job, status):
    for _ in range(4000):
        found = http.get(job)
        if found.json()["status"] == status:
            return found
        time.sleep(0.01)
    raise AssertionError(f"the job is {found.json()['status']}, not {status}")


# ---------------------------------------------------------------- polling


def test_a_status_that_is_known_is_not_sent_again(http):
    job = submit(http, "shout", text="a")
    ended(http, job)
    first = http.get(job)
    tag = first.headers["ETag"]
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        answer = http.get(job, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == tag
    for known in ('"other"', "nonsense", '""'):
        assert http.get(job, headers={"If-None-Match": known}).json() == first.json()


def test_the_tag_changes_with_the_state(http, gate_name):
    job = submit(http, "gate", name=gate_name)
    running = until(http, job, "running").headers["ETag"]
    GATES[gate_name].set()
    ended(http, job)
    answer = http.get(job, headers={"If-None-Match": running})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != running


def test_a_long_poll_ends_with_news(http, service, gate_name):
    job = submit(http, "gate", name=gate_name)
    tag = until(http, job, "running").headers["ETag"]
    answers = []

    def poll():
        known = tag
        with service.session() as other:
            while True:
                answer = other.get(job, headers={"If-None-Match": known, "Prefer": "wait=20"})
                answers.append(answer)
                if answer.status_code == 200 and answer.json()["status"] == "successful":
                    return
                known = answer.headers["ETag"]

    polling = threading.Thread(target=poll)
    polling.start()
    GATES[gate_name].set()
    polling.join(120)
    assert not polling.is_alive()
    assert answers[-1].json()["status"] == "successful"
    assert len(answers) < 20, "it waits for news, and does not ask over and over"


def test_a_long_poll_without_news_ends_with_its_time(http, gate_name):
    job = submit(http, "gate", name=gate_name)
    tag = until(http, job, "running").headers["ETag"]
    began = time.monotonic()
    for _ in range(20):
        # What the worker says meanwhile (its progress) is news.
        answer = http.get(job, headers={"If-None-Match": tag, "Prefer": "wait=0.3"})
        if answer.status_code == 304:
            break
        tag = answer.headers["ETag"]
    assert answer.status_code == 304
    assert time.monotonic() - began > 0.2
    assert answer.headers["Preference-Applied"] == "wait=0.3"
    assert int(answer.headers["Retry-After"]) >= 1


def test_hints_come_while_the_job_goes_on(http, gate_name):
    ended(http, submit(http, "shout", text="a"))
    job = submit(http, "gate", name=gate_name)
    answer = until(http, job, "running")
    assert int(answer.headers["Retry-After"]) >= 1
    assert datetime.fromisoformat(answer.json()["nextPoll"]).utcoffset() is not None
    GATES[gate_name].set()
    status = ended(http, job)
    assert "nextPoll" not in status
    assert "Retry-After" not in http.get(job).headers


def test_the_status_links_to_what_there_is(http, base, gate_name):
    job = submit(http, "gate", name=gate_name)
    for status in (until(http, job, "running").json(), (GATES[gate_name].set(), ended(http, job))[1]):
        assert {status[name] for name in ("id", "jobID")} == {job.rpartition("/")[2]}
        assert (status["type"], status["processingEntityType"]) == ("process", "ogc-api-processes")
        links = read_links(status)
        assert find(links, rel.UP).href == f"{base}/jobs"
        for link in links:
            if link.href.startswith(job):
                assert http.get(link.href).status_code == 200, link
        assert bool(find(links, rel.RESULTS)) is (status["status"] == "successful")
        assert None not in status.values()


# ---------------------------------------------------------------- several at once


def test_several_jobs_are_dismissed_at_once(http, base, gate_name):
    over = submit(http, "shout", text="a")
    ended(http, over)
    held = [submit(http, "gate", name=gate_name) for _ in range(5)]
    until(http, held[0], "running")
    names = [job.rpartition("/")[2] for job in (over, *held)]
    answer = http.delete(f"{base}/jobs", json={"jobs": [*names, UNKNOWN, "nonsense"]})
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["jobs"] == names
    assert [item["jobID"] for item in document["outcomes"]] == [*names, UNKNOWN, "nonsense"]
    assert [item["code"] for item in document["outcomes"]] == [200] * 6 + [404] * 2
    assert document["outcomes"][-1]["exception"]["type"] == exceptions.NO_SUCH_JOB
    assert http.get(over).status_code == 410
    for job in held:
        assert http.get(job).json()["status"] == "dismissed"
        assert http.get(f"{job}/results").status_code == 410
    again = http.delete(f"{base}/jobs", json={"jobs": names}).json()
    assert [item["code"] for item in again["outcomes"]] == [410, 200, 200, 200, 200, 200]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/jobs"),
        ({"jobs": []}, "/jobs"),
        ({"jobs": "a"}, "/jobs"),
        ({"jobs": [1]}, "/jobs/0"),
        ({"jobs": [""]}, "/jobs/0"),
        ({"jobs": ["a", "a"]}, "/jobs/1"),
        ({"jobs": ["a"], "force": True}, "/force"),
        ({"jobs": [f"{number}" for number in range(1001)]}, "/jobs"),
        ([], ""),
    ],
    ids=["nothing", "none", "text", "number", "empty", "twice", "more", "too many", "a list"],
)
def test_what_is_no_list_of_jobs_is_refused(http, base, body, pointer):
    answer = http.delete(f"{base}/jobs", json=body)
    assert answer.status_code == 400, answer.text
    assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]


def test_a_dismissed_job_stays_until_it_is_dismissed_again(http, base, gate_name):
    label = f"kept-{uuid.uuid4().hex[:8]}"
    body = {"inputs": {"name": gate_name}, "options": {"tags": [label]}}
    prefer = {"Prefer": "respond-async"}
    job = http.post(f"{base}/processes/gate/execution", json=body, headers=prefer).headers["Location"]
    until(http, job, "running")
    assert http.delete(job).json()["status"] == "dismissed"
    for page in ("", "/logs", "/stdout", "/history", "/inputs", "/statistics", "/exceptions"):
        assert http.get(f"{job}{page}").status_code == 200, page
    assert http.get(f"{job}/results").status_code == 410
    assert [item["status"] for item in http.get(f"{base}/jobs?tags={label}").json()["jobs"]] == ["dismissed"]
    assert http.delete(job).status_code == 200
    assert http.get(f"{base}/jobs?tags={label}").json()["jobs"] == []
    for page in ("", "/logs", "/stdout", "/history", "/inputs", "/statistics", "/exceptions", "/results", "/manifest"):
        assert http.get(f"{job}{page}").status_code == 410, page
