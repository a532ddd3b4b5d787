"""Documents as pages for people: every member and every link of the JSON, one layout for all of them.

Nothing of a document is trusted: all of it is escaped, links lead to http(s) only, and no page may run a script.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from pyramid.request import Request
from pyramid.response import Response

from weaverlite.api.rendering import set_type
from weaverlite.api.urls import Urls
from weaverlite.ogc.negotiation import HTML

_UTF8 = f"{HTML}; charset=utf-8"
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: Swagger UI styles its elements itself, has its icons as data and asks this service for the definition.
_API_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_WEB = re.compile(r"https?://[^\s<>\"]+\Z")
#: Lists whose members are resources of their own.
_LISTS = ("processes", "jobs", "revisions")


def page(request: Request, answer: Any) -> Any:
    """Return an answer as a page: a document that a view returned or replied with; anything else stays as it is."""
    response, document = request.response, answer
    if not isinstance(answer, Mapping):
        response, document = answer, getattr(answer, "document", None)
    if document is None:
        return answer
    text = _document_page(request, document, _title(request, document))
    # It names the bytes of the other form.
    response.headers.pop("ETag", None)
    return _fill(response, text, _POLICY)


def problem_page(request: Request, document: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """Return a problem document as a page."""
    response = Response(status=document["status"])
    response.headers.update(headers)
    title = f"{document['status']} {document.get('title', '')}".strip()
    return _fill(response, _document_page(request, document, title), _POLICY)


def results_page(request: Request, job_id: str, values: Mapping[str, Any], title: str) -> Response:
    """Return results of a job, by the names of their outputs, as a page."""
    urls = Urls.of(request)
    links = [
        {"href": urls.job(job_id), "rel": "monitor", "title": "The job"},
        {"href": urls.at("jobs", job_id, "results"), "rel": "results", "title": "All its results"},
    ]
    # An execution is not done once more to see it in another form.
    json = _as_json(request) if "job_id" in request.matchdict else f"{links[1]['href']}?f=json"
    return values_page(request, values, title, links, json)


def values_page(
    request: Request, values: Mapping[str, Any], title: str, links: list[dict[str, str]], json: str = ""
) -> Response:
    """Return values by their names as a page: what they are called has no meaning here."""
    return _fill(Response(status=200), _render(request, {}, values, title, links=links, json=json), _POLICY)


def api_page(request: Request, documents: list[dict[str, str]], url: str) -> Response:
    """Return the page that shows the definition of the API; it gets the document at ``url``."""
    text = _templates().get_template("api.html").render(
        **_frame(request), title="Definition of the API", links=documents, url=url
    )
    return _fill(Response(status=200), text, _API_POLICY)


def _fill(response: Response, text: str, policy: str) -> Response:
    response.body = text.encode("utf-8", "replace")
    set_type(response, _UTF8)
    response.headers["Content-Security-Policy"] = policy
    return response


def _document_page(request: Request, document: Any, title: str) -> str:
    members = dict(document) if isinstance(document, Mapping) else {"value": document}
    links = members.pop("links") if is_links(members.get("links")) else []
    lists = {name: members.pop(name) for name in _LISTS if _are_resources(members.get(name))}
    shown = {name: value for name, value in members.items() if name not in ("description", "detail", "title")}
    return _render(request, members, shown, title, links=links, lists=lists, json=_as_json(request))


def _render(
    request: Request, document: Mapping[str, Any], shown: Mapping[str, Any], title: str, **more: Any
) -> str:
    parts = {name: value for name, value in shown.items() if value and _is_part(value)}
    text: str = _templates().get_template("page.html").render(
        **_frame(request),
        title=title,
        document=document,
        facts={name: value for name, value in shown.items() if name not in parts},
        parts=parts,
        trail=list(_trail(request)),
        **{"lists": {}, **more},
    )
    return text


def _frame(request: Request) -> dict[str, Any]:
    urls = Urls.of(request)
    return {
        "service": request.runtime.settings.server.title,
        "home": urls.landing(),
        "assets": urls.at("static"),
    }


def _title(request: Request, document: Any) -> str:
    if isinstance(document, Mapping):
        for name in ("title", "id"):
            if isinstance(found := document.get(name), str) and found:
                return found
    service: Any = getattr(request, "current_service", None)
    return str(service.description) if service is not None else "Document"


def _trail(request: Request) -> list[tuple[str, str]]:
    """Return the resources above this one."""
    urls, segments = Urls.of(request), [part for part in _path(request).split("/") if part]
    above = [("Service", urls.landing())] if segments else []
    return above + [(name, urls.at(*segments[: place + 1])) for place, name in enumerate(segments[:-1])]


def _path(request: Request) -> str:
    path: str = request.environ.get("PATH_INFO", "")
    return path.encode("latin-1", "replace").decode("utf-8", "replace")


def _as_json(request: Request) -> str:
    if request.method not in ("GET", "HEAD"):
        return ""
    query = parse_qsl(request.environ.get("QUERY_STRING", ""), keep_blank_values=True, errors="replace")
    kept = [(name, value) for name, value in query if name != "f"]
    return f"{Urls.of(request).at(*_path(request).strip('/').split('/'))}?{urlencode([*kept, ('f', 'json')])}"


# ---------------------------------------------------------------- what the templates ask


@cache
def _templates() -> Any:
    from jinja2 import Environment, PackageLoader

    environment = Environment(loader=PackageLoader("weaverlite.api"), autoescape=True, auto_reload=False)
    environment.filters.update(json=_json, line=_line, itself=_itself, relation=_relation, word=_word)
    environment.tests.update(
        links_list=is_links, plain_list=_is_plain, web_url=_is_web_url, followable=_is_followable
    )
    return environment


def is_links(value: Any) -> bool:
    """Whether this is a list of links."""
    return isinstance(value, list) and all(
        isinstance(item, Mapping) and isinstance(item.get("href"), str) for item in value
    )


def _are_resources(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) and "id" in item for item in value)


def _is_part(value: Any) -> bool:
    return isinstance(value, Mapping) or isinstance(value, list) and not _is_plain(value)


def _is_plain(value: Any) -> bool:
    # Numbers and words read better in one line than one below the other.
    return all(isinstance(item, int | float | None) or isinstance(item, str) and len(item) < 40 for item in value)


def _is_web_url(value: Any) -> bool:
    return isinstance(value, str) and bool(_WEB.match(value))


def _is_followable(href: str) -> bool:
    try:
        return urlsplit(href.strip()).scheme in ("http", "https") and _is_web_url(href)
    except ValueError:
        return False


def _itself(item: Mapping[str, Any]) -> str:
    found: Any = item.get("links")
    links = found if is_links(found) else []
    return next((link["href"] for link in links if link.get("rel") == "self" and _is_followable(link["href"])), "")


def _relation(text: Any) -> str:
    return str(text or "").rpartition("/")[2]


def _word(text: str) -> str:
    return re.sub(r"[^a-z\-]", "", text.lower())


def _line(value: Any) -> str:
    return ", ".join(item if isinstance(item, str) else _json(item) for item in value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=None, default=str)
