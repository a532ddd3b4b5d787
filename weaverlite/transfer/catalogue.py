"""What a collection is and what its server can do: OGC API collections, STAC (served or static), plain GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from weaverlite.errors import ReferenceRefused, StagingError
from weaverlite.models.collection import CollectionQuery
from weaverlite.ogc import collections as names
from weaverlite.ogc.links import Link, find, read_links
from weaverlite.transfer.egress import show
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
        parameters = [("bbox", _numbers(query.bbox)), ("datetime", query.datetime)]
        return Source(kind=kind, url=with_parameters(answer.at(chosen.href), parameters))
    if names.FEATURES in wanted and find(links, "item", "child"):
        return Source(kind="tree", url=answer.url, first=answer)
    offered = ", ".join(sorted({link.rel for link in links if link.rel})[:20]) or "none"
    raise StagingError(
        f"{show(query.uri)} is no collection with {' or '.join(wanted)}: it has links of the relations {offered}."
    )


def _served(talk: Talk, query: CollectionQuery, answer: Answer, url: str, is_described: bool = False) -> Source:
    """Return the source of items, with as much of the selection in its URL as the server understands."""
    abilities = _abilities(talk, query, answer)
    parameters: list[tuple[str, str]] = []
    pushed = set()
    if "core" in abilities:
        for name, text in (("bbox", _numbers(query.bbox)), ("datetime", query.datetime)):
            if text:
                parameters.append((name, text))
                pushed.add(name)
    if query.filter is not None and "filter" in abilities and (said := _filter(query, abilities)):
        parameters += said
        pushed.add("filter")
    if query.sort_by and "sort" in abilities:
        parameters.append(("sortby", ",".join(("-" if down else "+") + name for name, down in query.sort_by)))
        pushed.add("sort")
    if query.properties and "properties" in abilities:
        parameters.append(("properties", ",".join(query.properties)))
    is_selected_there = {"filter", "bbox", "datetime", "sort"} >= pushed and _is_all_pushed(query, pushed)
    if "core" in abilities:
        size = min(query.limit, 1000) if query.limit and is_selected_there else 1000
        parameters.append(("limit", str(size)))
    if not parameters:
        return Source(kind="features", url=url, first=None if is_described else answer)
    return Source(kind="features", url=with_parameters(url, parameters), pushed=frozenset(pushed))


def _is_all_pushed(query: CollectionQuery, pushed: set[str]) -> bool:
    asked = {
        "filter": query.filter is not None,
        "bbox": bool(query.bbox),
        "datetime": bool(query.datetime),
        "sort": bool(query.sort_by),
        "ids": bool(query.ids),
    }
    return all(name in pushed for name, is_asked in asked.items() if is_asked)


def _abilities(talk: Talk, query: CollectionQuery, answer: Answer) -> frozenset[str]:
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


def _filter(query: CollectionQuery, abilities: frozenset[str]) -> list[tuple[str, str]]:
    """Return the parameters that say the filter in a language of the server; empty when it knows none."""
    if query.filter_lang in abilities:
        text = query.filter if isinstance(query.filter, str) else json.dumps(query.filter)
        return [("filter", text), ("filter-lang", query.filter_lang)]
    other = names.JSON if query.filter_lang == names.TEXT else names.TEXT
    if other not in abilities:
        return []
    from weaverlite.schemas.filters import parse_filter

    expression = parse_filter(query.filter, query.filter_lang)
    text = expression.to_text() if other == names.TEXT else json.dumps(expression.to_json())
    return [("filter", text), ("filter-lang", other)]


def with_parameters(url: str, parameters: list[tuple[str, str]]) -> str:
    """Return the URL with these parameters, in place of its own of the same names; empty ones are left out."""
    parts = urlsplit(url)
    given = [(name, text) for name, text in parameters if text]
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in dict(given)]
    return urlunsplit(parts._replace(query=urlencode(kept + given)))


def _numbers(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:.15g}" for value in values)


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
