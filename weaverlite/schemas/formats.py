"""The ``format`` of strings and objects: the standard ones that are cheap to check, OGC's, and those of our options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from jsonschema import FormatChecker

from weaverlite.ogc.units import parse_duration, parse_size
from weaverlite.ogc.values import decode_base64

#: Formats by name, short and as the URI that the standard gives them.
_OGC_FORMATS = "http://www.opengis.net/def/format/ogcapi-processes/0/"
_GEOMETRIES = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
)
_KNOWN = ("date", "date-time", "time", "duration", "email", "ipv4", "ipv6", "uuid", "json-pointer", "regex")

CHECKER = FormatChecker([name for name in _KNOWN if name in FormatChecker.checkers and name != "regex"])


def _is_uri(value: Any) -> bool:
    return not isinstance(value, str) or (bool(urlsplit(value).scheme) and _is_uri_reference(value))


def _is_uri_reference(value: Any) -> bool:
    # urlsplit raises ValueError on broken hosts; white space is never part of a URI.
    return not isinstance(value, str) or (urlsplit(value) is not None and not any(c.isspace() for c in value))


def _is_base64(value: Any) -> bool:
    if isinstance(value, str):
        decode_base64(value)
    return True


def _fits(bits: int) -> Any:
    limit = 2 ** (bits - 1)
    return lambda value: not isinstance(value, int | float) or -limit <= value < limit


def _is_bbox(value: Any) -> bool:
    if not isinstance(value, Mapping) or not isinstance(numbers := value.get("bbox"), list):
        return False
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        raise ValueError("has a 'bbox' with what is no number")
    if len(numbers) not in (4, 6):
        raise ValueError(f"has a 'bbox' of {len(numbers)} numbers: 4 are needed, or 6 with heights")
    crs = value.get("crs")
    if crs is not None and not (isinstance(crs, str) and _is_uri(crs)):
        raise ValueError("has a 'crs' that is no URI, such as urn:ogc:def:crs:OGC::CRS84")
    return True


def _is_geometry(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("type") in _GEOMETRIES


def _is_feature(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("type") == "Feature" and "geometry" in value


def _is_feature_collection(value: Any) -> bool:
    features = value.get("features") if isinstance(value, Mapping) else None
    return isinstance(features, list) and all(map(_is_feature, features)) and value.get("type") == "FeatureCollection"


def _is_duration_text(value: Any) -> bool:
    parse_duration(value)
    return True


def _is_size_text(value: Any) -> bool:
    parse_size(value)
    return True


for _name, _check in {
    "uri": _is_uri,
    "uri-reference": _is_uri_reference,
    "byte": _is_base64,
    "int32": _fits(32),
    "int64": _fits(64),
    "ogc-bbox": _is_bbox,
    "geojson-geometry": _is_geometry,
    "geojson-feature": _is_feature,
    "geojson-feature-collection": _is_feature_collection,
    "duration-text": _is_duration_text,
    "size-text": _is_size_text,
}.items():
    CHECKER.checks(_name, raises=ValueError)(_check)
    if _name.startswith(("ogc-", "geojson-")):
        CHECKER.checks(_OGC_FORMATS + _name, raises=ValueError)(_check)
