"""Results of a job: the document, one output, the files, and the manifest of all of them."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from weaverlite import errors
from weaverlite.api import parameters as p
from weaverlite.api.files import check_index, file_response
from weaverlite.api.raw import output_response, reference_response, results_response
from weaverlite.api.rendering import redirect
from weaverlite.api.service import Answer, Service, envelope
from weaverlite.ogc.negotiation import ANY, HTML, JSON

_TAG = "results"
_ENDED = (
    errors.NoSuchJob,
    errors.JobRemoved,
    errors.ResultNotReady,
    errors.ResultNotAvailable,
    errors.JobFailed,
    errors.JobDismissed,
)
_FILE = {
    200: Answer("The bytes, the value, or a page of it", "outputValue", (JSON, HTML, ANY)),
    206: Answer("A part of them", media_types=(ANY,)),
    302: Answer("Where they are", headers=("Location",)),
    304: Answer("They are the same still"),
    416: Answer("There is no such part"),
}

results = Service("results", "/jobs/{job_id}/results", "All results of a job", _TAG)
output = Service("result", "/jobs/{job_id}/results/{output_id}", "One result of a job", _TAG)
item = Service("item", "/jobs/{job_id}/results/{output_id}/{index}", "One item of a result that is a list", _TAG)
links = Service("outputs", "/jobs/{job_id}/outputs", "Links to all results of a job", _TAG)
# Not ``*path``: Cornice finds a service by the pattern of its route, and the definition by the names in it.
file_service = Service("file", "/jobs/{job_id}/outputs/{path:.*}", "A file a job made, a result, or an item", _TAG)
manifest = Service("manifest", "/jobs/{job_id}/manifest", "Every file a job left", _TAG)


@results.get(
    summary="Results of a job",
    schema=envelope(path=[p.JOB_ID], query=[p.OUTPUTS], header=[p.RETURN, p.ACCEPT_PROFILE]),
    answers={
        200: Answer(
            "Each value, or a link to it; or all of them as parts, or as a zip or tar archive",
            "results",
            (JSON, ANY),
            headers=("Link",),
        ),
        204: Answer("Links to all results, for a request of version 1.0", headers=("Link",)),
        302: Answer("Where the only result is", headers=("Location",)),
    },
    raises=(*_ENDED, errors.NoSuchOutput, errors.NotAcceptable),
    produces=(JSON, ANY),
)
def get_results(request: Request) -> Response:
    given = request.validated
    job = request.runtime.jobs.get(given["job_id"], request.owner)
    return _varying(results_response(request, job, given["outputs"] or None, given["Prefer"].representation))


def _varying(response: Response) -> Response:
    """Say to caches what else the form depends on."""
    response.vary = ("Accept", "Accept-Profile", "Prefer")
    return response


@output.get(
    summary="One result",
    schema=envelope(path=[p.JOB_ID, p.OUTPUT_ID], header=[p.RETURN]),
    answers=_FILE,
    raises=(*_ENDED, errors.NoSuchOutput, errors.NotAcceptable),
    produces=(ANY,),
)
def get_output(request: Request) -> Response:
    return _one(request, request.validated["output_id"])


@item.get(
    summary="One item of a result",
    schema=envelope(path=[p.JOB_ID, p.OUTPUT_ID, p.INDEX], header=[p.RETURN]),
    answers=_FILE,
    raises=(*_ENDED, errors.NoSuchOutput, errors.NotAcceptable),
    produces=(ANY,),
)
def get_item(request: Request) -> Response:
    return _one(request, request.validated["output_id"], check_index(request.validated["index"]))


def _one(request: Request, output_id: str, index: int | None = None) -> Response:
    job = request.runtime.jobs.get(request.validated["job_id"], request.owner)
    found = request.runtime.results.output(job.job_id, request.owner, output_id, index)
    return _varying(output_response(request, job, found, index))


@links.get(
    summary="Links to all results",
    schema=envelope(path=[p.JOB_ID]),
    answers={200: Answer("A link to each value", "results", headers=("Link",))},
    raises=_ENDED,
)
def get_links(request: Request) -> Response:
    return reference_response(request, request.runtime.jobs.get(request.validated["job_id"], request.owner))


@file_service.get(
    summary="A file, one result, or one item of a result that is a list",
    schema=envelope(path=[p.JOB_ID, p.FILE_PATH], header=[p.RETURN]),
    answers=_FILE,
    raises=(*_ENDED, errors.NotAcceptable),
    produces=(ANY,),
)
def get_file(request: Request) -> Response:
    given, found = request.validated, request.runtime.results
    # The path is looked up in the manifest, never made into a path of this host.
    left = found.manifest(given["job_id"], request.owner)
    file = left.find(f"outputs/{given['path']}")
    if file is None and given["path"] in left.outputs:
        # Files lie in the directory of their output: a path without one is the name of an output.
        return _one(request, given["path"])
    output_id, _, place = given["path"].rpartition("/")
    if file is None and place.isdigit() and isinstance(left.outputs.get(output_id), list | tuple):
        return _one(request, output_id, check_index(place))
    if file is None:
        raise errors.ResultNotAvailable(f"The job has left no file {'outputs/' + given['path']!r}.")
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
    for service in (results, output, item, links, file_service, manifest):
        config.add_weaverlite_service(service)
