"""Commands and calls about processes, against the service as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from weaverlite.cli import main
from weaverlite.client import WeaverClient
from weaverlite.testing.app import running

TOOL = {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": "true", "inputs": {}, "outputs": {}}
FLOW = {
    "cwlVersion": "v1.2",
    "class": "Workflow",
    "id": "flow",
    "inputs": {},
    "outputs": {},
    "steps": {"s": {"run": "tool.cwl", "in": {}, "out": []}},
}
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("commands")) as service, service.served() as found:
        yield found


@pytest.fixture
def run(url: str) -> Run:
    def call(*arguments: object, code: int = 0) -> Any:
        found: Result = CliRunner().invoke(main, [*map(str, arguments), "-u", url])
        assert found.exit_code == code, f"{arguments}: {found.output}"
        return json.loads(found.stdout) if code == 0 and found.stdout.strip() else found.output

    return call


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def put(name: str, document: Any) -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return put


def test_files_that_name_each_other_are_deployed_as_one(run: Run, write: Callable[..., Path]) -> None:
    files = [item for path in (write("tool.cwl", TOOL), write("flow.cwl", FLOW)) for item in ("--cwl", path)]
    assert run("deploy", *files)["id"] == "flow"
    assert run("deploy", *files, "-p", "renamed")["id"] == "renamed"
    assert {item["id"] for item in run("package", "-p", "renamed")["$graph"]} == {"main", "tool"}
    for name in ("flow", "renamed"):
        run("undeploy", "-p", name)


def test_a_dry_run_deploys_nothing(run: Run, write: Callable[..., Path]) -> None:
    path = write("tool.cwl", {**TOOL, "label": "Dry"})
    assert run("deploy", "--cwl", path, "-p", "dry", "--dry-run")["title"] == "Dry"
    assert "no process dry" in run("describe", "-p", "dry", code=3)
    said = run("deploy", "--cwl", write("bad.cwl", {**TOOL, "requirements": {"X": {}}}), "-p", "d", "--dry-run", code=3)
    assert "/executionUnit/value/requirements/X" in said


def test_an_image_is_deployed_by_its_name(run: Run, write: Callable[..., Path]) -> None:
    described = write("d.json", {"inputs": {"a": {"schema": {"type": "integer"}}}, "outputs": {}})
    assert run("deploy", "--image", "e.org/maths:1", "-p", "maths", "-b", described)["id"] == "maths"
    assert list(run("describe", "-p", "maths")["inputs"]) == ["a"]
    assert run("package", "-p", "maths")["requirements"]["DockerRequirement"] == {"dockerPull": "e.org/maths:1"}
    run("undeploy", "-p", "maths")


def test_revisions_are_made_listed_and_described(run: Run, write: Callable[..., Path]) -> None:
    path = write("tool.cwl", {**TOOL, "label": "One"})
    run("deploy", "--cwl", path, "-p", "grown")
    run("deploy", "--cwl", write("tool.cwl", {**TOOL, "label": "Two"}), "-p", "grown", "--replace")
    assert run("update", "-p", "grown", "--title", "Three", "--keyword", "a", "--keyword", "b")["version"] == "2.0.1"
    assert run("update", "-p", "grown", "--visibility", "private", "--version", "5")["version"] == "5"
    listed = [item["version"] for item in run("revisions", "-p", "grown")["revisions"]]
    assert listed == ["5", "2.0.1", "2.0.0", "1.0.0"]
    assert [item["version"] for item in run("revisions", "-p", "grown", "--limit", 1)["revisions"]] == ["5"]
    assert run("describe", "-p", "grown:1.0.0")["title"] == "One"
    assert run("describe", "-p", "grown:2.0.1")["keywords"] == ["a", "b"]
    assert run("update", "-p", "grown", "-b", write("p.json", {"title": None}))["title"] == "grown"
    assert "Say what to edit" in run("update", "-p", "grown", code=2)
    assert "grow" in run("update", "-p", "grown", "--version", "1", code=3)
    run("undeploy", "-p", "grown")


def test_the_client_has_the_calls_of_the_commands(url: str) -> None:
    with WeaverClient(url) as client:
        assert client.deploy("mine", cwl=[TOOL | {"id": "a"}], dry_run=True).body["id"] == "mine"
        assert client.deploy("mine", cwl=TOOL).success
        assert client.update("mine", {"title": "Mine"}).body["title"] == "Mine"
        assert [item["title"] for item in client.revisions("mine").body["revisions"]] == ["Mine", "mine"]
        assert not client.update("mine", {"title": 3})
        assert client.undeploy("mine").success
