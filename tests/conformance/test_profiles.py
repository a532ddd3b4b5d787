"""Profiles of documents: query-param-profile of Part 1 2.0."""

from __future__ import annotations

import pytest

from tests.conformance.asserts import PROFILES, document, profiled, status
from tests.conformance.marks import V2, req
from tests.conformance.service import Service

#: Resources with the profile of each, and the schema of its document.
RESOURCES = {
    "/processes": ("ogc-process-list", "processList"),
    "/processes/echo": ("ogc-process-description", "process"),
    "/processes/conf-many": ("ogc-process-description", "process"),
    "/jobs": ("jobs-list", "jobList"),
    "job": ("job-description", "status"),
    "results": ("ogc-results", "results"),
}


def where(service: Service, resource: str) -> str:
    """Return the path of a resource, which is there by now."""
    if resource == "job":
        return service.many.url
    if resource == "results":
        return f"{service.many.url}/results"
    service.process(resource.rpartition("/")[2])
    return resource


@req(V2 + "query-param-profile/definition")
@pytest.mark.parametrize("form", ["uri", "curie", "id"])
@pytest.mark.parametrize("resource", RESOURCES)
def test_req_query_param_profile_definition(service: Service, resource: str, form: str) -> None:
    """A profile may be named by its URI, a safe CURIE, or its id."""
    name, schema = RESOURCES[resource]
    given = {"uri": PROFILES + name, "curie": f"[ogc-profile:{name}]", "id": name}[form]
    answer = service.get(where(service, resource), params={"profile": given})
    document(answer, schema)
    profiled(answer, name)


@req(V2 + "query-param-profile/definition")
@pytest.mark.parametrize("resource", RESOURCES)
def test_req_query_param_profile_definition__several(service: Service, resource: str) -> None:
    name, schema = RESOURCES[resource]
    answer = service.get(where(service, resource), params={"profile": f"https://example.org/other,{PROFILES}{name}"})
    document(answer, schema)
    profiled(answer, name)


@req(V2 + "query-param-profile/response")
@pytest.mark.parametrize("given", [None, "https://example.org/nobody-knows", "unknown", ""])
@pytest.mark.parametrize("resource", RESOURCES)
def test_req_query_param_profile_response(service: Service, resource: str, given: str | None) -> None:
    """No profile, or one that is not supported, is never an error."""
    name, schema = RESOURCES[resource]
    answer = service.get(where(service, resource), params={} if given is None else {"profile": given})
    document(answer, schema)
    profiled(answer, name)


@req(V2 + "query-param-profile/response")
@pytest.mark.parametrize("resource", RESOURCES)
def test_req_query_param_profile_response__by_a_header(service: Service, resource: str) -> None:
    name, schema = RESOURCES[resource]
    answer = service.get(where(service, resource), headers={"Accept-Profile": f"<{PROFILES}{name}>"})
    document(answer, schema)
    profiled(answer, name)


@req(V2 + "query-param-profile/response")
@pytest.mark.parametrize("given", [PROFILES + "ogc-results", "ogc-results", "unknown"])
def test_req_query_param_profile_response__of_an_execution(service: Service, given: str) -> None:
    answer = service.post(
        f"{service.process('conf-many')}/execution", json={"inputs": {"text": "x"}}, params={"profile": given}
    )
    status(answer, 200)
    document(answer, "results")
    profiled(answer, "ogc-results")
