"""The list of processes and their descriptions: core and ogc-process-description of both versions of Part 1."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conformance.asserts import (
    JSON,
    PROFILES,
    RELATIONS,
    document,
    link,
    links,
    media_type,
    no_nulls,
    problem,
    profiled,
    status,
)
from tests.conformance.marks import V1, V2, both, req
from tests.conformance.packages import PACKAGES, PROCESS_IDS
from tests.conformance.service import Service, fresh

BAD_LIMITS = ["0", "-1", "one", "1.5", "", "1e9x", "1,2", "%20"]
NO_SUCH_PROCESS = "ogcapi-processes-1/1.0/no-such-process"
#: Ids that no process has.
STRANGERS = ["nobody", "echo2", "ECHO", "echo%20", "a.b.c", "%F0%9F%8C%8D", "x" * 200, "null"]


def every(service: Service) -> list[dict[str, Any]]:
    """Return the summaries of all processes, page by page."""
    for process_id in PACKAGES:
        service.process(process_id)
    found, following = [], "/processes?limit=1000"
    while following:
        page = document(service.get(following), "processList")
        assert page["processes"], "an empty page"
        found += page["processes"]
        more = links(page, "next")
        following = more[0]["href"] if more else ""
    return found


@both("core/process-list", "core/process-list-op")
@pytest.mark.parametrize("accept", [JSON, "*/*", None])
def test_req_core_process_list(service: Service, accept: str | None) -> None:
    found = document(service.get("/processes", accept=accept), "processList")
    assert found["processes"], "at least one process is to be there"


@both("core/process-list-success")
@pytest.mark.parametrize("process_id", PROCESS_IDS)
def test_req_core_process_list_success(service: Service, process_id: str) -> None:
    ids = [item["id"] for item in every(service)]
    assert process_id in ids
    assert len(ids) == len(set(ids)), "a process stands twice"


@both("core/pl-limit-definition", "core/process-list-limit-definition")
@pytest.mark.parametrize("limit", BAD_LIMITS)
def test_req_core_pl_limit_definition(service: Service, limit: str) -> None:
    problem(service.get(f"/processes?limit={limit}"), 400)


@both("core/pl-limit-definition", "core/process-list-limit-definition")
def test_req_core_pl_limit_definition__in_the_definition(service: Service) -> None:
    answer = service.get("/api", accept=None)
    status(answer, 200)
    operation = answer.json()["paths"]["/processes"]["get"]
    limit = _parameter(answer.json(), operation, "limit")
    assert limit["in"] == "query"
    assert not limit.get("required", False)
    assert limit["schema"]["type"] == "integer"
    assert limit["schema"]["minimum"] == 1
    assert limit["schema"]["maximum"] == 10000
    assert limit["schema"]["default"] >= 1


def _parameter(definition: dict[str, Any], operation: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the parameter of an operation that has this name."""
    for item in operation.get("parameters", ()):
        if "$ref" in item:
            item = definition["components"]["parameters"][item["$ref"].rpartition("/")[2]]
        if item["name"] == name:
            return dict(item)
    raise AssertionError(f"the definition has no parameter {name}")


@both("core/pl-limit-response", "core/process-list-limit-response")
@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_req_core_pl_limit_response(service: Service, limit: int) -> None:
    every(service)
    page = document(service.get("/processes", params={"limit": limit}), "processList")
    assert len(page["processes"]) == limit


@both("core/pl-limit-response", "core/process-list-limit-response")
@pytest.mark.parametrize("limit", [10000, 10001, 1000000])
def test_req_core_pl_limit_response__large(service: Service, limit: int) -> None:
    """Above the maximum the server may refuse or give the maximum; never more than was asked for."""
    answer = service.get("/processes", params={"limit": limit})
    if answer.status_code == 400 and limit > 10000:
        problem(answer, 400)
    else:
        assert 1 <= len(document(answer, "processList")["processes"]) <= 10000


@both("core/pl-links", "core/process-list-links")
@pytest.mark.parametrize("limit", [None, 1, 5])
def test_req_core_pl_links(service: Service, limit: int | None) -> None:
    page = document(service.get("/processes", params={"limit": limit} if limit else {}), "processList")
    here = link(page, "self")
    assert here.get("type") == JSON
    assert urlsplit(here["href"]).path == "/processes"
    if limit:
        assert parse_qs(urlsplit(here["href"]).query).get("limit") == [str(limit)], here
    others = links(page, "alternate")
    assert [item for item in others if item.get("type") == "text/html"], "HTML is another representation"
    for other in others:
        answer = service.get(other["href"], accept=None)
        status(answer, 200)
        assert media_type(answer) == other["type"]


