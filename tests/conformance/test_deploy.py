"""Deployment, replacement and removal of processes: the classes of Part 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
import yaml

from tests.conformance.asserts import document, media_type, problem, said, status
from tests.conformance.marks import PART2, req
from tests.conformance.origin import Origin
from tests.conformance.packages import PACKAGES, TEXT, Package
from tests.conformance.service import Service, fresh

CWL, CWL_JSON, CWL_YAML = "application/cwl", "application/cwl+json", "application/cwl+yaml"
PACKAGE = "application/ogcapppkg+json"
NO_PROCESS = "ogcapi-processes-1/1.0/no-such-process"
IMMUTABLE = "ogcapi-processes-2/1.0/immutable-process"
DUPLICATE = "ogcapi-processes-2/1.0/duplicated-process"
UNSUPPORTED = "ogcapi-processes-2/1.0/unsupported-media-type"
NO_WORKFLOW = "ogcapi-processes-2/1.0/workflow-not-found"
DOCKERIZED = "http://www.opengis.net/profiles/eoc/dockerizedApplication"


def tool(process_id: str, said_by_tool: str = "") -> Package:
    """Return a CWL tool with this id; what it says distinguishes its versions."""
    return {**TEXT, "id": process_id, **({"label": said_by_tool} if said_by_tool else {})}


def described(process_id: str, form: str, unit: Any, **members: Any) -> Package:
    """Return an application package: its description flat or nested, as both are seen."""
    description = {"id": process_id, "version": "1.0.0", "title": "Of a package", **members}
    return {
        "processDescription": {"process": description} if form == "nested" else description,
        "executionUnit": unit,
    }


def by_value(process_id: str) -> Any:
    return {"value": tool(process_id), "mediaType": CWL_JSON}


#: Ways to write one process: media type and body.
FORMS: dict[str, Callable[[str], tuple[str, bytes]]] = {
    "cwl-json": lambda name: (CWL_JSON, json.dumps(tool(name)).encode()),
    "cwl-yaml": lambda name: (CWL_YAML, yaml.safe_dump(tool(name)).encode()),
    "cwl": lambda name: (CWL, yaml.safe_dump(tool(name)).encode()),
    "cwl-in-json": lambda name: (CWL, json.dumps(tool(name)).encode()),
    "package-nested": lambda name: (PACKAGE, json.dumps(described(name, "nested", by_value(name))).encode()),
    "package-flat": lambda name: (PACKAGE, json.dumps(described(name, "flat", by_value(name))).encode()),
    "package-array": lambda name: (PACKAGE, json.dumps(described(name, "nested", [by_value(name)])).encode()),
}


def post(service: Service, media_type_: str, content: bytes | Package, path: str = "/processes") -> requests.Response:
    """Deploy something."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return service.post(path, data=data, headers={"Content-Type": media_type_})


