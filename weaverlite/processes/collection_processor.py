"""Read a collection of OGC API - Features, STAC or GeoJSON, and give the items that are wanted of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from weaverlite.errors import EngineError
from weaverlite.models.collection import read_query
from weaverlite.models.function import Context, PythonProcess
from weaverlite.models.process import InputDescription, OutputDescription
from weaverlite.ogc.collections import LANGUAGES

GEOJSON = {"type": "string", "contentMediaType": "application/geo+json"}
_URL = {"type": "string", "format": "uri"}
_NAMES = {"type": "array", "items": {"type": "string"}}


def collection_processor(inputs: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Return the items as one GeoJSON document, what they refer to, and how many they are."""
    query, faults = read_query(inputs)
    if query is None:
        raise EngineError("; ".join(f"{fault.pointer.lstrip('/')} {fault.message}" for fault in faults))
    document = context.collections.read(query)
    path = context.directory / "collection.geojson"
    path.write_text(json.dumps(document), encoding="utf-8")
    features = document["features"]
    references = [href for feature in features for href in _references(feature, query.assets)]
    return {"features": path, "references": references, "count": len(features)}


def _references(feature: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    assets = feature.get("assets")
    if isinstance(assets, Mapping):
        chosen = [assets[name] for name in names if name in assets] if names else list(assets.values())
        return [asset["href"] for asset in chosen if isinstance(asset.get("href"), str)]
    links = feature.get("links")
    found = [link for link in links if isinstance(link, Mapping)] if isinstance(links, list) else []
    return [link["href"] for link in found if link.get("rel") == "self" and isinstance(link.get("href"), str)]


def _input(name: str, title: str, schema: Mapping[str, Any], *, is_needed: bool = False) -> InputDescription:
    return InputDescription(input_id=name, title=title, schema=schema, min_occurs=1 if is_needed else 0)


PROCESS = PythonProcess(
    process_id="collection_processor",
    version="1.0.0",
    title="Items of a collection",
    description=(
        "Reads a collection of OGC API - Features, a STAC API or catalogue, or GeoJSON, page by page, and selects "
        "items. What the server of the collection does not select is selected here."
    ),
    keywords=("collection", "STAC", "features", "GeoJSON"),
    inputs=(
        _input("collection", "URL of the collection, or of its items", _URL, is_needed=True),
        _input("filter", "CQL2, as text or as JSON", {"oneOf": [{"type": "string"}, {"type": "object"}]}),
        _input("filter-lang", "Language of the filter", {"type": "string", "enum": list(LANGUAGES)}),
        _input("datetime", "Time or interval, RFC 3339", {"type": "string"}),
        _input("bbox", "West, south, east, north",
               {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}),
        _input("bboxCrs", "Reference system of the box", {"type": "string"}),
        _input("geometry", "What items must meet, GeoJSON or WKT", {"oneOf": [{"type": "string"}, {"type": "object"}]}),
        _input("subset", "Parts of axes, like Lat(40:50)", _NAMES),
        _input("q", "Words, of which an item has one", _NAMES),
        _input("crs", "Reference system of the items", {"type": "string"}),
        _input("aliases", "Names that properties may hold, with CQL2 expressions", {"type": "object"}),
        _input("passThroughParameters", "Parameters for the server of the collection", {"type": "object"}),
        _input("limit", "Most items", {"type": "integer", "minimum": 1}),
        _input("properties", "Names of the properties that are kept", _NAMES),
        _input("sortBy", "Names of properties to sort by, descending after '-'", _NAMES),
        _input("ids", "Ids of the items", _NAMES),
        _input("assets", "Names of the assets of STAC items", _NAMES),
    ),
    outputs=(
        OutputDescription(output_id="features", title="The items, a GeoJSON FeatureCollection", schema=GEOJSON),
        OutputDescription(output_id="references", title="URLs of their assets, or of the items",
                          schema={"type": "array", "items": _URL}),
        OutputDescription(output_id="count", title="How many they are", schema={"type": "integer"}),
    ),
    function=collection_processor,
)  # fmt: skip
