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
from weaverlite.api.paging import page_links, page_offset
from weaverlite.api.rendering import empty, reply
from weaverlite.api.service import Answer, Document, Service, envelope
from weaverlite.api.tags import is_known, status_tag
from weaverlite.api.urls import Urls
from weaverlite.api.views.execution import REPLAYED, accepted, seconds_to_poll, wait
from weaverlite.models.job import Job
from weaverlite.models.options import tagged
from weaverlite.models.queries import EventQuery, JobQuery, Page
from weaverlite.ogc import profiles
from weaverlite.ogc.exceptions import INVALID_QUERY_PARAMETER_VALUE
from weaverlite.ogc.negotiation import Preferences
from weaverlite.ogc.status import StatusCode

_TAG = "jobs"
_ONE = envelope(path=[p.JOB_ID])
_MISSING = (errors.NoSuchJob, errors.JobRemoved)

jobs = Service("jobs", "/jobs", "What was executed", _TAG)
job_service = Service("job", "/jobs/{job_id}", "One job", _TAG)
runs = Service("runs", "/jobs/{job_id}/rerun", "A job once more", _TAG)
history = Service("history", "/jobs/{job_id}/history", "Attempts and states of a job", _TAG)
exceptions = Service("exceptions", "/jobs/{job_id}/exceptions", "Why a job failed", _TAG)
statistics = Service("statistics", "/jobs/{job_id}/statistics", "What a job took", _TAG)


@jobs.get(
    summary="List jobs",
    profile=profiles.JOB_LIST,
    schema=envelope(
        query=[
            *(p.LIMIT, p.CURSOR, p.PAGE, p.SORT, p.DETAIL, p.STATUSES, p.PROCESS_IDS, p.TYPES, p.CREATED),
            *(p.MIN_DURATION, p.MAX_DURATION, p.PREFIX, p.TAGS, p.LABELS),
        ],
    ),
    answers={200: Answer("A page of jobs, newest first", "jobList", headers=("Link",))},
    raises=(errors.InvalidRequest, errors.NoSuchProcess),
)
def list_jobs(request: Request) -> dict[str, Any]:
    given, urls = request.validated, Urls.of(request)
    # The list of the jobs of one process is the same, read elsewhere.
    above = ("processes", given["process_id"]) if "process_id" in given else ()
    query = _query(request)
    is_of_no_job = given["type"] and "process" not in given["type"]
    page: Page[Job] = Page(items=()) if is_of_no_job else request.runtime.jobs.find(query, request.owner)
    return {
        "jobs": [represent.status_info(item, urls) if given["detail"] else item.job_id for item in page.items],
        "links": page_links(request, urls.at(*above, "jobs"), page, up=urls.at(*above) if above else urls.landing()),
    }


def _query(request: Request) -> JobQuery:
    given = request.validated
    # 18-062r2 has lists here, of which each job has to fit one.
    shortest, longest = min(given["minDuration"], default=None), max(given["maxDuration"], default=None)
    if shortest is not None and longest is not None and shortest > longest:
        why = f"is {shortest} seconds, longer than maxDuration, {longest}: no job can be both"
        raise errors.InvalidRequest(
            faults=[errors.Fault(why, "minDuration", "query")], type=INVALID_QUERY_PARAMETER_VALUE
        )
    return JobQuery(
        id_prefix=given["prefix"],
        process_ids=frozenset(given["processID"]),
        statuses=frozenset(StatusCode(code) for code in given["status"]),
        created_from=given["datetime"][0],
        created_until=given["datetime"][1],
        tags=frozenset(given["label"]) | frozenset(tagged(given["tags"]).items()),
        min_seconds=shortest,
        max_seconds=longest,
        at=datetime.now(UTC),
        sort=given["sort"].lstrip("-"),
        descending=given["sort"].startswith("-"),
        limit=given["limit"],
        offset=page_offset(request),
        cursor=given["cursor"],
    )


@jobs.delete(
    summary="Dismiss several jobs, or remove those that have ended",
    schema=envelope(body=Document("jobsToDismiss")),
    answers={200: Answer("What became of each", "jobsDismissed")},
    raises=(errors.BackendError,),
)
def dismiss_jobs(request: Request) -> dict[str, Any]:
    found = request.runtime.jobs.dismiss_all(request.validated["body"]["jobs"], request.owner)
    outcomes = [represent.dismissal(item) for item in found]
    done = [item["jobID"] for item in outcomes if item["code"] == 200]
    said = f"Dismissed or removed: {len(done)} of {len(outcomes)}." + (" See outcomes." if outcomes[len(done):] else "")
    return {"description": said, "jobs": done, "outcomes": outcomes}


@job_service.get(
    summary="Status of a job",
    profile=profiles.JOB,
    schema=envelope(path=[p.JOB_ID], header=[p.WAIT, p.IF_NONE_MATCH]),
    answers={
        200: Answer("The status", "statusInfo", headers=("ETag", "Link", "Preference-Applied", "Retry-After")),
        304: Answer("It is the same still", headers=("ETag", "Preference-Applied", "Retry-After")),
    },
    raises=_MISSING,
)
def get_status(request: Request) -> Response:
    given = request.validated
    job = request.runtime.jobs.get(given["job_id"], request.owner)
    known, seconds, headers = given["If-None-Match"], given["Prefer"].wait, {}

    def is_news(job: Job) -> bool:
        # Who names what he knows waits for anything else; who does not, for the end.
        return job.is_terminal or (known is not None and not is_known(known, status_tag(job)))

    if seconds is not None and not is_news(job):
        job, applied = wait(request, job, seconds, is_news)
        if applied is not None:
            headers["Preference-Applied"] = Preferences(wait=applied).to_header()
    headers["ETag"] = status_tag(job)
    if not job.is_terminal:
        headers["Retry-After"] = seconds_to_poll(request, job)
    if known is not None and is_known(known, headers["ETag"]):
        response = empty(304)
        response.headers.update(headers)
        return response
    estimates, at = request.runtime.jobs.estimates, datetime.now(UTC)
    told = represent.hints(job, estimates.next_poll(job, at), estimates.left(job, at), at)
    return reply({**represent.status_info(job, Urls.of(request)), **told}, headers=headers)


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


@runs.post(
    summary="Run a job once more",
    schema=envelope(path=[p.JOB_ID], query=[p.SAME_REVISION], header=[p.IDEMPOTENCY_KEY]),
    answers={
        201: Answer("A new job was accepted", "statusInfo", headers=("Location", "Retry-After", REPLAYED)),
    },
    raises=(
        *_MISSING,
        errors.NoSuchProcess,
        errors.InvalidInput,
        errors.Refused,
        errors.KeyReused,
        errors.BackendError,
    ),
)
def rerun_job(request: Request) -> Response:
    given = request.validated
    submitted = request.runtime.jobs.rerun(
        given["job_id"],
        request.owner,
        same_revision=given["revision"] == "same",
        key=given["Idempotency-Key"],
        service_url=Urls.of(request).base,
    )
    response = accepted(request, submitted.job)
    if submitted.is_replay:
        response.headers[REPLAYED] = "true"
    return response


@history.get(summary="History of a job", schema=_ONE, answers={200: Answer("It", "history")}, raises=_MISSING)
def get_history(request: Request) -> dict[str, Any]:
    job = request.runtime.jobs.get(request.validated["job_id"], request.owner)
    query = EventQuery(topics=frozenset({"status", "callback"}))
    return represent.history(job, request.runtime.jobs.events(job.job_id, request.owner, query))


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
    for service in (jobs, job_service, runs, history, exceptions, statistics):
        config.add_weaverlite_service(service)
