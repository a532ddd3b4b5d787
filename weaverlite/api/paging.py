"""Links between the pages of a list."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

from pyramid.request import Request

from weaverlite.errors import Fault, InvalidRequest
from weaverlite.models.queries import Page
from weaverlite.ogc import exceptions
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import Link
from weaverlite.ogc.negotiation import JSON

T = TypeVar("T")

#: How far from the beginning a page of a number may be: to get there, all before it is counted.
_FARTHEST = 10_000
#: What says where a page is; every other parameter stays the same from page to page.
_PLACES = ("cursor", "page")


def paged(request: Request, href: str, next_cursor: str | None, parameter: str = "cursor") -> list[dict[str, str]]:
    """Return the links of a page: itself and, when more follows, the next one, with the same filters.

    ``parameter`` is the one that says where the next page begins.
    """
    query = _query(request)
    found = [*rel.representations(_with(href, query), "This page")]
    if next_cursor:
        others = [(name, value) for name, value in query if name != parameter]
        found.append(Link(_with(href, [*others, (parameter, next_cursor)]), rel.NEXT, JSON, "The next page"))
    return [link.to_json() for link in found]


def page_links(request: Request, href: str, page: Page[T], *, up: str = "") -> list[dict[str, str]]:
    """Return the links of a page of a list that can be read both ways: itself, the first one, the ones beside it.

    The links keep the filters. ``up`` is where the list belongs to.
    """
    query = _query(request)
    others = [(name, value) for name, value in query if name not in _PLACES]
    found = [
        *rel.representations(_with(href, query), "This page"),
        Link(_with(href, others), rel.FIRST, JSON, "The first page"),
    ]
    if page.prev_cursor:
        found.append(Link(_with(href, [*others, ("cursor", page.prev_cursor)]), rel.PREV, JSON, "The page before"))
    elif not page.items and (number := request.validated.get("page")):
        # Behind the last one there is no entry that a cursor could name.
        found.append(Link(_with(href, [*others, ("page", str(number - 1))]), rel.PREV, JSON, "The page before"))
    if page.next_cursor:
        found.append(Link(_with(href, [*others, ("cursor", page.next_cursor)]), rel.NEXT, JSON, "The next page"))
    if up:
        found.append(Link(up, rel.UP, JSON, "Where this belongs to"))
    return [link.to_json() for link in found]


def page_offset(request: Request) -> int:
    """Return how many entries are before the page of the number that was asked for with ``page``.

    :raises InvalidRequest: it is too far away, or a cursor says otherwise.
    """
    given = request.validated
    offset: int = given["page"] * given["limit"]
    if offset and given["cursor"] is not None:
        why = "cannot be given together with cursor: the link next has all it needs"
    elif offset > _FARTHEST:
        why = f"is too far away: only the first {_FARTHEST} entries have page numbers; follow the link next instead"
    else:
        return offset
    raise InvalidRequest(faults=[Fault(why, "page", "query")], type=exceptions.INVALID_QUERY_PARAMETER_VALUE)


def _query(request: Request) -> list[tuple[str, str]]:
    return parse_qsl(request.environ.get("QUERY_STRING", ""), keep_blank_values=True)


def _with(href: str, query: list[tuple[str, str]]) -> str:
    return f"{href}?{urlencode(query)}" if query else href
