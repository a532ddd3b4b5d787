"""Dismissal of jobs: dismiss of both versions of Part 1."""

from __future__ import annotations

import pytest

from tests.conformance.asserts import JSON, document, links, media_type, problem, said, status
from tests.conformance.marks import V2, both, req
from tests.conformance.service import Job, Service, until

NO_JOB = "ogcapi-processes-1/1.0/no-such-job"
#: What may be asked about a job.
BELOW = ["", "/results", "/results/stringInput", "/logs", "/inputs", "/manifest", "/history"]


def of(service: Service, state: str) -> Job:
    """Return a job of this test in a state."""
    if state == "running":
        return service.busy()
    if state == "accepted":
        return service.waiting()
    if state == "failed":
        return service.start("conf-fail", {}).ended("failed")
    if state == "dismissed":
        job = service.busy()
        status(service.delete(job.url), 200)
        return job.ended("dismissed")
    return service.echo("to be removed")


@both("dismiss/job-dismiss-op")
@pytest.mark.parametrize("accept", [JSON, None])
@pytest.mark.parametrize("state", ["accepted", "running"])
def test_req_dismiss_job_dismiss_op(service: Service, state: str, accept: str | None) -> None:
    job = of(service, state)
    found = document(service.delete(job.url, accept=accept), "status")
    assert found["jobID"] == job.job_id
    assert found["status"] == "dismissed"


@both("dismiss/job-dismiss-op")
@pytest.mark.parametrize("job_id", ["nobody", "00000000-0000-0000-0000-000000000000", "null", "a" * 100])
def test_req_dismiss_job_dismiss_op__no_such_job(service: Service, job_id: str) -> None:
    problem(service.delete(f"/jobs/{job_id}"), 404, NO_JOB)


@both("dismiss/job-dismiss-success")
@pytest.mark.parametrize("state", ["accepted", "running"])
def test_req_dismiss_job_dismiss_success(service: Service, state: str) -> None:
    """The job is there still, says that it was dismissed, and has no results."""
    job = of(service, state)
    document(service.delete(job.url), "status")
    found = document(service.get(job.url), "status")
    assert found["status"] == "dismissed"
    assert not links(found, "http://www.opengis.net/def/rel/ogc/1.0/results")
    problem(job.results(), (404, 410))
    status(service.get(f"{job.url}/logs"), 200)


@both("dismiss/job-dismiss-success")
def test_req_dismiss_job_dismiss_success__stays_dismissed(service: Service) -> None:
    """Whatever the run did at its end, the job stays what it is."""
    job = service.start("echo", {"stringInput": "x", "pause": 0.2})
    answer = service.delete(job.url)
    status(answer, 200, 202, 409)

    def ended() -> str:
        found = service.get(job.url)
        if found.status_code in (404, 410):
            # It had ended before: the request removed it.
            return "removed"
        state = document(found, "status")["status"]
        return state if state in ("dismissed", "successful") else ""

    state = until(ended, "the job has ended")
    if state == "dismissed":
        problem(job.results(), (404, 410))
    assert state != "successful" or answer.status_code == 409, said(answer)


@both("dismiss/job-dismiss-success")
@pytest.mark.parametrize("state", ["accepted", "running"])
def test_req_dismiss_job_dismiss_success__in_the_list(service: Service, state: str) -> None:
    job = of(service, state)
    status(service.delete(job.url), 200)
    page = document(service.get("/jobs?status=dismissed&limit=20"), "jobList")
    assert job.job_id in [item["jobID"] for item in page["jobs"]]


@req(V2 + "dismiss/job-dismiss-status")
@pytest.mark.parametrize("state", ["accepted", "running"])
def test_req_dismiss_job_dismiss_status(service: Service, state: str) -> None:
    job = of(service, state)
    found = document(service.delete(job.url), "status-2.0")
    assert found["status"] == "dismissed"
    assert document(service.get(job.url), "status-2.0")["finished"]


@req(V2 + "dismiss/job-dismiss-status")
@pytest.mark.parametrize("below", BELOW)
@pytest.mark.parametrize("state", ["successful", "failed", "dismissed"])
def test_req_dismiss_job_dismiss_status__removed(service: Service, state: str, below: str) -> None:
    """A job that has ended is removed: nothing of it can be had any more."""
    job = of(service, state)
    assert document(service.get(job.url), "status")["status"] == state
    answer = service.delete(job.url)
    status(answer, 200)
    assert media_type(answer) == JSON
    problem(service.get(job.url + below), 410)


@req(V2 + "dismiss/job-dismiss-status")
@pytest.mark.parametrize("state", ["successful", "failed"])
def test_req_dismiss_job_dismiss_status__not_in_the_list(service: Service, state: str) -> None:
    job = of(service, state)
    # Newest first.
    before = document(service.get("/jobs?limit=20"), "jobList")["jobs"]
    assert job.job_id in [item["jobID"] for item in before]
    status(service.delete(job.url), 200)
    after = document(service.get("/jobs?limit=20"), "jobList")["jobs"]
    assert job.job_id not in [item["jobID"] for item in after]


@req(V2 + "dismiss/job-dismiss-status")
def test_req_dismiss_job_dismiss_status__twice_removed(service: Service) -> None:
    job = of(service, "successful")
    status(service.delete(job.url), 200)
    problem(service.delete(job.url), (404, 410))
