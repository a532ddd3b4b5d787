"""A CWL engine, and short ways to write and run documents."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from weaverlite.engines.cwl.engine import CWLEngine
from weaverlite.engines.docker import container_command
from weaverlite.engines.interfaces import Outcome
from weaverlite.models.package import CWL_MEDIA_TYPE, Package
from weaverlite.models.process import Description
from weaverlite.models.results import LocalFile
from weaverlite.testing.engines import Heard, run_of

IMAGE = "weaverlite-test:busybox"


class CWL:
    """Documents in, outcomes out. ``heard`` is the reporter of the last run, ``directory`` where it was."""

    def __init__(self, place: Path, engine: CWLEngine) -> None:
        self.place = place
        self.engine = engine
        self.heard = Heard(place)
        self.directory = place

    def describe(self, document: Any) -> Description:
        return self.engine.describe(Package.of(CWL_MEDIA_TYPE, document))

    def run(self, document: Any, inputs: Mapping[str, Any] | None = None, **members: Any) -> Outcome:
        run = run_of(Package.of(CWL_MEDIA_TYPE, document), inputs or {}, self.place, **members)
        assert isinstance(run.report, Heard)
        self.heard, self.directory = run.report, run.directory
        return self.engine.run(run)

    def file(self, name: str, content: str = "") -> LocalFile:
        path = self.place / "inputs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return LocalFile(path=path, name=name)


@pytest.fixture(scope="session")
def schema_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cwl(tmp_path: Path, schema_cache: Path) -> CWL:
    return CWL(tmp_path, CWLEngine(schema_cache=schema_cache))


@pytest.fixture(scope="session")
def docker(docker_host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The command of an engine that has the image of these tests: busybox and nothing else, made without a network."""
    command = container_command("auto")
    assert command is not None
    root = tmp_path_factory.mktemp("image")
    (root / "bin").mkdir()
    (root / "bin" / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (root / "bin" / "busybox").chmod(0o755)
    for name in ("sh", "cat", "echo", "id", "ln", "sleep", "env", "ls", "grep", "touch", "mkdir", "test", "sed"):
        (root / "bin" / name).symlink_to("busybox")
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run([command, "import", "-", IMAGE], stdin=tar.stdout, stdout=subprocess.DEVNULL, check=True)
    yield command


def tool(command: str, **members: Any) -> dict[str, Any]:
    """Return a CommandLineTool that runs a shell command."""
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "baseCommand": ["sh", "-c", command],
        "inputs": {},
        "outputs": {},
        **members,
    }


def expression(script: str, outputs: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    """Return an ExpressionTool in JavaScript."""
    return {
        "cwlVersion": "v1.2",
        "class": "ExpressionTool",
        "requirements": {"InlineJavascriptRequirement": {}},
        "inputs": {},
        "outputs": outputs,
        "expression": script,
        **members,
    }


def workflow(steps: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    """Return a Workflow."""
    return {"cwlVersion": "v1.2", "class": "Workflow", "inputs": {}, "outputs": {}, "steps": steps, **members}


def made(glob: str) -> dict[str, Any]:
    """Return a file output."""
    return {"type": "File", "outputBinding": {"glob": glob}}
