"""Collections of real servers: pages, selection there or here, and servers that answer what they should not."""

from __future__ import annotations

from pathlib import Path

import pytest

from weaverlite.errors import ReferenceRefused, StagingError
from weaverlite.models.collection import read_query
from weaverlite.models.process import InputDescription
from weaverlite.settings import EgressSettings, Settings
from weaverlite.transfer.collected import CollectedValues
from weaverlite.transfer.collections import CollectionReader
from weaverlite.transfer.egress import Egress
from weaverlite.transfer.http import HTTPStager
from weaverlite.transfer.interfaces import FetchLimits
from weaverlite.transfer.talk import Talk

from .servers import CORE, FILTERS, features_server, serving, stac_server

EGRESS = Egress(allow_private=["127.0.0.1"])


@pytest.fixture(scope="module")
def plain():
    """A server that says nothing of what it can do."""
    with serving(features_server([])) as server:
        yield server


@pytest.fixture(scope="module")
def able():
    with serving(features_server([CORE, *FILTERS])) as server:
        yield server


@pytest.fixture(scope="module")
def stac():
    with serving(stac_server) as server:
        yield server


def reader(items=1000, roots=("*",), size=10**6):
    return CollectionReader(Talk(EGRESS, size=size, seconds=20), roots=roots, items=items)


def read(uri, *, using=None, **members):
    query, faults = read_query({"collection": uri, **members})
    assert faults == []
    return (using or reader()).read(query)["features"]


def numbers(features):
    return [item["properties"]["number"] for item in features]


# ---------------------------------------------------------------- what is there


def test_all_pages_are_read(plain, able):
    for server in (plain, able):
        assert numbers(read(f"{server.base}/collections/points")) == list(range(25))


def test_items_and_files_of_geojson_are_collections_too(plain):
    assert numbers(read(f"{plain.base}/collections/points/items")) == list(range(25))
    assert numbers(read(f"{plain.base}/plain.geojson")) == list(range(25))


def test_a_static_catalogue_is_walked(stac):
    found = read(f"{stac.base}/stac/collection.json")
    assert [item["id"] for item in found] == ["a", "b"]
    assert found[0]["assets"]["table"]["href"] == f"{stac.base}/stac/a/a.csv"


def test_pages_that_lead_back_end(plain):
    assert numbers(read(f"{plain.base}/loop")) == [0, 0]


def test_more_items_than_allowed_are_refused_and_a_limit_helps(plain):
    for uri in ("/endless", "/plain.geojson"):
        with pytest.raises(StagingError, match="more than the 20 items .*weaverlite.chaining.items"):
            read(plain.base + uri, using=reader(items=20))
        assert len(read(plain.base + uri, using=reader(items=20), limit=3)) == 3


# ---------------------------------------------------------------- what is wanted


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"filter": "number < 3"}, [0, 1, 2]),
        ({"filter": {"op": "<", "args": [{"property": "number"}, 3]}}, [0, 1, 2]),
        ({"filter": "kind = 'odd' AND number > 20"}, [21, 23]),
        ({"filter": "name LIKE 'name 1%' AND number < 12"}, [1, 10, 11]),
        ({"filter": "S_INTERSECTS(geometry, POLYGON((2.5 0,5.5 0,5.5 9,2.5 9,2.5 0)))"}, [3, 4, 5]),
        ({"filter": "T_AFTER(datetime, TIMESTAMP('2024-01-23T12:00:00Z'))"}, [23, 24]),
        ({"filter": "nothing > 3"}, []),
        ({"filter": "nothing > 3 OR number = 4"}, [4]),
        ({"filter": "nothing IS NULL AND number = 4"}, [4]),
        ({"bbox": [3, 0, 5, 90]}, [3, 4, 5]),
        ({"bbox": [23, -90, -170, 90]}, [23, 24]),
        ({"datetime": "2024-01-03/2024-01-04"}, [2, 3]),
        ({"datetime": "../2024-01-02T00:00:00Z"}, [0, 1]),
        ({"datetime": "2024-01-03T00:00:00Z"}, [2]),
        ({"limit": 2}, [0, 1]),
        ({"sortBy": ["-number"], "limit": 2}, [24, 23]),
        ({"sortBy": "kind,-number", "limit": 2}, [24, 22]),
        ({"sortBy": [{"field": "number", "direction": "desc"}], "limit": 1}, [24]),
        ({"ids": ["f3", "f7"]}, [3, 7]),
        ({"filter": "number < 8", "bbox": [5, 0, 90, 90], "sortBy": "-number"}, [7, 6, 5]),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
