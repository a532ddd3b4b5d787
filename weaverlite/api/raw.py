"""What is answered with results: one output by itself, a document of several, parts, links or an archive.

Which of the forms it is follows both versions of OGC API - Processes: a body that says ``response`` or
``transmissionMode`` speaks version 1.0 and gets its table (18-062r2, 7.11.4), whatever else the client accepts; any
other gets the rules of version 2.0, where ``Accept`` chooses. The results of a job repeat the table of its request.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pyramid.request import Request
from pyramid.response import Response

from weaverlite.api.files import file_response
from weaverlite.api.inlining import document_reply
from weaverlite.api.multipart import Part, multipart_response
from weaverlite.api.rendering import empty, redirect, reply, set_type, write_json
from weaverlite.api.urls import Urls
from weaverlite.errors import NotAcceptable
from weaverlite.models.job import Job
from weaverlite.models.results import OutputFile
from weaverlite.ogc import links as rel
from weaverlite.ogc import profiles
from weaverlite.ogc.links import Link
from weaverlite.ogc.negotiation import (
    HTML,
    JSON,
    MIXED,
    RELATED,
    TAR,
    TEXT,
    ZIP,
    choose,
    essence,
    is_json,
    names,
    takes_anything,
)
from weaverlite.ogc.status import StatusCode
from weaverlite.ogc.values import is_bbox
from weaverlite.services.results import Output
from weaverlite.services.shapes import Passing, is_large, is_old, transmission_modes

ARCHIVES = (ZIP, TAR)
_PARTS = (RELATED, MIXED)
#: The forms of several outputs, the default first.
FORMS = (JSON, HTML, *_PARTS, *ARCHIVES)


def executed_response(request: Request, job: Job) -> Response:
    """Return what a synchronous execution answers once its job has ended.

    :raises JobFailed, JobDismissed: as the results of the job do.
    :raises NotAcceptable: the client accepts none of the forms there are.
    """
    if job.requested_outputs == {} and job.status is StatusCode.SUCCESSFUL:
        return empty()
    found = request.runtime.results.outputs(job.job_id, request.owner)
    is_one = len(found) == 1 and _wants_one(request, job)
    if _is_old(job):
        archive = None if is_one and found[0].media_type in ARCHIVES else _wanted_archive(request)
        return _archive(request, job, None, archive) if archive else _old(request, job, found)
    if is_one and profiles.RESULTS not in wished_profiles(request):
        return output_response(request, job, found[0])
    return _new(request, job, found)


def results_response(request: Request, job: Job, outputs: Collection[str] | None, returns: str | None) -> Response:
    """Return the results of a job, all that were requested or those of ``outputs``. Raises as above."""
    if archive := _wanted_archive(request):
        return _archive(request, job, outputs, archive)
    found = request.runtime.results.outputs(job.job_id, request.owner, outputs)
    accept = request.headers.get("Accept")
    if choose(accept, FORMS) == HTML:
        return _page(request, job, found)
    if _is_old(job) and outputs is None and not names(accept, JSON):
        # 18-062r2, 7.13: results come as an execution that was waited for would have given them.
        return _old(request, job, found)
    if not _is_old(job) and len(found) == 1 and choose(accept, FORMS) is None:
        return output_response(request, job, found[0])
    return _new(request, job, found, returns)


def reference_response(request: Request, job: Job) -> Response:
    """Return the results document in which every value is a link."""
    found, by_reference = request.runtime.results.outputs(job.job_id, request.owner), Passing("reference")
    if request.media_type == HTML:
        return _page(request, job, found, by_reference)
    return _document(request, job, found, by_reference)


def wished_profiles(request: Request) -> tuple[str, ...]:
    """Return the profiles that the request wishes for."""
    headers, preferred = request.headers, request.validated.get("Prefer")
    return profiles.wished(
        request.validated.get("profile") or (),
        headers.get("Accept-Profile"),
        headers.get("Accept"),
        preferred.profile if preferred else None,
    )


# ---------------------------------------------------------------- several outputs


def _new(request: Request, job: Job, outputs: Sequence[Output], returns: str | None = None) -> Response:
    """Return outputs as version 2.0 wants several, or the results of a job."""
    chosen = choose(request.headers.get("Accept"), FORMS)
    if chosen is None:
        raise NotAcceptable(f"Results can be had as {', '.join(FORMS)} only; the request accepts none of these.")
    if chosen == HTML:
        return _page(request, job, outputs)
    if chosen in _PARTS:
        return multipart_response([_part(request, job, item) for item in outputs], chosen)
    if chosen in ARCHIVES:
        return _archive(request, job, [item.output_id for item in outputs], chosen)
    return _document(request, job, outputs, Passing.of(job, returns))


def _document(
    request: Request, job: Job, outputs: Sequence[Output], passing: Passing, *, has_profile: bool = True
) -> Response:
    results, urls = request.runtime.results, Urls.of(request)
    document = {
        item.output_id: results.shape(job.job_id, item.value, urls, item.output_id, passing=passing)
        for item in outputs
    }
    response = document_reply(document, lambda file: results.open(job.job_id, file))
    if has_profile:
        response.headers["Link"] = profiles.header(profiles.RESULTS)
    return response


def _old(request: Request, job: Job, outputs: Sequence[Output]) -> Response:
    """Return outputs as the tables of version 1.0 want them.

    All by reference: links without a body. One by value: itself. Otherwise parts, of which those by reference are
    empty. No profile: that version knows none. Its class html wants a page in the place of whatever has a body.
    """
    accept = request.headers.get("Accept")
    if job.response == "document":
        if choose(accept, (JSON, HTML)) == HTML:
            return _page(request, job, outputs)
        return _document(request, job, outputs, Passing.of(job), has_profile=False)
    modes = transmission_modes(job.requested_outputs)
    if outputs and all(modes.get(item.output_id) == "reference" for item in outputs):
        response = empty()
        for item in outputs:
            link = Link(_location(request, job, item), rel.RELATED, item.media_type, item.output_id)
            response.headers.add("Link", link.to_header())
        return response
    if len(outputs) == 1 and _wants_one(request, job):
        return output_response(request, job, outputs[0], is_strict=False)
    if choose(accept, (RELATED, HTML)) == HTML:
        return _page(request, job, outputs)
    return multipart_response([_part(request, job, item, modes.get(item.output_id, "value")) for item in outputs])


def _is_old(job: Job) -> bool:
    return is_old(job.response, job.requested_outputs)


def _part(request: Request, job: Job, item: Output, mode: str = "value") -> Part:
    results, value = request.runtime.results, item.value
    location = _location(request, job, item)
    if mode == "reference":
        return Part(output_id=item.output_id, media_type=item.media_type, location=location)
    is_base64 = item.output_id in Passing.of(job).base64
    if isinstance(value, OutputFile):
        return Part(
            output_id=item.output_id,
            media_type=value.media_type,
            location=location,
            open=lambda: results.open(job.job_id, value),
            size=value.size,
            name=value.name,
            is_base64=is_base64,
        )
    if isinstance(value, str):
        text = f"{TEXT}; charset=utf-8"
        return Part(output_id=item.output_id, media_type=text, location=location, content=_text(value))
    content = write_json(_bare(request, job, item))
    return Part(output_id=item.output_id, media_type=JSON, location=location, content=content)


def _location(request: Request, job: Job, item: Output) -> str:
    urls = Urls.of(request)
    if isinstance(item.value, OutputFile):
        found: str | None = request.runtime.results.url(job.job_id, item.value)
        return found or urls.output_file(job.job_id, item.value.path)
    return urls.output(job.job_id, item.output_id)


def _wants_one(request: Request, job: Job) -> bool:
    # What counts is what was asked for: an output of several that has no value this time does not change the form.
    if job.requested_outputs is not None:
        return len(job.requested_outputs) == 1
    return len(request.runtime.processes.get(job.process_id, job.process_revision).outputs) == 1


# ---------------------------------------------------------------- pages


def _page(request: Request, job: Job, outputs: Sequence[Output], passing: Passing = Passing()) -> Response:
    """Return several outputs as a page."""
    from weaverlite.api import html  # Here for the start-up: the templates take 40 ms.

    shape, urls = request.runtime.results.shape, Urls.of(request)
    values = {
        item.output_id: shape(job.job_id, item.value, urls, item.output_id, passing=passing) for item in outputs
    }
    return html.results_page(request, job.job_id, values, f"Results of {job.process_id}")


def _value_page(request: Request, job: Job, output: Output, index: int | None) -> Response:
    """Return one output, or one item of it, as a page."""
    from weaverlite.api import html  # Here for the start-up: the templates take 40 ms.

    name, urls = output.output_id, Urls.of(request)
    shown = request.runtime.results.shape(job.job_id, output.value, urls, name, index)
    if is_large(output.value):
        # The link would lead here again.
        form = "text" if shown["type"] == TEXT else "json"
        shown = {**shown, "href": f"{shown['href']}?f={form}"}
    return html.results_page(request, job.job_id, {name: shown}, name if index is None else f"{name}/{index}")


# ---------------------------------------------------------------- archives


def _wanted_archive(request: Request) -> str | None:
    """Return the archive that the client asks for by its name, if it likes none of the other forms better."""
    accept = request.headers.get("Accept")
    if not accept or not any(names(accept, form) for form in ARCHIVES):
        return None
    chosen = choose(accept, FORMS)
    return chosen if chosen in ARCHIVES and names(accept, chosen) else None


def _archive(request: Request, job: Job, outputs: Collection[str] | None, media_type: str) -> Response:
    from weaverlite.api import archives  # Here for the start-up.

    results = request.runtime.results
    found = results.outputs(job.job_id, request.owner, outputs)
    manifest = archives.only(
        results.manifest(job.job_id, request.owner), {item.output_id: item.value for item in found}
    )
    return archives.archive_response(manifest, media_type, lambda file: results.open(job.job_id, file))


# ---------------------------------------------------------------- one output


def output_response(
    request: Request, job: Job, output: Output, index: int | None = None, *, is_strict: bool = True
) -> Response:
    """Return one output in the form that the client prefers, by default its own: a file's bytes, text, or JSON.

    A page is for those who prefer one. Of a file it only links to it, so browsers, which take anything, get the file.

    :param is_strict: whether a client that accepts no form is refused; else it gets the default.
    :raises NotAcceptable: the client accepts no form that the value has.
    """
    value, accept = output.value, request.headers.get("Accept")
    offers = _offers(output)
    if not is_strict and isinstance(value, OutputFile):
        # Version 1.0 knows one form of a raw file.
        offers = offers[:1]
    pages = () if isinstance(value, OutputFile) and takes_anything(accept) else (HTML,)
    forms = list(dict.fromkeys([*offers, *pages, *_PARTS, *ARCHIVES]))
    chosen = choose(accept, forms)
    if chosen is None:
        if is_strict:
            raise NotAcceptable(
                f"The output {output.output_id!r} can be had as {', '.join(forms)} only; the request accepts none of "
                "these."
            )
        chosen = offers[0]
    if chosen == HTML and essence(offers[0]) != HTML:
        return _value_page(request, job, output, index)
    if chosen in ARCHIVES and essence(offers[0]) != chosen:
        return _archive(request, job, [output.output_id], chosen)
    if chosen in _PARTS:
        return multipart_response([_part(request, job, output)], chosen)
    if isinstance(value, OutputFile) and (chosen == offers[0] or is_json(offers[0])):
        return _file(request, job, value)
    if chosen == TEXT:
        response = Response(body=_text(value))
        set_type(response, f"{TEXT}; charset=utf-8")
        return response
    if isinstance(value, OutputFile):
        passing = Passing.of(job, _returns(request))
        results = request.runtime.results
        document = results.shape(job.job_id, value, Urls.of(request), output.output_id, index, passing=passing)
        return document_reply(document, lambda file: results.open(job.job_id, file))
    return reply(_bare(request, job, output, index))


def _offers(output: Output) -> list[str]:
    value = output.value
    if isinstance(value, OutputFile):
        # As JSON a file is what stands for it among other results.
        return list(dict.fromkeys([value.media_type, JSON]))
    if isinstance(value, str):
        return [TEXT, JSON]
    return [JSON, TEXT] if isinstance(value, bool | int | float) else [JSON]


def _file(request: Request, job: Job, file: OutputFile) -> Response:
    results = request.runtime.results
    if elsewhere := results.url(job.job_id, file):
        return redirect(elsewhere)
    return file_response(request, file, lambda: results.open(job.job_id, file))


def _bare(request: Request, job: Job, output: Output, index: int | None = None) -> Any:
    """Return a value that is JSON as it stands by itself, whole: there an object is not qualified."""
    by_value = Passing("whole")
    urls, value = Urls.of(request), output.value
    document = request.runtime.results.shape(job.job_id, value, urls, output.output_id, index, passing=by_value)
    is_qualified = isinstance(value, Mapping) and not is_bbox(value)
    return document["value"] if is_qualified else document


def _returns(request: Request) -> str | None:
    preferred = request.validated.get("Prefer")
    return preferred.representation if preferred else None


def _text(value: Any) -> bytes:
    return value.encode("utf-8", "replace") if isinstance(value, str) else write_json(value)
