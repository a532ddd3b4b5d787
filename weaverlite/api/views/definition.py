"""What a job was made of: the body, and what was read from it."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from weaverlite import errors
from weaverlite.api import parameters as p
from weaverlite.api.checks import requested_outputs
from weaverlite.api.service import Answer, Service, envelope
from weaverlite.api.urls import Urls
from weaverlite.models.codec import write_time
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import Link
from weaverlite.ogc.negotiation import JSON, Preferences

_TAG = "jobs"
_ONE = envelope(path=[p.JOB_ID])
_MISSING = (errors.NoSuchJob, errors.JobRemoved)

definition = Service("definition", "/jobs/{job_id}/definition", "The body a job was made of", _TAG)
inputs = Service("inputs", "/jobs/{job_id}/inputs", "What a job was accepted with", _TAG)


@definition.get(
    summary="Definition of a job",
    schema=_ONE,
    answers={200: Answer("The body that it was created with, and its changes", "jobDefinition")},
    raises=_MISSING,
)
def get_definition(request: Request) -> dict[str, Any]:
    return dict(request.runtime.management.definition(request.validated["job_id"], request.owner))


@inputs.get(summary="Inputs of a job", schema=_ONE, answers={200: Answer("They", "jobInputs")}, raises=_MISSING)
def get_inputs(request: Request) -> dict[str, Any]:
    management, urls = request.runtime.management, Urls.of(request)
    job = request.runtime.jobs.get(request.validated["job_id"], request.owner)
    process = management.process(job)
    metadata: dict[str, Any] = {"processID": job.process_id, "created": write_time(job.created_at)}
    if process:
        metadata |= {"version": process.version, "revision": process.revision}
    href = urls.job(job.job_id)
    found = [
        Link(f"{href}/inputs", rel.SELF, JSON, "Inputs of the job"),
        Link(href, rel.UP, JSON, "The job"),
        Link(f"{href}/definition", rel.RELATED, JSON, "The body the job was made of"),
    ]
    return {
        **management.request(job),
        "inputs": dict(request.runtime.jobs.inputs(job.job_id, request.owner)),
        "outputs": requested_outputs(job, process),
        "mode": job.mode,
        "headers": {"Prefer": Preferences(respond_async=True).to_header()} if job.mode == "async" else {},
        "metadata": metadata,
        "links": [link.to_json() for link in found],
    }


def includeme(config: Configurator) -> None:
    for service in (definition, inputs):
        config.add_weaverlite_service(service)
