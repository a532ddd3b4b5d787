"""Results of a job: the document, one output, the files, and the manifest of all of them."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from weaverlite import errors
from weaverlite.api import parameters as p
from weaverlite.api.files import check_index, file_response
from weaverlite.api.raw import is_old, output_response, results_response
from weaverlite.api.rendering import redirect, reply
from weaverlite.api.service import Answer, Service, envelope
from weaverlite.api.urls import Urls
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import Link
from weaverlite.ogc.negotiation import ANY, JSON, names

_TAG = "results"
_ENDED = (errors.NoSuchJob, errors.ResultNotReady, errors.ResultNotAvailable, errors.JobFailed, errors.JobDismissed)
_FILE = {
    200: Answer("The bytes", media_types=(ANY,)),
    206: Answer("A part of them", media_types=(ANY,)),
    302: Answer("Where they are", headers=("Location",)),
    304: Answer("They are the same still"),
    416: Answer("There is no such part"),
}

results = Service("results", "/jobs/{job_id}/results", "All results of a job", _TAG)
output = Service("result", "/jobs/{job_id}/results/{output_id}", "One result of a job", _TAG)
item = Service("item", "/jobs/{job_id}/results/{output_id}/{index}", "One item of a result that is a list", _TAG)
# Not ``*path``: Cornice finds a service by the pattern of its route, and the definition by the names in it.
file_service = Service("file", "/jobs/{job_id}/outputs/{path:.*}", "A file a job made", _TAG)
manifest = Service("manifest", "/jobs/{job_id}/manifest", "Every file a job left", _TAG)


@results.get(
    summary="Results of a job",
    schema=envelope(path=[p.JOB_ID], query=[p.OUTPUTS]),
    answers={
        200: Answer("Each value, or a link to it", "results", (JSON, ANY), headers=("Link",)),
        204: Answer("Links to all results, for a request of version 1.0", headers=("Link",)),
    },
    raises=(*_ENDED, errors.NoSuchOutput),
)
def get_results(request: Request) -> Response:
    given = request.validated
    job = request.runtime.jobs.get(given["job_id"], request.owner)
    if is_old(job) and not given["outputs"] and not names(request.headers.get("Accept"), JSON):
        # 18-062r2, 7.13: results come as an execution that was waited for would have given them.
        return results_response(request, job)
    document = request.runtime.results.document(
        given["job_id"], request.owner, Urls.of(request), given["outputs"] if given["outputs"] else None
    )
    return reply(document, headers={"Link": Link(rel.RESULTS_PROFILE, rel.PROFILE).to_header()})


@output.get(
    summary="One result",
    schema=envelope(path=[p.JOB_ID, p.OUTPUT_ID]),
    answers=_FILE,
    raises=(*_ENDED, errors.NoSuchOutput, errors.NotAcceptable),
    produces=(ANY,),
)
def get_output(request: Request) -> Response:
    given = request.validated
    return output_response(
        request, given["job_id"], request.runtime.results.output(given["job_id"], request.owner, given["output_id"])
    )


@item.get(
    summary="One item of a result",
    schema=envelope(path=[p.JOB_ID, p.OUTPUT_ID, p.INDEX]),
    answers=_FILE,
    raises=(*_ENDED, errors.NoSuchOutput, errors.NotAcceptable),
    produces=(ANY,),
)
def get_item(request: Request) -> Response:
    given = request.validated
    index = check_index(given["index"])
    found = request.runtime.results.output(given["job_id"], request.owner, given["output_id"], index)
    return output_response(request, given["job_id"], found, index)


@file_service.get(
    summary="A file",
    schema=envelope(path=[p.JOB_ID, p.FILE_PATH]),
    answers=_FILE,
    raises=(errors.NoSuchJob, errors.JobRemoved, errors.ResultNotReady, errors.ResultNotAvailable),
    produces=(ANY,),
)
def get_file(request: Request) -> Response:
    given, found = request.validated, request.runtime.results
    # The path is looked up in the manifest, never made into a path of this host.
    file = found.file(given["job_id"], request.owner, f"outputs/{given['path']}")
    if elsewhere := found.url(given["job_id"], file):
        return redirect(elsewhere)
    return file_response(request, file, lambda: found.open(given["job_id"], file))


@manifest.get(
    summary="Manifest",
    schema=envelope(path=[p.JOB_ID]),
    answers={200: Answer("Every file with size and digest", "manifest")},
    raises=(errors.NoSuchJob, errors.JobRemoved, errors.ResultNotReady, errors.ResultNotAvailable),
)
def get_manifest(request: Request) -> dict[str, Any]:
    document: dict[str, Any] = request.runtime.results.manifest(request.validated["job_id"], request.owner).to_json()
    return document


def includeme(config: Configurator) -> None:
    for service in (results, output, item, file_service, manifest):
        config.add_weaverlite_service(service)
