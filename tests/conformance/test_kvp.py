"""Executions by the query of a GET request: kvp-execute of Part 1 2.0."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from tests.conformance.asserts import JSON, document, media_type, problem, said, status
from tests.conformance.marks import V2, req
from tests.conformance.origin import Origin
from tests.conformance.service import Service

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def asked(service: Service, process_id: str, query: dict[str, Any], **options: Any) -> requests.Response:
    """Execute a process by a link."""
    return service.get(f"{service.process(process_id)}/execution", params=query, **options)


def got(service: Service, process_id: str, query: dict[str, Any], output: str) -> Any:
    """Return one output of an execution by a link."""
    answer = asked(service, process_id, {**query, f"{output}[include]": "true"})
    status(answer, 200)
    assert media_type(answer) == JSON, said(answer)
    return answer.json()


@req(V2 + "kvp-execute/process-execute-op")
@pytest.mark.parametrize("text", ["hello", "größe", "a b", "a&b=c", "1", "true", "", "[", "a,b"])
def test_req_kvp_execute_process_execute_op(service: Service, text: str) -> None:
    assert got(service, "conf-values", {"text": text}, "text") == text


@req(V2 + "kvp-execute/process-execute-op")
def test_req_kvp_execute_process_execute_op__no_such_process(service: Service) -> None:
    problem(service.get("/processes/nobody/execution?a=b"), 404, "ogcapi-processes-1/1.0/no-such-process")


@req(V2 + "kvp-execute/numeric-input-value")
@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("number", "1.5", 1.5),
        ("number", "-2.25", -2.25),
        ("number", "1e3", 1000),
        ("number", "3", 3),
        ("whole", "7", 7),
        ("whole", "-7", -7),
        ("whole", "0", 0),
    ],
)
def test_req_kvp_execute_numeric_input_value(service: Service, name: str, text: str, wanted: float) -> None:
    assert got(service, "conf-values", {name: text}, name) == wanted


@req(V2 + "kvp-execute/numeric-input-value")
@pytest.mark.parametrize(("name", "text"), [("number", "one"), ("whole", "1.5"), ("whole", ""), ("number", "NaN")])
def test_req_kvp_execute_numeric_input_value__refused(service: Service, name: str, text: str) -> None:
    found = problem(asked(service, "conf-values", {name: text}), 400)
    assert name in str(found)


@req(V2 + "kvp-execute/string-input-value")
@pytest.mark.parametrize("text", ["plain", "100%", '"quoted"', "{not json", "a/b?c#d", "null"])
def test_req_kvp_execute_string_input_value(service: Service, text: str) -> None:
    assert got(service, "echo", {"stringInput": text}, "stringInput") == text


@req(V2 + "kvp-execute/boolean-input-value")
@pytest.mark.parametrize(("text", "wanted"), [("true", True), ("false", False)])
def test_req_kvp_execute_boolean_input_value(service: Service, text: str, wanted: bool) -> None:
    assert got(service, "conf-values", {"flag": text}, "flag") is wanted


@req(V2 + "kvp-execute/boolean-input-value")
@pytest.mark.parametrize("text", ["yes", "1", "maybe"])
def test_req_kvp_execute_boolean_input_value__refused(service: Service, text: str) -> None:
    found = problem(asked(service, "conf-values", {"flag": text}), 400)
    assert "flag" in str(found)


@req(V2 + "kvp-execute/complex-input-value")
@pytest.mark.parametrize("given", [{"a": 1}, {"a": {"b": [1, 2]}}, {"a": "größe"}])
def test_req_kvp_execute_complex_input_value(service: Service, given: dict[str, Any]) -> None:
    found = got(service, "echo", {"stringInput": "x", "objectInput": json.dumps(given)}, "objectInput")
    assert given in (found, found.get("value"))


@req(V2 + "kvp-execute/array-input-value")
@pytest.mark.parametrize("text", ["[1,2,3]", "[ 1, 2, 3 ]"])
def test_req_kvp_execute_array_input_value(service: Service, text: str) -> None:
    assert got(service, "echo", {"stringInput": "x", "arrayInput": text}, "arrayInput") == [1, 2, 3]


@req(V2 + "kvp-execute/array-input-value")
@pytest.mark.parametrize("text", ["[1,", '["a"]', "[1,2,3,4,5,6,7,8,9,10,11]"])
def test_req_kvp_execute_array_input_value__refused(service: Service, text: str) -> None:
    found = problem(asked(service, "echo", {"stringInput": "x", "arrayInput": text}), 400)
    assert "arrayInput" in str(found)


@req(V2 + "kvp-execute/bbox-input-value")
@pytest.mark.parametrize(("text", "wanted"), [("1,2,3,4", [1, 2, 3, 4]), ("-1.5,2,3,4.25", [-1.5, 2, 3, 4.25])])
def test_req_kvp_execute_bbox_input_value(service: Service, text: str, wanted: list[float]) -> None:
    found = got(service, "echo", {"stringInput": "x", "boundingBoxInput": text}, "boundingBoxInput")
    assert found["bbox"] == wanted


@req(V2 + "kvp-execute/bbox-input-value")
@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "a,b,c,d", ""])
def test_req_kvp_execute_bbox_input_value__refused(service: Service, text: str) -> None:
    found = problem(asked(service, "echo", {"stringInput": "x", "boundingBoxInput": text}), 400)
    assert "boundingBoxInput" in str(found)


@req(V2 + "kvp-execute/bbox-crs-input-value")
@pytest.mark.parametrize("crs", [CRS84, "http://www.opengis.net/def/crs/EPSG/0/4326"])
def test_req_kvp_execute_bbox_crs_input_value(service: Service, crs: str) -> None:
    query = {"stringInput": "x", "boundingBoxInput": "1,2,3,4", "boundingBoxInput[crs]": crs}
    found = got(service, "echo", query, "boundingBoxInput")
    assert found == {"bbox": [1, 2, 3, 4], "crs": crs}


@req(V2 + "kvp-execute/binary-input-value", V2 + "kvp-execute/binary-input-value-qualified")
@pytest.mark.parametrize("content", [b"text", bytes(range(64))])
def test_req_kvp_execute_binary_input_value(service: Service, content: bytes) -> None:
    query = {
        "file[value]": base64.b64encode(content).decode(),
        "file[mediaType]": "application/octet-stream",
        "file[encoding]": "base64",
        "copy[include]": "true",
    }
    answer = asked(service, "conf-copy", query, accept="*/*")
    status(answer, 200)
    assert answer.content == content


@req(V2 + "kvp-execute/binary-input-value-qualified")
def test_req_kvp_execute_binary_input_value_qualified(service: Service) -> None:
    query = {"stringInput[value]": "qualified"}
    assert got(service, "echo", query, "stringInput") == "qualified"


@req(V2 + "kvp-execute/input-by-reference")
@pytest.mark.parametrize("media_type_", ["text/plain", None])
def test_req_kvp_execute_input_by_reference(service: Service, origin: Origin, media_type_: str | None) -> None:
    query = {"file[href]": origin.put("/files/kvp.txt", "by a link", "text/plain")}
    if media_type_:
        query["file[type]"] = media_type_
    answer = asked(service, "conf-copy", query, accept="*/*")
    status(answer, 200)
    assert answer.text == "by a link"


@req(V2 + "kvp-execute/input-cardinality")
@pytest.mark.parametrize(("text", "wanted"), [("a,b,c", ["a", "b", "c"]), ("a", ["a"])])
def test_req_kvp_execute_input_cardinality(service: Service, text: str, wanted: list[str]) -> None:
    assert got(service, "conf-lists", {"words": text}, "words") == wanted


@req(V2 + "kvp-execute/input-cardinality")
def test_req_kvp_execute_input_cardinality__numbers(service: Service) -> None:
    assert got(service, "conf-lists", {"words": "w", "wholes": "1,2,3"}, "wholes") == [1, 2, 3]


@req(V2 + "kvp-execute/input-query-parameters")
@pytest.mark.parametrize("name", ["stringinput", "STRINGINPUT", "StringInput"])
def test_req_kvp_execute_input_query_parameters(service: Service, name: str) -> None:
    """Names are told apart without regard to case."""
    assert got(service, "echo", {name: "any case"}, "stringInput") == "any case"


@req(V2 + "kvp-execute/input-query-parameters")
@pytest.mark.parametrize("query", [{}, {"doubleInput": "1"}])
def test_req_kvp_execute_input_query_parameters__missing(service: Service, query: dict[str, str]) -> None:
    found = problem(asked(service, "echo", query), 400)
    assert "stringInput" in str(found)


@req(V2 + "kvp-execute/input-query-parameter-values")
@pytest.mark.parametrize(
    ("name", "text"), [("doubleInput", "11"), ("doubleInput", "0"), ("dateInput", "yesterday"), ("pause", "61")]
)
def test_req_kvp_execute_input_query_parameter_values(service: Service, name: str, text: str) -> None:
    found = problem(asked(service, "echo", {"stringInput": "x", name: text}), 400)
    assert name in str(found)


@req(V2 + "kvp-execute/input-query-parameter-values")
@pytest.mark.parametrize(("name", "text", "wanted"), [("doubleInput", "2.5", 2.5), ("pause", "0", 0)])
def test_req_kvp_execute_input_query_parameter_values__accepted(
    service: Service, name: str, text: str, wanted: float
) -> None:
    assert got(service, "echo", {"stringInput": "x", name: text}, name) == wanted


@req(V2 + "kvp-execute/output")
@pytest.mark.parametrize("names", [("text", "count"), ("table", "word", "flag")], ids="-".join)
def test_req_kvp_execute_output(service: Service, names: tuple[str, ...]) -> None:
    answer = asked(service, "conf-many", {"text": "x", **{f"{name}[include]": "true" for name in names}})
    assert document(answer, "results").keys() == set(names)


@req(V2 + "kvp-execute/output")
def test_req_kvp_execute_output__all(service: Service) -> None:
    assert len(document(asked(service, "conf-many", {"text": "x"}), "results")) == 9


@req(V2 + "kvp-execute/output")
def test_req_kvp_execute_output__format(service: Service) -> None:
    answer = asked(
        service, "conf-many", {"text": "x", "table[include]": "true", "table[mediaType]": "text/csv"}, accept="*/*"
    )
    status(answer, 200)
    assert media_type(answer) == "text/csv"


@req(V2 + "kvp-execute/f-definition", V2 + "kvp-execute/f-response")
@pytest.mark.parametrize("f", ["text/plain", "application/json"])
def test_req_kvp_execute_f_definition(service: Service, f: str) -> None:
    answer = asked(service, "conf-many", {"word[include]": "true", "response[f]": f}, accept=None)
    status(answer, 200)
    assert media_type(answer) == f
    assert "a word" in answer.text


@req(V2 + "kvp-execute/f-response")
def test_req_kvp_execute_f_response__not_acceptable(service: Service) -> None:
    problem(asked(service, "conf-many", {"count[include]": "true", "response[f]": "image/tiff"}, accept=None), 406)


@req(V2 + "kvp-execute/prefer-definition", V2 + "kvp-execute/prefer-response")
@pytest.mark.parametrize("prefer", ["respond-async", "respond-async, return=minimal"])
def test_req_kvp_execute_prefer_definition(service: Service, prefer: str) -> None:
    answer = asked(service, "echo", {"stringInput": "x", "response[prefer]": prefer})
    found = document(answer, "status", 201)
    assert answer.headers["Location"].endswith(found["jobID"])


@req(V2 + "kvp-execute/prefer-response")
def test_req_kvp_execute_prefer_response__return(service: Service) -> None:
    query = {"text": "inline", "text[include]": "true", "count[include]": "true"}
    answer = asked(service, "conf-many", {**query, "response[prefer]": "return=representation"})
    found = document(answer, "results")
    assert "href" not in str(found["text"])
    assert "inline" in str(found["text"])