@req(V2 + "core/next-links")
def test_req_core_next_links__processes(service: Service) -> None:
    everything = [item["id"] for item in every(service)]
    first = document(service.get("/processes?limit=2"), "processList")
    assert [item["id"] for item in first["processes"]] == everything[:2]
    second = document(service.get(link(first, "next")["href"]), "processList")
    assert [item["id"] for item in second["processes"]] == everything[2:4]
    back = document(service.get(link(second, "prev")["href"]), "processList")
    assert [item["id"] for item in back["processes"]] == everything[:2]


@req(V2 + "core/next-links")
def test_req_core_next_links__last_page(service: Service) -> None:
    every(service)
    page = document(service.get("/processes?limit=1000"), "processList")
    assert len(page["processes"]) >= len(PROCESS_IDS)
    assert not links(page, "next"), "there is nothing more"


@req(V2 + "core/process-summary-links")
@pytest.mark.parametrize("process_id", PROCESS_IDS)
def test_req_core_process_summary_links(service: Service, process_id: str) -> None:
    summary = next(item for item in every(service) if item["id"] == process_id)
    here = link(summary, "self")
    assert document(service.get(here["href"], accept=None), "process")["id"] == process_id
    others = links(summary, "alternate")
    assert [item for item in others if item.get("type") == "text/html"], "one alternate for each other representation"
    for other in others:
        assert media_type(service.get(other["href"], accept=None)) == other["type"]


@both("core/process", "core/process-description")
@pytest.mark.parametrize("accept", [JSON, "*/*", None])
@pytest.mark.parametrize("process_id", PROCESS_IDS)
def test_req_core_process(service: Service, process_id: str, accept: str | None) -> None:
    found = document(service.get(service.process(process_id), accept=accept), "process")
    assert found["id"] == process_id


@both("core/process-success", "core/process-description-success")
@pytest.mark.parametrize("process_id", PROCESS_IDS)
def test_req_core_process_success(service: Service, process_id: str) -> None:
    found = document(service.get(service.process(process_id)), "process")
    no_nulls({name: value for name, value in found.items() if name not in ("inputs", "outputs")})
    assert found["version"]
    execute = link(found, RELATIONS + "execute")
    assert urlsplit(execute["href"]).path == f"/processes/{process_id}/execution"


@both("core/process-exception-no-such-process")
@pytest.mark.parametrize("accept", [JSON, None])
@pytest.mark.parametrize("process_id", STRANGERS)
def test_req_core_process_exception_no_such_process(service: Service, process_id: str, accept: str | None) -> None:
    problem(service.get(f"/processes/{process_id}", accept=accept), 404, NO_SUCH_PROCESS)


@both("core/process-exception-no-such-process")
@pytest.mark.parametrize("prefer", [None, "respond-async"])
@pytest.mark.parametrize("process_id", STRANGERS)
def test_req_core_process_exception_no_such_process__execution(
    service: Service, process_id: str, prefer: str | None
) -> None:
    answer = service.post(
        f"/processes/{process_id}/execution",
        json={"inputs": {}},
        headers={"Prefer": prefer} if prefer else {},
    )
    problem(answer, 404, NO_SUCH_PROCESS)


@both("core/process-exception-no-such-process")
@pytest.mark.parametrize("process_id", STRANGERS)
def test_req_core_process_exception_no_such_process__undeployed(service: Service, process_id: str) -> None:
    problem(service.delete(f"/processes/{process_id}"), 404, NO_SUCH_PROCESS)
    problem(service.get(f"/processes/{process_id}/package"), 404, NO_SUCH_PROCESS)


@both("core/test-process")
def test_req_core_test_process(service: Service) -> None:
    found = document(service.get("/processes/echo"), "process")
    assert found["inputs"].keys() == found["outputs"].keys(), "it gives back what it gets"
    assert {"sync-execute", "async-execute"} <= set(found["jobControlOptions"])
    text = fresh("text")
    answer = service.execute("echo", {"stringInput": text}, outputs={"stringInput": {}}, accept="text/plain")
    status(answer, 200)
    assert answer.text == text


