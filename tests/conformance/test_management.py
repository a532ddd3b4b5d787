"""Jobs that are made, changed and started apart: job-management, ogcapi-processes and provenance of Part 4."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.conformance.asserts import JSON, document, media_type, problem, said, status
from tests.conformance.marks import PART4, req
from tests.conformance.service import Job, Service

NO_JOB = "ogcapi-processes-1/1.0/no-such-job"
UNSUPPORTED = "ogcapi-processes-4/1.0/unsupported-media-type"
SCHEMA = "ogcapi-processes-4/1.0/unsupported-schema"
LOCKED = "ogcapi-processes-4/1.0/locked"
PROV_TYPES = ["application/json", "application/ld+json", "text/provenance-notation", "text/turtle", "application/xml"]


def definition(service: Service, process_id: str = "echo", **members: Any) -> dict[str, Any]:
    """Return what a job is made of."""
    inputs = {"echo": {"stringInput": "made"}, "conf-text": {"text": "made"}}.get(process_id, {})
    return {"process": service.url + service.process(process_id), "inputs": inputs, **members}


def create(service: Service, process_id: str = "echo", **members: Any) -> Job:
    """Make a job that waits to be started."""
    answer = service.post("/jobs", json=definition(service, process_id, **members))
    status(answer, 201)
    return Job(service, answer.headers["Location"])


@req(PART4 + "job-management/create-post-op")
@pytest.mark.parametrize("process_id", ["echo", "conf-text", "conf-many"])
def test_req_job_management_create_post_op(service: Service, process_id: str) -> None:
    answer = service.post("/jobs", json=definition(service, process_id))
    found = document(answer, "status-part4", 201)
    assert found["processID"] == process_id


@req(PART4 + "job-management/create-body", PART4 + "ogcapi-processes/create-body")
@pytest.mark.parametrize("form", ["id", "absolute", "path"])
def test_req_job_management_create_body(service: Service, form: str) -> None:
    service.process("conf-text")
    path = "/processes/conf-text"
    process = {"id": "conf-text", "absolute": service.url + path, "path": path}[form]
    answer = service.post("/jobs", json={"process": process, "inputs": {"text": "x"}})
    assert document(answer, "status-part4", 201)["processID"] == "conf-text"


@req(PART4 + "job-management/create-body", PART4 + "ogcapi-processes/create-body")
@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"[]", b"{}", b'{"process": 1}', b'{"process": "echo", "inputs": []}'],
    ids=["no-json", "empty", "list", "no-process", "number", "inputs"],
)
def test_req_job_management_create_body__refused(service: Service, body: bytes) -> None:
    problem(service.post("/jobs", data=body, headers={"Content-Type": JSON}), (400, 422))


@req(PART4 + "job-management/create-body", PART4 + "ogcapi-processes/create-body")
def test_req_job_management_create_body__no_such_process(service: Service) -> None:
    answer = service.post("/jobs", json={"process": "nobody", "inputs": {}})
    problem(answer, 404, "ogcapi-processes-1/1.0/no-such-process")


@req(PART4 + "job-management/create-content-type", PART4 + "ogcapi-processes/create-content-type")
@pytest.mark.parametrize("media_type_", [JSON, "application/json; charset=utf-8"])
def test_req_job_management_create_content_type(service: Service, media_type_: str) -> None:
    body = b'{"process": "echo", "inputs": {"stringInput": "x"}}'
    document(service.post("/jobs", data=body, headers={"Content-Type": media_type_}), "status-part4", 201)


@req(PART4 + "job-management/create-unsupported-media-type")
@pytest.mark.parametrize("media_type_", ["text/plain", "image/tiff", "application/xml"])
def test_req_job_management_create_unsupported_media_type(service: Service, media_type_: str) -> None:
    problem(service.post("/jobs", data=b"x", headers={"Content-Type": media_type_}), 415, UNSUPPORTED)


@req(PART4 + "job-management/create-unsupported-schema")
def test_req_job_management_create_unsupported_schema(service: Service) -> None:
    answer = service.post(
        "/jobs", json=definition(service), headers={"Content-Schema": "https://example.org/schemas/openeo.json"}
    )
    problem(answer, 422, SCHEMA)


@req(PART4 + "job-management/create-response-success", PART4 + "job-management/create-response-jobid")
@pytest.mark.parametrize("process_id", ["echo", "conf-text"])
def test_req_job_management_create_response_success(service: Service, process_id: str) -> None:
    answer = service.post("/jobs", json=definition(service, process_id))
    found = document(answer, "status-part4", 201)
    assert answer.headers["Location"] == f"{service.url}/jobs/{found['id']}"
    assert document(service.get(answer.headers["Location"]), "status-part4")["id"] == found["id"]


@req(PART4 + "job-management/create-response-body")
def test_req_job_management_create_response_body(service: Service) -> None:
    """A new job waits: it has the status ``created`` and no results."""
    answer = service.post("/jobs", json=definition(service))
    found = document(answer, "status-part4", 201)
    assert found["status"] == "created"
    job = Job(service, answer.headers["Location"])
    assert document(service.get(job.url), "status-part4")["status"] == "created"
    problem(job.results(), 404, "ogcapi-processes-1/1.0/result-not-ready")


@req(PART4 + "job-management/create-response-body")
def test_req_job_management_create_response_body__listed(service: Service) -> None:
    job = create(service)
    page = service.get("/jobs?status=created&limit=10000")
    status(page, 200)
    assert job.job_id in [item["id"] for item in page.json()["jobs"]]


# ---------------------------------------------------------------- update


@req(PART4 + "job-management/update-patch-op", PART4 + "job-management/update-response")
@pytest.mark.parametrize("member", ["inputs", "outputs", "title"])
def test_req_job_management_update_patch_op(service: Service, member: str) -> None:
    job = create(service)
    value: Any = {"inputs": {"stringInput": "changed"}, "outputs": {"stringInput": {}}, "title": "Changed"}[member]
    answer = service.patch(job.url, json={member: value})
    status(answer, 200, 204)
    if answer.status_code == 200:
        assert document(answer, "status-part4")["status"] == "created"
    found = service.get(job.url if member == "title" else f"{job.url}/inputs")
    status(found, 200)
    found = found.json()[member]
    # Inputs that have a default may be there as well.
    assert found == value or found.items() >= value.items()


@req(PART4 + "job-management/update-body", PART4 + "ogcapi-processes/update-body")
def test_req_job_management_update_body(service: Service) -> None:
    """What runs is what the last change said."""
    job = create(service)
    changes = {"inputs": {"stringInput": "changed"}, "outputs": {"stringInput": {}}}
    status(service.patch(job.url, json=changes), 200, 204)
    status(service.post(f"{job.url}/results", json={}), 200, 201, 202)
    job.ended("successful")
    assert "changed" in job.results().text


@req(PART4 + "job-management/update-body", PART4 + "ogcapi-processes/update-body")
@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"inputs": 1}', b'{"inputs": {"stringInput": 1}}', b'{"outputs": {"nobody": {}}}'],
    ids=["no-json", "list", "inputs", "value", "output"],
)
def test_req_job_management_update_body__refused(service: Service, body: bytes) -> None:
    job = create(service)
    problem(service.patch(job.url, data=body, headers={"Content-Type": JSON}), (400, 422))


@req(PART4 + "job-management/update-content-type", PART4 + "ogcapi-processes/update-content-type")
@pytest.mark.parametrize("media_type_", ["text/plain", "application/xml"])
def test_req_job_management_update_content_type(service: Service, media_type_: str) -> None:
    job = create(service)
    problem(service.patch(job.url, data=b"x", headers={"Content-Type": media_type_}), 415)


@req(PART4 + "job-management/update-content-type", PART4 + "ogcapi-processes/update-content-type")
def test_req_job_management_update_content_type__json(service: Service) -> None:
    job = create(service)
    answer = service.patch(job.url, data=b'{"title": "x"}', headers={"Content-Type": "application/json; charset=utf-8"})
    status(answer, 200, 204)
    assert service.get(job.url).json()["title"] == "x"


@req(PART4 + "job-management/update-response-locked")
@pytest.mark.parametrize("state", ["accepted", "running"])
def test_req_job_management_update_response_locked(service: Service, state: str) -> None:
    job = getattr(service, state)
    problem(service.patch(job.url, json={"title": "x"}), 423, LOCKED)


@req(PART4 + "job-management/update-response-locked")
@pytest.mark.parametrize("state", ["accepted", "running"])
def test_req_job_management_update_response_locked__start(service: Service, state: str) -> None:
    job = getattr(service, state)
    problem(service.post(f"{job.url}/results", json={}), 423, LOCKED)


@req(PART4 + "job-management/update-response")
def test_req_job_management_update_response__no_such_job(service: Service) -> None:
    problem(service.patch("/jobs/nobody", json={"title": "x"}), 404, NO_JOB)


# ---------------------------------------------------------------- start


def start(service: Service, job: Job, **options: Any) -> requests.Response:
    return service.post(f"{job.url}/results", **(options or {"json": {}}))


@req(PART4 + "job-management/start-post-op")
@pytest.mark.parametrize("process_id", ["echo", "conf-text"])
@pytest.mark.parametrize("body", ["json", "none"])
def test_req_job_management_start_post_op(service: Service, process_id: str, body: str) -> None:
    job = create(service, process_id)
    answer = start(service, job, **({"json": {}} if body == "json" else {"data": b""}))
    status(answer, 200, 201, 202)
    job.ended("successful")
    document(job.results(), "results")


@req(PART4 + "job-management/start-response")
def test_req_job_management_start_response(service: Service) -> None:
    job = create(service)
    found = document(start(service, job), "status-part4")
    assert found["id"] == job.job_id
    assert found["status"] in ("accepted", "running", "successful")


@req(PART4 + "job-management/start-response")
def test_req_job_management_start_response__no_such_job(service: Service) -> None:
    problem(service.post("/jobs/nobody/results", json={}), 404, NO_JOB)


# ---------------------------------------------------------------- definition


@req(PART4 + "job-management/definition-get-op", PART4 + "job-management/definition-response-success")
@pytest.mark.parametrize("process_id", ["echo", "conf-text"])
def test_req_job_management_definition_get_op(service: Service, process_id: str) -> None:
    job = create(service, process_id)
    answer = service.get(f"{job.url}/definition")
    status(answer, 200)
    assert media_type(answer) == JSON, said(answer)
    assert answer.json()["inputs"] == definition(service, process_id)["inputs"]


@req(PART4 + "job-management/definition-response-body")
@pytest.mark.parametrize("is_started", [False, True], ids=["created", "ended"])
def test_req_job_management_definition_response_body(service: Service, is_started: bool) -> None:
    """The body as it came."""
    job = create(service, outputs={"stringInput": {}})
    if is_started:
        status(start(service, job), 200)
        job.ended("successful")
    found = service.get(f"{job.url}/definition").json()
    assert found == definition(service, outputs={"stringInput": {}})


@req(PART4 + "job-management/definition-response-body")
def test_req_job_management_definition_response_body__updated(service: Service) -> None:
    job = create(service)
    status(service.patch(job.url, json={"inputs": {"stringInput": "changed"}}), 200, 204)
    assert service.get(f"{job.url}/definition").json()["inputs"] == {"stringInput": "changed"}


@req(PART4 + "job-management/definition-get-op")
def test_req_job_management_definition_get_op__no_such_job(service: Service) -> None:
    problem(service.get("/jobs/nobody/definition"), 404, NO_JOB)


@req(PART4 + "job-management/definition-get-op")
def test_req_job_management_definition_get_op__of_an_execution(service: Service) -> None:
    answer = service.get(f"{service.successful.url}/definition")
    status(answer, 200)
    assert answer.json()["inputs"] == {"stringInput": "the shared one"}


# ---------------------------------------------------------------- provenance


@req(PART4 + "provenance/prov-get-op")
@pytest.mark.parametrize("name", ["successful", "many"])
@pytest.mark.parametrize("accept", [None, JSON, "*/*"])
def test_req_provenance_prov_get_op(service: Service, name: str, accept: str | None) -> None:
    """PROV-JSON by default."""
    answer = service.get(f"{getattr(service, name).url}/prov", accept=accept)
    status(answer, 200)
    assert media_type(answer) == JSON, said(answer)
    found = answer.json()
    assert {"prefix", "activity", "entity"} <= found.keys(), found.keys()
    assert {"used", "wasGeneratedBy", "wasAssociatedWith"} & found.keys(), found.keys()


@req(PART4 + "provenance/prov-response")
@pytest.mark.parametrize("accept", PROV_TYPES)
@pytest.mark.parametrize("name", ["successful", "many"])
def test_req_provenance_prov_response(service: Service, name: str, accept: str) -> None:
    job = getattr(service, name)
    answer = service.get(f"{job.url}/prov", accept=accept)
    status(answer, 200)
    assert media_type(answer) == accept, said(answer)
    assert job.job_id in answer.text
    marks = {
        "text/provenance-notation": "endDocument",
        "text/turtle": "@prefix",
        "application/xml": "<prov:document",
        "application/ld+json": "@",
    }
    assert marks.get(accept, "activity") in answer.text


@req(PART4 + "provenance/prov-response")
def test_req_provenance_prov_response__not_acceptable(service: Service) -> None:
    problem(service.get(f"{service.many.url}/prov", accept="image/tiff"), 406)


@req(PART4 + "provenance/prov-get-op")
def test_req_provenance_prov_get_op__no_such_job(service: Service) -> None:
    problem(service.get("/jobs/nobody/prov"), 404, NO_JOB)


@req(PART4 + "provenance/inputs-get-op")
@pytest.mark.parametrize("name", ["successful", "many", "failed", "running", "accepted"])
def test_req_provenance_inputs_get_op(service: Service, name: str) -> None:
    found = document(service.get(f"{getattr(service, name).url}/inputs"), "jobInputs")
    if name == "many":
        assert found["inputs"] == {"text": "many"}


@req(PART4 + "provenance/inputs-response")
def test_req_provenance_inputs_response(service: Service) -> None:
    found = document(service.get(f"{service.successful.url}/inputs"), "jobInputs")
    assert found["inputs"]["stringInput"] == "the shared one"
    assert found["outputs"] == {"stringInput": {}}


@req(PART4 + "provenance/inputs-response")
def test_req_provenance_inputs_response__created(service: Service) -> None:
    job = create(service, outputs={"stringInput": {}})
    found = document(service.get(f"{job.url}/inputs"), "jobInputs")
    assert found["inputs"]["stringInput"] == "made"
    assert found["outputs"] == {"stringInput": {}}


@req(PART4 + "provenance/inputs-get-op")
def test_req_provenance_inputs_get_op__no_such_job(service: Service) -> None:
    problem(service.get("/jobs/nobody/inputs"), 404, NO_JOB)
