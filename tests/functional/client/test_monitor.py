"""Jobs followed to their end, also by a client whose service goes away."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.functional.client.wire import JOB, Call, RemoteJob, Wire, event, serving
from weaverlite.client import JobFailed, Notice, ProblemError, TimedOut, Unreachable, WeaverClient

RUNNING: dict[str, Any] = {"status": "running", "progress": 10}
DONE: dict[str, Any] = {"status": "successful", "progress": 100}


def kinds(notices: list[Notice]) -> list[str]:
    return [notice.body["status"] if notice.kind == "status" else notice.kind for notice in notices]


def test_monitor_is_true_when_the_job_was_successful(wire: Wire, client: WeaverClient) -> None:
    wire.add_job(RemoteJob(states=[{"status": "accepted"}, RUNNING, DONE]))
    notices: list[Notice] = []
    result = client.monitor(JOB, timeout=60, notify=notices.append)
    assert result and result.body["status"] == "successful"
    assert kinds(notices)[-1] == "successful"
    assert wire.calls[-1].headers["Prefer"].startswith("wait=")


@pytest.mark.parametrize("status", ["failed", "dismissed"])
def test_monitor_is_false_when_the_job_was_not(wire: Wire, client: WeaverClient, status: str) -> None:
    wire.add_job(RemoteJob(states=[RUNNING, {"status": status, "message": "why"}]))
    result = client.monitor(JOB)
    assert not result and result.body["status"] == status
    assert isinstance(result.error, JobFailed) and result.error.status == status
    assert "why" in result.message


def test_service_that_does_not_wait_is_asked_less_and_less(wire: Wire, client: WeaverClient) -> None:
    wire.honours_wait = False
    times: list[float] = []
    wire.on_call = lambda call: times.append(time.monotonic())
    wire.add_job(RemoteJob(states=[RUNNING] * 6 + [DONE]))
    assert client.monitor(JOB)
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert len(times) == 7 and gaps[-1] > 2 * gaps[0] > 0.1


def test_time_is_limited(wire: Wire, client: WeaverClient) -> None:
    wire.add_job(RemoteJob(states=[RUNNING]))
    began = time.monotonic()
    result = client.monitor(JOB, timeout=0.5)
    assert 0.4 < time.monotonic() - began < 30
    assert not result and isinstance(result.error, TimedOut)
    assert result.message == "The job has not ended within 0.5 seconds: it is running."
    assert result.body["status"] == "running"


def test_unknown_job_is_refused_at_once(client: WeaverClient) -> None:
    result = client.monitor(JOB)
    assert isinstance(result.error, ProblemError) and "There is no job" in result.message


def test_service_that_was_never_there_is_not_waited_for() -> None:
    result = WeaverClient("http://127.0.0.1:9").monitor(JOB)
    assert isinstance(result.error, Unreachable)


def test_answer_that_is_no_status_is_told(wire: Wire, client: WeaverClient) -> None:
    wire.canned[("GET", f"/jobs/{JOB}")] = (200, {"Content-Type": "text/html"}, b"<html>")
    assert "does not answer with the status" in client.monitor(JOB).message


def test_busy_service_is_asked_again(wire: Wire, client: WeaverClient) -> None:
    wire.add_job(RemoteJob(states=[DONE]))
    busy = (503, {"Content-Type": "application/json"}, b'{"detail": "Too many requests are waiting."}')
    wire.canned[("GET", f"/jobs/{JOB}")] = busy

    def relent(call: Call) -> None:
        if len(wire.calls) == 3:
            wire.canned.clear()

    wire.on_call = relent
    notices: list[Notice] = []
    assert client.monitor(JOB, notify=notices.append)
    assert kinds(notices) == ["lost", "successful"]


@pytest.mark.parametrize("logs", [False, True])
def test_service_that_goes_away_and_comes_back_is_taken_up_again(logs: bool) -> None:
    job = RemoteJob(states=[RUNNING], events=[event(1, "one"), event(2, "two")])
    state = Wire(jobs={JOB: job}, breaks=[1] + [0] * 1000)
    notices: list[Notice] = []
    outcome: list[Any] = []
    gone, seen = threading.Event(), threading.Event()

    def notify(notice: Notice) -> None:
        notices.append(notice)
        seen.set()
        if notice.kind == "lost":
            gone.set()

    with serving(state):
        port = int(state.url.rpartition(":")[2])
        client = WeaverClient(state.url, timeout=2)
        thread = threading.Thread(target=lambda: outcome.append(client.monitor(JOB, logs=logs, notify=notify)))
        thread.start()
        assert seen.wait(10)
    assert gone.wait(20)
    state.breaks.clear()
    job.states = [DONE]
    with serving(state, port):
        thread.join(20)
    assert not thread.is_alive() and outcome[0]
    assert {"running", "lost", "successful"} <= set(kinds(notices))
    if logs:
        assert [notice.body["seq"] for notice in notices if notice.kind == "log"] == [1, 2]
    client.close()


def test_service_that_stays_away_is_given_up_when_time_is_over() -> None:
    state = Wire(jobs={JOB: RemoteJob(states=[RUNNING])})
    with serving(state):
        client = WeaverClient(state.url, timeout=1)
        watch = iter(client.watch(JOB, timeout=1.5, wait=1))
        assert next(watch).body["status"] == "running"
        client.close()
    with pytest.raises(TimedOut, match="has not ended within 1.5 seconds"):
        [*watch]
    client.close()


# ---------------------------------------------------------------- logs


def test_log_events_come_once_and_in_order_over_streams_that_break(wire: Wire, client: WeaverClient) -> None:
    events = [event(number, f"line {number}") for number in range(1, 8)]
    wire.add_job(RemoteJob(states=[RUNNING] * 1000 + [DONE], events=events))
    wire.breaks = [2, 0, 3]
    notices: list[Notice] = []
    assert client.monitor(JOB, logs=True, notify=notices.append, timeout=30)
    assert [notice.body["seq"] for notice in notices if notice.kind == "log"] == [1, 2, 3, 4, 5, 6, 7]
    streams = [call.query.get("after") for call in wire.calls if call.path.endswith("/logs")]
    assert streams == [None, ["2"], ["2"], ["5"]]


def test_log_can_be_followed_alone(wire: Wire, client: WeaverClient) -> None:
    wire.add_job(RemoteJob(events=[event(1, "one"), event(2, "two")]))
    assert [found["message"] for found in client.follow(JOB, stream="stdout", tail=5)] == ["one", "two"]
    query = next(call.query for call in wire.calls if call.path.endswith("/logs"))
    assert (query["stream"], query["tail"], query["follow"], query["f"]) == (["stdout"], ["5"], ["true"], ["sse"])


def test_service_without_live_logs_is_followed_all_the_same(wire: Wire, client: WeaverClient) -> None:
    wire.add_job(RemoteJob(states=[RUNNING, RUNNING, DONE]))
    wire.canned[("GET", f"/jobs/{JOB}/logs")] = (200, {"Content-Type": "application/json"}, b"{}")
    notices: list[Notice] = []
    assert client.monitor(JOB, logs=True, notify=notices.append, timeout=30)
    assert notices[1] == Notice("silent", {"message": "This service has no live logs."})


def test_log_of_an_unknown_job_is_refused(client: WeaverClient) -> None:
    with pytest.raises(ProblemError, match="There is no job"):
        next(iter(client.follow(JOB)))
