"""The definition of the API: oas30 of 1.0, oas, oas30 and oas31 of 2.0, oas30 of OGC API - Common."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from tests.conformance.asserts import JSON, body, link, links, media_type, said, status
from tests.conformance.marks import COMMON, V1, V2, req
from tests.conformance.service import Service

OPENAPI = "application/vnd.oai.openapi+json"
VERSIONS = {"3.0": OpenAPIV30SpecValidator, "3.1": OpenAPIV31SpecValidator}
METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
#: Operations that the standards describe, with statuses that each needs at least.
OPERATIONS: dict[tuple[str, str], set[str]] = {
    ("get", "/"): {"200"},
    ("get", "/conformance"): {"200"},
    ("get", "/api"): {"200"},
    ("get", "/processes"): {"200", "400"},
    ("post", "/processes"): {"201", "400", "403", "409", "415"},
    ("get", "/processes/{}"): {"200", "404"},
    ("put", "/processes/{}"): {"204", "403", "404", "415"},
    ("delete", "/processes/{}"): {"204", "403", "404"},
    ("get", "/processes/{}/package"): {"200", "404"},
    ("post", "/processes/{}/execution"): {"200", "201", "204", "400", "404", "415"},
    ("get", "/jobs"): {"200", "400", "404"},
    ("get", "/jobs/{}"): {"200", "404", "410"},
    ("delete", "/jobs/{}"): {"200", "404", "410"},
    ("get", "/jobs/{}/results"): {"200", "204", "404", "410"},
    ("get", "/jobs/{}/results/{}"): {"200", "400", "404", "410"},
}


def definition(service: Service, version: str) -> dict[str, Any]:
    """Return the definition in a version of OpenAPI."""
    answer = service.get("/api", accept=f"{OPENAPI};version={version}")
    status(answer, 200)
    assert media_type(answer) == OPENAPI, said(answer)
    found = answer.json()
    assert isinstance(found, dict)
    assert found["openapi"].startswith(version), found["openapi"]
    return found


def paths(found: dict[str, Any]) -> dict[str, Any]:
    """Return the paths of a definition, the names of their variables left out."""
    import re

    return {re.sub(r"\{[^}]*\}", "{}", path): item for path, item in found["paths"].items()}


def oas(name: str, *others: str) -> Any:
    """Mark a test of something that every class about the definition demands."""
    return req(f"{V2}oas/{name}", f"{V1}oas30/{(others or (name,))[0]}", f"{COMMON}oas30/{(others or (name,))[0]}")


@req(V1 + "oas30/oas-definition-1", COMMON + "oas30/oas-definition-1")
def test_req_oas30_oas_definition_1(service: Service) -> None:
    """As JSON with the media type of OpenAPI 3.0, and as a page."""
    found = definition(service, "3.0")
    assert found["info"]["title"]
    page = service.get("/api", accept="text/html")
    status(page, 200)
    assert media_type(page) == "text/html"
    assert "<html" in page.text.lower()


@req(V1 + "oas30/oas-definition-1", COMMON + "oas30/oas-definition-1")
@pytest.mark.parametrize("rel", ["service-desc", "service-doc"])
def test_req_oas30_oas_definition_1__linked(service: Service, rel: str) -> None:
    found = links(body(service.get("/")), rel)
    types = [item.get("type", "").partition(";")[0] for item in found]
    assert (OPENAPI if rel == "service-desc" else "text/html") in types, found


@req(
    V1 + "oas30/oas-definition-2", COMMON + "oas30/oas-definition-2", V2 + "oas30/definition", V2 + "oas30/content"
)
def test_req_oas30_oas_definition_2(service: Service) -> None:
    found = definition(service, "3.0")
    assert found["openapi"].startswith("3.0.")
    faults = [error.message for error in OpenAPIV30SpecValidator(found).iter_errors()]
    assert not faults, faults[:5]


@req(V2 + "oas31/definition", V2 + "oas31/content")
def test_req_oas31_definition(service: Service) -> None:
    found = definition(service, "3.1")
    assert found["openapi"].startswith("3.1.")
    faults = [error.message for error in OpenAPIV31SpecValidator(found).iter_errors()]
    assert not faults, faults[:5]


@req(V2 + "oas31/content", V2 + "oas30/content")
@pytest.mark.parametrize("version", VERSIONS)
def test_req_oas31_content__every_operation_is_named(service: Service, version: str) -> None:
    found = definition(service, version)
    names = [
        operation["operationId"]
        for item in found["paths"].values()
        for method, operation in item.items()
        if method in METHODS
    ]
    assert len(names) > 15
    assert len(set(names)) == len(names)


@req(V2 + "oas30/content")
def test_req_oas30_content__words_of_3_0_only(service: Service) -> None:
    """3.0 knows neither lists of types nor const nor numbers as exclusive bounds."""
    found = definition(service, "3.0")
    assert found["paths"]

    def look(value: Any, where: str) -> None:
        if isinstance(value, dict):
            is_schema = "/properties" not in where.rpartition("/")[2] and "example" not in where
            if is_schema and isinstance(value.get("type"), list):
                raise AssertionError(f"{where} has several types")
            for word in ("exclusiveMinimum", "exclusiveMaximum"):
                if is_schema and isinstance(value.get(word), int | float):
                    assert isinstance(value[word], bool), f"{where} has a number as {word}"
            for name, inner in value.items():
                if name not in ("example", "examples", "default", "enum"):
                    look(inner, f"{where}/{name}")
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                look(inner, f"{where}/{index}")

    look(found, "#")


@req(V2 + "oas/definition")
@pytest.mark.parametrize("version", VERSIONS)
def test_req_oas_definition(service: Service, version: str) -> None:
    """The landing page links each version with its media type, and a page."""
    landing = body(service.get("/"))
    types = {item.get("type", "").replace(" ", ""): item["href"] for item in links(landing, "service-desc")}
    wanted = f"{OPENAPI};version={version}"
    assert wanted in types, types
    answer = service.get(types[wanted], accept=None)
    status(answer, 200)
    assert answer.json()["openapi"].startswith(version)
    assert link(landing, "service-doc")["type"] == "text/html"


@req(V2 + "oas/definition")
@pytest.mark.parametrize("accept", [JSON, "*/*", None, OPENAPI])
def test_req_oas_definition__by_default(service: Service, accept: str | None) -> None:
    answer = service.get("/api", accept=accept)
    status(answer, 200)
    assert answer.json()["openapi"].startswith("3.")


@req(V2 + "oas/definition")
@pytest.mark.parametrize("accept", ["application/yaml", "application/yaml;q=0.9, text/html;q=0.1"])
def test_req_oas_definition__yaml(service: Service, accept: str) -> None:
    answer = service.get("/api", accept=accept)
    status(answer, 200)
    assert media_type(answer) == "application/yaml", said(answer)
    assert not answer.text.startswith("{")
    assert yaml.safe_load(answer.text)["openapi"].startswith("3.")


@req(V2 + "oas/completeness", V1 + "oas30/completeness", COMMON + "oas30/completeness")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda value: value)
def test_req_oas_completeness(service: Service, version: str, method: str, path: str) -> None:
    known = paths(definition(service, version))
    assert path in known, sorted(known)
    operation = known[path][method]
    assert OPERATIONS[method, path] <= operation["responses"].keys(), operation["responses"].keys()


@req(V2 + "oas/completeness", V1 + "oas30/completeness", COMMON + "oas30/completeness")
@pytest.mark.parametrize("version", VERSIONS)
def test_req_oas_completeness__answers_have_schemas(service: Service, version: str) -> None:
    found = definition(service, version)
    bare = []
    for path, item in found["paths"].items():
        for method, operation in item.items():
            if method not in METHODS:
                continue
            for code, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    if "json" in kind and not content.get("schema"):
                        bare.append(f"{method} {path} {code} {kind}")
    assert found["paths"]
    assert not bare, bare


@req(V2 + "oas/exceptions-codes", V1 + "oas30/exceptions-codes", COMMON + "oas30/exceptions-codes")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda value: value)
def test_req_oas_exceptions_codes(service: Service, version: str, method: str, path: str) -> None:
    """Every status of an error has the document that comes with it."""
    operation = paths(definition(service, version))[path][method]
    errors = {code: answer for code, answer in operation["responses"].items() if code >= "4"}
    assert errors or path in ("/", "/conformance", "/api")
    for code, answer in errors.items():
        if code == "416":
            # Its header says how much there is.
            continue
        assert "application/problem+json" in answer["content"], code
        assert JSON in answer["content"], code


@req(V2 + "oas/implementation", V1 + "oas30/oas-impl", COMMON + "oas30/oas-impl")
@pytest.mark.parametrize("version", VERSIONS)
def test_req_oas_implementation(service: Service, version: str) -> None:
    """Whatever can be asked without more than its path is there."""
    found = definition(service, version)
    asked = 0
    for path, item in found["paths"].items():
        if "get" not in item or "{" in path:
            continue
        required = [
            parameter for parameter in item["get"].get("parameters", ()) if parameter.get("required") is True
        ]
        if required:
            continue
        answer = service.get(path, accept=None)
        assert str(answer.status_code) in item["get"]["responses"], said(answer)
        assert answer.status_code == 200, said(answer)
        asked += 1
    assert asked >= 5


@req(V2 + "oas/implementation", V1 + "oas30/oas-impl", COMMON + "oas30/oas-impl")
@pytest.mark.parametrize("below", ["results", "logs", "inputs", "manifest", "history", "statistics", "outputs"])
def test_req_oas_implementation__of_a_job(service: Service, below: str) -> None:
    known = paths(definition(service, "3.1"))
    assert "get" in known[f"/jobs/{{}}/{below}"]
    status(service.get(f"{service.many.url}/{below}"), 200)


@req(V2 + "oas/security", V1 + "oas30/security", COMMON + "oas30/security")
@pytest.mark.parametrize("version", VERSIONS)
def test_req_oas_security(service: Service, version: str) -> None:
    """Schemes that operations name are defined; a service that asks nobody for a name has none."""
    found = definition(service, version)
    assert found["paths"]
    defined = found.get("components", {}).get("securitySchemes", {})
    named = [*found.get("security", ())]
    for item in found["paths"].values():
        for method, operation in item.items():
            if method in METHODS:
                named += operation.get("security", ())
    assert {name for entry in named for name in entry} <= defined.keys()
