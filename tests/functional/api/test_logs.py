"""What a job says, while it runs and afterwards."""

from __future__ import annotations

import json
import threading

import pytest

from weaverlite.ogc import links as rel
from weaverlite.ogc.links import find, read_links

from .conftest import GATES, ended, submit


@pytest.fixture(scope="module")
def job(service):
    with service.session() as http:
        made = submit(http, "shout", text="hello")
        # Until its last event is there, too.
        assert "successful" in http.get(f"{made}/logs?follow=true&f=text").text
        return made


def test_logs_come_as_json_text_and_events(http, job):
    document = http.get(f"{job}/logs").json()
    assert [event["seq"] for event in document["events"]] == sorted(event["seq"] for event in document["events"])
    assert document["last"] == document["events"][-1]["seq"]
    lines = http.get(f"{job}/logs", headers={"Accept": "text/plain"}).text.splitlines()
    assert len(lines) == len(document["events"])
    assert lines[0].split(" ", 2)[1:] == ["status", "accepted"]
    events = http.get(f"{job}/logs?f=sse").text.split("\n\n")
    assert events[1].startswith(f"id: {document['events'][0]['seq']}\nevent: status\ndata: {{")


def test_lines_of_a_stream_come_bare(http, job):
    assert http.get(f"{job}/logs?f=text&stream=stderr").text == "a warning\nof two lines\n"
    assert http.get(f"{job}/logs?f=text&stream=stdout").text == "shouting hello\n"


def test_logs_are_asked_for_in_part(http, job):
    everything = http.get(f"{job}/logs").json()["events"]
    assert http.get(f"{job}/logs?tail=2").json()["events"] == everything[-2:]
    assert http.get(f"{job}/logs?after={everything[0]['seq']}").json()["events"] == everything[1:]
    assert http.get(f"{job}/logs?since={everything[2]['time']}").json()["events"] == everything[2:]
    assert http.get(f"{job}/logs?stream=stdout,stderr&tail=1").json()["events"][0]["message"] == "of two lines"
    nothing = http.get(f"{job}/logs?after={everything[-1]['seq']}").json()
    assert nothing["events"] == []
    assert nothing["last"] == everything[-1]["seq"]


def test_long_logs_come_in_pages_or_whole(http, job):
    everything = http.get(f"{job}/logs").json()
    assert find(read_links(everything), rel.NEXT) is None
    found, href = [], f"{job}/logs?limit=2"
    while href:
        page = http.get(href).json()
        assert len(page["events"]) <= 2
        found += page["events"]
        following = find(read_links(page), rel.NEXT)
        href = following and following.href
    assert found == everything["events"]
    assert len(http.get(f"{job}/logs?f=text&limit=2").text.splitlines()) == len(found)


@pytest.mark.parametrize(
    "query", ["limit=0", "tail=-1", "tail=x", "after=-1", "stream=stdin", "since=now", "follow=maybe"]
)
def test_a_part_that_is_none_is_refused(http, job, query):
    assert http.get(f"{job}/logs?{query}").status_code == 400


def test_following_an_ended_job_ends_at_once(http, job):
    assert http.get(f"{job}/logs?follow&f=text&stream=stdout").text == "shouting hello\n"
    assert http.get(f"{job}/logs?follow=true").json()["events"] == http.get(f"{job}/logs").json()["events"]


def test_a_job_is_followed_while_it_runs(http, gate_name):
    job = submit(http, "gate", name=gate_name)
    answer = http.get(f"{job}/logs?follow=true&f=text&stream=stdout", stream=True)
    lines = answer.iter_lines(chunk_size=1)
    assert next(lines) == b"waiting"
    GATES[gate_name].set()
    assert list(lines) == [b"going on"]


def test_events_end_with_the_status(http, gate_name):
    job = submit(http, "gate", name=gate_name)
    answer = http.get(f"{job}/logs?follow=true&f=sse", stream=True)
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    threading.Timer(0.2, GATES[gate_name].set).start()
    *_, last, nothing = answer.text.split("\n\n")
    assert nothing == ""
    name, data = last.split("\n")
    assert name == "event: end"
    assert json.loads(data.removeprefix("data: "))["status"] == "successful"


def test_a_follower_comes_back_where_it_was(http, job):
    first, second, *_ = http.get(f"{job}/logs").json()["events"]
    answer = http.get(f"{job}/logs?f=sse", headers={"Last-Event-ID": str(first["seq"])})
    assert answer.text.split("\n\n")[1].startswith(f"id: {second['seq']}\n")


def test_the_output_of_a_running_job_is_what_it_has_printed(http, gate_name):
    job = submit(http, "gate", name=gate_name)
    following = http.get(f"{job}/logs?follow=true&f=text&stream=stdout", stream=True)
    assert next(following.iter_lines(chunk_size=1)) == b"waiting"
    following.close()
    assert http.get(f"{job}/stdout").text == "waiting\n"
    assert http.get(f"{job}/stderr").text == ""
    GATES[gate_name].set()
    ended(http, job)
    assert http.get(f"{job}/stdout").text == "waiting\ngoing on\n"
    assert http.get(f"{job}/exitCode").text == "0\n"


def test_the_output_of_an_ended_job_has_ranges(http, job):
    assert http.get(f"{job}/stdout", headers={"Range": "bytes=9-13"}).text == "hello"


def test_followers_are_not_more_than_there_are_places_for(http, gate_name):
    job = submit(http, "gate", name=gate_name)
    held = [http.get(f"{job}/logs?follow=true&f=sse", stream=True) for _ in range(8)]
    try:
        refused = http.get(f"{job}/logs?follow=true&f=sse")
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        # Who only waits is answered at once, and told to come back.
        answer = http.get(job, headers={"Prefer": "wait=20"})
        assert answer.status_code == 200
    finally:
        for answer in held:
            answer.close()
    after = http.get(f"{job}/logs?follow=true&f=sse", stream=True)
    assert after.status_code == 200
    after.close()
    assert http.head(f"{job}/logs?follow=true&f=sse").status_code == 200
