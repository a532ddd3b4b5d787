"""Packages whose behaviour a test writes as a shell script, and the waiting that such tests need."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.integration.conftest import Service
from tests.integration.fleet import environment_of, parents

#: Runs a script: ``said.txt`` is an output whose id is ``outputs``, what lies in ``made/`` another.
SHELL: dict[str, Any] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": ["sh", "-c"],
    "inputs": {"script": {"type": "string", "inputBinding": {"position": 1}}},
    "outputs": {
        "outputs": {"type": "File?", "outputBinding": {"glob": "said.txt"}},
        "made": {"type": "File[]", "outputBinding": {"glob": "made/*"}},
    },
}

Found = TypeVar("Found")


def until(ask: Callable[[], Found], seconds: float = 30, *, what: str = "") -> Found:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or ask}"
        time.sleep(0.02)
    return found


@dataclass
class Gate:
    """What a script waits for, with a sign of its own that it has come so far."""

    directory: Path
    name: str = "gate"
    begun: Path = field(init=False)
    opened: Path = field(init=False)

    def __post_init__(self) -> None:
        self.begun = self.directory / f"{self.name}.begun"
        self.opened = self.directory / f"{self.name}.opened"

    @property
    def script(self) -> str:
        """Shell commands that tell the test that they run, and wait until it opens the gate."""
        begun, opened = shlex.quote(str(self.begun)), shlex.quote(str(self.opened))
        return f"touch {begun}; until [ -e {opened} ]; do sleep 0.05; done"

    def reached(self) -> None:
        """Wait until the script waits here."""
        until(self.begun.exists, what=f"the script reaches {self.begun}")

    def open(self) -> None:
        self.opened.touch()


def deploy(service: Service, process_id: str, document: dict[str, Any], directory: Path) -> None:
    """Deploy a CWL document as a person would: from a file, by the command."""
    path = directory / f"{process_id}.cwl.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    service.run("deploy", "-p", process_id, "--cwl", path)


def processes_of(job_id: str) -> list[int]:
    """Return the living processes that carry the mark of a job."""
    return [pid for pid in parents() if environment_of(pid).get("WEAVERLITE_JOB") == job_id]


def tree(directory: Path) -> dict[str, bytes]:
    """Return the content of every file below a directory by its path there."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


__all__ = ["SHELL", "Gate", "deploy", "processes_of", "tree", "until"]
