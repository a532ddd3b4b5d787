"""Jobs that are made first and started later: OGC API - Processes, part 4.

The methods are those of resources that other modules declare: this one is included before them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from weaverlite import errors
from weaverlite.api import parameters as p
from weaverlite.api.bodies import read_body
from weaverlite.api.checks import execution_check
from weaverlite.api.rendering import reply
from weaverlite.api.represent import status_info
from weaverlite.api.service import Answer, Document, Raw, envelope
from weaverlite.api.urls import Urls
from weaverlite.api.views.execution import REPLAYED, too_long, wait
from weaverlite.api.views.jobs import job_service, jobs
from weaverlite.api.views.results import results
from weaverlite.errors import Fault
from weaverlite.models.job import Job
from weaverlite.ogc.bodies import is_execute_schema
from weaverlite.ogc.negotiation import JSON, MERGE_PATCH, Preferences
from weaverlite.schemas.text import parse_json
from weaverlite.services.definitions import MEDIA_TYPES, Definition, parse_definition

_APPLIED = "Preference-Applied"
_MISSING = (errors.NoSuchJob, errors.JobRemoved)
_UNFIT = (errors.NoSuchProcess, errors.InvalidInput, errors.NoSuchOutput, errors.Refused, errors.BackendError)


class Making(Raw):
    """The body that a job is made of."""

    unsupported = errors.UnsupportedJobMedia

    def document(self, media_type: str) -> str | None:
        return "jobDefinition" if media_type == JSON else None


class Change(Document):
    """A change of a job; the use case validates it."""

    unsupported = errors.UnsupportedJobMedia


class Start(Document):
    """The body of a start: nothing, or an empty object."""

    unsupported = errors.UnsupportedJobMedia
    is_optional = True

    def read(self, request: Request) -> Any:
        body = read_body(request, request.runtime.settings.server.body_limit)
        return parse_json(body) if body.strip() else {}


@jobs.post(
    summary="Create a job, to be started now or later",
    schema=envelope(
        query=[p.START, p.DRY_RUN, p.NEW_TAGS],
        header=[p.PREFER, p.CONTENT_SCHEMA, p.IDEMPOTENCY_KEY],
        body=Making(*MEDIA_TYPES),
    ),
    answers={
        200: Answer("A dry run: this would be run", "executionCheck"),
        201: Answer(
            "It was created, and accepted if that was asked", "statusInfo", headers=("Location", _APPLIED, REPLAYED)
        ),
    },
    raises=(*_UNFIT, errors.InvalidPackage, errors.UnsupportedSchema, errors.KeyReused, errors.JobRemoved),
)
def create_job(request: Request) -> Response:
    given, urls, management = request.validated, Urls.of(request), request.runtime.management
    if (schema := given["Content-Schema"]) is not None and not is_execute_schema(schema):
        raise errors.UnsupportedSchema(
            f"The schema {schema[:200]!r} is not that of an execute request: leave Content-Schema out, or name that."
        )
    prefer: Preferences = given["Prefer"]
    definition = parse_definition(given["body"], request.headers["Content-Type"]).tagged(given["tags"])
    definition = replace(definition, faults=(*definition.faults, *_unmet(request, definition, prefer)))
    starts = not definition.waits and (given["start"] or prefer.respond_async or prefer.wait is not None)
    if given["dryRun"]:
        draft = management.check(definition, request.owner, urls.base, starts=starts)
        return reply(execution_check(draft.job, draft.process, draft.inputs, draft.missing))
    made = management.create(
        definition,
        request.owner,
        urls.base,
        starts=starts,
        returns=prefer.representation,
        key=given["Idempotency-Key"],
    )
    job, applied = made.job, Preferences(handling=prefer.handling)
    if starts:
        job, waited = _waited(request, job, prefer)
        applied = replace(applied, respond_async=prefer.respond_async, wait=waited)
    headers = {"Location": urls.job(job.job_id), **_applied(applied)}
    if made.is_replay:
        headers[REPLAYED] = "true"
    return reply(status_info(job, urls), 201, headers=headers)


def _unmet(request: Request, definition: Definition, prefer: Preferences) -> list[Fault]:
    """Return what of the preferences this service cannot do, when nothing less will do."""
    if not prefer.is_strict:
        return []
    found = too_long(request, prefer)
    if prefer.respond_sync:
        found.append("respond-sync cannot be honoured: the answer is the status of the job")
    if definition.waits and (prefer.respond_async or prefer.wait is not None):
        found.append("the job cannot run at once, as is preferred: the 'status' in the body lets it wait for its start")
    return [Fault(message, "Prefer", "header") for message in found]


@job_service.patch(
    summary="Change a job that was not started yet",
    schema=envelope(path=[p.JOB_ID], body=Change("jobPatch", JSON, MERGE_PATCH, is_deferred=True)),
    answers={200: Answer("The job with its change", "statusInfo")},
    raises=(*_MISSING, *_UNFIT, errors.Locked),
)
def update_job(request: Request) -> Response:
    given, urls = request.validated, Urls.of(request)
    job = request.runtime.management.update(given["job_id"], given["body"], request.owner, urls.base)
    return reply(status_info(job, urls))


@results.post(
    summary="Start a job that was created",
    schema=envelope(path=[p.JOB_ID], header=[p.WAIT], body=Start("jobStart", JSON)),
    answers={200: Answer("It was accepted", "statusInfo", headers=("Location", _APPLIED))},
    raises=(*_MISSING, *_UNFIT, errors.Locked),
)
def start_job(request: Request) -> Response:
    given, urls = request.validated, Urls.of(request)
    job = request.runtime.management.start(given["job_id"], request.owner, urls.base)
    job, waited = _waited(request, job, given["Prefer"])
    headers = {"Location": urls.job(job.job_id), **_applied(Preferences(wait=waited))}
    return reply(status_info(job, urls), headers=headers)


def _waited(request: Request, job: Job, prefer: Preferences) -> tuple[Job, float | None]:
    return (job, None) if prefer.wait is None else wait(request, job, prefer.wait)


def _applied(preferences: Preferences) -> dict[str, str]:
    header = preferences.to_header()
    return {_APPLIED: header} if header else {}


def includeme(config: Configurator) -> None:
    """Nothing is left to do: importing this module has added its methods to services that others register."""