@both("core/test-process")
def test_req_core_test_process__delay(service: Service) -> None:
    """The process should have an input that says how long it takes."""
    found = document(service.get("/processes/echo"), "process")
    pause = found["inputs"]["pause"]
    assert pause["minOccurs"] == 0
    assert pause["schema"]["type"] == "number"
    job = service.start("echo", {"stringInput": "x", "pause": 0.3}).ended("successful")
    info = job.info()
    assert info["started"] < info["finished"], info


# ---------------------------------------------------------------- ogc-process-description


def described(service: Service, process_id: str) -> dict[str, Any]:
    """Return the description of a process."""
    found = document(service.get(service.process(process_id)), "process")
    assert isinstance(found, dict)
    return found


@both("ogc-process-description/json-encoding")
@pytest.mark.parametrize("process_id", PROCESS_IDS)
def test_req_ogc_process_description_json_encoding(service: Service, process_id: str) -> None:
    found = described(service, process_id)
    assert set(found["jobControlOptions"]) & {"sync-execute", "async-execute"}
    assert set(found["outputTransmission"]) <= {"value", "reference"}
    assert isinstance(found["mutable"], bool)


@req(V2 + "ogc-process-description/links")
@pytest.mark.parametrize("process_id", PROCESS_IDS)
def test_req_ogc_process_description_links(service: Service, process_id: str) -> None:
    answer = service.get(service.process(process_id))
    found = document(answer, "process")
    here = link(found, "self")
    assert here.get("type") == JSON
    assert document(service.get(here["href"], accept=None), "process")["id"] == process_id
    html = [item for item in links(found, "alternate") if item.get("type") == "text/html"]
    assert html, "one alternate for each other representation"
    assert media_type(service.get(html[0]["href"], accept=None)) == "text/html"
    assert PROFILES + "ogc-process-description" in [item["href"] for item in links(found, "profile")]
    profiled(answer, "ogc-process-description")


@both("ogc-process-description/inputs-def")
@pytest.mark.parametrize("process_id", PROCESS_IDS)
def test_req_ogc_process_description_inputs_def(service: Service, process_id: str) -> None:
    found = described(service, process_id)["inputs"]
    wanted = PACKAGES[process_id]["inputs"].keys() if process_id in PACKAGES else {"stringInput", "pause"}
    assert set(wanted) <= found.keys()


@both("ogc-process-description/input-def")
@pytest.mark.parametrize("process_id", PROCESS_IDS)
def test_req_ogc_process_description_input_def(service: Service, process_id: str) -> None:
    for name, item in described(service, process_id)["inputs"].items():
        assert item["schema"], name
        least, most = item.get("minOccurs", 1), item.get("maxOccurs", 1)
        assert most == "unbounded" or least <= most, name
        assert item.get("title") or item["schema"], name


OCCURRENCES = {
    ("conf-lists", "words"): (1, "unbounded"),
    ("conf-lists", "wholes"): (0, "unbounded"),
    ("conf-join", "files"): (1, "unbounded"),
    ("conf-text", "text"): (1, 1),
    ("conf-values", "number"): (0, 1),
    ("conf-many", "text"): (0, 1),
    ("conf-copy", "file"): (1, 1),
    ("conf-choice", "size"): (1, 1),
    ("echo", "stringInput"): (1, 1),
    ("echo", "pause"): (0, 1),
}


@both("ogc-process-description/input-def")
@pytest.mark.parametrize(("process_id", "name"), OCCURRENCES)
def test_req_ogc_process_description_input_def__occurrences(service: Service, process_id: str, name: str) -> None:
    item = described(service, process_id)["inputs"][name]
    least, most = OCCURRENCES[process_id, name]
    # An array that may be empty is also right: its bounds are those of its items.
    assert item.get("minOccurs", 1) in ({0, 1} if most == "unbounded" else {least})
    assert item.get("maxOccurs", 1) == most


