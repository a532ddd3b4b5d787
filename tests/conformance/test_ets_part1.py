"""The executable test suite of OGC API - Processes 1.0, one test here for each of its 54, with its ways of asking.

It reads the description of the echo process and makes its requests of that. Where it compares strings, so do we: the
scheme of exception types, the media type of errors, the first line of a multipart body. Polls are faster than its 5 s.
"""

from __future__ import annotations

import json
import time
import uuid
from email.parser import BytesParser
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator

from tests.conformance import schemas
from tests.conformance.asserts import EXCEPTIONS, JSON, PROBLEM, RELATIONS, said, status, valid
from tests.conformance.service import Service, until

#: What the HTTP library of the suite accepts by default, and what its JSON requests say.
SCRIPTS = "application/json, application/javascript, text/javascript, text/json"
SENT = "application/json; charset=UTF-8"
TEST_STRING = "teststring"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
NOT_READY = EXCEPTIONS + "ogcapi-processes-1/1.0/result-not-ready"

#: The words that a schema in a description may have: the suite validates with those of OpenAPI 3.0 and no others.
_WORDS = set(
    "title multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems "
    "uniqueItems maxProperties minProperties required enum type not allOf oneOf anyOf items properties "
    "additionalProperties description format default nullable discriminator readOnly writeOnly example externalDocs "
    "deprecated contentMediaType contentEncoding contentSchema".split()
)


class Echo:
    """The echo process as the suite sees it."""

    def __init__(self, service: Service) -> None:
        answer = service.get("/processes/echo")
        status(answer, 200)
        self.service = service
        self.description: dict[str, Any] = answer.json()
        self.inputs: dict[str, Any] = {
            name: item["schema"] for name, item in self.description["inputs"].items()
        }
        self.outputs: dict[str, Any] = {
            name: item["schema"] for name, item in self.description["outputs"].items()
        }
        assert self.inputs, "an echo process has inputs"

    @property
    def modes(self) -> list[str]:
        return list(self.description["jobControlOptions"])

    def values(self) -> dict[str, Any]:
        """Return a value for each input that the suite gives one: texts, objects and boxes; nothing for numbers."""
        found: dict[str, Any] = {}
        for name, schema in self.inputs.items():
            if (value := _value(schema)) is not None:
                found[name] = value
        return found

    def wanted(self, *names: str) -> dict[str, Any]:
        return {name: {"transmissionMode": "value"} for name in names}

    def base(self, **members: Any) -> dict[str, Any]:
        """Return the request that nearly every test sends."""
        return {"inputs": self.values(), "outputs": self.wanted(*self.outputs), **members}

    def post(self, body: Any, prefer: str | None = None) -> requests.Response:
        headers = {"Content-Type": SENT, **({"Prefer": prefer} if prefer else {})}
        return self.service.post(
            "/processes/echo/execution", data=json.dumps(body).encode(), headers=headers, accept=JSON
        )

    def run(self, body: Any) -> requests.Response:
        """Execute synchronously."""
        return self.post(body)

    def start(self, body: Any) -> requests.Response:
        """Execute asynchronously."""
        return self.post(body, "respond-async")


def _value(schema: dict[str, Any]) -> Any:
    if schema.get("type") == "array":
        # An input that is an array is treated by its items, of which only texts get a value.
        return TEST_STRING if schema.get("items", {}).get("type") == "string" else None
    if "allOf" in schema:
        assert "format" in schema["allOf"][0], "the suite breaks where the first of allOf has no format"
        return {"bbox": [51.9, 7, 52, 7.1], "crs": CRS84} if _is_box(schema) and schema.get("required") else None
    if "oneOf" in schema:
        kinds = [branch.get("type") for branch in schema["oneOf"]]
        return {"value": TEST_STRING} if "object" in kinds else None
    if schema.get("type") == "object":
        return {"value": TEST_STRING}
    if schema.get("type") == "string" and not schema.get("format") and not schema.get("contentMediaType"):
        return TEST_STRING
    return None


def _is_box(schema: dict[str, Any]) -> bool:
    return any("bbox" in branch.get("format", "") for branch in schema.get("allOf", ()))


def answered(answer: requests.Response, *codes: int) -> requests.Response:
    """Return an answer to an execution, which must be a success."""
    status(answer, *(codes or (200, 201)))
    assert answer.content, said(answer)
    return answer


