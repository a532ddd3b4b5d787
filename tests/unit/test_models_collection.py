"""Collection values are read as what they ask for, or refused member by member."""

from __future__ import annotations

import pytest

from weaverlite.models.collection import CollectionQuery, read_query

EPSG_3857 = "http://www.opengis.net/def/crs/EPSG/0/3857"


def query_of(**members: object) -> CollectionQuery:
    query, faults = read_query({"collection": "https://x.example/c", **members})
    assert query is not None, faults
    return query


def fault_of(**members: object) -> tuple[str, str]:
    query, (fault,) = read_query({"collection": "https://x.example/c", **members})
    assert query is None
    return fault.pointer, fault.message


@pytest.mark.parametrize("name", ["passThroughParameters", "passThruParameters"])
def test_parameters_that_are_passed_on_are_texts(name: str) -> None:
    given = {"a": "x", "b": 1, "c": 1.5, "d": True, "e": ["x", 2, False], "f": ""}
    assert dict(query_of(**{name: given}).passed) == {
        "a": "x", "b": "1", "c": "1.5", "d": "true", "e": "x,2,false", "f": "",
    }  # fmt: skip


@pytest.mark.parametrize("given", ["a=1", ["a"], {"": 1}, {"a": None}, {"a": {}}, {"a": []}, {"a": [[1]]}])
def test_parameters_that_cannot_be_passed_on_are_refused(given: object) -> None:
    assert fault_of(passThroughParameters=given)[0] == "/passThroughParameters"


@pytest.mark.parametrize(
    ("given", "axes"),
    [
        ("Lat(40:50)", [("Lat", "40", "50")]),
        ("Lat( -4.5 : * ) , h(1e3)", [("Lat", "-4.5", "*"), ("h", "1e3", "1e3")]),
        (["Lat(1)", "Lon(2:3)"], [("Lat", "1", "1"), ("Lon", "2", "3")]),
        (
            'time("2024-01-01T00:00:00Z":"2024-01-02T00:00:00Z")',
            [("time", "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z")],
        ),
    ],
    ids=["span", "open", "list", "time"],
)
def test_subsets_are_spans_of_axes(given: object, axes: list[tuple[str, str, str]]) -> None:
    assert [(axis.name, axis.low, axis.high) for axis in query_of(subset=given).subset] == axes


@pytest.mark.parametrize(
    "given",
    ["", "Lat", "Lat()", "Lat(1", "Lat(1:2:3)", "Lat(1)Lon(2)", ",", "Lat(a b)", [], [1], 5, {}, "Lat(1),lat(2)"],
)
def test_what_is_no_subset_is_refused(given: object) -> None:
    assert fault_of(subset=given)[0] == "/subset"


@pytest.mark.parametrize(
    ("given", "uri"),
    [
        ("EPSG:3857", EPSG_3857),
        ("[epsg:3857]", EPSG_3857),
        (EPSG_3857, EPSG_3857),
        ("urn:ogc:def:crs:EPSG::3857", "urn:ogc:def:crs:EPSG::3857"),
        ("CRS84", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"),
        ("OGC:CRS84h", "http://www.opengis.net/def/crs/OGC/0/CRS84h"),
    ],
)
def test_reference_systems_are_known_by_several_names(given: str, uri: str) -> None:
    query = query_of(crs=given, subsetCrs=given, bbox={"bbox": [1, 2, 3, 4], "crs": given})
    assert (query.crs, query.subset_crs, query.bbox_crs) == (uri, uri, uri)


@pytest.mark.parametrize("member", ["crs", "subset-crs", "bboxCrs", "geometryCrs", "filterCrs"])
@pytest.mark.parametrize("given", ["EPSG", "http://x y", "", 4326, {}, []])
def test_what_is_no_reference_system_is_refused(member: str, given: object) -> None:
    assert fault_of(**{member: given})[0] == f"/{member}"


def test_words_are_a_text_or_a_list() -> None:
    assert query_of(q="lake, river").q == query_of(q=["lake", "river"]).q == ("lake", "river")
    assert fault_of(q=["lake, river"])[0] == "/q"
    assert fault_of(q=7)[0] == "/q"


def test_aliases_make_properties() -> None:
    json = {"op": ">", "args": [{"property": "n"}, 1]}
    aliases = {"twice": "n * 2", "big": {"expression": json, "expressionLang": "cql2-json"}}
    assert query_of(aliases=aliases, properties=["twice", "big", 'a "b"']).derived == (
        ("twice", "n * 2"),
        ("big", json),
        ('a "b"', '"a ""b"""'),
    )
    unused = query_of(aliases=aliases, properties=["n"])
    assert (unused.properties, unused.derived) == (("n",), ())


@pytest.mark.parametrize(
    "given",
    [[], {}, {"x": 3}, {"x": {"expression": 3}}, {"x": {"expression": "n", "expressionLang": "cql2-json"}}],
)
def test_what_is_no_alias_is_refused(given: object) -> None:
    assert fault_of(aliases=given)[0] == "/aliases"


def test_all_faults_are_told_at_once() -> None:
    query, faults = read_query({"collection": 1, "q": 2, "subset": 3, "crs": 4, "geometry": 5, "else": 6})
    assert query is None
    assert {fault.pointer for fault in faults} == {"/collection", "/q", "/subset", "/crs", "/geometry", "/else"}
