"""Execution of a process: a job is made, and waited for when the client wants to."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from weaverlite import errors
from weaverlite.api import parameters as p
from weaverlite.api.raw import results_response
from weaverlite.api.rendering import reply
from weaverlite.api.represent import status_info
from weaverlite.api.service import Answer, Document, Service, envelope
from weaverlite.api.urls import Urls
from weaverlite.models.job import Job
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import Link
from weaverlite.ogc.negotiation import ANY, Preferences
from weaverlite.services.requests import parse_execute

_APPLIED = "Preference-Applied"

execution = Service("execution", "/processes/{process_id}/execution", "Executions of a process", "jobs")


@execution.post(
    summary="Execute a process",
    # The use case validates the body: its faults stand in one answer with those of the inputs.
    schema=envelope(path=[p.PROCESS_ID], header=[p.PREFER], body=Document("execute", is_deferred=True)),
    answers={
        200: Answer("The results: of one output its value, of several a document", "results", (ANY,)),
        201: Answer("A job was accepted", "statusInfo", headers=("Location", _APPLIED)),
        204: Answer("It was executed; no outputs were asked for"),
    },
    raises=(
        errors.NoSuchProcess,
        errors.InvalidInput,
        errors.Refused,
        errors.JobDismissed,
        errors.JobRemoved,
        errors.ResultNotAvailable,
        errors.BackendError,
    ),
    produces=(ANY,),
)
def execute_process(request: Request) -> Response:
    given, jobs = request.validated, request.runtime.jobs
    wanted = parse_execute(given["body"], "async" if given["Prefer"].respond_async else "sync")
    job = jobs.submit(given["process_id"], wanted, request.owner)
    if job.mode == "async" and given["Prefer"].wait is None:
        return _accepted(request, job, Preferences(respond_async=given["Prefer"].respond_async))
    job, waited = wait(request, job, given["Prefer"].wait)
    applied = Preferences(respond_async=given["Prefer"].respond_async and job.mode == "async", wait=waited)
    if job.mode == "async" or not job.is_terminal:
        return _accepted(request, job, applied)
    # Also of an answer that says why the job failed: 18-062r2, /req/core/job-results-success-sync.
    monitor = Link(Urls.of(request).job(job.job_id), rel.MONITOR).to_header()
    request.add_response_callback(lambda _, response: response.headers.add("Link", monitor))
    return _with(results_response(request, job), applied)


def wait(request: Request, job: Job, seconds: float | None) -> tuple[Job, float | None]:
    """Wait for a job to end, so long as the client wants and the service allows.

    Return the job as it is then, and the time that was applied: None when nobody asked for one, or when its owner has
    his share of waiting requests already and the answer comes at once.
    """
    longest = request.runtime.settings.server.sync_wait.total_seconds()
    allowed = longest if seconds is None else min(seconds, longest)
    with request.registry.shares.waiting(request.owner) as may_wait:
        if not may_wait:
            return job, None
        job = request.runtime.jobs.wait(job.job_id, request.owner, allowed)
    return job, None if seconds is None else allowed


def _accepted(request: Request, job: Job, applied: Preferences) -> Response:
    urls = Urls.of(request)
    return _with(reply(status_info(job, urls), 201, headers={"Location": urls.job(job.job_id)}), applied)


def _with(response: Any, applied: Preferences) -> Any:
    if header := applied.to_header():
        response.headers[_APPLIED] = header
    return response


def includeme(config: Configurator) -> None:
    config.add_weaverlite_service(execution)
