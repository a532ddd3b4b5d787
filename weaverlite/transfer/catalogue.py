"""What a collection is and what its server can do: OGC API collections, STAC (served or static), plain GeoJSON."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from weaverlite.errors import ReferenceRefused, StagingError
from weaverlite.models.collection import CollectionQuery
from weaverlite.ogc import collections as names
from weaverlite.ogc.links import NEXT, Link, find, read_links
from weaverlite.transfer.egress import show
from weaverlite.transfer.parameters import of_file, of_items, with_parameters
from weaverlite.transfer.talk import Answer, Talk, said_by

ACCEPT = "application/geo+json, application/json;q=0.9, */*;q=0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the items of a collection are, and what is selected there.

    ``kind`` is ``features`` (pages of items), ``tree`` (a static STAC catalogue), ``coverage`` or ``map`` (a file).
    """

    kind: str
    url: str
    #: The first page, where it was read already.
    first: Answer | None = None
    pushed: frozenset[str] = frozenset()
    #: Where they are by what the server is sure to understand, for one that refuses what it does not know.
    plain: str = ""
    #: The reference system that coordinates were asked for in, where it is not that of GeoJSON.
    crs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """The next page: asked for by GET, or by POST with a body (STAC API)."""

    url: str
    body: Mapping[str, Any] | None = None


def look_up(talk: Talk, query: CollectionQuery) -> Source:
    """Return where what is wanted of a collection is.

    :raises ReferenceRefused, StagingError: it cannot be had, or is no collection.
    """
    answer = talk.get(query.uri, accept=ACCEPT)
    if answer.status != 200:
        raise StagingError(f"{show(query.uri)} answered {said_by(answer)}.")
    document = answer.json() if answer.is_json or answer.content.lstrip()[:1] == b"{" else None
    if not isinstance(document, Mapping):
        said = answer.media_type or "no media type"
        raise StagingError(
            f"{show(query.uri)} is no collection, it answered with {said}: refer to a file with 'href'."
        )
    if document.get("type") in ("FeatureCollection", "Feature"):
        return _served(talk, query, answer, answer.url)
    return _described(talk, query, answer, read_links(document))


def _described(talk: Talk, query: CollectionQuery, answer: Answer, links: tuple[Link, ...]) -> Source:
    """Return the source that the description of a collection leads to."""
    wanted: tuple[str, ...] = (names.FEATURES, names.COVERAGE, names.MAP)
    if query.format:
        wanted = (names.FEATURES if query.format == names.ITEMS else query.format,)
    for kind in wanted:
        found = [link for link in links if any(rel in names.RELATIONS[kind] for rel in link.rel.split())]
        if not found:
            continue
        if kind == names.FEATURES:
            chosen = next((link for link in found if "geo+json" in link.type), found[0])
            return _served(talk, query, answer, answer.at(chosen.href), is_described=True)
        chosen = next((link for link in found if query.media_type and link.type == query.media_type), found[0])
        return Source(kind=kind, url=with_parameters(answer.at(chosen.href), of_file(query, kind)))
    if names.FEATURES in wanted and find(links, "item", "child"):
        return _tree(query, answer)
    offered = ", ".join(sorted({link.rel for link in links if link.rel})[:20]) or "none"
    raise StagingError(
        f"{show(query.uri)} is no collection with {' or '.join(wanted)}: it has links of the relations {offered}."
    )


def _served(talk: Talk, query: CollectionQuery, answer: Answer, url: str, is_described: bool = False) -> Source:
    """Return the source of items, with as much of the selection in its URL as the server understands."""
    asked = of_items(query, _abilities(talk, answer))
    if not asked.sure and not asked.offered:
        return Source(kind="features", url=url, first=None if is_described else answer)
    plain = with_parameters(url, asked.sure)
    return Source(
        kind="features",
        url=with_parameters(plain, asked.offered),
        plain=plain if asked.offered else "",
        pushed=asked.pushed,
        crs=query.crs if names.is_other_crs(query.crs) else "",
    )


def _tree(query: CollectionQuery, answer: Answer) -> Source:
    of_items(query, frozenset())
    if query.passed:
        raise StagingError(
            f"{show(query.uri)} is a catalogue of files, whose server understands no parameters: leave "
            "'passThroughParameters' out."
        )
    return Source(kind="tree", url=answer.url, first=answer)


def _abilities(talk: Talk, answer: Answer) -> frozenset[str]:
    """Return what the server says it can do; nothing when it says nothing."""
    document = answer.json()
    found = find(read_links(document), *names.CONFORMANCE)
    url = answer.at(found.href) if found else ""
    if not url and "/collections/" in urlsplit(answer.url).path:
        url = answer.url.partition("/collections/")[0] + "/conformance"
    if not url:
        return frozenset()
    with suppress(StagingError, ReferenceRefused):
        told = talk.get(url)
        conforms = told.json() if told.status == 200 else None
        if isinstance(conforms, Mapping) and isinstance(conforms.get("conformsTo"), list):
            return names.abilities(conforms["conformsTo"])
    return frozenset()


def features_of(document: Any, url: str) -> list[Mapping[str, Any]]:
    """Return the features of a page.

    :raises StagingError: it is none.
    """
    if isinstance(document, Mapping) and document.get("type") == "Feature":
        return [document]
    found: Any = document.get("features") if isinstance(document, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        raise StagingError(f"{show(url)} is no GeoJSON FeatureCollection: it has no list of features.")
    return found


def next_of(document: Any, answer: Answer, body: Mapping[str, Any] | None) -> Following | None:
    """Return where the page after this one is, which ``body`` was sent for; None when it is the last.

    :raises StagingError: it is to be sent to another server.
    """
    if link := next((link for link in _next_links(document) if _method(link) == "GET"), None):
        return Following(url=answer.at(str(link["href"])))
    link = next((link for link in _next_links(document) if _method(link) == "POST"), None)
    if link is None:
        return None
    url = answer.at(str(link["href"]))
    if urlsplit(url)[:2] != urlsplit(answer.url)[:2]:
        raise StagingError(f"{show(answer.url)} has its next page on another server, which is to be sent a search.")
    own = link.get("body")
    sent = dict(own) if isinstance(own, Mapping) else {}
    return Following(url=url, body={**(body or {}), **sent} if link.get("merge") is True else sent)


def _next_links(document: Any) -> list[Mapping[str, Any]]:
    found = document.get("links") if isinstance(document, Mapping) else None
    entries = found if isinstance(found, list) else []
    return [
        item for item in entries
        if isinstance(item, Mapping) and isinstance(item.get("href"), str) and NEXT in str(item.get("rel")).split()
    ]  # fmt: skip


def _method(link: Mapping[str, Any]) -> str:
    return str(link.get("method") or "GET").upper()
