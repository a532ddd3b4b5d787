"""Collections as inputs of processes, through the whole service."""

from __future__ import annotations

import json

import pytest

from weaverlite.testing.app import URL

from .conftest import ended, post, submit, text_of


def test_a_file_input_gets_the_features_that_were_selected(http, points):
    collection = {
        "collection": f"{points.base}/collections/points",
        "filter": "kind = 'odd'",
        "bbox": [3, 0, 9, 90],
        "sortBy": ["-number"],
        "limit": 2,
        "properties": ["number"],
    }
    job = submit(http, "join", parts={**collection, "format": "geojson-feature-collection"})
    document = json.loads(text_of(http, job, "whole"))
    assert [item["properties"] for item in document["features"]] == [{"number": 9}, {"number": 7}]


def test_items_are_selected_by_words_place_and_ids(http, points):
    collection = {
        "collection": f"{points.base}/collections/points",
        "geometry": "POLYGON((3 0,20 0,20 20,3 20,3 0))",
        "subset": ["Lon(*:15)"],
        "q": ["odd"],
        "ids": ["f1", "f4", "f5", "f15", "f17"],
        "passThroughParameters": {"vendor": "yes"},
        "properties": ["twice"],
        "aliases": {"twice": "number * 2"},
    }
    answer = post(http, "join", {"parts": {**collection, "format": "geojson-feature-collection"}})
    assert answer.status_code == 200, answer.text
    assert [item["properties"] for item in json.loads(answer.text)["features"]] == [{"twice": 10}, {"twice": 30}]
    assert any(item.query.get("vendor") == "yes" for item in points.of("GET", "/collections/points/items"))


def test_a_selection_that_is_not_possible_fails_the_job_with_a_sentence(http, points):
    collection = {"collection": f"{points.base}/collections/points", "crs": "EPSG:3857"}
    answer = post(http, "join", {"parts": [collection]})
    assert answer.status_code == 400
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == "/inputs/parts/0"
    assert "coordinates are not converted here: leave 'crs' out" in fault["message"]


def test_files_are_the_assets_of_stac_items(http, stac):
    job = submit(http, "join", parts=[{"collection": f"{stac.base}/stac/collection.json", "assets": ["table"]}])
    assert text_of(http, job, "whole") == "a\nb\n"


def test_an_object_is_the_collection(http, points):
    collection = {"collection": f"{points.base}/plain.geojson", "limit": 1}
    answer = post(http, "echo", {"stringInput": "a", "objectInput": collection})
    assert answer.status_code == 200, answer.text
    assert '"FeatureCollection"' in answer.text


def test_the_collection_processor_does_the_same(http, points):
    inputs = {"collection": f"{points.base}/collections/points", "filter": "number < 4", "sortBy": ["-number"]}
    job = submit(http, "collection_processor", **inputs)
    assert ended(http, job)["status"] == "successful"
    results = http.get(f"{job}/results").json()
    assert results["count"] == 4
    words = {"q": ["odd"], "geometry": "POLYGON((0 0,4 0,4 9,0 9,0 0))", "subset": ["Lon(2:*)"]}
    job = submit(http, "collection_processor", collection=inputs["collection"], **words)
    assert ended(http, job)["status"] == "successful"
    assert http.get(f"{job}/results").json()["count"] == 1
    document = http.get(results["features"]["href"]).json() if "href" in results["features"] else results["features"]
    assert len(document.get("features") or document["value"]["features"]) == 4


def test_features_of_a_nested_process_are_selected_from(http, points):
    source = {"process": "collection_processor", "inputs": {"collection": f"{points.base}/plain.geojson"}}
    fields = {"filter": "number > 20", "sortBy": ["-number"], "properties": {"twice": "number * 2"}}
    answer = post(http, "join", {"parts": [{**source, "outputs": {"features": {}}, **fields}]})
    assert answer.status_code == 200, answer.text
    assert [item["properties"]["twice"] for item in json.loads(answer.text)["features"]] == [48, 46, 44, 42]
    answer = post(http, "join", {"parts": [{"process": "echo", "inputs": {"stringInput": "a"}, "filter": "a=1"}]})
    assert "is no GeoJSON FeatureCollection to select from" in answer.text