def mapped(answer: requests.Response) -> str:
    """Return the media type as the suite maps it: only an exact ``application/problem+json`` counts as JSON."""
    found = answer.headers.get("Content-Type", "")
    return JSON if found == PROBLEM else found.partition(";")[0].strip()


def exception(answer: requests.Response, *codes: int) -> dict[str, Any]:
    """Return an exception that the suite's definition of the API allows."""
    status(answer, *codes)
    assert mapped(answer) == JSON, said(answer)
    found: dict[str, Any] = answer.json()
    valid(found, "exception", said(answer))
    return found


def described(answer: requests.Response) -> dict[str, Any]:
    """Return a process description that the suite's definition of the API allows."""
    status(answer, 200)
    assert mapped(answer) == JSON, said(answer)
    found: dict[str, Any] = answer.json()
    valid(found, "process", said(answer))
    for place in ("inputs", "outputs"):
        for name, item in found.get(place, {}).items():
            _check_words(item["schema"], f"{place}/{name}", is_whole=True)
    assert isinstance(found.get("additionalParameters", {}), dict)
    return found


def _check_words(schema: Any, where: str, is_whole: bool = False) -> None:
    """Fail where a schema uses words that OpenAPI 3.0 does not have, or ``$ref`` below its top."""
    assert isinstance(schema, dict), where
    if "$ref" in schema:
        assert is_whole and len(schema) == 1, f"{where}: a $ref inside a schema"
        return
    assert schema.keys() <= _WORDS, f"{where}: {sorted(schema.keys() - _WORDS)}"
    assert not isinstance(schema.get("type"), list), f"{where}: several types"
    for word in ("exclusiveMinimum", "exclusiveMaximum"):
        assert isinstance(schema.get(word, False), bool), f"{where}: {word} is a number"
    for word in ("allOf", "oneOf", "anyOf"):
        for index, branch in enumerate(schema.get(word, ())):
            _check_words(branch, f"{where}/{word}/{index}")
    for name, inner in schema.get("properties", {}).items():
        _check_words(inner, f"{where}/properties/{name}")
    if "items" in schema:
        _check_words(schema["items"], f"{where}/items")


def informed(answer: requests.Response) -> dict[str, Any]:
    """Return a status document that the suite's definition of the API allows."""
    status(answer, 200)
    assert mapped(answer) == JSON, said(answer)
    found: dict[str, Any] = answer.json()
    valid(found, "status-1.0", said(answer))
    return found


def located(service: Service, answer: requests.Response) -> dict[str, Any]:
    """Return the status of the job that an execution made; the suite takes ``Location`` for granted."""
    answered(answer)
    return informed(service.get(answer.headers["Location"], accept=None))


#: The documents that a 200 of an execution may be, of which exactly one is to fit.
_EXECUTED = [
    schemas.named("results"),
    schemas.named("exception"),
    {"type": "object"},
    {"type": "string"},
    {"type": "number"},
    {"type": "boolean"},
]


def executed(service: Service, answer: requests.Response) -> None:
    """What the suite does with an answer to its base request: T3 of our notes."""
    answered(answer)
    # Lower case is compared.
    if answer.headers["Content-Type"].startswith("multipart/related"):
        assert TEST_STRING in _texts(answer), said(answer)
    elif answer.status_code == 200:
        assert mapped(answer) == JSON, said(answer)
        fitting = [schema for schema in _EXECUTED if not list(Draft202012Validator(schema).iter_errors(answer.json()))]
        assert len(fitting) == 1, f"{len(fitting)} schemas are valid: {said(answer)}"
    else:
        informed(service.get(answer.headers["Location"], accept=None))


