"""Bodies of deployments: what is taken, under which id, and how everything else is refused."""

from __future__ import annotations

import json

import pytest

from weaverlite.engines.images import compile_image
from weaverlite.errors import InvalidPackage, InvalidRequest, TooLarge, UnsupportedMedia, WorkflowNotFound
from weaverlite.models.package import CWL_MEDIA_TYPE
from weaverlite.services.notations import MEDIA_TYPES, check_media_type
from weaverlite.services.packages import Packages
from weaverlite.settings import LimitsSettings

LIMITS = LimitsSettings()
TOOL = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "cat",
    "baseCommand": "cat",
    "inputs": {},
    "outputs": {},
}
TOOL_YAML = b"""#!/usr/bin/env cwl-runner
cwlVersion: v1.2
class: CommandLineTool
id: cat
baseCommand: cat
inputs: {}
outputs: {}
"""


def deploy(document, media_type="application/ogcapppkg+json", *, limits=LIMITS, size_limit=1000_000, **more):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Packages({}, compile_image, limits, size_limit=size_limit).read(body, media_type, **more)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (TOOL, "application/cwl+json"),
        (TOOL, "application/cwl+json; charset=utf-8"),
        (TOOL, "application/cwl"),
        (TOOL, "application/json"),
        (TOOL, "application/cwl+yaml"),
        (TOOL_YAML, "application/cwl+yaml"),
        (TOOL_YAML, "application/cwl"),
        (TOOL_YAML, "application/x-yaml"),
        (TOOL_YAML, "text/yaml"),
        ({"executionUnit": TOOL}, "application/ogcapppkg+json"),
        ({"executionUnit": TOOL}, "application/json"),
        ({"executionUnit": [TOOL]}, "application/ogcapppkg+json"),
        ({"executionUnit": {"value": TOOL, "mediaType": "application/cwl+json"}}, "application/ogcapppkg+json"),
        ({"executionUnit": [{"value": TOOL}]}, "application/ogcapppkg+json"),
        ({"executionUnit": [{"unit": TOOL}]}, "application/ogcapppkg+json"),
        ({"executionUnit": {"value": TOOL_YAML.decode(), "type": "application/cwl"}}, "application/ogcapppkg+json"),
        ({"executionUnit": {"value": json.dumps(TOOL), "mediaType": "application/cwl+json"}}, "application/json"),
        (b"executionUnit:\n  value:\n    " + TOOL_YAML.partition(b"\n")[2].replace(b"\n", b"\n    "),
         "application/ogcapppkg+yaml"),
    ],
)  # fmt: skip
def test_every_form_of_a_deployment_gives_the_same_package(body, media_type):
    deployment = deploy(body, media_type)
    assert deployment.package == deploy(TOOL, "application/cwl+json").package
    assert deployment.package.media_type == CWL_MEDIA_TYPE
    assert deployment.package.document == TOOL
    assert deployment.process_id == "cat"
    assert deployment.deployed.media_type == media_type.partition(";")[0]


def test_what_was_deployed_is_kept_as_it_came():
    assert deploy(TOOL_YAML, "application/cwl+yaml").deployed.body == TOOL_YAML.decode()


@pytest.mark.parametrize(
    "description",
    [
        {"id": "mine", "title": "T", "jobControlOptions": ["async-execute"]},
        {"process": {"id": "mine", "title": "T", "jobControlOptions": ["async-execute"]}},
        {"process": {"id": "mine", "title": "T"}, "jobControlOptions": ["async-execute"]},
    ],
)
def test_a_description_is_found_flat_and_nested(description):
    deployment = deploy({"processDescription": description, "executionUnit": TOOL})
    assert deployment.process_id == "mine"
    assert deployment.overrides == {"id": "mine", "title": "T", "jobControlOptions": ["async-execute"]}


