"""Subscribers of jobs, called over real sockets."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.functional.api.conftest import GATES, PROCESSES, ended
from weaverlite.settings import CallbackSettings, EgressSettings
from weaverlite.testing.app import URL, Service, running
from weaverlite.testing.backends import Backends
from weaverlite.testing.receiving import Receiver, receiving

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, backends: Backends) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("callbacks")
    quick = timedelta(milliseconds=50)
    settings = replace(
        backends.settings_for(directory),
        egress=EgressSettings(allow_private=("127.0.0.1/32",)),
        callbacks=CallbackSettings(secret=SECRET, attempts=3, pause=quick, poll=quick),
    )
    with running(directory, *PROCESSES, settings=settings) as started:
        yield started


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as listening:
        yield listening


def everything(receiver: Receiver) -> dict[str, str]:
    return {
        "successUri": f"{receiver.url}/success?token=secret",
        "inProgressUri": f"{receiver.url}/progress",
        "failedUri": f"{receiver.url}/failed",
    }


def execute(http: Any, process_id: str, subscriber: Any, status: int = 201, **inputs: Any) -> Any:
    body = {"inputs": inputs, "subscriber": subscriber}
    answer = http.post(f"{URL}/processes/{process_id}/execution", json=body, headers={"Prefer": "respond-async"})
    assert answer.status_code == status, answer.text
    return answer.headers["Location"] if status == 201 else answer.json()


def calls(http: Any, job: str, number: int) -> list[Any]:
    """Wait until so many calls stand in the history of the job; return them."""
    for _ in range(1200):
        found = [item for item in http.get(f"{job}/history").json()["events"] if item["topic"] == "callback"]
        if len(found) >= number:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{found} and no more")


def owes(service: Service, job: str) -> bool:
    """Whether something is still to be delivered."""
    return bool(service.runtime.store.jobs.get(job.rpartition("/")[2]).deliveries)


def until(is_so: Callable[[], bool]) -> None:
    for _ in range(1200):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


def test_success_is_told_with_the_results_document_after_the_start_was_told(http, receiver):
    job = execute(http, "shout", everything(receiver), text="hello")
    messages = receiver.until(1)
    if messages[0].path == "/progress":
        # The start is no news any more when the job has ended before anybody was called.
        assert json.loads(messages[0].body)["jobID"] == job.rpartition("/")[2]
        messages = receiver.until(2)
    last = messages[-1]
    assert last.path == "/success?token=secret"
    assert last.headers["content-type"] == "application/json"
    assert json.loads(last.body) == http.get(f"{job}/results").json() == {"loud": "HELLO"}


def test_start_is_told_while_the_job_runs_and_its_end_afterwards(http, receiver, gate_name):
    job = execute(http, "gate", everything(receiver), name=gate_name)
    (first,) = receiver.until(1)
    assert first.path == "/progress"
    status = json.loads(first.body)
    assert status["status"] == "running"
    assert {link["rel"] for link in status["links"]} >= {"self", "monitor"}
    assert all(link["href"].startswith(URL) for link in status["links"])
    GATES[gate_name].set()
    assert [message.path for message in receiver.until(2)] == ["/progress", "/success?token=secret"]
    told = calls(http, job, 2)
    assert [item["level"] for item in told] == ["info", "info"]
    assert "that the job is running" in told[0]["message"]
    assert "that the job is successful" in told[1]["message"]
    assert "secret" not in told[1]["message"], "what stands in a query is between the two of them"


def test_failure_is_told_with_the_status(http, receiver):
    job = execute(http, "fail", {"failedUri": f"{receiver.url}/failed"})
    (message,) = receiver.until(1)
    status = json.loads(message.body)
    assert (message.path, status["status"], status["jobID"]) == ("/failed", "failed", job.rpartition("/")[2])
    assert status["exception"]["detail"] == "The tool ended with exit code 7."


def test_dismissal_is_told_as_a_failure(http, receiver, gate_name):
    job = execute(http, "gate", {"failedUri": f"{receiver.url}/failed"}, name=gate_name)
    assert http.delete(job).status_code in (200, 202)
    (message,) = receiver.until(1)
    assert json.loads(message.body)["status"] == "dismissed"


def test_calls_are_signed_and_told_apart(http, receiver):
    from standardwebhooks.webhooks import Webhook

    execute(http, "shout", {"successUri": receiver.url}, text="a")
    execute(http, "shout", {"successUri": receiver.url}, text="b")
    messages = receiver.until(2)
    verifier = Webhook(SECRET)
    assert sorted(verifier.verify(item.body, dict(item.headers))["loud"] for item in messages) == ["A", "B"]
    assert len({item.headers["webhook-id"] for item in messages}) == 2


def test_busy_subscriber_is_called_again_with_the_same_id(http, receiver):
    answers = iter([503, 429, 204])
    receiver.status = lambda message: next(answers)
    job = execute(http, "shout", {"successUri": receiver.url}, text="a")
    messages = receiver.until(3)
    assert len({item.headers["webhook-id"] for item in messages}) == 1
    told = calls(http, job, 3)
    assert [item["level"] for item in told] == ["warning", "warning", "info"]
    assert "answered 503" in told[0]["message"]


def test_subscriber_that_never_answers_well_is_given_up_and_the_job_stays_successful(http, receiver, service):
    receiver.status = 500
    job = execute(http, "shout", {"successUri": receiver.url}, text="a")
    assert len(calls(http, job, 3)) == 3
    until(lambda: not owes(service, job))
    assert len(receiver.messages) == 3
    assert ended(http, job)["status"] == "successful"


@pytest.mark.parametrize("status", [410, 404])
def test_subscriber_that_wants_no_more_is_not_called_again(http, receiver, service, status):
    receiver.status = status
    job = execute(http, "shout", {"successUri": receiver.url}, text="a")
    (told,) = calls(http, job, 1)
    assert f"answered {status}" in told["message"]
    until(lambda: not owes(service, job))
    assert len(receiver.messages) == 1


def test_redirects_are_not_followed(http, receiver, service):
    receiver.status = 302
    job = execute(http, "shout", {"successUri": f"{receiver.url}/here"}, text="a")
    assert len(calls(http, job, 3)) == 3
    assert {item.path for item in receiver.messages} == {"/here"}


def test_subscriber_that_is_not_there_does_not_hold_up_others(http, receiver):
    with receiving() as gone:
        nowhere = gone.url
    job = execute(http, "shout", {"successUri": nowhere}, text="a")
    execute(http, "shout", {"successUri": receiver.url}, text="b")
    assert json.loads(receiver.until(1)[0].body) == {"loud": "B"}
    assert "cannot be reached" in calls(http, job, 1)[0]["message"]


def test_nothing_is_told_to_whom_no_uri_was_given_for(http, receiver, service):
    job = execute(http, "shout", {"failedUri": receiver.url}, text="a")
    ended(http, job)
    assert not owes(service, job)
    assert receiver.messages == ()


def test_job_without_results_is_told_with_an_empty_document(http, receiver):
    body = {"inputs": {"text": "a"}, "outputs": {}, "subscriber": {"successUri": receiver.url}}
    answer = http.post(f"{URL}/processes/shout/execution", json=body, headers={"Prefer": "respond-async"})
    assert answer.status_code == 201
    assert json.loads(receiver.until(1)[0].body) == {}


@pytest.mark.parametrize(
    ("subscriber", "status", "pointer"),
    [
        ({"successUri": "http://10.0.0.1/x"}, 403, "/subscriber/successUri"),
        ({"successUri": "http://user:password@example.org/"}, 403, "/subscriber/successUri"),
        ({"inProgressUri": "ftp://example.org/"}, 400, "/subscriber/inProgressUri"),
        ({"failedUri": "file:///etc/passwd"}, 400, "/subscriber/failedUri"),
        ({"failedUri": "not a URI"}, 400, "/subscriber/failedUri"),
        ({"successUri": 7}, 400, "/subscriber/successUri"),
        ({}, 400, "/subscriber"),
        ("http://example.org/", 400, "/subscriber"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_subscriber_that_cannot_be_called_is_refused_at_once(http, subscriber, status, pointer):
    problem = execute(http, "shout", subscriber, status, text="a")
    assert pointer in [fault["pointer"] for fault in problem["errors"]]
