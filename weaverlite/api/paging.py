"""Links between the pages of a list."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from pyramid.request import Request

from weaverlite.ogc import links as rel
from weaverlite.ogc.links import Link
from weaverlite.ogc.negotiation import JSON


def paged(request: Request, href: str, next_cursor: str | None, parameter: str = "cursor") -> list[dict[str, str]]:
    """Return the links of a page: itself and, when more follows, the next one, with the same filters.

    ``parameter`` is the one that says where the next page begins.
    """
    query = parse_qsl(request.environ.get("QUERY_STRING", ""), keep_blank_values=True)
    found = [Link(_with(href, query), rel.SELF, JSON, "This page")]
    if next_cursor:
        others = [(name, value) for name, value in query if name != parameter]
        found.append(Link(_with(href, [*others, (parameter, next_cursor)]), rel.NEXT, JSON, "The next page"))
    return [link.to_json() for link in found]


def _with(href: str, query: list[tuple[str, str]]) -> str:
    return f"{href}?{urlencode(query)}" if query else href