@pytest.mark.parametrize(
    ("own_id", "name"),
    [
        ("cat", "cat"),
        ("#cat", "cat"),
        ("file:///x/tools.cwl#cat", "cat"),
        ("https://e.org/cat.cwl", "cat"),
        (None, None),
    ],
)
def test_the_name_of_a_package_is_taken_from_its_id(own_id, name):
    tool = {key: value for key, value in TOOL.items() if key != "id"} | ({"id": own_id} if own_id else {})
    assert deploy(tool, "application/cwl+json").process_id == name


def test_a_replacement_keeps_the_id_of_its_url():
    assert deploy(TOOL, "application/cwl+json", process_id="other").process_id == "other"
    with pytest.raises(InvalidRequest) as caught:
        deploy({"processDescription": {"id": "mine"}, "executionUnit": TOOL}, process_id="other")
    assert caught.value.faults[0].pointer == "/processDescription/id"


@pytest.mark.parametrize(
    ("document", "pointer", "words"),
    [
        ([], "", "is a list"),
        ({}, "/executionUnit", "is missing"),
        ({"a": 1}, "/executionUnit", "this one has a"),
        ({"executionUnit": []}, "/executionUnit", "list of 0"),
        ({"executionUnit": [TOOL] * 51}, "/executionUnit", "send 1 to 50"),
        ({"executionUnit": [TOOL, {**TOOL, "id": "dog"}]}, "", "name one of cat, dog with ?w="),
        ({"executionUnit": 3}, "/executionUnit", "is the number 3"),
        ({"executionUnit": [{}]}, "/executionUnit/0", "no execution unit"),
        ({"executionUnit": {"value": 3}}, "/executionUnit/value", "is the number 3"),
        ({"executionUnit": {"value": {}}}, "/executionUnit/value", "no execution unit"),
        ({"executionUnit": {"value": {"value": TOOL}}}, "/executionUnit/value", "around another one"),
        ({"executionUnit": {"value": {"href": "x:y"}}}, "/executionUnit/value", "around another one"),
        ({"executionUnit": {"value": "a: [", "mediaType": "application/cwl+yaml"}}, "/executionUnit/value", "not YAML"),
        ({"executionUnit": {"value": TOOL, "mediaType": "application/wasm"}}, "/executionUnit/mediaType",
         "are CWL here"),
        ({"executionUnit": [{"href": "gopher://e.org/a.cwl"}]}, "/executionUnit/0/href", "its scheme is none of"),
        ({"executionUnit": {"href": 3}}, "/executionUnit/href", "expected is a URL"),
        ({"executionUnit": {"type": "docker"}}, "/executionUnit/image", "is missing"),
        ({"processDescription": 3, "executionUnit": TOOL}, "/processDescription", "is the number 3"),
        ({"processDescription": {"id": 3}, "executionUnit": TOOL}, "/processDescription/id", "expected is a string"),
        ({"executionUnit": {"cwlVersion": "v1.2", "$graph": 3}}, "/executionUnit/$graph", "list of processes"),
        ({"executionUnit": {"cwlVersion": "v1.2", "$graph": [{}]}}, "/executionUnit/$graph/0/id", "needs an id"),
        ({"executionUnit": {"$graph": [{"id": "a"}, {"id": "#a"}]}}, "/executionUnit/$graph/1/id", "another process"),
    ],
)
def test_what_is_no_package_is_refused_with_a_pointer(document, pointer, words):
    with pytest.raises(InvalidPackage) as caught:
        deploy(document)
    assert caught.value.status == 422
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    assert words in caught.value.faults[0].message


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"", "application/cwl+json"),
        (b"{", "application/json"),
        (b"a: [", "application/cwl+yaml"),
        (b"a: 1\na: 2", "application/cwl+yaml"),
        (b"[" * 10_000, "application/cwl+json"),
        (b"[" * 10_000, "application/cwl+yaml"),
        (b"\xff\xfe", "application/cwl+yaml"),
        (b"cwlVersion: v1.2", "application/cwl+json"),
        (b'{"processDescription": {"id": "a b"}, "executionUnit": {"class": "Workflow"}}', "application/json"),
    ],
)
def test_broken_text_is_a_bad_request(body, media_type):
    with pytest.raises(InvalidRequest) as caught:
        deploy(body, media_type)
    assert caught.value.status == 400


