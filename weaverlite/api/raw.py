"""Results as they are: the value of one output by its media type, or several in one multipart answer.

Which of the forms a synchronous execution gets follows both versions of OGC API - Processes: a body that says
``response`` or ``transmissionMode`` speaks version 1.0 and gets its table, any other the rules of version 2.0.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pyramid.request import Request
from pyramid.response import Response

from weaverlite.api.files import file_response
from weaverlite.api.rendering import empty, redirect, reply, set_type, write_json
from weaverlite.api.urls import Urls
from weaverlite.errors import NotAcceptable
from weaverlite.models.job import Job
from weaverlite.models.results import OutputFile
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import Link
from weaverlite.ogc.negotiation import JSON, TEXT, choose
from weaverlite.ogc.status import StatusCode
from weaverlite.ogc.values import is_bbox
from weaverlite.services.results import Output

_BLOCK = 256 * 1024


def is_old(job: Job) -> bool:
    """Whether the request of this job spoke version 1.0 and wanted its outputs raw."""
    return job.response != "document" and (job.response == "raw" or any(_transmission_modes(job)))


def results_response(request: Request, job: Job) -> Response:
    """Return what a synchronous execution answers once its job has ended.

    :raises JobFailed, JobDismissed: as the results of the job do.
    """
    results, urls = request.runtime.results, Urls.of(request)
    if job.requested_outputs == {} and job.status is StatusCode.SUCCESSFUL:
        return empty()
    if job.response == "document":
        return reply(results.document(job.job_id, request.owner, urls))
    found = results.outputs(job.job_id, request.owner)
    references = {output_id for output_id, mode in _transmission_modes(job) if mode == "reference"}
    referenced = frozenset(item.output_id for item in found if item.output_id in references)
    if len(found) == 1 and not referenced and _wants_one(request, job):
        return output_response(request, job.job_id, found[0])
    if found and is_old(job):
        return _multipart(request, job, found, referenced)
    document = results.document(job.job_id, request.owner, urls)
    return reply(document, headers={"Link": Link(rel.RESULTS_PROFILE, rel.PROFILE).to_header()})


def output_response(request: Request, job_id: str, output: Output, index: int | None = None) -> Response:
    """Return one output by its media type: a file's bytes, text, or JSON.

    :raises NotAcceptable: the client accepts no form that the value has.
    """
    value, results = output.value, request.runtime.results
    if isinstance(value, OutputFile):
        if elsewhere := results.url(job_id, value):
            return redirect(elsewhere)
        return file_response(request, value, lambda: results.open(job_id, value))
    offers = [JSON, TEXT] if _is_scalar(value) else [JSON]
    if isinstance(value, str):
        offers.reverse()
    chosen = choose(request.headers.get("Accept"), offers)
    if chosen is None:
        raise NotAcceptable(f"The output {output.output_id!r} can be had as {' or '.join(offers)} only.")
    if chosen == TEXT:
        response = Response(body=_text(value))
        set_type(response, f"{TEXT}; charset=utf-8")
        return response
    document = results.shape(job_id, value, Urls.of(request), output.output_id, index)
    # An object is qualified where it stands among other results, not by itself.
    is_qualified = isinstance(value, Mapping) and not is_bbox(value)
    return reply(document["value"] if is_qualified else document)


def _wants_one(request: Request, job: Job) -> bool:
    # What counts is what was asked for: an output of several that has no value this time does not change the form.
    if job.requested_outputs is not None:
        return len(job.requested_outputs) == 1
    return len(request.runtime.processes.get(job.process_id, job.process_revision).outputs) == 1


def _transmission_modes(job: Job) -> Iterator[tuple[str, str]]:
    for output_id, wanted in (job.requested_outputs or {}).items():
        if isinstance(wanted, dict) and "transmissionMode" in wanted:
            yield output_id, wanted["transmissionMode"]


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | bool | int | float)


def _text(value: Any) -> bytes:
    return value.encode("utf-8", "replace") if isinstance(value, str) else write_json(value)


# ---------------------------------------------------------------- version 1.0


def _multipart(request: Request, job: Job, outputs: Sequence[Output], referenced: frozenset[str]) -> Response:
    """Return outputs as version 1.0 wants raw ones (18-062r2, tables of clause 7.11.4).

    All by reference: links without a body. Otherwise one part each, of which those by reference are empty.
    """
    urls = Urls.of(request)
    if all(item.output_id in referenced for item in outputs):
        response = empty()
        for item in outputs:
            link = Link(_location(job, item, urls), rel.RELATED, item.media_type, item.output_id)
            response.headers.add("Link", link.to_header())
        return response
    boundary = uuid.uuid4().hex
    response = Response(status=200)
    set_type(response, f'multipart/related; boundary="{boundary}"')
    response.app_iter = _parts(request, job, outputs, referenced, boundary.encode())
    return response


def _parts(
    request: Request, job: Job, outputs: Sequence[Output], referenced: frozenset[str], boundary: bytes
) -> Iterator[bytes]:
    urls, results = Urls.of(request), request.runtime.results
    for item in outputs:
        head = [f"Content-ID: <{item.output_id}>"]
        value = item.value
        if item.output_id in referenced:
            head.append(f"Content-Location: {_location(job, item, urls)}")
        is_file = isinstance(value, OutputFile)
        media_type = item.media_type if is_file or isinstance(value, str) else JSON
        head.append(f"Content-Type: {media_type}")
        yield b"--%s\r\n%s\r\n\r\n" % (boundary, "\r\n".join(head).encode())
        if item.output_id in referenced:
            pass
        elif is_file:
            with results.open(job.job_id, value) as stream:
                while block := stream.read(_BLOCK):
                    yield block
        elif isinstance(value, str):
            yield _text(value)
        else:
            yield write_json(results.shape(job.job_id, value, urls, item.output_id))
        yield b"\r\n"
    yield b"--%s--\r\n" % boundary


def _location(job: Job, item: Output, urls: Urls) -> str:
    if isinstance(item.value, OutputFile):
        return urls.output_file(job.job_id, item.value.path)
    return urls.output(job.job_id, item.output_id)
