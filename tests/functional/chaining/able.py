"""A server of features that knows more than the core: which parameters, its conformance classes say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .servers import CORE, FEATURES, Answer, Asked, Reply, say

SORT = "https://api.stacspec.org/v1.0.0/ogcapi-features#sort"
PROPERTIES = "http://www.opengis.net/spec/ogcapi-features-6/1.0/conf/property-selection"
WORDS = "https://api.stacspec.org/v1.0.0-rc.1/ogcapi-features#free-text"
CRS = "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs"
MERCATOR = "http://www.opengis.net/def/crs/EPSG/0/3857"

_KNOWN = {CORE: {"bbox", "datetime", "limit"}, SORT: {"sortby"}, PROPERTIES: {"properties"}, WORDS: {"q"},
          CRS: {"crs", "bbox-crs"}}  # fmt: skip


def able_server(conforms: list[str], *, content_crs: str = MERCATOR) -> Answer:
    """Return what a server answers that refuses all parameters but those of these classes, as the standard has it."""
    known = set().union(*(_KNOWN[name] for name in conforms))

    def answer(asked: Asked) -> Reply:
        if asked.path == "/conformance":
            return say({"conformsTo": conforms})
        if asked.path == "/collections/points":
            return say({"id": "points", "links": [{"href": "/collections/points/items", "rel": "items"}]})
        if asked.path != "/collections/points/items":
            return say({}, 404)
        if unknown := sorted(asked.query.keys() - known - {"vendor"}):
            return say({"detail": f"unknown parameters: {unknown}"}, 400)
        found = [_made(item, asked.query) for item in FEATURES if _fits(item, asked.query)]
        if "sortby" in asked.query:
            name = asked.query["sortby"].lstrip("+-")
            found.sort(key=lambda item: item["properties"][name], reverse=asked.query["sortby"].startswith("-"))
        size = int(asked.query.get("limit", "1000"))
        headers = {"Content-Crs": f"<{content_crs}>"} if "crs" in asked.query else {}
        return say({"type": "FeatureCollection", "features": found[:size]}, **headers)

    return answer


def _fits(item: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    if "q" in query:
        # Its own idea of what an item is about, which no one else can know.
        return any(word == "prime" for word in query["q"].split(",")) and item["properties"]["number"] in (2, 3, 5, 7)
    if "bbox" in query:
        west, south, east, north = map(float, query["bbox"].split(","))
        scale = 100_000 if query.get("bbox-crs") == MERCATOR else 1
        x, y = item["geometry"]["coordinates"]
        return bool(west <= x * scale <= east and south <= y * scale <= north)
    return True


def _made(item: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(item))
    if "properties" in query:
        kept = query["properties"].split(",")
        made["properties"] = {name: value for name, value in made["properties"].items() if name in kept}
    if query.get("crs") == MERCATOR:
        made["geometry"]["coordinates"] = [100_000 * number for number in made["geometry"]["coordinates"]]
    return made


def search_server(asked: Asked) -> Reply:
    """A STAC API whose further pages are asked for by POST: with the body of the link, and what was sent before."""
    if asked.path != "/search":
        return say({}, 404)
    body = asked.body or {}
    start = int(body.get("start", 0))
    links: list[dict[str, Any]] = [{"rel": "self", "href": "/search"}]
    if asked.query.get("away"):
        links.append({"rel": "next", "href": "http://localhost:1/search", "method": "POST", "body": {"start": 10}})
    elif start < 20:
        sent = {"start": start + 10} if start else {"start": 10, "token": "t"}
        links.append({"rel": "next", "href": "/search", "method": "POST", "body": sent, "merge": bool(start)})
    if start and body.get("token") != "t":
        return say({"detail": "the token is missing"}, 400)
    return say({"type": "FeatureCollection", "features": FEATURES[start : start + 10], "links": links})
