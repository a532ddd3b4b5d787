"""Packages of a directory: deployed when they are new or changed, told when they are faulty, never in the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from weaverlite.engines.images import compile_image
from weaverlite.engines.python import builtin_processes
from weaverlite.errors import Fault, InvalidPackage
from weaverlite.models.process import Description
from weaverlite.services.directory import Directory
from weaverlite.services.packages import Packages
from weaverlite.services.processes import Processes
from weaverlite.settings import LimitsSettings

TOOL = {"cwlVersion": "v1.2", "class": "CommandLineTool", "inputs": {}, "outputs": {}}


class Describing:
    """Reads the few words these tests write, and counts how often it is asked."""

    def __init__(self):
        self.count = 0

    def __call__(self, package):
        self.count += 1
        document = package.document
        main = next((item for item in document.get("$graph", []) if item["id"] == "main"), document)
        if "bad" in main:
            raise InvalidPackage(faults=[Fault("is bad", "/bad")])
        return "cwl", Description(title=main.get("label", ""))


@pytest.fixture
def describing():
    return Describing()


@pytest.fixture
def processes(store, describing):
    # Deployments over HTTP are refused: the operator's own are not.
    return Processes(store, describing, deploy_allowed=False, host_commands=True)


@pytest.fixture
def directory(tmp_path, processes):
    place = tmp_path / "packages"
    place.mkdir()
    return Directory(place, Packages({}, compile_image, LimitsSettings()), processes)


@pytest.fixture
def write(tmp_path):
    def put(name, document):
        path = tmp_path / "packages" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))

    return put


def states(findings):
    return {item.name: item.fault or (item.process, item.is_new) for item in findings}


def test_every_form_of_a_package_is_deployed(directory, processes, write):
    write("a.cwl", TOOL)
    write("b.json", {"processDescription": {"id": "boxed"}, "executionUnit": TOOL})
    write("c.yaml", "cwlVersion: v1.2\nclass: CommandLineTool\nid: c\ninputs: {}\noutputs: {}\n")
    write("d/tool.cwl", TOOL)
    write("d/flow.cwl", {"cwlVersion": "v1.2", "class": "Workflow", "id": "flow", "steps": {"s": {"run": "tool.cwl"}}})
    write("readme.txt", "not a package")
    write(".hidden.cwl", "not a package")
    write("a.cwl", {**TOOL, "id": "a"})
    assert states(directory.deploy()) == {
        "a.cwl": ("a:1.0.0", True),
        "b.json": ("boxed:1.0.0", True),
        "c.yaml": ("c:1.0.0", True),
        "d": ("flow:1.0.0", True),
    }
    assert {item["id"] for item in processes.get("flow").package.document["$graph"]} == {"main", "tool"}
    assert processes.get("a").mutable


def test_what_did_not_change_is_not_even_read_again(directory, processes, describing, write):
    write("a.cwl", {**TOOL, "id": "a"})
    write("d/b.cwl", {**TOOL, "id": "b"})
    directory.deploy()
    count = describing.count
    assert states(directory.deploy()) == {"a.cwl": ("a:1.0.0", False), "d": ("b:1.0.0", False)}
    assert describing.count == count
    assert processes.get("a").revision == 1


def test_what_is_only_written_otherwise_is_no_new_revision(directory, processes, write):
    write("a.cwl", {**TOOL, "id": "a"})
    directory.deploy()
    write("a.cwl", json.dumps({**TOOL, "id": "a"}, indent=3))
    assert states(directory.deploy()) == {"a.cwl": ("a:1.0.0", False)}


def test_what_changed_is_a_new_revision(directory, processes, write):
    write("a.cwl", {**TOOL, "id": "a"})
    directory.deploy()
    write("a.cwl", {**TOOL, "id": "a", "label": "New"})
    assert states(directory.deploy()) == {"a.cwl": ("a:2.0.0", True)}
    assert processes.get("a").title == "New"


def test_faulty_packages_are_told_and_the_others_deployed(directory, processes, write, caplog):
    write("a.cwl", {**TOOL, "id": "a", "bad": 1})
    write("b.cwl", "cwlVersion: [")
    write("c/a.cwl", {**TOOL, "id": "a"})
    write("c/b.cwl", {**TOOL, "id": "b"})
    write("d.cwl", {**TOOL, "id": "d"})
    found = states(directory.deploy())
    assert found["a.cwl"] == "/bad: is bad"
    assert "is not YAML" in found["b.cwl"]
    assert "name one of a, b" in found["c"]
    assert found["d.cwl"] == ("d:1.0.0", True)
    assert [record.levelname for record in caplog.records].count("ERROR") == 3
    assert "a.cwl was not deployed: /bad: is bad" in caplog.text


def test_a_built_in_process_is_not_replaced(directory, processes, write):
    processes.install_builtin(builtin_processes(datetime(2024, 1, 1, tzinfo=UTC)))
    write("echo.cwl", {**TOOL, "id": "echo"})
    assert "built in" in states(directory.deploy())["echo.cwl"]


def test_a_check_deploys_nothing(directory, store, write):
    write("a.cwl", {**TOOL, "id": "a"})
    write("b.cwl", {**TOOL, "id": "b", "bad": 1})
    assert states(directory.check()) == {"a.cwl": ("a:1.0.0", True), "b.cwl": "/bad: is bad"}
    assert store.processes.next_revision("a") == 1


def test_a_directory_that_is_not_there_is_told(tmp_path, processes):
    missing = Directory(tmp_path / "nowhere", Packages({}, compile_image, LimitsSettings()), processes)
    assert ["nowhere cannot be read" in item.fault for item in missing.deploy()] == [True]
