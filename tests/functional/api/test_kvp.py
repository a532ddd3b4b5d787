"""Executions by a link, GET with everything in the query."""

from __future__ import annotations

import pytest

from weaverlite.ogc import exceptions
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import find, read_header
from weaverlite.testing.app import URL

from .conftest import ended, newest_job


@pytest.fixture
def get(http):
    def execute(process, params, **headers):
        return http.get(f"{URL}/processes/{process}/execution", params=params, headers=headers)

    return execute


def test_a_link_executes_a_process(get):
    answer = get("shout", {"TEXT": "größe"})
    assert answer.status_code == 200
    assert answer.text == "GRÖSSE"
    assert answer.headers["Cache-Control"] == "no-store"
    assert find(read_header(answer.headers["Link"]), rel.MONITOR) is not None


def test_every_kind_of_value_can_stand_in_a_link(get):
    answer = get(
        "echo",
        {
            "stringInput": "a,b",
            "doubleInput": "2.5",
            "arrayInput": "1,2,3",
            "boundingBoxInput": "5,50,6,51",
            "boundingBoxInput[crs]": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
            "objectInput": '{"a": [1]}',
            "geometryInput[value]": "<gml/>",
            "geometryInput[mediaType]": "application/gml+xml",
        },
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["stringInput"] == "a,b"
    assert found["doubleInput"] == 2.5
    assert found["arrayInput"] == [1, 2, 3]
    assert found["boundingBoxInput"]["bbox"] == [5, 50, 6, 51]
    assert '{"a":[1]}' in answer.text


def test_outputs_are_chosen_in_a_link(get):
    answer = get("report", {"count[include]": "true", "table[include]": "true"})
    assert answer.json().keys() == {"count", "table"}
    assert get("report", {"count[include]": "true"}).json() == 3
    assert get("shout", {"text": "a", "loud[include]": "false"}).status_code == 204


def test_form_and_preferences_can_stand_in_a_link(get, http):
    assert get("shout", {"text": "a", "response[f]": "json"}).json() == "A"
    assert get("shout", {"text": "a", "f": "json"}).json() == "A"
    assert get("report", {"response[f]": "application/zip"}).headers["Content-Type"] == "application/zip"
    answer = get("shout", {"text": "a", "response[prefer]": "respond-async"})
    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert ended(http, answer.headers["Location"])["status"] == "successful"


def test_all_that_is_wrong_with_a_link_is_told_at_once(get):
    answer = get(
        "picky",
        {
            "size": "99",
            "kind": "c",
            "nmae": "x",
            "other[value]": "1",
            "size[colour]": "blue",
            "response[f]": "jsn",
            "response[prefer]": "handling=strict, fast",
        },
    )
    assert answer.status_code == 400
    faults = answer.json()["errors"]
    assert {fault["location"] for fault in faults} == {"query"}
    expected = {"size", "kind", "nmae", "name", "other[value]", "size[colour]", "response[f]", "response[prefer]"}
    assert expected <= {fault["pointer"] for fault in faults}


@pytest.mark.parametrize(
    "params",
    [
        {"text[": "a"},
        {"text[value]": "a", "text[href]": "https://example.org/a"},
        {"text": ["a", "b"]},
        {"text[href]": "gopher://example.org/a"},
        {"text[href]": ""},
        {"text": "a", "text[schema]": "{"},
        {"text": "a", "loud[include]": "perhaps"},
        {"text": "a", "quiet[include]": "true"},
        {"": "a"},
    ],
    ids=lambda params: "&".join(params),
)
def test_a_link_that_is_wrong_is_refused(get, params):
    answer = get("shout", params)
    assert answer.status_code in (400, 403), answer.text
    assert answer.json()["errors"]


def test_a_query_that_is_no_utf8_is_refused(http):
    answer = http.get(f"{URL}/processes/shout/execution?text=%ff%fe")
    assert answer.status_code == 400
    assert "UTF-8" in answer.text


def test_a_link_to_no_process_is_told(get):
    answer = get("nothing", {"text": "a"})
    assert answer.status_code == 404
    assert answer.json()["type"] == exceptions.NO_SUCH_PROCESS


def test_asking_for_the_head_executes_nothing(http):
    before = newest_job(http, "shout")
    assert http.head(f"{URL}/processes/shout/execution?text=a").status_code == 405
    assert newest_job(http, "shout") == before


def test_a_page_of_another_site_cannot_execute_by_a_link(get):
    answer = get("shout", {"text": "a"}, **{"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