TYPES = {
    ("conf-values", "number"): "number",
    ("conf-values", "whole"): "integer",
    ("conf-values", "flag"): "boolean",
    ("conf-values", "text"): "string",
    ("conf-text", "text"): "string",
    ("conf-choice", "size"): "string",
    # 2.0: the schema is that of one value, however many there may be.
    ("conf-lists", "words"): "string",
    ("conf-lists", "wholes"): "integer",
    ("conf-lists", "flags"): "boolean",
    ("echo", "stringInput"): "string",
    ("echo", "pause"): "number",
    ("echo", "doubleInput"): "number",
    ("echo", "arrayInput"): "array",
}


@both("ogc-process-description/input-def")
@pytest.mark.parametrize(("process_id", "name"), TYPES)
def test_req_ogc_process_description_input_def__types(service: Service, process_id: str, name: str) -> None:
    assert described(service, process_id)["inputs"][name]["schema"]["type"] == TYPES[process_id, name]


@both("ogc-process-description/input-def")
def test_req_ogc_process_description_input_def__enumeration(service: Service) -> None:
    assert described(service, "conf-choice")["inputs"]["size"]["schema"]["enum"] == ["small", "large"]


@both("ogc-process-description/input-mixed-type", "ogc-process-description/input-multiple-types")
@pytest.mark.parametrize("name", ["objectInput", "geometryInput"])
def test_req_ogc_process_description_input_mixed_type(service: Service, name: str) -> None:
    branches = described(service, "echo")["inputs"][name]["schema"]["oneOf"]
    assert len(branches) >= 2
    assert len({str(branch) for branch in branches}) == len(branches), "each branch is another one"


@both("ogc-process-description/outputs-def")
@pytest.mark.parametrize("process_id", PROCESS_IDS)
def test_req_ogc_process_description_outputs_def(service: Service, process_id: str) -> None:
    found = described(service, process_id)["outputs"]
    wanted = PACKAGES[process_id]["outputs"].keys() if process_id in PACKAGES else {"stringInput", "pause"}
    assert set(wanted) <= found.keys()


@both("ogc-process-description/output-def")
@pytest.mark.parametrize("process_id", PROCESS_IDS)
def test_req_ogc_process_description_output_def(service: Service, process_id: str) -> None:
    found = described(service, process_id)
    assert "outputs" in found
    for name, item in found["outputs"].items():
        assert item["schema"], name


@both("ogc-process-description/output-def")
@pytest.mark.parametrize(
    ("name", "wanted"), [("count", "integer"), ("ratio", "number"), ("flag", "boolean"), ("word", "string")]
)
def test_req_ogc_process_description_output_def__types(service: Service, name: str, wanted: str) -> None:
    assert described(service, "conf-many")["outputs"][name]["schema"]["type"] == wanted


@both("ogc-process-description/output-mixed-type", "ogc-process-description/output-multiple-types")
@pytest.mark.parametrize("name", ["objectInput", "geometryInput"])
def test_req_ogc_process_description_output_mixed_type(service: Service, name: str) -> None:
    assert len(described(service, "echo")["outputs"][name]["schema"]["oneOf"]) >= 2


@req(V1 + "ogc-process-description/input-binary")
@pytest.mark.parametrize(("process_id", "name"), [("conf-copy", "file"), ("conf-join", "files")])
def test_req_ogc_process_description_input_binary(service: Service, process_id: str, name: str) -> None:
    """A file may come as text of its own or as base64, and says so."""
    schema = described(service, process_id)["inputs"][name]["schema"]
    branches = [schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())]
    strings = [branch for branch in branches if branch.get("type") == "string"]
    assert strings, schema
    assert [
        branch for branch in strings if branch.get("format") == "byte" or branch.get("contentEncoding") or
        branch.get("contentMediaType")
    ], schema


@req(V2 + "ogc-process-description/value-passing")
@pytest.mark.parametrize(("process_id", "name"), [("conf-copy", "file"), ("conf-join", "files")])
def test_req_ogc_process_description_value_passing(service: Service, process_id: str, name: str) -> None:
    assert "byReference" in described(service, process_id)["inputs"][name]["valuePassing"]


@req(V2 + "ogc-process-description/value-passing")
@pytest.mark.parametrize("process_id", PROCESS_IDS)
def test_req_ogc_process_description_value_passing__words(service: Service, process_id: str) -> None:
    found = described(service, process_id)
    assert found["id"] == process_id
    for name, item in found["inputs"].items():
        assert set(item.get("valuePassing", ["byValue"])) <= {"byValue", "byReference"}, name
