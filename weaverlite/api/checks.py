"""The answer to a dry run: what would be executed, of nothing that is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyramid.request import Request
from pyramid.response import Response

from weaverlite.api.rendering import reply
from weaverlite.models.codec import to_json
from weaverlite.models.job import Job
from weaverlite.models.process import Process
from weaverlite.ogc.negotiation import HTML, JSON, choose
from weaverlite.services.requests import ExecuteRequest


def checked(request: Request, process_id: str, wanted: ExecuteRequest) -> Response:
    """Answer with what an execution would run. Raises as its submission, and stores nothing."""
    job, inputs = request.runtime.jobs.check(process_id, wanted, request.owner)
    process = request.runtime.processes.get(job.process_id, job.process_revision)
    # Whatever an execution might answer, this is a document, and a page of it.
    if choose(request.headers.get("Accept"), (JSON, HTML)) == HTML:
        request.media_type = HTML
    return reply(execution_check(job, process, inputs))


def execution_check(
    job: Job, process: Process, inputs: Mapping[str, Any], missing: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what would be run; ``missing`` are inputs that a job needs before its start."""
    wanted = job.requested_outputs
    document: dict[str, Any] = {
        "processID": process.process_id,
        "version": process.version,
        "revision": process.revision,
        "mode": job.mode,
        "inputs": dict(inputs),
        "outputs": requested_outputs(job, process) if wanted is None else dict(wanted),
        "needs": to_json(job.needs),
    }
    if job.title:
        document["title"] = job.title
    if job.response:
        document["response"] = job.response
    if options := to_json(job.options):
        document["options"] = options
    if missing:
        document["missing"] = list(missing)
    return document


def requested_outputs(job: Job, process: Process | None) -> dict[str, Any]:
    """Return the outputs that a job was asked for: all of the process when the request did not say."""
    if job.requested_outputs is not None:
        return dict(job.requested_outputs)
    return {item.output_id: {} for item in process.outputs} if process else {}
