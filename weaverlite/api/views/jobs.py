"""Jobs: list, status, dismissal, and what is known about one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from weaverlite import errors
from weaverlite.api import parameters as p
from weaverlite.api import represent
from weaverlite.api.paging import paged
from weaverlite.api.rendering import reply
from weaverlite.api.service import Answer, Service, envelope
from weaverlite.api.urls import Urls
from weaverlite.api.views.execution import wait
from weaverlite.models.codec import to_json
from weaverlite.models.queries import EventQuery, JobQuery
from weaverlite.ogc.negotiation import Preferences
from weaverlite.ogc.status import StatusCode

_TAG = "jobs"
_ONE = envelope(path=[p.JOB_ID])
_MISSING = (errors.NoSuchJob, errors.JobRemoved)

jobs = Service("jobs", "/jobs", "What was executed", _TAG)
job_service = Service("job", "/jobs/{job_id}", "One job", _TAG)
history = Service("history", "/jobs/{job_id}/history", "Attempts and states of a job", _TAG)
inputs = Service("inputs", "/jobs/{job_id}/inputs", "What a job was accepted with", _TAG)
exceptions = Service("exceptions", "/jobs/{job_id}/exceptions", "Why a job failed", _TAG)
statistics = Service("statistics", "/jobs/{job_id}/statistics", "What a job took", _TAG)


@jobs.get(
    summary="List jobs",
    schema=envelope(
        query=[p.LIMIT, p.CURSOR, p.STATUSES, p.PROCESS_IDS, p.TYPES, p.CREATED, p.PREFIX, p.LABELS],
    ),
    answers={200: Answer("A page of jobs, newest first", "jobList")},
    raises=(errors.InvalidRequest, errors.NoSuchProcess),
)
def list_jobs(request: Request) -> dict[str, Any]:
    urls = Urls.of(request)
    if request.validated["type"] and "process" not in request.validated["type"]:
        return {"jobs": [], "links": paged(request, urls.at("jobs"), None)}
    page = request.runtime.jobs.find(_query(request.validated), request.owner)
    return {
        "jobs": [represent.status_info(item, urls) for item in page.items],
        "links": paged(request, urls.at("jobs"), page.next_cursor),
    }


def _query(given: dict[str, Any]) -> JobQuery:
    return JobQuery(
        id_prefix=given["prefix"],
        process_ids=frozenset(given["processID"]),
        statuses=frozenset(StatusCode(code) for code in given["status"]),
        created_from=given["datetime"][0],
        created_until=given["datetime"][1],
        tags=frozenset(given["label"]),
        limit=given["limit"],
        cursor=given["cursor"],
    )


@job_service.get(
    summary="Status of a job",
    schema=envelope(path=[p.JOB_ID], header=[p.WAIT]),
    answers={200: Answer("The status", "statusInfo", headers=("Preference-Applied", "Retry-After"))},
    raises=_MISSING,
)
def get_status(request: Request) -> Response:
    job = request.runtime.jobs.get(request.validated["job_id"], request.owner)
    seconds, headers = request.validated["Prefer"].wait, {}
    if seconds is not None and not job.is_terminal:
        job, applied = wait(request, job, seconds)
        if applied is None:
            headers["Retry-After"] = "1"
        else:
            headers["Preference-Applied"] = Preferences(wait=applied).to_header()
    return reply(represent.status_info(job, Urls.of(request)), headers=headers)


@job_service.delete(
    summary="Dismiss a job, or remove one that has ended",
    schema=_ONE,
    answers={
        200: Answer("It is dismissed, or removed", "statusInfo"),
        202: Answer("It is being stopped", "statusInfo"),
    },
    raises=(*_MISSING, errors.Clash, errors.BackendError),
)
def dismiss_job(request: Request) -> Response:
    job, urls = request.runtime.jobs.dismiss(request.validated["job_id"], request.owner), Urls.of(request)
    return reply(represent.status_info(job, urls), 200 if job.status is StatusCode.DISMISSED else 202)


@history.get(summary="History of a job", schema=_ONE, answers={200: Answer("It", "history")}, raises=_MISSING)
def get_history(request: Request) -> dict[str, Any]:
    job = request.runtime.jobs.get(request.validated["job_id"], request.owner)
    query = EventQuery(topics=frozenset({"status"}))
    return represent.history(job, request.runtime.jobs.events(job.job_id, request.owner, query))


@inputs.get(summary="Inputs of a job", schema=_ONE, answers={200: Answer("They", "jobInputs")}, raises=_MISSING)
def get_inputs(request: Request) -> dict[str, Any]:
    job = request.runtime.jobs.get(request.validated["job_id"], request.owner)
    document: dict[str, Any] = {"inputs": dict(request.runtime.jobs.inputs(job.job_id, request.owner))}
    if job.requested_outputs is not None:
        document["outputs"] = dict(job.requested_outputs)
    if options := to_json(job.options):
        document["options"] = options
    return document


@exceptions.get(summary="Why a job failed", schema=_ONE, answers={200: Answer("All", "exceptions")}, raises=_MISSING)
def get_exceptions(request: Request) -> dict[str, Any]:
    job = request.runtime.jobs.get(request.validated["job_id"], request.owner)
    return {"exceptions": [job.failure] if job.failure else []}


@statistics.get(summary="What a job took", schema=_ONE, answers={200: Answer("It", "statistics")}, raises=_MISSING)
def get_statistics(request: Request) -> dict[str, Any]:
    job = request.runtime.jobs.get(request.validated["job_id"], request.owner)
    try:
        manifest = request.runtime.results.manifest(job.job_id, request.owner)
    except errors.NotFound:
        manifest = None
    return represent.statistics(job, manifest, datetime.now(UTC))


def includeme(config: Configurator) -> None:
    for service in (jobs, job_service, history, inputs, exceptions, statistics):
        config.add_weaverlite_service(service)
