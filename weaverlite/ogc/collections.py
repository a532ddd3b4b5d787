"""Names of OGC API - Features, STAC and CQL2 that collections as inputs need: members, relations, abilities."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Members of a collection value (OGC 18-062r3 collectionValue, Part 3, and the words clients have for them) as we call
#: them.
MEMBERS = {
    "collection": "collection",
    "filter": "filter",
    "filter-lang": "filter_lang",
    "filterLang": "filter_lang",
    "filter-crs": "filter_crs",
    "filterCrs": "filter_crs",
    "datetime": "datetime",
    "bbox": "bbox",
    "bbox-crs": "bbox_crs",
    "bboxCrs": "bbox_crs",
    "limit": "limit",
    "properties": "properties",
    "sortBy": "sort_by",
    "sortby": "sort_by",
    "ids": "ids",
    "q": "q",
    "crs": "crs",
    "subset": "subset",
    "subset-crs": "subset_crs",
    "subsetCrs": "subset_crs",
    "geometry": "geometry",
    "geometry-crs": "geometry_crs",
    "geometryCrs": "geometry_crs",
    "aliases": "aliases",
    "assets": "assets",
    "passThroughParameters": "passed",
    "passThruParameters": "passed",
    "format": "format",
    "schema": "format",
    "type": "media_type",
    "mediaType": "media_type",
    "title": "title",
    "description": "description",
}

TEXT, JSON = "cql2-text", "cql2-json"
LANGUAGES = (TEXT, JSON)

#: CRS84 and the names people give it: the coordinates of GeoJSON.
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_CRS = "http://www.opengis.net/def/crs/"
CRS84H = _CRS + "OGC/0/CRS84h"
GEOJSON_CRS = frozenset(
    {
        CRS84, CRS84.replace("http:", "https:"), _CRS + "OGC/0/CRS84", "OGC:CRS84", "CRS84",
        CRS84H, CRS84H.replace("http:", "https:"), "OGC:CRS84h", "CRS84h",
    }
)  # fmt: skip
_EPSG = re.compile(r"\[?EPSG:(\d{1,9})\]?", re.IGNORECASE)

#: Axes of ``subset`` that items of features have, in lower case, by what they select of an item.
AXES = {
    "lat": "lat", "latitude": "lat",
    "lon": "lon", "long": "lon", "longitude": "lon",
    "time": "time", "date": "time", "datetime": "time",
}  # fmt: skip

#: What a result can be made into, by the short names clients use; a schema URI ends with one of them.
FEATURES, ITEMS, COVERAGE, MAP = "features", "items", "coverage", "map"
FORMATS = {
    "geojson-feature-collection": FEATURES,
    "ogc-features-collection": FEATURES,
    "stac-collection": FEATURES,
    "stac-items": ITEMS,
    "geojson-feature": ITEMS,
    "ogc-coverage-collection": COVERAGE,
    "ogc-map-collection": MAP,
}

_REL = "http://www.opengis.net/def/rel/ogc/1.0/"
RELATIONS = {
    FEATURES: ("items", _REL + "items", "[ogc-rel:items]"),
    COVERAGE: ("coverage", _REL + "coverage", "[ogc-rel:coverage]"),
    MAP: ("map", _REL + "map", "[ogc-rel:map]"),
}
CONFORMANCE = ("conformance", _REL + "conformance", "[ogc-rel:conformance]")

#: Abilities of a server, and the ends of the conformance classes that say so.
_ABILITIES = {
    "core": ("ogcapi-features-1/1.0/conf/core", "ogcapi-features", "ogcapi-features-1/1.1/conf/core"),
    "filter": ("conf/features-filter", "ogcapi-features-3/1.0/conf/filter", "ogcapi-features#filter"),
    TEXT: ("conf/cql2-text", "cql2-text"),
    JSON: ("conf/cql2-json", "cql2-json"),
    "sort": ("ogcapi-features#sort", "conf/sorting", "ogcapi-features-8/1.0/conf/sorting"),
    "properties": ("conf/properties", "ogcapi-features-6/1.0/conf/property-selection"),
    "crs": ("ogcapi-features-2/1.0/conf/crs",),
    "q": ("ogcapi-features#free-text", "conf/record-core-query-parameters", "conf/text-search"),
}


def abilities(conforms_to: Iterable[object]) -> frozenset[str]:
    """Return what a server that conforms to these classes can do: ``core``, ``filter``, ``cql2-text``, ``sort``…"""
    uris = [uri.rstrip("/") for uri in conforms_to if isinstance(uri, str)]
    return frozenset(name for name, ends in _ABILITIES.items() if any(uri.endswith(ends) for uri in uris))


def format_of(name: str) -> str | None:
    """Return what the name or the URI of a format means, None when it is unknown."""
    return FORMATS.get(name.rstrip("/").rpartition("/")[2])


def crs_uri(name: str) -> str | None:
    """Return the URI of a coordinate reference system by its URI, its URN or ``EPSG:NUMBER``, None when it is none."""
    if name in GEOJSON_CRS:
        return CRS84H if name.endswith("h") else CRS84
    if found := _EPSG.fullmatch(name):
        return f"{_CRS}EPSG/0/{found[1]}"
    return name if name.startswith(("http://", "https://", "urn:")) and not any(map(str.isspace, name)) else None


def is_other_crs(uri: str) -> bool:
    """Whether this is a reference system in which coordinates are not those of GeoJSON."""
    return bool(uri) and uri not in GEOJSON_CRS
