"""What is asked of a collection: said to its server in its parameters, done here, or refused, on real servers."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from weaverlite.errors import StagingError
from weaverlite.models.collection import read_query
from weaverlite.transfer.collections import CollectionReader
from weaverlite.transfer.egress import Egress
from weaverlite.transfer.talk import Talk

from .able import CRS, MERCATOR, PROPERTIES, SORT, WORDS, able_server, search_server
from .servers import CORE, features_server, serving

SQUARE = {"type": "Polygon", "coordinates": [[[2.5, 0], [5.5, 0], [5.5, 9], [2.5, 9], [2.5, 0]]]}


@pytest.fixture(scope="module")
def servers():
    """Servers by what they know."""
    with ExitStack() as stack:
        yield {
            "nothing": stack.enter_context(serving(features_server([]))),
            "core": stack.enter_context(serving(features_server([CORE], page=100))),
            "strict": stack.enter_context(serving(able_server([CORE]))),
            "much": stack.enter_context(serving(able_server([CORE, SORT, PROPERTIES, WORDS, CRS]))),
            "sort": stack.enter_context(serving(able_server([CORE, SORT]))),
            "properties": stack.enter_context(serving(able_server([CORE, PROPERTIES]))),
            "liar": stack.enter_context(serving(able_server([CORE, CRS], content_crs="http://x.example/crs"))),
            "search": stack.enter_context(serving(search_server)),
        }


@pytest.fixture
def ask(servers):
    """Return the items that a server gives, and the queries it got for them."""

    def ask(name, path="/collections/points", items=1000, **members):
        server = servers[name]
        query, faults = read_query({"collection": server.base + path, **members})
        assert faults == []
        reader = CollectionReader(
            Talk(Egress(allow_private=["127.0.0.1"]), size=10**6, seconds=20), roots=("*",), items=items
        )
        before = len(server.asked)
        found = reader.read(query)
        return found, [item.query for item in server.asked[before:] if item.path.endswith("/items")]

    return ask


def numbers(document):
    return [item["properties"]["number"] for item in document["features"]]


SELECTED = {
    "ids": ({"ids": ["f3", "f7"]}, [3, 7]),
    "q": ({"q": ["NAME 21", "name 3"]}, [3, 21]),
    "geometry": ({"geometry": SQUARE}, [3, 4, 5]),
    "wkt": ({"geometry": "LINESTRING(1 0.5, 4 2)", "geometryCrs": "OGC:CRS84"}, [1, 2, 3, 4]),
    "subset": ({"subset": ["Lat(1:2)", "Lon(*:3)"]}, [2, 3]),
    "slice": ({"subset": "lon(4)"}, [4]),
    "time": ({"subset": 'time("2024-01-03":"2024-01-04")'}, [2, 3]),
    "all": ({"subset": "Lon(0:4)", "geometry": SQUARE, "q": "name", "filter": "number <> 3"}, [4]),
}


@pytest.mark.parametrize("server", ["nothing", "core", "strict"])
@pytest.mark.parametrize("case", SELECTED)
def test_items_are_the_same_whatever_the_server_knows(ask, case, server):
    """Also of one that refuses parameters it does not know."""
    members, wanted = SELECTED[case]
    assert numbers(ask(server, **members)[0]) == wanted


def test_a_server_of_features_is_asked_for_less(ask):
    assert ask("core", ids=["f3", "f7"])[1] == [{"ids": "f3,f7", "limit": "1000"}]
    assert ask("core", ids=["a,b"])[1] == [{"limit": "1000"}]
    assert ask("core", q="name 2, name 3")[1] == [{"q": "name 2,name 3", "limit": "1000"}]
    assert ask("core", geometry=SQUARE)[1] == [{"bbox": "2.5,0,5.5,9", "limit": "1000"}]
    assert ask("core", geometry=SQUARE, bbox=[0, 0, 3, 9])[1] == [{"bbox": "0,0,3,9", "limit": "1000"}]
    time = 'time("2024-01-03T00:00:00Z")'
    assert ask("core", subset=["Lat(1:2)", time])[1] == [
        {"bbox": "-180,1,180,2", "datetime": "2024-01-03T00:00:00Z", "limit": "1000"}
    ]
    # What a day is, servers see differently.
    assert ask("core", subset="time(2024-01-03)")[1] == [{"limit": "1000"}]


def test_a_server_that_says_nothing_is_asked_for_all(ask):
    assert ask("nothing", ids=["f3"], q="name", geometry=SQUARE)[1][0] == {}


def test_words_are_left_to_a_server_that_searches(ask):
    found, queries = ask("much", q=["prime"], limit=3)
    assert numbers(found) == [2, 3, 5]
    assert queries == [{"q": "prime", "limit": "3"}]


# ---------------------------------------------------------------- order and properties


def test_order_is_left_to_a_server_that_sorts(ask):
    found, queries = ask("sort", sortBy="-number", limit=2)
    assert numbers(found) == [24, 23]
    assert queries == [{"sortby": "-number", "limit": "2"}]


def test_a_limit_waits_for_what_is_selected_here(ask):
    found, queries = ask("sort", sortBy="-number", filter="number < 9", limit=2)
    assert numbers(found) == [8, 7]
    assert queries == [{"sortby": "-number", "limit": "1000"}]


def test_properties_are_left_to_a_server_that_reduces(ask):
    found, queries = ask("properties", properties=["number"], limit=2)
    assert [item["properties"] for item in found["features"]] == [{"number": 0}, {"number": 1}]
    assert queries == [{"properties": "number", "limit": "2"}]


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ({"filter": "kind = 'odd'"}, [1, 3]),
        ({"sortBy": "-name"}, [9, 8]),
        ({"q": "even"}, [0, 2]),
        ({"subset": "time(2024-01-03:2024-01-08)"}, [2, 3]),
    ],
    ids=["filter", "sort", "words", "time"],
)
def test_properties_that_are_needed_here_are_not_reduced_there(ask, members, wanted):
    found, queries = ask("properties", properties=["number"], limit=2, **members)
    assert numbers(found) == wanted
    assert all(item["properties"].keys() == {"number"} for item in found["features"])
    assert not any("properties" in query for query in queries)


def test_aliases_name_properties_and_expressions(ask):
    aliases = {"twice": {"expression": "number * 2", "expressionLang": "cql2-text"}, "label": "name", "not": "x"}
    found, queries = ask("properties", properties=["twice", "label", "kind"], aliases=aliases, ids="f3")
    assert found["features"][0]["properties"] == {"twice": 6, "label": "name 3", "kind": "odd"}
    assert not any("properties" in query for query in queries)


# ---------------------------------------------------------------- reference systems


def test_a_server_that_can_gives_other_coordinates(ask):
    found, queries = ask("much", crs="EPSG:3857", bbox=[300_000, 0, 400_000, 900_000], bboxCrs="EPSG:3857")
    assert [item["geometry"]["coordinates"] for item in found["features"]] == [[300_000, 150_000], [400_000, 200_000]]
    assert found["crs"]["properties"]["name"] == MERCATOR
    assert queries[0]["crs"] == queries[0]["bbox-crs"] == MERCATOR


def test_longitude_and_latitude_need_not_be_asked_for(ask):
    found, queries = ask("strict", crs="OGC:CRS84", bbox={"bbox": [3, 0, 4, 9], "crs": "OGC:CRS84"})
    assert numbers(found) == [3, 4]
    assert "crs" not in found
    assert queries == [{"bbox": "3,0,4,9", "limit": "1000"}]


@pytest.mark.parametrize(
    ("server", "members", "said"),
    [
        ("core", {"crs": MERCATOR}, "does not say that it gives items in .*3857, and coordinates are not converted"),
        ("nothing", {"bbox": [1, 2, 3, 4], "bboxCrs": MERCATOR}, "The box is in .*3857.*longitude and latitude"),
        ("core", {"subset": "Lat(1:2)", "subsetCrs": MERCATOR}, "'subset' is in .*3857"),
        ("much", {"crs": MERCATOR, "geometry": SQUARE}, "not select by geometry, and that is not possible here"),
        ("much", {"crs": MERCATOR, "filter": "S_INTERSECTS(geometry, POINT(1 1)) AND number > 3"}, "select by filter"),
        ("liar", {"crs": MERCATOR}, "answered with coordinates in http://x.example/crs, not in"),
        ("core", {"subset": "band(1)"}, "without an axis 'band': .* by Lat, Lon and time"),
        ("core", {"subset": "Lat(a:b)"}, "is no span of numbers"),
        ("core", {"subset": "Lat(5:1)"}, "is no span of degrees"),
        ("core", {"subset": "Lon(nan:1)"}, "is no span of degrees"),
        ("core", {"subset": "time(monday)"}, "The time of 'subset' 'monday' is no time"),
    ],
)
def test_what_nobody_can_do_is_refused(ask, server, members, said):
    with pytest.raises(StagingError, match=said):
        ask(server, **members)


def test_a_filter_of_values_is_possible_with_other_coordinates(ask):
    assert numbers(ask("much", crs=MERCATOR, filter="number < 2")[0]) == [0, 1]


# ---------------------------------------------------------------- parameters as they are


def test_parameters_are_passed_on_as_they_are(ask):
    passed = {"vendor": "a b&c", "limit": 3, "flag": True, "list": [1, "x"]}
    for server in ("core", "nothing"):
        queries = ask(server, passThroughParameters=passed)[1]
        assert queries[0] == {"vendor": "a b&c", "limit": "3", "flag": "true", "list": "1,x"}


def test_parameters_that_are_passed_on_take_the_place_of_ours(ask):
    """What was said besides is selected here."""
    found, queries = ask("strict", bbox=[3, 0, 4, 9], passThruParameters={"bbox": "0,0,9,9"}, ids=["f3", "f9"])
    assert numbers(found) == [3]
    assert queries == [{"bbox": "0,0,9,9", "limit": "1000", "ids": "f3,f9"}, {"bbox": "0,0,9,9", "limit": "1000"}]


def test_what_a_server_refuses_of_them_is_told(ask):
    with pytest.raises(StagingError, match="answered 400: unknown parameters: \\['other'\\]"):
        ask("strict", ids=["f3"], passThroughParameters={"other": 1})


# ---------------------------------------------------------------- pages by POST


def test_pages_are_asked_for_by_post_where_their_server_wants_that(ask, servers):
    assert numbers(ask("search", "/search")[0]) == list(range(25))
    assert [item.body for item in servers["search"].asked if item.method == "POST"] == [
        {"start": 10, "token": "t"},
        {"start": 20, "token": "t"},
    ]


def test_a_search_is_not_sent_to_another_server(ask):
    with pytest.raises(StagingError, match="has its next page on another server"):
        ask("search", "/search", passThroughParameters={"away": 1})
