"""Geometries in GeoJSON and WKT are read, and what only looks like one is refused."""

from __future__ import annotations

from typing import Any

import pytest

from weaverlite.schemas.filters import check_geometry, parse_geometry, positions

INSIDE: dict[str, Any] = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 1]}, "properties": {}}
POLYGON = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}


@pytest.mark.parametrize(
    "given",
    [
        POLYGON,
        {"type": "MultiPoint", "coordinates": [[1, 1], [5, 5]]},
        {"type": "GeometryCollection", "geometries": [POLYGON, {"type": "Point", "coordinates": [7, 7, 100]}]},
        "POLYGON((0 0,2 0,2 2,0 2,0 0))",
        " Polygon ((0 0, 2 0, 2 2, 0 2, 0 0))",
        "LINESTRING(0 0,2 2)",
        "MULTIPOLYGON(((0 0,2 0,2 2,0 2,0 0)))",
    ],
    ids=["polygon", "points", "collection", "wkt-polygon", "wkt-mixed", "wkt-line", "wkt-multi"],
)
def test_geometries_select_what_meets_them(given: Any) -> None:
    assert check_geometry(given) == ""
    expression, geometry = parse_geometry(given)
    assert expression.matches(INSIDE)
    assert not expression.matches({**INSIDE, "geometry": {"type": "Point", "coordinates": [50, 50]}})
    assert all(len(position) == 2 for position in positions(geometry))


@pytest.mark.parametrize(
    "given",
    [
        {}, {"type": "Point"}, {"type": "Point", "coordinates": ["a", 1]}, {"type": "Polygon", "coordinates": []},
        {"type": "Feature", "geometry": POLYGON}, {"property": "geometry"}, {"type": ["Point"], "coordinates": [1, 1]},
        "", "POINT", "POINT EMPTY", "POINT(1 1)) OR (1=1", "BBOX(0,0,1,1)", "geometry", "SRID=3857;POINT(1 1)",
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_geometry_is_refused(given: Any) -> None:
    assert "is not a geometry" in check_geometry(given)


def test_geometries_are_bounded() -> None:
    assert "at most 8000" in check_geometry("POINT(1 1)" + " " * 8000)
    assert "nested too deep" in check_geometry("(" * 100 + "1 1" + ")" * 100)
    deep: Any = {"type": "GeometryCollection", "geometries": []}
    for _ in range(100):
        deep = {"type": "GeometryCollection", "geometries": [deep]}
    assert "nested too deep" in check_geometry(deep)
