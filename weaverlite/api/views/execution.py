"""Execution of a process: a job is made, and waited for when the client wants to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPMethodNotAllowed
from pyramid.request import Request
from pyramid.response import Response

from weaverlite import errors
from weaverlite.api import kvp
from weaverlite.api import parameters as p
from weaverlite.api.checks import checked
from weaverlite.api.raw import FORMS, executed_response
from weaverlite.api.rendering import reply
from weaverlite.api.represent import status_info
from weaverlite.api.service import Answer, Callback, Document, Service, envelope
from weaverlite.api.urls import Urls
from weaverlite.errors import Fault
from weaverlite.models.job import Job
from weaverlite.models.options import tagged
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import Link
from weaverlite.ogc.negotiation import ANY, HTML, JSON, PROBLEM, Preferences, choose
from weaverlite.services.requests import ExecuteRequest, parse_execute
from weaverlite.services.shapes import is_old, transmission_modes

_APPLIED = "Preference-Applied"
#: Says of the answer to a repeated request that it is about the job that was made before.
REPLAYED = "Idempotent-Replayed"
_ANSWERS = {
    200: Answer(
        "The results: of one output its value, of several a document, or a page of them",
        "outputValue",
        (JSON, HTML, ANY),
        headers=("Link", _APPLIED, REPLAYED),
    ),
    201: Answer("A job was accepted", "statusInfo", headers=("Location", "Retry-After", _APPLIED, REPLAYED)),
    204: Answer("It was executed; no outputs were asked for, or links to all of them", headers=("Link", _APPLIED)),
    302: Answer("Where the only output is", headers=("Location",)),
}
_RAISES = (
    errors.NoSuchProcess,
    errors.InvalidInput,
    errors.Refused,
    errors.JobDismissed,
    errors.JobRemoved,
    errors.KeyReused,
    errors.NotAcceptable,
    errors.ResultNotAvailable,
    errors.BackendError,
)

#: Those of ``subscriber`` in the body.
CALLBACKS = tuple(
    Callback(name, f"{{$request.body#/subscriber/{name}}}", description, document)
    for name, description, document in (
        ("successUri", "The results of the job, once it is successful", "results"),
        ("inProgressUri", "The status of the job while it runs", "statusInfo"),
        ("failedUri", "The status of the job when it ends otherwise", "statusInfo"),
    )
)

execution = Service("execution", "/processes/{process_id}/execution", "Executions of a process", "jobs")


@execution.post(
    summary="Execute a process",
    # The use case validates the body: its faults stand in one answer with those of the inputs.
    schema=envelope(
        path=[p.PROCESS_ID],
        query=[p.DRY_RUN, p.NEW_TAGS],
        header=[p.PREFER, p.ACCEPT_PROFILE, p.IDEMPOTENCY_KEY],
        body=Document("execute", is_deferred=True),
    ),
    answers=_ANSWERS,
    raises=_RAISES,
    produces=(ANY,),
    callbacks=CALLBACKS,
)
def execute_process(request: Request) -> Response:
    given = request.validated
    wanted = parse_execute(given["body"], _mode(given["Prefer"]), Urls.of(request).base)
    return _execute(request, wanted, given["Prefer"])


@execution.get(
    summary="Execute a process by a link",
    schema=envelope(
        path=[p.PROCESS_ID],
        query=[p.KVP, p.KVP_FORM, p.KVP_PREFER, p.DRY_RUN],
        header=[p.PREFER, p.ACCEPT_PROFILE, p.IDEMPOTENCY_KEY],
    ),
    answers={**_ANSWERS, 405: Answer("Nothing is executed by HEAD", "problem", (PROBLEM, JSON), headers=("Allow",))},
    raises=_RAISES,
    produces=(ANY,),
)
def execute_by_link(request: Request) -> Response:
    if request.method != "GET":
        # Who asks for the head alone wants to know, not to execute.
        refusal = HTTPMethodNotAllowed()
        refusal.allow = ("GET", "POST")
        raise refusal
    # A link on a page of another site executes nothing either, nor does an image that is none.
    request.registry.guard.check_change(request)
    process = request.runtime.processes.get(request.validated["process_id"])
    found = kvp.read(request.GET.items(), process)
    if found.accept:
        request.environ["HTTP_ACCEPT"] = found.accept
    prefer = Preferences.read([request.headers.get("Prefer", ""), found.prefer])
    faults = [*found.faults, *kvp.refused_preferences(prefer)]
    wanted = parse_execute(found.document, _mode(prefer), Urls.of(request).base)
    request.validated["Prefer"] = prefer
    # It may look like one, but it is no page to be kept.
    request.add_response_callback(lambda _, response: response.headers.update({"Cache-Control": "no-store"}))
    try:
        return _execute(request, replace(wanted, faults=(*wanted.faults, *faults)), prefer)
    except errors.InvalidRequest as error:
        raise kvp.as_query(error, process) from error


def _mode(prefer: Preferences) -> str:
    return "async" if prefer.respond_async else "sync"


def _execute(request: Request, wanted: ExecuteRequest, prefer: Preferences) -> Response:
    jobs, process_id = request.runtime.jobs, request.validated["process_id"]
    labels = {**wanted.options.labels, **tagged(request.validated.get("tags", ()))}
    wanted = replace(
        wanted,
        options=replace(wanted.options, labels=labels),
        idempotency_key=request.validated["Idempotency-Key"],
        returns=prefer.representation,
        faults=(*wanted.faults, *_unmet(request, process_id, prefer)),
    )
    _check_acceptable(request, process_id, wanted)
    if request.validated.get("dryRun"):
        return checked(request, process_id, wanted)
    submitted = jobs.submit_once(process_id, wanted, request.owner)
    job = submitted.job
    if submitted.is_replay:
        request.add_response_callback(lambda _, response: response.headers.update({REPLAYED: "true"}))
    asked = Preferences(respond_async=prefer.respond_async and job.mode == "async", handling=prefer.handling)
    if job.mode == "async" and prefer.wait is None:
        return _accepted(request, job, asked)
    job, waited = wait(request, job, prefer.wait)
    applied = replace(asked, wait=waited)
    if job.mode == "async" or not job.is_terminal:
        return _accepted(request, job, applied)
    if _links_to_monitor(request, job):
        # Also of an answer that says why the job failed: 18-062r2, /req/core/job-results-success-sync.
        monitor = Link(Urls.of(request).job(job.job_id), rel.MONITOR).to_header()
        request.add_response_callback(lambda _, response: response.headers.add("Link", monitor))
    return _with(executed_response(request, job), replace(applied, representation=prefer.representation))


def _unmet(request: Request, process_id: str, prefer: Preferences) -> list[Fault]:
    """Return what of the preferences this service cannot do, when nothing less will do."""
    if not prefer.is_strict:
        return []
    known = request.runtime.processes.get(process_id).job_control_options
    found = too_long(request, prefer)
    if prefer.respond_async and "async-execute" not in known:
        found.append("respond-async cannot be honoured: the process is executed synchronously only")
    if prefer.respond_sync and "sync-execute" not in known:
        found.append("respond-sync cannot be honoured: the process is executed asynchronously only")
    return [Fault(message, "Prefer", "header") for message in found]


def too_long(request: Request, prefer: Preferences) -> list[str]:
    """Return what is wrong with the time that the client wants to wait."""
    longest = request.runtime.settings.server.sync_wait.total_seconds()
    if prefer.wait is None or prefer.wait <= longest:
        return []
    return [f"wait={prefer.wait:g} is longer than the {longest:g} seconds that requests are held here"]


def _check_acceptable(request: Request, process_id: str, wanted: ExecuteRequest) -> None:
    """Refuse before anything runs what no answer could be.

    :raises NotAcceptable: several outputs are waited for, in no form that several have.
    """
    accept = request.headers.get("Accept")
    if wanted.mode == "async" or not accept or choose(accept, FORMS) is not None:
        return
    if is_old(wanted.response, wanted.outputs):
        return
    outputs = wanted.outputs
    if outputs is None:
        outputs = request.runtime.processes.get(process_id).outputs
    if len(outputs) > 1:
        raise errors.NotAcceptable(
            f"Several outputs can be had as {', '.join(FORMS)} only; the request accepts none of these."
        )


def _links_to_monitor(request: Request, job: Job) -> bool:
    """Whether a synchronous answer links to its job.

    The standard wants it of every job that can be asked for again. Clients of version 1.0 that pass on the ``Link``
    they get as it is, with its brackets, stumble over it; they are told by the transmission modes they send.
    """
    wanted: str = request.runtime.settings.server.monitor_link
    return not transmission_modes(job.requested_outputs) if wanted == "auto" else wanted == "always"


def wait(
    request: Request, job: Job, seconds: float | None, until: Callable[[Job], bool] | None = None
) -> tuple[Job, float | None]:
    """Wait for a job to end, or to be as ``until`` says, so long as the client wants and the service allows.

    Return the job as it is then, and the time that was applied: None when nobody asked for one, or when its owner has
    his share of waiting requests already and the answer comes at once.
    """
    longest = request.runtime.settings.server.sync_wait.total_seconds()
    allowed = longest if seconds is None else min(seconds, longest)
    with request.registry.shares.waiting(request.owner) as may_wait:
        if not may_wait:
            return job, None
        job = request.runtime.jobs.wait(job.job_id, request.owner, allowed, until)
    return job, None if seconds is None else allowed


def accepted(request: Request, job: Job) -> Response:
    """Return the answer that a job was made: where it is, and when it is worth to ask for it."""
    headers = {"Location": Urls.of(request).job(job.job_id)}
    if not job.is_terminal:
        headers["Retry-After"] = seconds_to_poll(request, job)
    return reply(status_info(job, Urls.of(request)), 201, headers=headers)


def seconds_to_poll(request: Request, job: Job) -> str:
    """Return the value of ``Retry-After`` for a job that has not ended, by the last runs of its process."""
    return str(math.ceil(request.runtime.jobs.estimates.next_poll(job, datetime.now(UTC))))


def _accepted(request: Request, job: Job, applied: Preferences) -> Response:
    return _with(accepted(request, job), applied)


def _with(response: Any, applied: Preferences) -> Any:
    if header := applied.to_header():
        response.headers[_APPLIED] = header
    return response


def includeme(config: Configurator) -> None:
    config.add_weaverlite_service(execution)
