"""What a request may send for the inputs of a process, and how the process describes them, through the service."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from weaverlite.testing.app import URL, running

PACKAGE = {
    "processDescription": {
        "id": "measure",
        "title": "Measure",
        "inputs": {
            "depth": {"title": "Depth", "uom": "m", "schema": {"minimum": 0, "maximum": 100}, "minOccurs": 0},
            "names": {"schema": {"type": "string", "pattern": "^[a-z]+$"}, "maxOccurs": 3, "minOccurs": 0},
            "settings": {
                "schema": {
                    "contentMediaType": "application/json",
                    "contentSchema": {"required": ["level"], "properties": {"level": {"enum": [1, 2]}}},
                }
            },
            "kind": {"schema": {"enum": ["a", "b"]}},
            "secret": {"valuePassing": ["byValue"]},
            "area": {"supportedCRS": [{"crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84", "default": True}]},
        },
        "outputs": {"told": {"schema": {"contentMediaType": "application/json"}}},
    },
    "executionUnit": {
        "mediaType": "application/cwl+json",
        "value": {
            "cwlVersion": "v1.2",
            "class": "CommandLineTool",
            "baseCommand": "cat",
            "$namespaces": {
                "e": "http://edamontology.org/",
                "o": "http://www.opengis.net/def/format/ogcapi-processes/0/",
            },
            "inputs": {
                "depth": {"type": "double?", "doc": "Below the surface"},
                "names": {"type": "string[]?"},
                "settings": {"type": "File?", "format": "e:format_3464", "inputBinding": {"position": 1}},
                "kind": {"type": {"type": "enum", "symbols": ["a", "b", "c"]}, "default": "a"},
                "secret": {"type": "string?"},
                "area": {"type": "File?", "format": "o:ogc-bbox", "inputBinding": {"position": 2}},
            },
            "outputs": {"told": {"type": "stdout"}},
            "stdout": "told.json",
        },
    },
}
BOX = {"bbox": [1, 2, 3, 4], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
SETTINGS = {"value": {"level": 1}, "mediaType": "application/json"}


@pytest.fixture(scope="module")
def service(tmp_path_factory, backends):
    directory = tmp_path_factory.mktemp("inputs")
    with running(directory, settings=backends.settings_for(directory)) as started:
        with started.session() as http:
            headers = {"Content-Type": "application/ogcapppkg+json"}
            answer = http.post(f"{URL}/processes", data=json.dumps(PACKAGE), headers=headers)
            assert answer.status_code == 201, answer.text
        yield started


def execute(http: Any, process_id: str = "measure", **inputs: Any) -> Any:
    return http.post(f"{URL}/processes/{process_id}/execution", json={"inputs": inputs})


def faults(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400, answer.text
    found: dict[str, str] = {}
    for fault in answer.json()["errors"]:
        found[fault["pointer"]] = "; ".join(filter(None, (found.get(fault["pointer"]), fault["message"])))
    return found


def test_a_description_is_merged_and_goes_out_in_words_of_openapi_3_0(http):
    described = http.get(f"{URL}/processes/measure").json()["inputs"]
    depth = described["depth"]
    assert (depth["title"], depth["description"]) == ("Depth", "Below the surface")
    assert depth["schema"] == {"type": "number", "format": "double", "minimum": 0, "maximum": 100}
    assert depth["metadata"] == [{"role": "http://www.opengis.net/def/uom", "title": "m"}]
    assert (described["names"]["minOccurs"], described["names"]["maxOccurs"]) == (0, 3)
    assert described["names"]["schema"] == {"type": "string", "pattern": "^[a-z]+$"}
    assert described["settings"]["schema"]["contentMediaType"] == "application/json"
    assert described["kind"]["schema"] == {"type": "string", "enum": ["a", "b"], "default": "a"}
    assert described["secret"]["valuePassing"] == ["byValue"]
    assert described["area"]["schema"]["format"] == "ogc-bbox"
    assert described["area"]["schema"]["properties"]["crs"]["enum"] == [BOX["crs"]]


def test_json_and_bounding_boxes_are_sent_as_they_are_and_arrive_as_files(http):
    assert execute(http, settings=SETTINGS).json() == {"level": 1}
    assert execute(http, area=BOX).json() == BOX
    assert execute(http, area={"value": BOX}).json() == BOX
    assert execute(http, settings={"href": "data:application/json,{%22level%22:2}"}).json() == {"level": 2}


@pytest.mark.parametrize(
    ("inputs", "pointer", "words"),
    [
        ({"depth": 101}, "/inputs/depth", "more than the maximum 100"),
        ({"depth": {"value": -1, "mediaType": "text/plain"}}, "/inputs/depth/value", "less than the minimum"),
        ({"depth": [1, 2]}, "/inputs/depth", "takes one value"),
        ({"names": ["a", "B"]}, "/inputs/names/1", "does not match the pattern"),
        ({"names": ["a"] * 4}, "/inputs/names", "at most 3 are allowed"),
        ({"kind": "c"}, "/inputs/kind", "allowed are"),
        ({"secret": {"href": "data:,x"}}, "/inputs/secret", "takes the value itself only"),
        ({"settings": {"value": {"level": 3}, "mediaType": "application/json"}}, "/inputs/settings/value", "at /level"),
        ({"settings": {"value": "{", "mediaType": "application/json"}}, "/inputs/settings/value", "holds no JSON"),
        ({"settings": {"value": "{}", "mediaType": "image/png"}}, "/inputs/settings", "accepted are application/json"),
        ({"settings": {"value": "{}", "mediaType": "none"}}, "/inputs/settings", "which is none"),
        ({"settings": {"value": "{}", "format": {"encoding": "rot13"}}}, "/inputs/settings", "encoding 'rot13'"),
        ({"settings": {"value": "?", "encoding": "base64"}}, "/inputs/settings/value", "is not base64"),
        ({"area": {"bbox": [1, 2, 3, 4, 5]}}, "/inputs/area", "has a 'bbox' of 5 numbers"),
        ({"area": {"bbox": [1, 2, 3, "4"]}}, "/inputs/area", "what is no number"),
        ({"area": {"bbox": [1, 2, 3, "4"]}}, "/inputs/area/bbox/3", "expected is a number"),
        ({"area": {**BOX, "crs": "urn:x:y"}}, "/inputs/area/crs", "allowed are"),
        ({"area": {**BOX, "crs": "nowhere"}}, "/inputs/area", "no URI"),
        ({"deepth": 1}, "/inputs/deepth", "is 'depth' meant?"),
        # What is behind a reference is found by the job, and answered alike.
        ({"settings": {"href": "data:application/json,{}"}}, "/inputs/settings/href", "at /level it is missing"),
        ({"depth": {"href": "data:,abc"}}, "/inputs/depth/href", "a number"),
        ({"depth": {"href": "data:application/json,NaN"}}, "/inputs/depth/href", "NaN"),
        ({"names": ["a", {"href": "data:,B"}]}, "/inputs/names/1/href", "does not match the pattern"),
        ({"area": {"href": "data:application/json,{%22bbox%22:[1]}"}}, "/inputs/area/href", "of 1 numbers"),
        ({"settings": {"href": "http://127.0.0.1:1/x"}}, None, "weaverlite.egress"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_where_it_stands(http, inputs, pointer, words):
    answer = execute(http, **inputs)
    if pointer is None:
        # Policy, not a mistake.
        assert (answer.status_code, words in answer.text) == (403, True)
        return
    found = faults(answer)
    assert pointer in found, found
    assert words in found[pointer]


def test_everything_wrong_is_told_at_once(http):
    found = faults(execute(http, depth=-1, names=["A", "B"], kind=3, area={"bbox": []}, other=1))
    assert set(found) >= {"/inputs/depth", "/inputs/names/0", "/inputs/names/1", "/inputs/kind", "/inputs/area"}
    assert "/inputs/other" in found


@pytest.mark.parametrize(
    "value",
    [
        '{"inputs": {"depth": NaN}}',
        '{"inputs": {"depth": 1e999}}',
        '{"inputs": {"depth": 1, "depth": 2}}',
        '{"inputs": {"depth": ' + "1" * 5000 + "}}",
        '{"inputs": {"depth": ' + "[" * 500 + "]" * 500 + "}}",
        '{"inputs": {"kind": "\\ud800"}}',
    ],
    ids=["nan", "infinite", "twice", "digits", "deep", "surrogate"],
)
def test_text_that_is_hardly_json_is_refused(http, value):
    headers = {"Content-Type": "application/json"}
    answer = http.post(f"{URL}/processes/measure/execution", data=value, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_bytes_that_are_no_utf_8_are_refused(http):
    headers = {"Content-Type": "application/json"}
    answer = http.post(f"{URL}/processes/measure/execution", data=b'{"inputs": {"kind": "\xff"}}', headers=headers)
    assert answer.status_code == 400


def test_numbers_of_any_size_have_an_answer(http):
    assert "/inputs/depth" in faults(execute(http, depth=10**400))
    assert execute(http, "echo", stringInput="a", doubleInput=9.999999999999999).status_code == 200


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"pattern": "^(?=a)"}, "looks ahead"),
        ({"pattern": "(a)\\1"}, "refers back"),
        ({"pattern": "(" * 60}, "nested too deeply"),
        ({"pattern": "(a{0,9999}){0,9999}"}, "too large"),
        ({"$ref": "http://127.0.0.1:1/schema.json"}, "nothing else is fetched"),
        ({"$ref": "#/default", "default": {}}, "is no schema"),
        ({"allOf": [{"type": "nothing"}]}, "allOf/0"),
        ({"minimum": "a"}, "minimum"),
        ({"$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 9} for n in range(9)}, "$ref": "#/$defs/d0"},
         "not there"),
        ({"$defs": {**{f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 9} for n in range(9)}, "d9": {}},
          "$ref": "#/$defs/d0"}, "more than 10000 schemas"),
    ],
)  # fmt: skip
def test_hostile_schemas_are_refused_when_they_are_deployed(http, schema, words):
    process = {**PACKAGE["processDescription"], "id": "hostile", "inputs": {"secret": {"schema": schema}}}
    package = {**PACKAGE, "processDescription": process}
    headers = {"Content-Type": "application/ogcapppkg+json"}
    answer = http.post(f"{URL}/processes", data=json.dumps(package), headers=headers)
    assert answer.status_code == 422, answer.text
    found = answer.json()["errors"]
    assert all(fault["pointer"].startswith("/processDescription/inputs/secret/schema") for fault in found)
    assert words in answer.text


def test_every_form_of_a_value_is_echoed(http):
    pixels = base64.b64encode(b"<gml/>").decode()
    point = {"type": "Point", "coordinates": [1, 2]}
    inputs = {
        "stringInput": {"value": "a", "format": {"mediaType": "text/plain"}},
        "arrayInput": [1, 2],
        "objectInput": {"value": {"href": "stays", "n": 1}},
        "boundingBoxInput": {"bbox": [1, 2, 3, 4, 5, 6]},
        "geometryInput": {"value": point, "mediaType": "application/geo+json"},
        "doubleInput": {"href": "data:application/json,2.5"},
        "dateInput": "2024-05-01T12:00:00Z",
    }
    body = {"inputs": inputs, "response": "document"}
    found = http.post(f"{URL}/processes/echo/execution", json=body).json()
    values = {name: item.get("value", item) if isinstance(item, dict) else item for name, item in found.items()}
    assert (values["stringInput"], values["arrayInput"], values["doubleInput"]) == ("a", [1, 2], 2.5)
    assert values["objectInput"] == {"href": "stays", "n": 1}
    assert values["boundingBoxInput"]["bbox"] == [1, 2, 3, 4, 5, 6]
    geometry = values["geometryInput"]
    assert (json.loads(geometry) if isinstance(geometry, str) else geometry) == point
    for wrong in ({"type": "wrong/type"}, {"value": pixels, "mediaType": "image/png"}):
        assert "/inputs/geometryInput" in faults(execute(http, "echo", stringInput="a", geometryInput=wrong))
