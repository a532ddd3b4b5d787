"""Read collections: page after page, no more than allowed, selected here where their servers do not select."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from weaverlite.errors import ReferenceRefused, StagingError
from weaverlite.models.collection import CollectionQuery, Collections
from weaverlite.models.exchange import is_below
from weaverlite.ogc import links
from weaverlite.ogc.links import read_links
from weaverlite.settings import Settings
from weaverlite.transfer.catalogue import ACCEPT, Source, features_of, look_up, next_of
from weaverlite.transfer.egress import show
from weaverlite.transfer.selection import select
from weaverlite.transfer.talk import Answer, Talk, said_by

#: Deepest catalogue of a static STAC that is gone through.
_DEPTH = 8
#: What a server answers that does not know a parameter, or cannot take a URL of that length.
_REFUSED = frozenset({400, 414, 422, 501})


class CollectionReader(Collections):
    """Reads collections below ``roots``, at most ``items`` items of each."""

    def __init__(self, talk: Talk, *, roots: tuple[str, ...], items: int) -> None:
        self._talk = talk
        self._roots = roots
        self._items = items

    @classmethod
    def create(cls, settings: Settings) -> CollectionReader:
        chaining = settings.chaining
        return cls(Talk.create(settings), roots=chaining.collections, items=chaining.items)

    def look_up(self, query: CollectionQuery) -> Source:
        """Return where what is wanted of a collection is. Raises as :meth:`read`."""
        self._check(query.uri)
        return look_up(self._talk, query)

    def read(self, query: CollectionQuery) -> dict[str, Any]:
        """Return the GeoJSON FeatureCollection of the items wanted.

        :raises ReferenceRefused: the operator or the egress policy forbids it.
        :raises StagingError: it cannot be had, is no collection of features, or has too many.
        """
        return self.read_from(self.look_up(query), query)

    def read_from(self, source: Source, query: CollectionQuery) -> dict[str, Any]:
        """Return the items of a source that was looked up. Raises as :meth:`read`."""
        pages = self._tree(source) if source.kind == "tree" else self._pages(source)
        found = list(select(query, self._counted(pages, query), source.pushed))
        document: dict[str, Any] = {"type": "FeatureCollection", "features": found}
        if source.crs:
            # As GeoJSON had it before RFC 7946: what reads it otherwise takes the coordinates for degrees.
            document["crs"] = {"type": "name", "properties": {"name": source.crs}}
        return document

    # ------------------------------------------------------------ pages

    def _pages(self, source: Source) -> Iterator[Mapping[str, Any]]:
        answer, body = source.first or self._begin(source), None
        seen = {(answer.url, json.dumps(body))}
        while True:
            document = answer.json()
            _check_crs(source, answer)
            for feature in features_of(document, answer.url):
                yield _located(feature, answer)
            following = next_of(document, answer, body)
            if following is None or (following.url, json.dumps(following.body)) in seen:
                return
            seen.add((following.url, json.dumps(following.body)))
            if len(seen) > self._items + 1:
                raise self._too_many(source.url)
            body = following.body
            answer = self._get(following.url, body)

    def _begin(self, source: Source) -> Answer:
        """Return the first page. Some servers refuse parameters that they do not know: those are left out then."""
        if source.plain:
            self._check(source.url)
            answer = self._talk.get(source.url, accept=ACCEPT)
            if answer.status not in _REFUSED:
                return _good(answer, source.url)
        return self._get(source.plain or source.url)

    def _tree(self, source: Source) -> Iterator[Mapping[str, Any]]:
        """Yield the items of a static catalogue, depth first."""
        left = [(source.first or self._get(source.url), 0)]
        seen = {source.url}
        while left:
            answer, depth = left.pop()
            document = answer.json()
            if isinstance(document, Mapping) and document.get("type") == "Feature":
                yield _located(document, answer)
                continue
            urls = [answer.at(link.href) for link in read_links(document) if link.rel in ("item", "child")]
            fresh = [url for url in dict.fromkeys(urls) if url not in seen]
            seen.update(fresh)
            if depth >= _DEPTH and fresh:
                raise StagingError(f"{show(answer.url)} is nested deeper than the {_DEPTH} catalogues that are read.")
            if len(seen) > self._items + 1:
                raise self._too_many(source.url)
            for url in fresh:
                answer = self._get(url)
                if isinstance(found := answer.json(), Mapping) and found.get("type") == "Feature":
                    yield _located(found, answer)
                else:
                    left.append((answer, depth + 1))

    def _counted(self, pages: Iterator[Mapping[str, Any]], query: CollectionQuery) -> Iterator[Mapping[str, Any]]:
        for number, feature in enumerate(pages):
            if number >= self._items:
                raise self._too_many(query.uri)
            yield feature

    def _too_many(self, url: str) -> StagingError:
        return StagingError(
            f"{show(url)} has more than the {self._items} items that may be read for an input "
            "(weaverlite.chaining.items): select fewer by limit, bbox, datetime, or a filter its server understands."
        )

    def _get(self, url: str, body: Mapping[str, Any] | None = None) -> Answer:
        self._check(url)
        method = "GET" if body is None else "POST"
        return _good(self._talk.ask(method, url, {"Accept": ACCEPT}, body), url)

    def _check(self, url: str) -> None:
        if not is_below(url, self._roots):
            raise ReferenceRefused(
                f"{show(url)}: no collections may be read there (weaverlite.chaining.collections)."
            )


def _good(answer: Answer, url: str) -> Answer:
    if answer.status != 200:
        raise StagingError(f"{show(url)} answered {said_by(answer)}.")
    return answer


def _check_crs(source: Source, answer: Answer) -> None:
    said = answer.headers.get("content-crs", "").strip("<> ")
    if source.crs and said.replace("https:", "http:") != source.crs.replace("https:", "http:"):
        raise StagingError(
            f"{show(answer.url)} answered with coordinates in {said[:120] or 'an unknown system'}, not in "
            f"{source.crs[:120]} as it was asked: leave 'crs' out."
        )


def _located(feature: Mapping[str, Any], answer: Answer) -> Mapping[str, Any]:
    """Return the feature with the references of its assets in full: it goes where relative ones lead nowhere."""
    assets = feature.get("assets")
    if not isinstance(assets, Mapping):
        return feature
    own = links.find(read_links(feature), links.SELF)
    base = answer.at(own.href) if own is not None else answer.url
    located = {
        name: {**asset, "href": _joined(base, asset["href"])}
        for name, asset in assets.items()
        if isinstance(asset, Mapping) and isinstance(asset.get("href"), str)
    }
    return {**feature, "assets": located}


def _joined(base: str, href: str) -> str:
    from urllib.parse import urljoin

    return urljoin(base, href)