@pytest.mark.parametrize(
    ("members", "pointer", "said"),
    [
        ({"collection": "points"}, "/collection", "no collections of its own"),
        ({"collection": 3}, "/collection", "must be a text"),
        ({"collection": "http://["}, "/collection", "not a URL"),
        ({"collection": "http://10.1.2.3/collections/x"}, "/collection", "public Internet"),
        ({"filter": "number <"}, "/filter", "is not CQL2 text: at column 9, at the end"),
        ({"filter": "number < 3 AND ) x"}, "/filter", "at column 16, before ') x'"),
        ({"filter": {"op": "and", "args": []}}, "/filter", "is not a CQL2 expression"),
        ({"filter": {"op": "<"}, "filter-lang": "cql2-text"}, "/filter", "which is cql2-json"),
        ({"filter": "a=1", "filter-lang": "fes-xml"}, "/filter-lang", "cql2-text or cql2-json"),
        ({"filter": "(" * 200 + "a=1" + ")" * 200}, "/filter", "nested too deep"),
        ({"filter": "a=1", "filter-crs": "EPSG:3857"}, "/filter-crs", "longitude and latitude"),
        ({"datetime": "yesterday"}, "/datetime", "is no time"),
        ({"datetime": "2024-02-01/2024-01-01"}, "/datetime", "ends before it begins"),
        ({"datetime": "../.."}, "/datetime", "must be a time"),
        ({"bbox": [1, 2, 3, 4, 5]}, "/bbox", "4 or 6 numbers"),
        ({"bbox": [1, 5, 3, 4]}, "/bbox", "lower corner above"),
        ({"limit": 0}, "/limit", "whole number from 1"),
        ({"limit": 10**9}, "/limit", "weaverlite.chaining.items"),
        ({"properties": {"x": "a *"}}, "/properties/x", "is not CQL2 text: at column 4"),
        ({"properties": {"x": 3}}, "/properties", "names with expressions"),
        ({"sortBy": [3]}, "/sortBy", "list of names"),
        ({"format": "shapefile"}, "/format", "geojson-feature-collection"),
        ({"subset": "x"}, "/subset", "write it like Lat(40:50)"),
        ({"subset": ["Lat(1)", "lat(2)"]}, "/subset", "names an axis twice"),
        ({"subsetCrs": "Mars"}, "/subsetCrs", "by its URI, or like EPSG:3857"),
        ({"crs": "a b"}, "/crs", "by its URI"),
        ({"bboxCrs": 3}, "/bboxCrs", "must be a text"),
        ({"geometryCrs": "EPSG:3857"}, "/geometryCrs", "longitude and latitude"),
        ({"geometry": {"type": "Point"}}, "/geometry", "is not a geometry"),
        ({"geometry": "POINT(1 1)) OR (1=1"}, "/geometry", "in WKT like POINT"),
        ({"q": ["a,b"]}, "/q", "commas stand between words"),
        ({"aliases": {"x": "a *"}, "properties": ["x"]}, "/aliases/x", "is not CQL2 text"),
        ({"aliases": {"x": 3}}, "/aliases", "no expression in CQL2"),
        ({"passThroughParameters": {"a": {}}}, "/passThroughParameters", "has 'a' with a value that is neither"),
        ({"place": 1}, "/place", "is not a member"),
    ],
    ids=lambda value: None if not isinstance(value, dict) else "-".join(value),
)
def test_what_is_wrong_with_a_collection_is_told_at_submission(http, points, members, pointer, said):
    collection = {"collection": f"{points.base}/collections/points", **members}
    answer = post(http, "join", {"parts": [collection]})
    assert answer.status_code == (403 if "public" in said else 400)
    found = {fault["pointer"]: fault["message"] for fault in answer.json()["errors"]}
    assert said in found[f"/inputs/parts/0{pointer}"]


def test_inputs_that_take_no_features_refuse_collections(http, points):
    collection = {"collection": f"{points.base}/collections/points"}
    assert "neither files nor objects" in post(http, "echo", {"stringInput": "a", "doubleInput": collection}).text
    assert "takes a directory" in post(http, "folder", {"where": collection}).text


def test_a_collection_that_cannot_be_had_fails_the_job_at_its_place(http, points):
    answer = post(http, "join", {"parts": [{"collection": f"{points.base}/collections/nothing"}]})
    assert answer.status_code == 400
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == "/inputs/parts/0"
    assert "there is no such collection" in fault["message"]
    assert http.get(f"{URL}/processes/collection_processor").json()["mutable"] is False