def put(service: Service, process_id: str, media_type_: str, content: bytes | Package) -> requests.Response:
    """Replace something."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return service.put(f"/processes/{process_id}", data=data, headers={"Content-Type": media_type_})


def deployed(service: Service, name: str = "conf-deployed", form: str = "cwl-json") -> str:
    """Return the id of a process that was deployed for this test."""
    process_id = fresh(name)
    answer = post(service, *FORMS[form](process_id))
    status(answer, 201)
    return process_id


def text_of(service: Service, process_id: str, text: str = "it runs") -> str:
    """Execute a process like ``conf-text``; return what it says."""
    answer = service.execute(process_id, {"text": text}, accept="text/plain")
    status(answer, 200)
    return answer.text


# ---------------------------------------------------------------- deploy


@req(PART2 + "deploy-replace-undeploy/deploy-post-op")
@pytest.mark.parametrize("form", FORMS)
def test_req_deploy_replace_undeploy_deploy_post_op(service: Service, form: str) -> None:
    process_id = deployed(service, form=form)
    assert text_of(service, process_id) == "it runs"


@req(PART2 + "deploy-replace-undeploy/deploy-body")
@pytest.mark.parametrize("form", FORMS)
def test_req_deploy_replace_undeploy_deploy_body(service: Service, form: str) -> None:
    """What was in the body is what is described."""
    process_id = deployed(service, form=form)
    found = document(service.get(f"/processes/{process_id}"), "process")
    assert found["inputs"].keys() == {"text"}
    assert found["outputs"].keys() == {"said"}
    assert found["title"] == ("Of a package" if form.startswith("package") else TEXT["label"])


WRONG_BODIES = {
    "no-json": (CWL_JSON, b"{"),
    "empty": (CWL_JSON, b""),
    "no-object": (CWL_JSON, b"[]"),
    "no-cwl": (CWL_JSON, b'{"a": 1}'),
    "no-class": (CWL_JSON, json.dumps({"cwlVersion": "v1.2", "id": "x", "inputs": {}, "outputs": {}}).encode()),
    "no-yaml": (CWL_YAML, b"a: [b"),
    "no-utf-8": (CWL_YAML, b"a: \xff"),
    "no-unit": (PACKAGE, b'{"processDescription": {"process": {"id": "x", "version": "1"}}}'),
    "unit-of-nothing": (PACKAGE, json.dumps(described("x", "nested", {})).encode()),
    "unit-of-no-kind": (PACKAGE, json.dumps(described("x", "nested", {"type": "steam", "image": "a"})).encode()),
    "no-id": (CWL_JSON, json.dumps({name: value for name, value in TEXT.items() if name != "id"}).encode()),
}


@req(PART2 + "deploy-replace-undeploy/deploy-body")
@pytest.mark.parametrize("case", [name for name in WRONG_BODIES if name != "no-id"])
def test_req_deploy_replace_undeploy_deploy_body__refused(service: Service, case: str) -> None:
    problem(post(service, *WRONG_BODIES[case]), (400, 422))


@req(PART2 + "deploy-replace-undeploy/deploy-content-type")
@pytest.mark.parametrize("parameter", ["", "; charset=utf-8", ";charset=UTF-8"])
@pytest.mark.parametrize("media_type_", [CWL_JSON, PACKAGE])
def test_req_deploy_replace_undeploy_deploy_content_type(service: Service, media_type_: str, parameter: str) -> None:
    process_id = fresh("conf-typed")
    form = "cwl-json" if media_type_ == CWL_JSON else "package-nested"
    answer = post(service, media_type_ + parameter, FORMS[form](process_id)[1])
    assert document(answer, "processSummary", 201)["id"] == process_id


@req(PART2 + "deploy-replace-undeploy/deploy-unsupported-media-type")
@pytest.mark.parametrize("content", [b"", b"some text", b"{}"], ids=["empty", "text", "json"])
@pytest.mark.parametrize("media_type_", ["text/plain", "application/xml", "image/tiff", "application/pdf"])
def test_req_deploy_replace_undeploy_deploy_unsupported_media_type(
    service: Service, media_type_: str, content: bytes
) -> None:
    """T10: the type is looked at before the body."""
    problem(post(service, media_type_, content), 415, UNSUPPORTED)


@req(PART2 + "deploy-replace-undeploy/deploy-response-pid")
@pytest.mark.parametrize("form", FORMS)
def test_req_deploy_replace_undeploy_deploy_response_pid(service: Service, form: str) -> None:
    """The id is that of the description."""
    process_id = fresh("conf-named")
    answer = post(service, *FORMS[form](process_id))
    assert document(answer, "processSummary", 201)["id"] == process_id
    assert answer.headers["Location"] == f"{service.url}/processes/{process_id}"


@req(PART2 + "deploy-replace-undeploy/deploy-response-success")
@pytest.mark.parametrize("form", FORMS)
def test_req_deploy_replace_undeploy_deploy_response_success(service: Service, form: str) -> None:
    process_id = fresh("conf-located")
    answer = post(service, *FORMS[form](process_id))
    status(answer, 201)
    assert document(service.get(answer.headers["Location"]), "process")["id"] == process_id
    listed = document(service.get("/processes?limit=10000"), "processList")["processes"]
    assert process_id in [item["id"] for item in listed]


@req(PART2 + "deploy-replace-undeploy/deploy-response-body")
@pytest.mark.parametrize("form", FORMS)
def test_req_deploy_replace_undeploy_deploy_response_body(service: Service, form: str) -> None:
    found = document(post(service, *FORMS[form](fresh("conf-summary"))), "processSummary", 201)
    assert found["mutable"] is True
    assert found["version"]
    assert found["jobControlOptions"]


@req(PART2 + "deploy-replace-undeploy/deploy-response-duplicate")
@pytest.mark.parametrize("form", FORMS)
def test_req_deploy_replace_undeploy_deploy_response_duplicate(service: Service, form: str) -> None:
    process_id = deployed(service)
    answer = post(service, *FORMS[form](process_id))
    problem(answer, 409, DUPLICATE)
    assert answer.headers.get("Location", f"{service.url}/processes/{process_id}").endswith(process_id)


@req(PART2 + "deploy-replace-undeploy/deploy-response-immutable")
@pytest.mark.parametrize("form", FORMS)
def test_req_deploy_replace_undeploy_deploy_response_immutable(service: Service, form: str) -> None:
    problem(post(service, *FORMS[form]("echo")), 403, IMMUTABLE)


@req(PART2 + "deploy-replace-undeploy/deploy-response-immutable")
@pytest.mark.parametrize("method", ["PUT", "DELETE", "GET"])
def test_req_deploy_replace_undeploy_deploy_response_immutable__other_methods(service: Service, method: str) -> None:
    if method == "PUT":
        answer = put(service, "echo", *FORMS["cwl-json"]("echo"))
    elif method == "DELETE":
        answer = service.delete("/processes/echo")
    else:
        answer = service.get("/processes/echo/package")
    problem(answer, 403, IMMUTABLE)


@req(PART2 + "deploy-replace-undeploy/static-indicator")
@pytest.mark.parametrize(("process_id", "is_mutable"), [("echo", False), *((name, True) for name in PACKAGES)])
def test_req_deploy_replace_undeploy_static_indicator(service: Service, process_id: str, is_mutable: bool) -> None:
    path = service.process(process_id)
    assert document(service.get(path), "process")["mutable"] is is_mutable
    listed = document(service.get("/processes?limit=10000"), "processList")["processes"]
    assert [item["mutable"] for item in listed if item["id"] == process_id] == [is_mutable]


@req(PART2 + "deploy-replace-undeploy/static-indicator")
def test_req_deploy_replace_undeploy_static_indicator__of_all(service: Service) -> None:
    listed = document(service.get("/processes?limit=10000"), "processList")["processes"]
    assert listed
    assert all(isinstance(item["mutable"], bool) for item in listed)


# ---------------------------------------------------------------- replace


@req(PART2 + "deploy-replace-undeploy/replace-put-op")
@pytest.mark.parametrize("form", FORMS)
def test_req_deploy_replace_undeploy_replace_put_op(service: Service, form: str) -> None:
    """Acceptance tests want 204."""
    process_id = deployed(service)
    answer = put(service, process_id, *FORMS[form](process_id))
    status(answer, 204)
    assert answer.content == b""
    assert document(service.get(f"/processes/{process_id}"), "process")["id"] == process_id


@req(PART2 + "deploy-replace-undeploy/replace-body")
@pytest.mark.parametrize("media_type_", [CWL_JSON, CWL_YAML])
def test_req_deploy_replace_undeploy_replace_body(service: Service, media_type_: str) -> None:
    """The new description is there, and what is executed is the new process."""
    process_id = deployed(service)
    other = {**tool(process_id, "The second"), "baseCommand": ["printf", "%s!"]}
    content = json.dumps(other) if media_type_ == CWL_JSON else yaml.safe_dump(other)
    status(put(service, process_id, media_type_, content.encode()), 204)
    assert document(service.get(f"/processes/{process_id}"), "process")["title"] == "The second"
    assert text_of(service, process_id, "new") == "new!"


@req(PART2 + "deploy-replace-undeploy/replace-body")
@pytest.mark.parametrize("case", [name for name in WRONG_BODIES if name != "no-id"])
def test_req_deploy_replace_undeploy_replace_body__refused(service: Service, case: str) -> None:
    """Nothing is replaced by what is wrong."""
    process_id = deployed(service)
    problem(put(service, process_id, *WRONG_BODIES[case]), (400, 422))
    assert text_of(service, process_id) == "it runs"


@req(PART2 + "deploy-replace-undeploy/replace-content-type")
@pytest.mark.parametrize("content", [b"", b"some text"], ids=["empty", "text"])
@pytest.mark.parametrize("process_id", ["mine", "echo", "null", "nobody"])
def test_req_deploy_replace_undeploy_replace_content_type(service: Service, process_id: str, content: bytes) -> None:
    """T10: the type is looked at before the process, its mutability and the body."""
    name = deployed(service) if process_id == "mine" else process_id
    problem(put(service, name, "text/plain", content), 415, UNSUPPORTED)


@req(PART2 + "deploy-replace-undeploy/replace-response")
@pytest.mark.parametrize("form", ["cwl-json", "package-nested"])
def test_req_deploy_replace_undeploy_replace_response__no_such_process(service: Service, form: str) -> None:
    process_id = fresh("nobody")
    problem(put(service, process_id, *FORMS[form](process_id)), 404, NO_PROCESS)


@req(PART2 + "deploy-replace-undeploy/replace-response")
def test_req_deploy_replace_undeploy_replace_response(service: Service) -> None:
    """The id stays, also when the body has another or none."""
    process_id = deployed(service)
    nameless = {name: value for name, value in TEXT.items() if name != "id"}
    status(put(service, process_id, CWL_JSON, {**nameless, "label": "Nameless"}), 200, 204)
    assert document(service.get(f"/processes/{process_id}"), "process")["title"] == "Nameless"


# ---------------------------------------------------------------- undeploy


@req(PART2 + "deploy-replace-undeploy/undeploy-delete-op")
@pytest.mark.parametrize("form", FORMS)
def test_req_deploy_replace_undeploy_undeploy_delete_op(service: Service, form: str) -> None:
    process_id = deployed(service, form=form)
    answer = service.delete(f"/processes/{process_id}")
    status(answer, 204)
    assert answer.content == b""


@req(PART2 + "deploy-replace-undeploy/undeploy-response")
@pytest.mark.parametrize("below", ["", "/package", "/execution"])
def test_req_deploy_replace_undeploy_undeploy_response(service: Service, below: str) -> None:
    process_id = deployed(service)
    status(service.get(f"/processes/{process_id}"), 200)
    status(service.delete(f"/processes/{process_id}"), 204)
    path = f"/processes/{process_id}{below}"
    answer = service.post(path, json={"inputs": {}}) if below == "/execution" else service.get(path)
    problem(answer, 404, NO_PROCESS)
    listed = document(service.get("/processes?limit=10000"), "processList")["processes"]
    assert process_id not in [item["id"] for item in listed]


@req(PART2 + "deploy-replace-undeploy/undeploy-response")
def test_req_deploy_replace_undeploy_undeploy_response__twice(service: Service) -> None:
    process_id = deployed(service)
    status(service.delete(f"/processes/{process_id}"), 204)
    problem(service.delete(f"/processes/{process_id}"), 404, NO_PROCESS)


@req(PART2 + "deploy-replace-undeploy/undeploy-response")
def test_req_deploy_replace_undeploy_undeploy_response__deployed_again(service: Service) -> None:
    process_id = deployed(service)
    status(service.delete(f"/processes/{process_id}"), 204)
    status(post(service, *FORMS["cwl-json"](process_id)), 201)
    assert text_of(service, process_id) == "it runs"


# ---------------------------------------------------------------- package


def same_document(answer: requests.Response, content: bytes) -> bool:
    """Whether a body is the document that was posted, in JSON or YAML."""
    return bool(yaml.safe_load(answer.content) == yaml.safe_load(content))


@req(PART2 + "deploy-replace-undeploy/package-get-op", PART2 + "deploy-replace-undeploy/package-response-success")
@pytest.mark.parametrize("form", FORMS)
def test_req_deploy_replace_undeploy_package_get_op(service: Service, form: str) -> None:
    process_id = fresh("conf-packaged")
    media_type_, content = FORMS[form](process_id)
    status(post(service, media_type_, content), 201)
    answer = service.get(f"/processes/{process_id}/package", accept=None)
    status(answer, 200)
    assert media_type(answer) == media_type_
    assert same_document(answer, content)


@req(PART2 + "deploy-replace-undeploy/package-response-body")
@pytest.mark.parametrize("form", FORMS)
def test_req_deploy_replace_undeploy_package_response_body(service: Service, form: str) -> None:
    """The package is that of the last replacement."""
    process_id = deployed(service)
    media_type_, content = FORMS[form](process_id)
    status(put(service, process_id, media_type_, content), 204)
    answer = service.get(f"/processes/{process_id}/package", accept="*/*")
    status(answer, 200)
    assert media_type(answer) == media_type_
    assert same_document(answer, content)


# ---------------------------------------------------------------- ogcapppkg

PACKAGES_OF_KIND = ["package-nested", "package-flat", "package-array"]


@req(PART2 + "ogcapppkg/body", PART2 + "ogcapppkg/deploy-body")
@pytest.mark.parametrize("form", PACKAGES_OF_KIND)
def test_req_ogcapppkg_body(service: Service, form: str) -> None:
    process_id = fresh("conf-package")
    found = document(post(service, *FORMS[form](process_id)), "processSummary", 201)
    assert found["title"] == "Of a package"
    assert text_of(service, process_id) == "it runs"


@req(PART2 + "ogcapppkg/replace-body")
@pytest.mark.parametrize("form", PACKAGES_OF_KIND)
def test_req_ogcapppkg_replace_body(service: Service, form: str) -> None:
    process_id = deployed(service)
    status(put(service, process_id, *FORMS[form](process_id)), 204)
    assert document(service.get(f"/processes/{process_id}"), "process")["title"] == "Of a package"
    assert text_of(service, process_id) == "it runs"


@req(PART2 + "ogcapppkg/schema")
@pytest.mark.parametrize("case", ["no-unit", "unit-of-nothing", "unit-of-no-kind"])
def test_req_ogcapppkg_schema(service: Service, case: str) -> None:
    problem(post(service, *WRONG_BODIES[case]), (400, 422))


@req(PART2 + "ogcapppkg/schema")
def test_req_ogcapppkg_schema__only_the_unit_is_required(service: Service, origin: Origin) -> None:
    """Without a description everything comes from the CWL, its id too; as acceptance tests send it."""
    process_id = fresh("conf-alone")
    href = origin.put(f"/files/{process_id}.cwl", tool(process_id), CWL)
    answer = post(service, PACKAGE, {"executionUnit": {"href": href, "type": CWL}})
    assert document(answer, "processSummary", 201)["id"] == process_id


@req(PART2 + "ogcapppkg/process-description")
@pytest.mark.parametrize("form", ["nested", "flat"])
def test_req_ogcapppkg_process_description(service: Service, form: str) -> None:
    """What the description says wins over what the unit says; the unit adds what it knows."""
    process_id = fresh("conf-described")
    package = described(
        process_id,
        form,
        by_value("another-id"),
        description="Said by the description",
        keywords=["one", "two"],
        inputs={"text": {"title": "Given a title", "schema": {"type": "string", "maxLength": 5}}},
    )
    status(post(service, PACKAGE, package), 201)
    found = document(service.get(f"/processes/{process_id}"), "process")
    assert (found["title"], found["description"]) == ("Of a package", "Said by the description")
    assert found["keywords"] == ["one", "two"]
    assert found["inputs"]["text"]["title"] == "Given a title"
    assert found["inputs"]["text"]["schema"]["maxLength"] == 5
    assert found["outputs"].keys() == {"said"}
    problem(service.execute(process_id, {"text": "too long"}), (400, 422))


@req(PART2 + "ogcapppkg/execution-unit")
@pytest.mark.parametrize("form", ["value", "array", "reference", "link-without-type"])
def test_req_ogcapppkg_execution_unit(service: Service, origin: Origin, form: str) -> None:
    process_id = fresh("conf-unit")
    href = origin.put(f"/files/{process_id}.cwl", tool(process_id), CWL)
    unit: Any = {
        "value": by_value(process_id),
        "array": [by_value(process_id)],
        "reference": {"href": href, "type": CWL},
        "link-without-type": {"href": href},
    }[form]
    status(post(service, PACKAGE, described(process_id, "nested", unit)), 201)
    assert text_of(service, process_id) == "it runs"


@req(PART2 + "ogcapppkg/execution-unit")
def test_req_ogcapppkg_execution_unit__that_is_not_there(service: Service, origin: Origin) -> None:
    unit = {"href": f"{origin.url}/files/missing.cwl", "type": CWL}
    problem(post(service, PACKAGE, described(fresh("conf-missing"), "nested", unit)), (400, 404, 422, 502))


def image(process_id: str, form: str = "nested", **members: Any) -> Package:
    """Return a package of a container image; it is not run here."""
    unit = {"type": "docker", "image": "docker.io/library/alpine:3.20", **members}
    return described(
        process_id,
        form,
        unit,
        inputs={"text": {"schema": {"type": "string"}}},
        outputs={"said": {"schema": {"type": "string", "contentMediaType": "text/plain"}}},
    )


@req(PART2 + "ogcapppkg/profile-docker")
@pytest.mark.parametrize("form", ["nested", "flat"])
def test_req_ogcapppkg_profile_docker(service: Service, form: str) -> None:
    process_id = fresh("conf-profile")
    status(post(service, PACKAGE, image(process_id, form)), 201)
    found = document(service.get(f"/processes/{process_id}"), "process")
    assert found["deploymentProfile"] == DOCKERIZED


@req(PART2 + "ogcapppkg/package-response-body")
@pytest.mark.parametrize("form", PACKAGES_OF_KIND)
def test_req_ogcapppkg_package_response_body(service: Service, form: str) -> None:
    process_id = fresh("conf-returned")
    media_type_, content = FORMS[form](process_id)
    status(post(service, media_type_, content), 201)
    answer = service.get(f"/processes/{process_id}/package", accept=PACKAGE)
    status(answer, 200)
    assert media_type(answer) == PACKAGE
    assert answer.json() == json.loads(content)


# ---------------------------------------------------------------- cwl

CWLS = ["cwl-json", "cwl-yaml", "cwl", "cwl-in-json"]


def graph(*names: str) -> Package:
    """Return a document of several tools."""
    tools = []
    for name in names:
        entry = {key: value for key, value in tool(name, f"Called {name}").items() if key != "cwlVersion"}
        tools.append(entry)
    return {"cwlVersion": "v1.2", "$graph": tools}


@req(PART2 + "cwl/body", PART2 + "cwl/deploy-body")
@pytest.mark.parametrize("form", CWLS)
def test_req_cwl_body(service: Service, form: str) -> None:
    process_id = fresh("conf-cwl")
    assert document(post(service, *FORMS[form](process_id)), "processSummary", 201)["id"] == process_id
    assert text_of(service, process_id) == "it runs"


@req(PART2 + "cwl/replace-body")
@pytest.mark.parametrize("form", CWLS)
def test_req_cwl_replace_body(service: Service, form: str) -> None:
    process_id = deployed(service, form="package-nested")
    status(put(service, process_id, *FORMS[form](process_id)), 204)
    assert document(service.get(f"/processes/{process_id}"), "process")["title"] == TEXT["label"]
    assert text_of(service, process_id) == "it runs"


@req(PART2 + "cwl/deploy-w-param")
@pytest.mark.parametrize("choice", [None, 0, 1, 2])
@pytest.mark.parametrize("media_type_", [CWL_JSON, CWL_YAML, CWL])
def test_req_cwl_deploy_w_param(service: Service, choice: int | None, media_type_: str) -> None:
    names = [fresh(f"conf-w{number}") for number in range(3)]
    content = json.dumps(graph(*names)) if media_type_ == CWL_JSON else yaml.safe_dump(graph(*names))
    path = "/processes" if choice is None else f"/processes?w={names[choice]}"
    found = document(post(service, media_type_, content.encode(), path), "processSummary", 201)
    assert found["id"] == names[choice or 0]
    assert text_of(service, found["id"]) == "it runs"


@req(PART2 + "cwl/deploy-exception-workflow-not-found")
@pytest.mark.parametrize("choice", ["nobody", "conf", "main-2"])
@pytest.mark.parametrize("media_type_", [CWL_JSON, CWL_YAML, CWL])
def test_req_cwl_deploy_exception_workflow_not_found(service: Service, choice: str, media_type_: str) -> None:
    content = graph(fresh("conf-a"), fresh("conf-b"))
    data = json.dumps(content) if media_type_ == CWL_JSON else yaml.safe_dump(content)
    problem(post(service, media_type_, data.encode(), f"/processes?w={choice}"), 400, NO_WORKFLOW)


@req(PART2 + "cwl/execution-unit")
@pytest.mark.parametrize("form", ["nested", "flat"])
@pytest.mark.parametrize("unit", ["value-json", "value-text", "reference"])
def test_req_cwl_execution_unit(service: Service, origin: Origin, unit: str, form: str) -> None:
    process_id = fresh("conf-cwl-unit")
    href = origin.put(f"/files/{process_id}.cwl", yaml.safe_dump(tool(process_id)), CWL)
    units: dict[str, Any] = {
        "value-json": {"value": tool(process_id), "mediaType": CWL_JSON},
        "value-text": {"value": yaml.safe_dump(tool(process_id)), "mediaType": CWL},
        "reference": {"href": href, "type": CWL},
    }
    status(post(service, PACKAGE, described(process_id, form, units[unit])), 201)
    assert text_of(service, process_id) == "it runs"


@req(PART2 + "cwl/package-response-body")
@pytest.mark.parametrize("form", [*CWLS, *PACKAGES_OF_KIND])
def test_req_cwl_package_response_body(service: Service, form: str) -> None:
    """CWL comes back as CWL, a package as package."""
    process_id = fresh("conf-back")
    media_type_, content = FORMS[form](process_id)
    status(post(service, media_type_, content), 201)
    answer = service.get(f"/processes/{process_id}/package", accept=None)
    status(answer, 200)
    assert answer.content == content or same_document(answer, content)
    assert media_type(answer) == media_type_


# ---------------------------------------------------------------- docker


@req(PART2 + "docker/execution-unit", PART2 + "docker/deploy-body")
@pytest.mark.parametrize("form", ["nested", "flat"])
@pytest.mark.parametrize(
    "name", ["alpine", "docker://otbtf/4.1.0-cpu", "docker.io/library/alpine:3.20", "ghcr.io/o/r@sha256:" + "a" * 64]
)
def test_req_docker_execution_unit(service: Service, name: str, form: str) -> None:
    process_id = fresh("conf-image")
    answer = post(service, PACKAGE, image(process_id, form, image=name))
    found = document(answer, "processSummary", 201)
    assert found["id"] == process_id
    assert document(service.get(f"/processes/{process_id}"), "process")["inputs"].keys() == {"text"}


@req(PART2 + "docker/schema")
@pytest.mark.parametrize("kind", ["docker", "oci"])
@pytest.mark.parametrize(
    "members",
    [
        {"deployment": "local"},
        {"config": {"cpuMin": 1, "cpuMax": 2, "memoryMin": 1, "memoryMax": 2, "jobTimeout": 60}},
        {"config": {"storageTempMin": 1, "storageOutputsMin": 1}},
        {
            "bindings": {
                "inputBindings": {"text": {"prefix": "--text", "position": 1}},
                "outputBindings": {"said": {"glob": "said.txt"}},
            }
        },
    ],
    ids=["deployment", "config", "storage", "bindings"],
)
def test_req_docker_schema(service: Service, members: dict[str, Any], kind: str) -> None:
    answer = post(service, PACKAGE, image(fresh("conf-schema"), type=kind, **members))
    assert document(answer, "processSummary", 201)["mutable"] is True


@req(PART2 + "docker/schema")
@pytest.mark.parametrize(
    "members",
    [
        {"image": None},
        {"image": ""},
        {"image": 1},
        {"deployment": "moon"},
        {"config": {"cpuMin": "many"}},
        {"config": {"memoryMin": -1}},
    ],
    ids=["null", "empty", "number", "deployment", "cpu", "memory"],
)
def test_req_docker_schema__refused(service: Service, members: dict[str, Any]) -> None:
    problem(post(service, PACKAGE, image(fresh("conf-wrong"), **members)), (400, 422))


@req(PART2 + "docker/replace-body")
@pytest.mark.parametrize("form", ["nested", "flat"])
def test_req_docker_replace_body(service: Service, form: str) -> None:
    process_id = deployed(service)
    status(put(service, process_id, PACKAGE, image(process_id, form)), 204)
    found = document(service.get(f"/processes/{process_id}"), "process")
    assert found["title"] == "Of a package"
    package = body_of_package(service, process_id)
    assert package["executionUnit"]["type"] == "docker"


def body_of_package(service: Service, process_id: str) -> Any:
    """Return the package of a process."""
    answer = service.get(f"/processes/{process_id}/package", accept=None)
    status(answer, 200)
    assert media_type(answer) == PACKAGE, said(answer)
    return answer.json()