def test_items_are_selected_here_when_their_server_does_not(plain, members, expected):
    assert numbers(read(f"{plain.base}/collections/points", **members)) == expected


def test_what_the_server_can_do_is_left_to_it(able):
    asked = len(able.asked)
    uri = f"{able.base}/collections/points"
    found = read(uri, filter="number < 12", bbox=[5, 0, 90, 90], sortBy="-number", limit=3)
    assert numbers(found) == [11, 10, 9]
    pages = [item for item in able.asked[asked:] if item.path.endswith("/items")]
    assert [page.query["filter"] for page in pages] == ["number < 12"] * len(pages)
    assert pages[0].query["filter-lang"] == "cql2-text"
    assert pages[0].query["bbox"] == "5,0,90,90"
    # Sorting is not among what it can do: all are read.
    assert "sortby" not in pages[0].query


def test_a_filter_is_translated_into_the_language_of_the_server(able):
    document = {"op": "<", "args": [{"property": "number"}, 4]}
    assert numbers(read(f"{able.base}/collections/points", filter=document)) == [0, 1, 2, 3]
    assert able.asked[-1].query["filter-lang"] == "cql2-text"


def test_properties_are_those_asked_for(plain):
    (found,) = read(f"{plain.base}/collections/points", properties=["name"], ids="f3")
    assert found["properties"] == {"name": "name 3"}


def test_properties_are_made_of_expressions(plain):
    big = {"op": ">", "args": [{"property": "number"}, 9]}
    wanted = {"double": "number * 2", "same": "name", "big": big, "no": "x+1"}
    (found,) = read(f"{plain.base}/collections/points", properties=wanted, ids="f3")
    assert found["properties"] == {"double": 6, "same": "name 3", "big": False, "no": None}


def test_a_comparison_of_different_kinds_is_told(plain):
    with pytest.raises(StagingError, match="cannot be evaluated on the item 'f0'"):
        read(f"{plain.base}/collections/points", filter="name < 5")


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/collections/nothing", "answered 404: there is no such collection"),
        ("/login", "is no collection, it answered with text/html"),
        ("/list", "is no collection"),
        ("/torn", "not valid JSON"),
        ("/conformance", "is no collection with .*: it has links of the relations none"),
    ],
)
def test_what_is_no_collection_is_told(plain, path, said):
    with pytest.raises(StagingError, match=said):
        read(plain.base + path)


def test_a_page_that_is_too_large_is_not_taken(plain):
    with pytest.raises(StagingError, match="larger than the 500 bytes"):
        read(f"{plain.base}/plain.geojson", using=reader(size=500))


def test_only_allowed_places_are_read_also_by_links(plain, able):
    with pytest.raises(ReferenceRefused, match="weaverlite.chaining.collections"):
        read(f"{plain.base}/plain.geojson", using=reader(roots=(able.base,)))
    with pytest.raises(ReferenceRefused, match="weaverlite.chaining.collections"):
        read(f"{plain.base}/collections/points", using=reader(roots=(f"{plain.base}/collections/points/x", )))
    roots = (f"{plain.base}/collections",)
    assert len(read(f"{plain.base}/collections/points", using=reader(roots=roots))) == 25


def test_the_egress_policy_holds(plain):
    chosen = CollectionReader.create(Settings(egress=EgressSettings()))
    with pytest.raises(ReferenceRefused, match="public Internet"):
        read(f"{plain.base}/plain.geojson", using=chosen)


# ---------------------------------------------------------------- what inputs take


