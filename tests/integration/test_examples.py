"""The example packages are plain CWL: the reference runner runs them too, with no node and no container engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import BIN, EXAMPLES

pytestmark = pytest.mark.integration


def run(package: Path, inputs: Path, directory: Path) -> dict[str, Any]:
    """Run ``cwltool`` where nothing can be found but ``python3``."""
    path = directory / "bin"
    path.mkdir()
    (path / "python3").symlink_to(os.path.realpath(sys.executable))
    done = subprocess.run(
        [BIN / "cwltool", "--quiet", "--outdir", directory / "outputs", package, inputs],
        env={"PATH": str(path), "HOME": str(directory)},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    outputs: dict[str, Any] = json.loads(done.stdout)
    return outputs


def test_workflow_runs_with_the_reference_runner(tmp_path: Path) -> None:
    example = EXAMPLES / "seattle-weather"
    outputs = run(example / "package.cwl", example / "inputs.json", tmp_path)
    assert outputs["record_count"] == 1461
    assert outputs["plot"]["format"].endswith("image/png")
    assert outputs["table"]["format"].endswith("text/csv")


def test_tool_runs_with_the_reference_runner(tmp_path: Path) -> None:
    example = EXAMPLES / "word-count"
    outputs = run(example / "package.cwl", example / "inputs.yaml", tmp_path)
    assert (outputs["lines"], outputs["words"]) == (34, 167)


def test_execution_unit_runs_with_the_reference_runner(tmp_path: Path) -> None:
    example = EXAMPLES / "all-inputs"
    body = yaml.safe_load((example / "body.yaml").read_text(encoding="utf-8"))
    package = tmp_path / "package.cwl"
    package.write_text(json.dumps(body["executionUnit"]["value"]), encoding="utf-8")
    outputs = run(package, example / "inputs.yaml", tmp_path)
    assert outputs["searched"] == 5
    assert outputs["found"]["class"] == "Directory"


def test_examples_refer_to_nothing_but_their_own_folder() -> None:
    for package in EXAMPLES.glob("*/*.cwl"):
        text = package.read_text(encoding="utf-8")
        for word in ("$import", "$include", "InlineJavascriptRequirement", "DockerRequirement", "http://", "file:"):
            assert word not in text, f"{package} has {word}"
