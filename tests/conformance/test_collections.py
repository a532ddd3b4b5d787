"""Collections as inputs: collection-input, remote-collections and local-filtering of Part 1 2.0; the same of Part 3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.asserts import problem, status
from tests.conformance.collections import POINTS
from tests.conformance.marks import PART3, V2, req
from tests.conformance.origin import Origin
from tests.conformance.service import Job, Service

REFERRING = (
    V2 + "collection-input/referencing",
    V2 + "remote-collections/referenced-collection",
    PART3 + "collection-input/referenced-collection",
    PART3 + "remote-collections/referenced-collection",
)
ACCESS = (
    V2 + "collection-input/collection-access",
    V2 + "remote-collections/collection-access",
    PART3 + "collection-input/collection-access",
    PART3 + "remote-collections/collection-access",
)
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def points(origin: Origin, **members: Any) -> dict[str, Any]:
    """Return a value that is a collection of points, one that only this test asks."""
    return {"collection": f"{origin.url}/ogc/collections/{origin.collections.new()}", **members}


def queries(origin: Origin, value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the queries that the other server got for a collection."""
    return origin.collections.queries(value["collection"].rpartition("/")[2])


def features(service: Service, value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the features that a process gets of a collection."""
    answer = service.execute("conf-copy", {"file": value}, outputs={"copy": {}}, accept="*/*")
    status(answer, 200)
    document = answer.json()
    assert document["type"] == "FeatureCollection", document
    return list(document["features"])


def numbers(found: list[dict[str, Any]]) -> list[int]:
    return [item["properties"]["number"] for item in found]


@req(*REFERRING)
@pytest.mark.parametrize("prefer", [None, "respond-async"])
def test_req_collection_input_referencing(service: Service, origin: Origin, prefer: str | None) -> None:
    if prefer:
        job = service.start("conf-copy", {"file": points(origin)}).ended("successful")
        answer = service.get(f"{job.url}/results/copy", accept="*/*")
        assert numbers(answer.json()["features"]) == list(range(10))
    else:
        assert numbers(features(service, points(origin))) == list(range(10))


@req(*REFERRING)
@pytest.mark.parametrize(
    "value",
    [{"collection": 1}, {"collection": ""}, {"collection": "ftp://example.org/x"}, {"collection": None}],
    ids=["number", "empty", "ftp", "null"],
)
def test_req_collection_input_referencing__refused(service: Service, value: dict[str, Any]) -> None:
    problem(service.execute("conf-copy", {"file": value}, prefer="respond-async"), (400, 403, 422))


@req(*ACCESS)
def test_req_collection_input_collection_access(service: Service, origin: Origin) -> None:
    """All pages of the items are read."""
    value = points(origin)
    assert features(service, value) == POINTS
    assert len(queries(origin, value)) >= 3, "four items a page, ten in all"


@req(*ACCESS)
def test_req_collection_input_collection_access__that_is_not_there(service: Service, origin: Origin) -> None:
    value = {"collection": f"{origin.url}/ogc/collections/nobody"}
    answer = service.execute("conf-copy", {"file": value}, prefer="respond-async")
    if answer.status_code == 201:
        found = Job(service, answer.headers["Location"]).ended("failed").info()
        assert "collection" in str(found), found
    else:
        problem(answer, (400, 403, 404, 422))


MAPPED: dict[str, tuple[dict[str, Any], str, list[int]]] = {
    "bbox": ({"bbox": [0, 0, 3, 3]}, "bbox", [0, 1, 2, 3]),
    "datetime": ({"datetime": "2024-01-03T00:00:00Z/2024-01-05T00:00:00Z"}, "datetime", [2, 3, 4]),
    "open-datetime": ({"datetime": "../2024-01-02T00:00:00Z"}, "datetime", [0, 1]),
    "limit": ({"limit": 2}, "limit", [0, 1]),
    "limit-over-a-page": ({"limit": 7}, "limit", [0, 1, 2, 3, 4, 5, 6]),
    "both": ({"bbox": [0, 0, 5, 5], "limit": 3}, "bbox", [0, 1, 2]),
}


@req(V2 + "collection-input/filtering")
@pytest.mark.parametrize("case", MAPPED)
def test_req_collection_input_filtering(service: Service, origin: Origin, case: str) -> None:
    """What the data API can do it is asked to do."""
    members, parameter, wanted = MAPPED[case]
    value = points(origin, **members)
    assert numbers(features(service, value)) == wanted
    assert parameter in queries(origin, value)[0]


@req(V2 + "collection-input/filtering")
@pytest.mark.parametrize(
    ("members", "mapped", "wanted"),
    [
        ({"ids": ["p1", "p2"]}, {"ids": "p1,p2"}, [1, 2]),
        ({"q": ["odd"]}, {"q": "odd"}, [1, 3, 5, 7, 9]),
        ({"q": "EVEN,nothing"}, {"q": "EVEN,nothing"}, [0, 2, 4, 6, 8]),
        # What longitude, latitude and time are to a coverage, box and time are to features.
        ({"subset": "Lat(0:1)"}, {"bbox": "-180,0,180,1"}, [0, 1]),
        ({"subset": ["Lat(0:3)", "Lon(2:*)"], "subsetCrs": CRS84}, {"bbox": "2,0,180,3"}, [2, 3]),
        ({"subset": 'time("2024-01-02T00:00:00Z":*)'}, {"datetime": "2024-01-02T00:00:00Z/.."}, list(range(1, 10))),
        ({"geometry": {"type": "Point", "coordinates": [3, 3]}}, {"bbox": "3,3,3,3"}, [3]),
        ({"geometry": "POLYGON((0 0,5 0,5 2,0 2,0 0))", "geometryCrs": CRS84}, {"bbox": "0,0,5,2"}, [0, 1, 2]),
        ({"bbox": [0, 0, 1, 1], "bboxCrs": CRS84}, {"bbox": "0,0,1,1"}, [0, 1]),
        ({"filter": "number < 2", "filterCrs": CRS84}, {}, [0, 1]),
        ({"crs": CRS84}, {}, list(range(10))),
        ({"assets": ["data"]}, {}, list(range(10))),
    ],
    ids=["ids", "q", "q-text", "lat", "lat-lon", "time", "point", "wkt", "bbox-crs", "filter-crs", "crs", "assets"],
)
def test_req_collection_input_filtering__recognised(
    service: Service, origin: Origin, members: dict[str, Any], mapped: dict[str, str], wanted: list[int]
) -> None:
    """Each member of collectionValue is a parameter of the data API where there is one, and applied here besides."""
    given = points(origin, **members)
    assert numbers(features(service, given)) == wanted
    asked = queries(origin, given)[0]
    assert {name: asked.get(name) for name in mapped} == mapped


@req(V2 + "collection-input/filtering")
@pytest.mark.parametrize(
    "members",
    [
        {"bbox": [1, 2, 3]},
        {"bbox": "everywhere"},
        {"datetime": "yesterday"},
        {"datetime": "2024-02-01T00:00:00Z/2024-01-01T00:00:00Z"},
        {"limit": 0},
        {"limit": "all"},
        {"filter": "kind = "},
        {"filter": {"op": "=", "args": 1}},
        {"q": 3},
        {"crs": "Mars"},
        {"subset": "Lat"},
        {"geometry": {"type": "Point"}},
        {"geometry": "CIRCLE(1 1)"},
        {"passThruParameters": ["vendor"]},
    ],
    ids=[
        "bbox", "bbox-text", "datetime", "reversed", "limit", "limit-text", "filter", "operator", "q", "crs", "subset",
        "geometry", "wkt", "passed",
    ],
)
def test_req_collection_input_filtering__refused(service: Service, origin: Origin, members: dict[str, Any]) -> None:
    answer = service.execute("conf-copy", {"file": points(origin, **members)}, prefer="respond-async")
    problem(answer, (400, 422))
    assert next(iter(members)) in answer.text


@req(V2 + "collection-input/property-selection", PART3 + "input-fields-modifiers/derived-fields")
@pytest.mark.parametrize("names", [["number"], ["number", "kind"]])
def test_req_collection_input_property_selection(service: Service, origin: Origin, names: list[str]) -> None:
    found = features(service, points(origin, properties=names))
    assert len(found) == len(POINTS)
    assert all(item["properties"].keys() == set(names) for item in found), found[0]


@req(PART3 + "input-fields-modifiers/derived-fields", V2 + "collection-input/property-selection")
def test_req_input_fields_modifiers_derived_fields(service: Service, origin: Origin) -> None:
    """``properties`` may be a map of names to expressions."""
    found = features(service, points(origin, properties={"twice": "number * 2", "number": "number"}))
    assert [item["properties"]["twice"] for item in found] == [2 * number for number in range(10)]


@req(V2 + "collection-input/property-selection")
def test_req_collection_input_property_selection__aliases(service: Service, origin: Origin) -> None:
    aliases = {"twice": "number * 2", "sort": "kind"}
    found = features(service, points(origin, properties=["twice", "sort", "number"], aliases=aliases))
    assert found[3]["properties"] == {"twice": 6, "sort": "odd", "number": 3}


@req(V2 + "collection-input/pass-thru")
@pytest.mark.parametrize("member", ["passThroughParameters", "passThruParameters"])
def test_req_collection_input_pass_thru(service: Service, origin: Origin, member: str) -> None:
    value = points(origin, **{member: {"vendor": "yes", "other": 1}})
    assert numbers(features(service, value)) == list(range(10))
    asked = queries(origin, value)
    assert asked[0].get("vendor") == "yes"
    assert asked[0].get("other") == "1"


FILTERS: dict[str, tuple[Any, list[int]]] = {
    "equals": ("kind = 'odd'", [1, 3, 5, 7, 9]),
    "greater": ("number > 6", [7, 8, 9]),
    "and": ("number > 3 AND kind = 'even'", [4, 6, 8]),
    "or": ("number < 1 OR number >= 9", [0, 9]),
    "not": ("NOT number < 8", [8, 9]),
    "in": ("number IN (1, 2)", [1, 2]),
    "between": ("number BETWEEN 2 AND 4", [2, 3, 4]),
    "like": ("kind LIKE 'e%'", [0, 2, 4, 6, 8]),
    "json": ({"op": "=", "args": [{"property": "kind"}, "odd"]}, [1, 3, 5, 7, 9]),
    "json-and": (
        {
            "op": "and",
            "args": [
                {"op": ">", "args": [{"property": "number"}, 3]},
                {"op": "=", "args": [{"property": "kind"}, "even"]},
            ],
        },
        [4, 6, 8],
    ),
    "spatial": ("S_INTERSECTS(geometry, BBOX(0, 0, 2, 2))", [0, 1, 2]),
}


@req(V2 + "local-filtering/local-filtering", PART3 + "input-fields-modifiers/filtering")
@pytest.mark.parametrize("case", FILTERS)
def test_req_local_filtering_local_filtering(service: Service, origin: Origin, case: str) -> None:
    """What the data API cannot do is done here."""
    given, wanted = FILTERS[case]
    assert numbers(features(service, points(origin, filter=given))) == wanted


@req(PART3 + "input-fields-modifiers/filtering")
@pytest.mark.parametrize("language", ["cql2-text", "cql2-json"])
@pytest.mark.parametrize("spelling", ["filterLang", "filter-lang"])
def test_req_input_fields_modifiers_filtering(
    service: Service, origin: Origin, language: str, spelling: str
) -> None:
    given = FILTERS["equals" if language == "cql2-text" else "json"][0]
    assert numbers(features(service, points(origin, filter=given, **{spelling: language}))) == [1, 3, 5, 7, 9]


@req(PART3 + "input-fields-modifiers/sorting")
@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ("-number", [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ("+number", list(range(10))),
        (["kind", "-number"], [8, 6, 4, 2, 0, 9, 7, 5, 3, 1]),
    ],
    ids=["down", "up", "two"],
)
def test_req_input_fields_modifiers_sorting(
    service: Service, origin: Origin, order: Any, wanted: list[int]
) -> None:
    assert numbers(features(service, points(origin, sortBy=order))) == wanted


@req(PART3 + "input-fields-modifiers/sorting")
def test_req_input_fields_modifiers_sorting__before_the_limit(service: Service, origin: Origin) -> None:
    assert numbers(features(service, points(origin, sortBy="-number", limit=3))) == [9, 8, 7]