@pytest.fixture
def bring(tmp_path):
    stagers = {"http": HTTPStager(EGRESS)}
    values = CollectedValues(reader(), stagers, FetchLimits(size=10**6, seconds=20))

    def bring(schema, uri, *, type_name="", max_occurs=1, **members):
        directory = tmp_path / str(len(list(tmp_path.iterdir())))
        directory.mkdir()
        description = InputDescription(input_id="x", schema=schema, type_name=type_name, max_occurs=max_occurs)
        return values({"collection": uri, **members}, description, directory)

    return bring


def text_of(file) -> str:
    return Path(file.path).read_text()


def test_a_file_is_the_whole_collection(plain, bring):
    file = bring({"contentMediaType": "application/geo+json"}, f"{plain.base}/collections/points", type_name="File")
    assert (file.name, file.media_type) == ("points.geojson", "application/geo+json")
    assert text_of(file).startswith('{"type": "FeatureCollection"')


def test_files_are_the_assets_that_fit(stac, bring):
    files = bring(
        {"contentMediaType": "text/csv"}, f"{stac.base}/stac/collection.json", type_name="File[]", max_occurs=None
    )
    assert [text_of(file) for file in files] == ["a\n", "b\n"]
    assert [file.name for file in files] == ["a.csv", "b.csv"]


def test_an_item_is_one_file_when_it_is_one(stac, bring):
    uri = f"{stac.base}/stac/collection.json"
    file = bring({}, uri, type_name="File", format="stac-items", assets=["table"], ids=["b"])
    assert text_of(file) == "b\n"
    with pytest.raises(StagingError, match="2 items were found; this input takes one"):
        bring({}, uri, type_name="File", format="stac-items")
    with pytest.raises(StagingError, match="no asset 'tabel'; it has picture, table"):
        bring({}, uri, type_name="File", format="stac-items", assets=["tabel"], ids=["b"])


def test_objects_and_lists_are_features(plain, bring):
    uri = f"{plain.base}/collections/points"
    assert bring({"type": "object"}, uri, limit=2)["type"] == "FeatureCollection"
    assert numbers(bring({"type": "object"}, uri, limit=2, max_occurs=None)) == [0, 1]
    assert numbers(bring({"type": "array"}, uri, limit=2)) == [0, 1]


def test_a_coverage_is_fetched_with_its_box(plain, bring):
    schema = {"contentMediaType": "image/tiff"}
    file = bring(schema, f"{plain.base}/collections/grid", type_name="File", bbox=[1, 2, 3, 4])
    assert Path(file.path).read_bytes() == b"II*\x001,2,3,4"


def test_a_coverage_is_asked_for_with_its_parameters(plain, bring):
    members = {
        "subset": ["Lat(1:2)", 'time("2024-01-01")'], "subsetCrs": "EPSG:4326", "crs": "EPSG:3857", "bboxCrs": "CRS84",
        "properties": ["B1", "B2"], "passThroughParameters": {"scale-factor": 2},
    }  # fmt: skip
    bring({"contentMediaType": "image/tiff"}, f"{plain.base}/collections/grid", type_name="File", **members)
    assert plain.asked[-1].query == {
        "subset": 'Lat(1:2),time("2024-01-01")',
        "subset-crs": "http://www.opengis.net/def/crs/EPSG/0/4326",
        "crs": "http://www.opengis.net/def/crs/EPSG/0/3857",
        "bbox-crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        "properties": "B1,B2",
        "scale-factor": "2",
    }


def test_items_cannot_be_selected_of_a_coverage(plain, bring):
    with pytest.raises(StagingError, match="is a coverage, of which nothing can be selected by ids and q and sortBy"):
        bring({}, f"{plain.base}/collections/grid", type_name="File", q="a", ids=["b"], sortBy="c")


def test_a_whole_collection_keeps_the_assets_that_are_named(stac, bring):
    found = bring({"type": "object"}, f"{stac.base}/stac/collection.json", assets=["table", "none"])
    assert [list(item["assets"]) for item in found["features"]] == [["table"], ["table"]]


def test_a_catalogue_of_files_takes_no_parameters(stac):
    with pytest.raises(StagingError, match="is a catalogue of files"):
        read(f"{stac.base}/stac/collection.json", passThroughParameters={"a": 1})
