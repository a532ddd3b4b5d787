"""What is the same for every request: its id, its line in the access log, ``f=``, and the headers browsers obey."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from pyramid.config import Configurator
from pyramid.events import NewRequest
from pyramid.request import Request
from pyramid.response import Response
from pyramid.tweens import EXCVIEW

from weaverlite.errors import Fault, InvalidRequest, QueueError
from weaverlite.ogc.negotiation import FORMATS

access = logging.getLogger("weaverlite.access")

Handler = Callable[[Request], Response]

_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}\Z")
_FORMAT = re.compile(r"(?:\A|&)f=([a-z]+)(?:&|\Z)")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    # States change: nothing may be taken from a cache without asking.
    "Cache-Control": "private, no-cache",
    "Vary": "Accept",
}


def frame(handler: Handler, registry: Any) -> Handler:
    """Give each request an id and each response its headers, and write the access log."""

    def framed(request: Request) -> Response:
        started = time.perf_counter()
        given = request.environ.get("HTTP_X_REQUEST_ID", "")
        request.request_id = given if _ID.match(given) else uuid.uuid4().hex
        response = handler(request)
        response.headers["X-Request-ID"] = request.request_id
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if access.isEnabledFor(logging.INFO):
            _log(request, response, time.perf_counter() - started)
        return response

    return framed


def prefer_format(handler: Handler, registry: Any) -> Handler:
    """Let ``f=`` in the query stand for the ``Accept`` header. A form that is unknown is refused later."""

    def preferring(request: Request) -> Response:
        if (found := _FORMAT.search(request.environ.get("QUERY_STRING", ""))) and found[1] in FORMATS:
            request.environ["HTTP_ACCEPT"] = FORMATS[found[1]]
        return handler(request)

    return preferring


def guard(event: NewRequest) -> None:
    """Refuse what must not reach any view; called where problems are still answered as such."""
    registry = event.request.registry
    registry.guard.check(event.request)
    for name, value in event.request.environ.items():
        # WSGI headers are bytes in the clothes of Latin-1.
        if name.startswith("HTTP_") and not value.isascii() and not _is_utf8(value):
            header = name.removeprefix("HTTP_").replace("_", "-").title()
            raise InvalidRequest(faults=[Fault("the header is not UTF-8", header, "header")])
    if event.request.environ.get("wsgi.multiprocess") and registry.runtime.settings.queue.url == "embedded":
        raise QueueError(
            "This service runs in several processes, but its queue is embedded in one: set weaverlite.queue.url to a "
            "broker (celery+redis://…), or run one process."
        )


def _is_utf8(text: str) -> bool:
    try:
        text.encode("latin-1").decode()
    except UnicodeError:
        return False
    return True


def _log(request: Request, response: Response, seconds: float) -> None:
    environ = request.environ
    target = quote(environ.get("PATH_INFO", "").encode("latin-1", "replace"), safe="/:@!$&'()*+,;=~-._")
    if query := environ.get("QUERY_STRING"):
        target += "?" + quote(query, safe="/:@!$&'()*+,;=~-._%?")
    access.info(
        '%s %s "%s %s" %d %s %.1fms %s',
        environ.get("REMOTE_ADDR", "-"),
        quote(str(request.owner), safe="@") if request.owner else "-",
        request.method[:20],
        target[:1000],
        response.status_int,
        "-" if response.content_length is None else response.content_length,
        seconds * 1000,
        request.request_id,
        extra={"action": "answer"},
    )


def includeme(config: Configurator) -> None:
    config.add_subscriber(guard, NewRequest)
    config.add_tween("weaverlite.api.tweens.prefer_format", over=EXCVIEW)
    config.add_tween("weaverlite.api.tweens.frame", over="weaverlite.api.tweens.prefer_format")