def _texts(answer: requests.Response) -> str:
    """Return the texts of a multipart answer, read as the suite reads it: the first line is the boundary."""
    boundary = answer.content.split(b"\r\n", 1)[0]
    assert boundary.startswith(b"--"), f"the first line is not the boundary: {answer.content[:80]!r}"
    head = b'Content-Type: multipart/related; boundary="%s"\r\n\r\n' % boundary[2:]
    message = BytesParser().parsebytes(head + answer.content)
    parts: list[Any] = [part for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join(part.get_payload(decode=True).decode() for part in parts)


def poll(service: Service, found: dict[str, Any]) -> str:
    """Follow the links of a status document until there are results; return them as text."""
    for _ in range(200):
        assert found["status"] != "failed", found
        links = found["links"]
        assert all(link.get("rel") for link in links), links
        results = [link["href"] for link in links if link["rel"] == RELATIONS + "results"]
        if results:
            answer = service.get(results[0], accept=None)
            status(answer, 200)
            return answer.text
        monitors = [link["href"] for link in links if link["rel"] in ("monitor", "status")]
        assert monitors, links
        time.sleep(0.1)
        found = informed(service.get(monitors[0], accept=None))
    raise AssertionError(f"no results: {found}")


def missing_job(service: Service, below: str = "") -> requests.Response:
    return service.get(f"/jobs/invalid-job-{uuid.uuid4()}{below}")


# ---------------------------------------------------------------- general, landing page, conformance, lists


def test_general_http(service: Service) -> None:
    answer = service.get("/", accept="*/*")
    status(answer, 200)
    assert answer.raw.version == 11
    assert answer.json()["links"]


def test_landing_page_retrieval(service: Service) -> None:
    # The suite starts with a request for the URL as it was given, whose answer must have a type.
    assert service.get("", accept="*/*").headers["Content-Type"]
    answer = service.get("/", accept=SCRIPTS)
    status(answer, 200)
    assert mapped(answer) == JSON
    assert answer.json()["links"]


def test_landing_page_validation(service: Service) -> None:
    answer = service.get("/", accept=SCRIPTS)
    status(answer, 200)
    valid(answer.json(), "landingPage")
    rels = {link["rel"] for link in answer.json()["links"]}
    assert rels & {"service-desc", "service-doc"}
    assert rels & {"conformance", RELATIONS + "conformance"}
    assert rels & {"processes", RELATIONS + "processes"}


def test_conformance_validate_operation_and_response(service: Service) -> None:
    answer = service.get("/conformance", accept=SCRIPTS)
    status(answer, 200)
    valid(answer.json(), "conformance")
    assert "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core" in answer.json()["conformsTo"]


def test_process_list(service: Service) -> None:
    answer = service.get("/processes")
    status(answer, 200)
    assert len(answer.json()["processes"]) > 0


def test_process_list_success(service: Service) -> None:
    answer = service.get("/processes")
    status(answer, 200)
    valid(answer.json(), "processList")


def test_process_list_pl_limit_definition(service: Service) -> None:
    """The suite looks into its own definition only; we look into ours."""
    answer = service.get("/api", accept=None)
    status(answer, 200)
    assert "limit" in json.dumps(answer.json()["paths"]["/processes"]["get"])


def test_process_list_pl_limit_response(service: Service) -> None:
    answer = service.get("/processes?limit=1")
    status(answer, 200)
    assert len(answer.json()["processes"]) == 1


def test_process_list_pl_links(service: Service) -> None:
    answer = service.get("/processes?limit=1")
    status(answer, 200)
    assert isinstance(answer.json()["links"], list)


def test_process(service: Service) -> None:
    assert described(service.get("/processes/echo"))["id"] == "echo"


def test_process_success(service: Service) -> None:
    assert described(service.get("/processes/echo"))["version"]


def test_process_exception_no_such_process(service: Service) -> None:
    exception(service.get(f"/processes/invalid-process-{uuid.uuid4()}"), 404)


def test_job_list(service: Service) -> None:
    """Jobs of earlier tests are visible to anybody."""
    answered(Echo(service).start(Echo(service).base()))
    answer = service.get("/jobs")
    status(answer, 200)
    assert len(answer.json()["jobs"]) > 0


def test_job_list_success(service: Service) -> None:
    answered(Echo(service).start(Echo(service).base()))
    answer = service.get("/jobs")
    status(answer, 200)
    valid(answer.json(), "jobList-1.0", said(answer))


# ---------------------------------------------------------------- process description


def test_ogc_process_description_json(service: Service) -> None:
    listed = service.get("/processes").json()["processes"]
    assert listed
    assert described(service.get("/processes/echo"))


def test_ogc_process_description_inputs_def(service: Service) -> None:
    assert described(service.get("/processes/echo"))["inputs"]


def test_ogc_process_description_outputs_def(service: Service) -> None:
    assert described(service.get("/processes/echo"))["outputs"]


def test_ogc_process_description_input_def(service: Service) -> None:
    assert all("schema" in item for item in described(service.get("/processes/echo"))["inputs"].values())


def test_ogc_process_description_output_def(service: Service) -> None:
    assert all("schema" in item for item in described(service.get("/processes/echo"))["outputs"].values())


@pytest.mark.parametrize("place", ["inputs", "outputs"])
def test_ogc_process_description_definition_of_mixed_type(service: Service, place: str) -> None:
    """Without a ``oneOf`` the suite skips its two tests."""
    found = described(service.get("/processes/echo"))[place]
    assert [name for name, item in found.items() if item["schema"].get("oneOf")]


# ---------------------------------------------------------------- jobs


def test_job_creation_auto_execution_mode(service: Service) -> None:
    echo = Echo(service)
    assert "async-execute" in echo.modes, "else the suite skips"
    answered(echo.start(echo.base()))


def test_job_creation_default_execution_mode(service: Service) -> None:
    echo = Echo(service)
    assert "sync-execute" in echo.modes
    answered(echo.run(echo.base()), 200)


def test_job_creation_default_outputs(service: Service) -> None:
    echo = Echo(service)
    answered(echo.run({"inputs": echo.values()}))


def test_job_creation_input_array(service: Service) -> None:
    echo = Echo(service)
    arrays = {name: schema for name, schema in echo.inputs.items() if schema.get("type") == "array"}
    assert arrays, "else the suite skips"
    name, schema = next(iter(arrays.items()))
    texts = schema["items"].get("type") == "string"
    outputs = [name for name, schema in echo.outputs.items() if schema.get("type") == "array"][:1]
    value: list[Any] = ["test1", "test2", "test3"] if texts else [1, 2, 3]
    answered(echo.run({"inputs": {**echo.values(), name: value}, "outputs": echo.wanted(*outputs)}))


def test_job_creation_input_inline_bbox(service: Service) -> None:
    echo = Echo(service)
    boxes = [name for name, schema in echo.inputs.items() if _is_box(schema)]
    assert boxes, "else the suite skips"
    outputs = [name for name, schema in echo.outputs.items() if _is_box(schema)]
    value = {"bbox": [51.9, 7, 52, 7.1], "crs": CRS84}
    answered(echo.run({"inputs": {**echo.values(), boxes[0]: value}, "outputs": echo.wanted(*outputs)}))


def test_job_creation_input_inline_binary(service: Service) -> None:
    """The suite breaks where there is a binary input: its picture is not in its archive."""
    echo = Echo(service)
    for schema in echo.inputs.values():
        assert schema.get("format") != "byte"
        assert schema.get("contentEncoding") != "binary"
    answered(echo.run(echo.base()))


def test_job_creation_input_inline_mixed(service: Service) -> None:
    echo = Echo(service)
    assert [schema for schema in echo.inputs.values() if "oneOf" in schema]
    answered(echo.run(echo.base()))


def test_job_creation_input_inline_object(service: Service) -> None:
    echo = Echo(service)
    assert {"value": TEST_STRING} in echo.values().values()
    answered(echo.run(echo.base()))


def test_job_creation_input_inline(service: Service) -> None:
    echo = Echo(service)
    answered(echo.run(echo.base()))


def test_job_creation_inputs(service: Service) -> None:
    echo = Echo(service)
    assert TEST_STRING in echo.values().values()
    answered(echo.run(echo.base()))


def test_job_creation_job_op(service: Service) -> None:
    echo = Echo(service)
    answered(echo.run(echo.base()))


def test_job_creation_input_ref(service: Service) -> None:
    echo = Echo(service)
    executed(service, echo.run(echo.base()))


def test_job_creation_input_validation(service: Service) -> None:
    """T1: an invalid value is refused with exactly ``application/json``."""
    echo = Echo(service)
    executed(service, echo.run(echo.base()))
    typed = [name for name, schema in echo.inputs.items() if "contentMediaType" in json.dumps(schema)]
    assert typed, "else the suite skips"
    wrong = {name: {"type": f"wrong/type_{uuid.uuid4()}"} for name in typed}
    answer = echo.run({"inputs": {**echo.values(), **wrong}, "outputs": echo.wanted(*echo.outputs)})
    if answer.status_code == 201:
        assert informed(service.get(answer.headers["Location"]))["status"] == "failed"
    else:
        status(answer, 400, 500)
        found = answer.headers["Content-Type"]
        assert found == JSON or found.startswith(JSON + ";"), said(answer)
        valid(answer.json(), "exception")


def test_job_creation_op(service: Service) -> None:
    """``Prefer`` with a space behind it; the job is asked for without ``Accept``."""
    echo = Echo(service)
    located(service, echo.post(echo.base(), "respond-async "))


def test_job_creation_request(service: Service) -> None:
    echo = Echo(service)
    located(service, echo.start(echo.base()))


def test_job_creation_success_async(service: Service) -> None:
    echo = Echo(service)
    located(service, echo.start(echo.base()))


def test_job_creation_sync_document(service: Service) -> None:
    echo = Echo(service)
    answered(echo.run(echo.base(response="document")))


def test_job_creation_sync_raw_mixed_multi(service: Service) -> None:
    echo = Echo(service)
    answered(echo.run(echo.base(response="raw")))


def test_job_creation_sync_raw_ref(service: Service) -> None:
    echo = Echo(service)
    answered(echo.run(echo.base(response="raw")))


def test_job_creation_sync_raw_value_multi(service: Service) -> None:
    echo = Echo(service)
    answered(echo.run(echo.base(response="raw")))


def test_job_creation_sync_raw_value_one(service: Service) -> None:
    """The output is looked for under the id of the first input."""
    echo = Echo(service)
    first = next(iter(echo.inputs))
    assert first in echo.outputs
    answer = echo.run({"inputs": echo.values(), "outputs": echo.wanted(first), "response": "raw"})
    assert TEST_STRING in answered(answer).text


def test_job_exception_no_such_job(service: Service) -> None:
    exception(missing_job(service), 404)


def test_job_results_no_such_job(service: Service) -> None:
    exception(missing_job(service, "/results"), 404)


def test_job_results(service: Service) -> None:
    echo = Echo(service)
    answer = answered(echo.start(echo.base()), 201)
    found = service.get(answer.headers["Location"])
    status(found, 200)
    valid(found.json(), "status-1.0", said(found))


def test_job_results_async_document(service: Service) -> None:
    echo = Echo(service)
    answered(echo.start(echo.base(response="document")))


def test_job_results_async_raw_mixed_multi(service: Service) -> None:
    echo = Echo(service)
    located(service, echo.start(echo.base()))


def test_job_results_async_raw_ref(service: Service) -> None:
    echo = Echo(service)
    located(service, echo.start(echo.base()))


def test_job_results_async_raw_value_multi(service: Service) -> None:
    echo = Echo(service)
    located(service, echo.start(echo.base()))


def test_job_results_async_raw_value_one(service: Service) -> None:
    echo = Echo(service)
    first = next(iter(echo.inputs))
    answer = echo.start({"inputs": echo.values(), "outputs": echo.wanted(first), "response": "raw"})
    answered(answer)
    if answer.status_code == 200:
        assert answer.json() == TEST_STRING
    else:
        assert TEST_STRING in poll(service, answer.json())


def test_job_results_exception_results_not_ready(service: Service) -> None:
    """The first input and a pause of 5 s; the results are asked for at once."""
    echo = Echo(service)
    assert "pause" in echo.inputs, "else the suite skips"
    first = next(iter(echo.inputs))
    answer = echo.start({"inputs": {first: TEST_STRING, "pause": 5}, "outputs": echo.wanted(first)})
    location = answered(answer).headers["Location"]
    results = service.get(f"{location}/results")
    status(results, 404)
    assert results.json()["type"] == NOT_READY
    valid(results.json(), "exception")
    status(service.delete(location), 200)


def test_job_results_failed(service: Service) -> None:
    answer = Echo(service).run({"invalid-execute-request": "true)"})
    assert answer.status_code > 200
    exception(answer, 400, 422, 500)


def test_job_results_sync(service: Service) -> None:
    """T2: a ``Link`` header of relation monitor, however it is written, breaks the suite."""
    echo = Echo(service)
    answer = answered(echo.run(echo.base()))
    assert "monitor" not in answer.headers.get("Link", "")
    assert TEST_STRING in answer.text


def test_job_success(service: Service) -> None:
    echo = Echo(service)
    found = located(service, echo.start(echo.base()))
    until(lambda: informed(service.get(f"/jobs/{found['jobID']}"))["status"] == "successful", "the job has run")
