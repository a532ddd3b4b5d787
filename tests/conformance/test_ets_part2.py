"""The executable test suite of Part 2 (deploy, replace, undeploy), one test here for each of its 15."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import yaml

from tests.conformance.asserts import EXCEPTIONS, status, valid
from tests.conformance.origin import Origin
from tests.conformance.packages import TEXT
from tests.conformance.service import Service, fresh

PART2 = EXCEPTIONS + "ogcapi-processes-2/1.0/"
CWL_YAML = "application/cwl+yaml"
PACKAGE = "application/ogcapppkg+json"
CLASS = "http://www.opengis.net/spec/ogcapi-processes-2/1.0/conf/deploy-replace-undeploy"


def send(service: Service, method: str, path: str, content: bytes | None, media_type: str) -> requests.Response:
    return service.request(method, path, data=content, headers={"Content-Type": media_type}, accept="*/*")


def kind(answer: requests.Response) -> str:
    found: dict[str, Any] = answer.json()
    valid(found, "exception")
    return str(found["type"])


def listed(service: Service) -> list[dict[str, Any]]:
    answer = service.get("/processes")
    status(answer, 200)
    return list(answer.json()["processes"])


def test_conformance(service: Service) -> None:
    answer = service.get("/conformance")
    status(answer, 200)
    valid(answer.json(), "conformance")
    assert CLASS in answer.json()["conformsTo"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/processes"), ("PUT", "/processes/not-existing-process"), ("DELETE", "/processes/not-existing-process")],
)
def test_general_http(service: Service, method: str, path: str) -> None:
    answer = service.request(method, path)
    assert answer.raw.version == 11
    status(answer, 400, 404, 415, 422)
    # What it asserts is that the method is there; we add that the answer says what was wrong.
    assert kind(answer)


def test_dru_processes_immutable(service: Service) -> None:
    service.process("conf-text")
    entries = listed(service)
    assert entries
    assert all(isinstance(entry["mutable"], bool) for entry in entries)


@pytest.mark.parametrize(("method", "path"), [("POST", "/processes"), ("PUT", "/processes/null")])
def test_dru_unsupported_content_type(service: Service, method: str, path: str) -> None:
    """No entity at all, to a process that is not there: the type is looked at first."""
    answer = send(service, method, path, None, "text/plain")
    status(answer, 415)
    assert kind(answer) == PART2 + "unsupported-media-type"


def test_dru_undeploy_response(service: Service) -> None:
    """It removes the first process that is mutable; ours is put there for it."""
    process_id = fresh("0-to-be-removed")
    status(send(service, "POST", "/processes", yaml.safe_dump({**TEXT, "id": process_id}).encode(), CWL_YAML), 201)
    found = service.get("/processes?limit=10000").json()["processes"]
    assert [entry for entry in found if entry["id"] == process_id and entry["mutable"]]
    status(service.delete(f"/processes/{process_id}"), 204)


def test_dru_undeploy_response_immutable(service: Service) -> None:
    entry = next(entry for entry in service.get("/processes?limit=10000").json()["processes"] if not entry["mutable"])
    answer = service.delete(f"/processes/{entry['id']}")
    status(answer, 403)
    assert kind(answer) == PART2 + "immutable-process"


def content(origin: Origin, form: str, process_id: str) -> tuple[bytes, str]:
    """Return what the suite posts for a class."""
    tool = {**TEXT, "id": process_id}
    if form == "cwl":
        return yaml.safe_dump(tool).encode(), CWL_YAML
    if form == "ogcapppkg":
        # No description: the id is to come from the CWL.
        href = origin.put(f"/files/{process_id}.cwl", yaml.safe_dump(tool), "application/cwl")
        return json.dumps({"executionUnit": {"href": href, "type": "application/cwl"}}).encode(), PACKAGE
    package = {
        "processDescription": {
            "id": process_id,
            "title": "Orthorectification",
            "description": "An application of the Orfeo Toolbox",
            "version": "1.0.0",
            "jobControlOptions": ["async-execute"],
            "outputTransmission": ["value", "reference"],
            "additionalParameters": [{"name": "role", "value": "application"}],
            "inputs": {
                "il": {"title": "Input images", "schema": {"type": "string"}},
                "ram": {"title": "Memory", "minOccurs": 0, "schema": {"type": "integer", "default": 128}},
            },
            "outputs": {"out": {"title": "Result", "schema": {"type": "string", "contentMediaType": "image/tiff"}}},
        },
        "executionUnit": {"type": "docker", "image": "docker://otbtf/4.1.0-cpu"},
    }
    return json.dumps(package).encode(), PACKAGE


@pytest.mark.parametrize("form", ["cwl", "ogcapppkg", "docker"])
def test_process_deploy(service: Service, origin: Origin, form: str) -> None:
    process_id = fresh(f"ets-{form}")
    body, media_type = content(origin, form, process_id)
    answer = send(service, "POST", "/processes", body, media_type)
    status(answer, 201)
    assert answer.headers["Location"].partition("/processes/")[2] == process_id
    again = send(service, "POST", "/processes", body, media_type)
    status(again, 409)
    assert kind(again) == PART2 + "duplicated-process"
    status(service.delete(f"/processes/{process_id}"), 204)


@pytest.mark.parametrize("form", ["cwl", "ogcapppkg", "docker"])
def test_process_replace(service: Service, origin: Origin, form: str) -> None:
    process_id = fresh(f"ets-{form}")
    body, media_type = content(origin, form, process_id)
    status(send(service, "POST", "/processes", body, media_type), 201)
    status(send(service, "PUT", f"/processes/{process_id}", body, media_type), 204)
    status(service.delete(f"/processes/{process_id}"), 204)
