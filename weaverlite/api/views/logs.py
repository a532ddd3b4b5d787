"""What a job says: its events, its output streams and its exit code, while it runs and afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from weaverlite import errors
from weaverlite.api import parameters as p
from weaverlite.api import represent
from weaverlite.api.files import file_response
from weaverlite.api.followers import EventForm, Form, TextForm, follow
from weaverlite.api.paging import paged
from weaverlite.api.rendering import reply, set_type
from weaverlite.api.service import Answer, Service, envelope
from weaverlite.api.urls import Urls
from weaverlite.models.codec import write_time
from weaverlite.models.job import TOPICS, Job, JobEvent
from weaverlite.models.queries import EventQuery
from weaverlite.ogc.negotiation import EVENTS, HTML, JSON, TEXT, takes_anything

_TAG = "jobs"
_MISSING = (errors.NoSuchJob, errors.JobRemoved)
_ONE = envelope(path=[p.JOB_ID])
_UTF8 = f"{TEXT}; charset=utf-8"
#: So many bytes of a stream stand on a page, the last ones.
_SHOWN = 256 * 1024

logs = Service("logs", "/jobs/{job_id}/logs", "Events and output lines of a job", _TAG)
stdout = Service("stdout", "/jobs/{job_id}/stdout", "Standard output of a job", _TAG)
stderr = Service("stderr", "/jobs/{job_id}/stderr", "Standard error of a job", _TAG)
exit_code = Service("exitCode", "/jobs/{job_id}/exitCode", "Exit code of a job", _TAG)


@logs.get(
    summary="Logs of a job",
    schema=envelope(
        path=[p.JOB_ID],
        query=[p.STREAM, p.TAIL, p.AFTER, p.SINCE, p.LINES, p.FOLLOW],
        header=[p.LAST_EVENT],
    ),
    answers={200: Answer("Entries, oldest first", "logs", (JSON, TEXT, EVENTS))},
    raises=(*_MISSING, errors.Overloaded, errors.TooManyHeld),
    produces=(JSON, TEXT, EVENTS),
)
def get_logs(request: Request) -> Response:
    given, jobs = request.validated, request.runtime.jobs
    job = jobs.get(given["job_id"], request.owner)
    form = _form(request, job)
    # A browser that lost a stream comes back with the number of the last event it had.
    query = EventQuery(
        after=max(given["after"], given["Last-Event-ID"] or 0),
        topics=frozenset(given["stream"] or ()),
        since=given["since"],
        tail=given["tail"],
        limit=max(given["limit"], given["tail"] or 0),
    )
    if given["follow"] or request.media_type == EVENTS:
        return follow(request, form, partial(jobs.follow, job.job_id, request.owner, query))
    if isinstance(form, TextForm):
        return _text(form.write(page) for page in _pages(request, job, query) if page)
    return _document(request, job, query)


def _document(request: Request, job: Job, query: EventQuery) -> Response:
    events = request.runtime.jobs.events(job.job_id, request.owner, query)
    last = events[-1].seq if events else query.after
    has_more = query.tail is None and len(events) >= query.limit
    links = paged(request, Urls.of(request).at("jobs", job.job_id, "logs"), str(last) if has_more else None, "after")
    return reply({"events": [represent.event(item) for item in events], "last": last, "links": links})


def _text(pieces: Iterator[bytes]) -> Response:
    response = Response(status=200)
    set_type(response, _UTF8)
    response.app_iter = pieces
    return response


def _pages(request: Request, job: Job, query: EventQuery) -> Iterator[list[JobEvent]]:
    while True:
        page = list(request.runtime.jobs.events(job.job_id, request.owner, query))
        yield page
        if len(page) < query.limit or query.tail is not None:
            return
        query = replace(query, after=page[-1].seq)


def _form(request: Request, job: Job) -> Form:
    if request.media_type == TEXT:
        streams = request.validated["stream"]
        only_output = bool(streams) and set(streams) <= {"stdout", "stderr"}
        return TextForm(_line if only_output else _full_line)
    if request.media_type == EVENTS:
        return EventForm(represent.event, partial(_status, request, job))
    return Form(represent.event)


def _status(request: Request, job: Job) -> dict[str, Any]:
    return represent.status_info(request.runtime.jobs.get(job.job_id, request.owner), Urls.of(request))


def _line(item: JobEvent) -> str:
    return f"[{item.step}] {item.message}" if item.step else item.message


def _full_line(item: JobEvent) -> str:
    return f"{write_time(item.at)} {item.topic} {_line(item)}"


# ---------------------------------------------------------------- streams


def _stream_view(name: str) -> Callable[[Request], Response]:
    def view(request: Request) -> Response:
        job = request.runtime.jobs.get(request.validated["job_id"], request.owner)
        # A page is not the text: browsers, which take anything, get that.
        is_page = request.media_type == HTML and not takes_anything(request.headers.get("Accept"))
        try:
            file = request.runtime.results.file(job.job_id, request.owner, name)
        except errors.NotFound:
            response = _live(request, job, name)
            return _page(request, job, name, response.app_iter) if is_page else response
        if is_page:
            with request.runtime.results.open(job.job_id, file) as stream:
                stream.seek(max(0, file.size - _SHOWN))
                return _page(request, job, name, [stream.read()])
        response = file_response(request, file, lambda: request.runtime.results.open(job.job_id, file))
        if response.status_int in (200, 206):
            set_type(response, _UTF8)
        return response

    view.__name__ = f"get_{name}"
    return view


def _page(request: Request, job: Job, name: str, pieces: Iterable[bytes]) -> Response:
    """Return the end of a stream as a page."""
    from weaverlite.api import html  # Here for the start-up: the templates take 40 ms.

    said = b""
    for piece in pieces:
        said = (said + piece)[-_SHOWN:]
    whole = f"{Urls.of(request).at('jobs', job.job_id, name)}?f=text"
    links = [{"href": whole, "rel": "alternate", "type": TEXT, "title": "All of it, as text"}]
    title: str = request.current_service.description
    return html.values_page(request, {name: said.decode("utf-8", "replace")}, title, links)


def _live(request: Request, job: Job, name: str) -> Response:
    """Return what the present attempt of a job has printed so far, from its events: there is no file yet, or never."""
    if name not in TOPICS:
        return _exit_code(job)
    form, query = TextForm(_line), EventQuery(topics=frozenset({name}), limit=p.LIMIT_MAX)
    # What an attempt before this one printed is in the logs.
    pages = ([item for item in page if item.attempt == job.attempt] for page in _pages(request, job, query))
    return _text(form.write(page) for page in pages if page)


def _exit_code(job: Job) -> Response:
    if not job.is_terminal:
        raise errors.ResultNotReady("The job has not ended: it has no exit code yet.")
    if not job.attempts or job.attempts[-1].exit_code is None:
        raise errors.ResultNotAvailable("The job ended without an exit code: nothing of it ran to its end.")
    response = Response(body=f"{job.attempts[-1].exit_code}\n".encode())
    set_type(response, _UTF8)
    return response


for _service in (stdout, stderr, exit_code):
    _service.get(
        summary=f"{_service.name} of a job",
        schema=_ONE,
        answers={
            200: Answer("The text; of a running job, what there is of it", media_types=(TEXT, HTML)),
            206: Answer("A part of it", media_types=(TEXT,)),
            304: Answer("It is the same still"),
            416: Answer("There is no such part"),
        },
        raises=(*_MISSING, errors.ResultNotReady, errors.ResultNotAvailable),
        produces=(TEXT, HTML),
    )(_stream_view(_service.name))


def includeme(config: Configurator) -> None:
    for service in (logs, stdout, stderr, exit_code):
        config.add_weaverlite_service(service)
