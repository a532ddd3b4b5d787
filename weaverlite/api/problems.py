"""Whatever goes wrong, as a problem document (RFC 9457) that says what, where and what to do."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pyramid.config import Configurator
from pyramid.exceptions import URLDecodeError
from pyramid.httpexceptions import HTTPException, HTTPMethodNotAllowed, HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response

from weaverlite.api.rendering import reply
from weaverlite.errors import BackendError, Unauthenticated, WeaverLiteError
from weaverlite.ogc.exceptions import BLANK
from weaverlite.ogc.negotiation import HTML, JSON, PROBLEM, choose, names

log = logging.getLogger(__name__)


def problem(request: Request, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Return the response of a problem document: a page for those who prefer one, ``application/json`` for clients that
    name only that.
    """
    accept = request.environ.get("HTTP_ACCEPT")
    plain = JSON if names(accept, JSON) and not names(accept, PROBLEM) else PROBLEM
    if choose(accept, (plain, HTML)) == HTML:
        from weaverlite.api import html  # Here for the start-up: the templates take 40 ms.

        return html.problem_page(request, document, headers or {})
    return reply(document, document["status"], headers=headers, media_type=plain)


def refused(error: WeaverLiteError, request: Request) -> Response:
    """Answer an error of our own."""
    document = error.problem()
    if document["status"] == 500:
        # Not meant for clients: a lost race that nobody handled, a setting found wrong too late.
        return unexpected(error, request)
    headers = dict(error.headers)
    if isinstance(error, BackendError):
        headers["Retry-After"] = str(error.retry_after)
        log.warning("%s: %s", document["title"], error.detail, extra={"action": "refuse"})
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'RemoteUser realm="weaverlite"'
    return problem(request, document, headers)


def http_error(error: HTTPException, request: Request) -> Response:
    """Answer an error of the framework: no such path, no such method."""
    headers = {}
    detail = error.detail or error.explanation or error.title
    if isinstance(error, HTTPNotFound):
        detail = f"There is nothing at {request.path[:200]}: the landing page links to what there is."
    elif isinstance(error, HTTPMethodNotAllowed):
        headers["Allow"] = ", ".join(error.allow)
        detail = f"{request.path[:200]} does not take {request.method[:20]}: it takes {headers['Allow']}."
    elif error.status_code < 400:
        return error
    return problem(request, _plain(error.status_code, detail), headers)


def undecodable(error: URLDecodeError, request: Request) -> Response:
    """Answer a path that is not UTF-8."""
    return problem(request, _plain(400, "The path is not UTF-8 once its %-escapes are resolved."))


def unexpected(error: Exception, request: Request) -> Response:
    """Answer an error of ours with nothing but the id under which the log tells everything."""
    incident = uuid.uuid4().hex[:12]
    path = ascii(request.environ.get("PATH_INFO", "")[:200])
    log.error("incident %s: %s %s", incident, request.method, path, exc_info=error, extra={"action": "incident"})
    detail = f"The service made an error. Its log tells more about incident {incident}."
    return problem(request, {**_plain(500, detail), "incident": incident})


def _plain(status: int, detail: str) -> dict[str, Any]:
    return {"type": BLANK, "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def includeme(config: Configurator) -> None:
    for context, view in (
        (Exception, unexpected),
        (WeaverLiteError, refused),
        (HTTPException, http_error),
        (HTTPNotFound, http_error),
        (URLDecodeError, undecodable),
    ):
        config.add_exception_view(view, context=context)