def test_sizes_are_bounded():
    with pytest.raises(TooLarge):
        deploy(TOOL, "application/cwl+json", size_limit=20)
    with pytest.raises(InvalidRequest, match="more than 10"):
        body = json.dumps({"a": [1] * 20}).encode()
        deploy(body, "application/json", limits=LimitsSettings(package_nodes=10))
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9))
    with pytest.raises(InvalidRequest, match="aliases"):
        deploy(bomb.encode(), "application/cwl+yaml")


@pytest.mark.parametrize("media_type", ["text/plain", "", "application/octet-stream", "multipart/digest"])
def test_other_media_types_are_refused_before_the_body_is_looked_at(media_type):
    with pytest.raises(UnsupportedMedia, match="application/cwl"):
        check_media_type(media_type)
    with pytest.raises(UnsupportedMedia):
        deploy(b"", media_type)


def test_media_types_are_told_without_parameters():
    assert check_media_type("Application/JSON; charset=utf-8") == "application/json"
    assert all(check_media_type(item) == item for item in MEDIA_TYPES)


GRAPH = {
    "cwlVersion": "v1.2",
    "$graph": [
        {"class": "CommandLineTool", "id": "tool", "inputs": {}, "outputs": {}},
        {"class": "CommandLineTool", "id": "unused", "inputs": {}, "outputs": {}},
        {"class": "Workflow", "id": "flow", "inputs": {"a": "File"},
         "outputs": {"o": {"type": "File", "outputSource": "#flow/s/o"}},
         "steps": {"s": {"run": "#tool", "in": {"i": "#flow/a"}, "out": ["o"]}}},
    ],
}  # fmt: skip


def test_the_first_workflow_of_several_processes_is_meant():
    deployment = deploy(GRAPH, "application/cwl+json")
    assert deployment.process_id == "flow"
    processes = {item["id"]: item for item in deployment.package.document["$graph"]}
    assert set(processes) == {"main", "tool"}
    assert processes["main"]["outputs"]["o"]["outputSource"] == "#main/s/o"
    assert processes["main"]["steps"]["s"] == {"run": "#tool", "in": {"i": "#main/a"}, "out": ["o"]}


def test_one_of_several_processes_can_be_picked():
    deployment = deploy(GRAPH, "application/cwl+json", workflow="tool")
    assert deployment.process_id == "tool"
    assert [item["id"] for item in deployment.package.document["$graph"]] == ["main"]


def test_a_document_with_a_main_process_stays_as_it_is():
    graph = {"cwlVersion": "v1.2", "$graph": [{"class": "Workflow", "id": "#main"}, GRAPH["$graph"][0]]}
    deployment = deploy({"processDescription": {"id": "mine"}, "executionUnit": graph})
    assert deployment.package.document == graph
    assert deployment.process_id == "mine"


def test_a_picked_process_that_runs_the_main_one_keeps_both():
    outer = {"class": "Workflow", "id": "outer", "steps": {"s": {"run": "#main"}}}
    graph = {"$graph": [{"class": "Workflow", "id": "main"}, outer]}
    found = deploy(graph, "application/cwl+json", workflow="outer").package.document["$graph"]
    assert found == [
        {"class": "Workflow", "id": "main-of-graph"},
        {"class": "Workflow", "id": "main", "steps": {"s": {"run": "#main-of-graph"}}},
    ]


def test_a_process_that_is_not_there_cannot_be_picked():
    for document in (GRAPH, TOOL):
        with pytest.raises(WorkflowNotFound) as caught:
            deploy(document, "application/cwl+json", workflow="flwo")
        assert caught.value.faults[0].location == "query"
    with pytest.raises(WorkflowNotFound, match="is 'flow' meant"):
        deploy(GRAPH, "application/cwl+json", workflow="flwo")
