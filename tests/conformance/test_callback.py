"""Callbacks: the class callback of both versions of Part 1."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.conformance.asserts import JSON, document, problem, status, valid
from tests.conformance.marks import V1, V2, both, req
from tests.conformance.origin import Origin
from tests.conformance.service import Job, Service, fresh


def subscribed(service: Service, process_id: str, inputs: Any, subscriber: dict[str, str], **body: Any) -> Job:
    """Start a job of which somebody wants to hear."""
    return service.start(process_id, inputs, subscriber=subscriber, **body)


@both("callback/job-callback")
@pytest.mark.parametrize(
    ("process_id", "inputs", "outputs"),
    [
        ("echo", {"stringInput": "called"}, {"stringInput"}),
        ("conf-many", {"text": "called"}, {"text", "count"}),
        ("conf-text", {"text": "called"}, {"said"}),
    ],
    ids=["value", "many", "file"],
)
def test_req_callback_job_callback(
    service: Service, origin: Origin, process_id: str, inputs: dict[str, Any], outputs: set[str]
) -> None:
    """After the success the results are posted to ``successUri``."""
    name = fresh("success")
    job = subscribed(
        service, process_id, inputs, {"successUri": origin.callback(name)}, outputs={item: {} for item in outputs}
    )
    [(headers, body)] = origin.posted(name)
    assert headers["Content-Type"].partition(";")[0] == JSON
    valid(body, "results")
    assert body.keys() == outputs
    assert document(job.results(), "results").keys() == outputs


@both("callback/job-callback")
def test_req_callback_job_callback__same_as_the_results(service: Service, origin: Origin) -> None:
    name = fresh("same")
    job = subscribed(
        service, "echo", {"stringInput": "the same"}, {"successUri": origin.callback(name)}, outputs={"stringInput": {}}
    )
    [(_, body)] = origin.posted(name)
    assert body == document(job.results(), "results")


@both("callback/job-callback")
def test_req_callback_job_callback__failed(service: Service, origin: Origin) -> None:
    """After a failure ``failedUri`` hears of it, and ``successUri`` does not."""
    good, bad = fresh("good"), fresh("bad")
    subscribed(service, "conf-fail", {}, {"successUri": origin.callback(good), "failedUri": origin.callback(bad)})
    [(headers, body)] = origin.posted(bad)
    assert headers["Content-Type"].partition(";")[0] in (JSON, "application/problem+json")
    assert "exit" in str(body) or "failed" in str(body), body
    assert origin.came(good) == 0


@both("callback/job-callback")
def test_req_callback_job_callback__in_progress(service: Service, origin: Origin) -> None:
    """While it runs ``inProgressUri`` gets status documents."""
    name = fresh("busy")
    # News that a job runs are none once it has ended: this one runs until they have come.
    job = subscribed(service, "conf-sleep", {}, {"inProgressUri": origin.callback(name)})
    _, body = origin.posted(name)[0]
    valid(body, "status")
    assert body["jobID"] == job.job_id
    assert body["status"] in ("accepted", "running")
    status(service.delete(job.url), 200)


@both("callback/job-callback")
def test_req_callback_job_callback__sync(service: Service, origin: Origin) -> None:
    """A synchronous execution has a subscriber too."""
    name = fresh("sync")
    answer = service.execute(
        "echo",
        {"stringInput": "sync"},
        subscriber={"successUri": origin.callback(name)},
        outputs={"stringInput": {}},
    )
    status(answer, 200)
    assert "sync" in answer.text
    [(_, body)] = origin.posted(name)
    assert body.keys() == {"stringInput"}


@both("callback/job-callback")
def test_req_callback_job_callback__tried_again(service: Service, origin: Origin) -> None:
    """A receiver that is not there at first hears of it later, and the job does not wait for it."""
    name = fresh("again")
    subscribed(service, "echo", {"stringInput": "again"}, {"successUri": origin.callback(name, 1)}).ended("successful")
    first, second = origin.posted(name, 2)[:2]
    assert first[1] == second[1]


@both("callback/job-callback")
def test_req_callback_job_callback__receiver_that_fails(service: Service) -> None:
    """The job does not depend on its receivers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}/nobody"
    job = subscribed(service, "echo", {"stringInput": "x"}, {"successUri": nobody}, outputs={"stringInput": {}})
    job.ended("successful")
    assert document(job.results(), "results").keys() == {"stringInput"}


@both("callback/job-callback")
@pytest.mark.parametrize(
    "subscriber",
    [
        {"successUri": "no uri"},
        {"successUri": "file:///etc/passwd"},
        {"successUri": "ftp://example.org/x"},
        {"successUri": 1},
        {"failedUri": "javascript:alert(1)"},
        "http://127.0.0.1/x",
        ["http://127.0.0.1/x"],
    ],
    ids=["text", "file", "ftp", "number", "javascript", "string", "list"],
)
def test_req_callback_job_callback__refused(service: Service, subscriber: Any) -> None:
    answer = service.execute("echo", {"stringInput": "x"}, prefer="respond-async", subscriber=subscriber)
    found = problem(answer, (400, 403, 422))
    assert "subscriber" in str(found)


@req(V1 + "callback/job-callback", V2 + "callback/job-callback")
def test_req_callback_job_callback__in_the_definition(service: Service) -> None:
    answer = service.get("/api", accept=None)
    status(answer, 200)
    paths = answer.json()["paths"]
    execution = next(item["post"] for path, item in paths.items() if path.endswith("/execution"))
    assert {"successUri", "failedUri", "inProgressUri"} & {
        name for name in ("successUri", "failedUri", "inProgressUri") if name in str(execution["callbacks"])
    }
