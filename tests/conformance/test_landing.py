"""Landing page, API definition, conformance, HTTP: OGC API - Common and the core of both versions of Part 1."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.asserts import (
    JSON,
    PROBLEM,
    RELATIONS,
    body,
    document,
    link,
    links,
    media_type,
    no_nulls,
    problem,
    said,
    status,
)
from tests.conformance.marks import COMMON, V1, V2, both, req
from tests.conformance.packages import PACKAGES
from tests.conformance.service import Service

#: Resources that anybody may get as JSON, with the schema of each.
PAGES = {
    "/": "landingPage",
    "/conformance": "conformance",
    "/processes": "processList",
    "/processes/echo": "process",
    "/jobs": "jobList",
}
ACCEPTS = {
    "json": JSON,
    "any": "*/*",
    "none": None,
    "application-any": "application/*",
    "list": "application/json, application/javascript, text/javascript, text/json",
    "weighted": "text/csv;q=0.1, application/json;q=0.9",
    # What the HTTP client of a Java program says by itself, with a range that is none.
    "java": "text/html;q=.1, image/gif, image/jpeg, *; q=.2, */*; q=.2",
}


@req(V1 + "core/landingpage-op", V2 + "core/landingpage-op", COMMON + "core/root-op", COMMON + "landing-page/root-op")
@pytest.mark.parametrize("accept", ACCEPTS)
def test_req_core_landingpage_op(service: Service, accept: str) -> None:
    answer = service.get("/", accept=ACCEPTS[accept])
    status(answer, 200)
    if accept != "java":
        document(answer, "landingPage")
    else:
        assert media_type(answer) in (JSON, "text/html"), said(answer)
        assert "/conformance" in answer.text


@req(V1 + "core/landingpage-op", V2 + "core/landingpage-op")
def test_req_core_landingpage_op__without_a_slash(service: Service) -> None:
    document(service.get(""), "landingPage")


@req(
    V1 + "core/landingpage-success",
    V2 + "core/landingpage-success",
    COMMON + "core/root-success",
    COMMON + "landing-page/root-success",
)
@pytest.mark.parametrize("rel", ["service-desc", "service-doc", RELATIONS + "conformance", RELATIONS + "processes"])
def test_req_core_landingpage_success(service: Service, rel: str) -> None:
    page = document(service.get("/"), "landingPage")
    no_nulls(page)
    found = link(page, rel)
    assert found["href"].startswith("http"), found


@req(V1 + "core/landingpage-success", V2 + "core/landingpage-success")
@pytest.mark.parametrize("rel", ["self", RELATIONS + "conformance", RELATIONS + "processes", RELATIONS + "job-list"])
def test_req_core_landingpage_success__links_lead_somewhere(service: Service, rel: str) -> None:
    page = document(service.get("/"), "landingPage")
    found = body(service.get(link(page, rel)["href"]))
    assert found.get("links") or found.get("conformsTo"), found


@req(V1 + "core/landing-page-job-list")
def test_req_core_landing_page_job_list(service: Service) -> None:
    page = document(service.get("/"), "landingPage")
    document(service.get(link(page, RELATIONS + "job-list")["href"]), "jobList")


@req(V1 + "core/api-definition-op", V2 + "core/api-definition-op", COMMON + "core/api-definition-op")
@pytest.mark.parametrize("rel", ["service-desc", "service-doc"])
def test_req_core_api_definition_op(service: Service, rel: str) -> None:
    page = document(service.get("/"), "landingPage")
    for found in links(page, rel):
        status(service.get(found["href"], accept=None), 200)
        status(service.get(found["href"], accept=found.get("type", "*/*")), 200)
    link(page, rel)


@req(V1 + "core/api-definition-success", V2 + "core/api-definition-success", COMMON + "core/api-definition-success")
@pytest.mark.parametrize("accept", [None, "*/*", JSON, "application/vnd.oai.openapi+json"])
def test_req_core_api_definition_success(service: Service, accept: str | None) -> None:
    answer = service.get("/api", accept=accept)
    status(answer, 200)
    definition = answer.json()
    assert definition["openapi"].startswith("3."), said(answer)
    assert {"/", "/conformance", "/processes"} <= definition["paths"].keys()


@req(V1 + "core/conformance-op", V2 + "core/conformance-op", COMMON + "core/conformance-op")
@pytest.mark.parametrize("accept", [name for name in ACCEPTS if name != "java"])
def test_req_core_conformance_op(service: Service, accept: str) -> None:
    document(service.get("/conformance", accept=ACCEPTS[accept]), "conformance")


@req(V1 + "core/conformance-success", V2 + "core/conformance-success", COMMON + "core/conformance-success")
@pytest.mark.parametrize(
    "uri",
    [
        "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core",
        "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/json",
        "http://www.opengis.net/spec/ogcapi-processes-1/2.0/conf/core",
        "http://www.opengis.net/spec/ogcapi-processes-1/2.0/conf/json",
        "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
        "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/landing-page",
    ],
)
def test_req_core_conformance_success(service: Service, uri: str) -> None:
    assert uri in document(service.get("/conformance"), "conformance")["conformsTo"]


@req(V1 + "core/http", V2 + "core/http", COMMON + "core/http")
@pytest.mark.parametrize("path", PAGES)
def test_req_core_http(service: Service, path: str) -> None:
    answer = service.get(path)
    document(answer, PAGES[path])
    assert answer.raw.version == 11, "HTTP/1.1 was expected"
    # RFC 9110, 6.6.1: a server with a clock says when.
    assert "Date" in answer.headers


@req(V1 + "core/http", V2 + "core/http", COMMON + "core/http")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"),
        ("PUT", "/conformance"),
        ("DELETE", "/processes"),
        ("DELETE", "/conformance"),
        ("PUT", "/jobs"),
        ("PUT", "/processes/echo/execution"),
        ("DELETE", "/processes/echo/execution"),
    ],
)
def test_req_core_http__methods_that_are_not_there(service: Service, method: str, path: str) -> None:
    answer = service.request(method, path, json={})
    problem(answer, 405)
    allowed = {name.strip() for name in answer.headers.get("Allow", "").split(",")} - {""}
    assert allowed, f"RFC 9110, 15.5.6: a 405 says what is allowed; {said(answer)}"
    assert method not in allowed


@req(V1 + "core/http", V2 + "core/http", COMMON + "core/http")
@pytest.mark.parametrize("path", ["/nothing", "/processes/echo/nothing", "/jobs/x/y/z", "/conformance/core"])
def test_req_core_http__paths_that_are_not_there(service: Service, path: str) -> None:
    problem(service.get(path), 404)


@req(V1 + "core/http", V2 + "core/http", COMMON + "core/http")
@pytest.mark.parametrize("path", PAGES)
def test_req_core_http__no_representation(service: Service, path: str) -> None:
    problem(service.get(path, accept="image/tiff"), 406)


@req(COMMON + "core/query-param-unknown")
@pytest.mark.parametrize("path", PAGES)
def test_req_core_query_param_unknown(service: Service, path: str) -> None:
    document(service.get(path, params={"nobody-knows-this": "1"}), PAGES[path])


@req(V2 + "core/head")
@pytest.mark.parametrize("path", [*PAGES, "/api"])
def test_req_core_head(service: Service, path: str) -> None:
    whole = service.get(path, headers={"Accept-Encoding": "identity"})
    found = whole.json()
    assert found.get("links") or found.get("conformsTo") or found.get("openapi"), said(whole)
    answer = service.head(path, headers={"Accept-Encoding": "identity"})
    status(answer, 200)
    assert answer.content == b""
    assert answer.headers["Content-Type"] == whole.headers["Content-Type"]
    if path != "/jobs":
        # The list of jobs may grow between the two.
        assert answer.headers.get("Content-Length") == str(len(whole.content))


@req(V2 + "core/content-length")
@pytest.mark.parametrize("path", [*PAGES, "/api"])
def test_req_core_content_length(service: Service, path: str) -> None:
    answer = service.get(path, headers={"Accept-Encoding": "identity"})
    status(answer, 200)
    assert len(answer.content) > 20, said(answer)
    assert answer.headers.get("Content-Length") == str(len(answer.content))


#: Requests that fail.
FAILING: dict[str, tuple[str, str, dict[str, Any]]] = {
    "process": ("GET", "/processes/nobody", {}),
    "job": ("GET", "/jobs/nobody", {}),
    "results": ("GET", "/jobs/nobody/results", {}),
    "execution": ("POST", "/processes/nobody/execution", {"json": {"inputs": {}}}),
    "bad-input": ("POST", "/processes/echo/execution", {"json": {"inputs": {"stringInput": 1}}}),
    "bad-limit": ("GET", "/processes?limit=0", {}),
    "no-json": ("POST", "/processes/echo/execution", {"data": b"{", "headers": {"Content-Type": JSON}}),
}


@both("core/problem-details")
@pytest.mark.parametrize("accept", [f"{PROBLEM}, */*;q=0.1", "*/*", None, JSON])
@pytest.mark.parametrize("case", FAILING)
def test_req_core_problem_details(service: Service, case: str, accept: str | None) -> None:
    method, path, options = FAILING[case]
    answer = service.request(method, path, accept=accept, **options)
    found = problem(answer, (400, 404, 422))
    # Acceptance suites compare the whole header.
    assert answer.headers["Content-Type"] == (JSON if accept == JSON else PROBLEM)
    assert found["status"] == answer.status_code
    assert found["title"]
    assert found.get("detail"), "an exception says what was wrong"


@both("json/definition")
@pytest.mark.parametrize("path", [*PAGES, *(f"/processes/{name}" for name in PACKAGES)])
def test_req_json_definition(service: Service, path: str) -> None:
    service.process(path.rpartition("/")[2])
    document(service.get(path), PAGES.get(path, "process"))


@req(V1 + "json/content", V2 + "json/content", COMMON + "json/content", COMMON + "json/definition")
@pytest.mark.parametrize("path", [*PAGES, *(f"/processes/{name}" for name in PACKAGES)])
def test_req_json_content(service: Service, path: str) -> None:
    service.process(path.rpartition("/")[2])
    answer = service.get(path, accept=None)
    found = document(answer, PAGES.get(path, "process"))
    # RFC 8259: JSON is UTF-8, the type has no charset parameter.
    assert answer.headers["Content-Type"] == JSON
    answer.content.decode("utf-8")
    no_nulls({name: value for name, value in found.items() if name not in ("inputs", "outputs")})


@both("json/content")
@pytest.mark.parametrize("name", ["successful", "failed", "running", "dismissed", "empty", "many"])
def test_req_json_content__job(service: Service, name: str) -> None:
    job = getattr(service, name)
    no_nulls(document(service.get(job.url, accept=None), "status"))
