"""Engines for tests of what runs jobs: a shell script, and Python code in the job process itself.

They do what a test says and nothing else; job processes, store and publisher around them are real. Give
``weaverlite.testing.execution:job_parts`` to :class:`~weaverlite.execution.processes.JobProcesses` as its entry, with
a directory as the payload.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weaverlite.engines.formats import media_type_of_name
from weaverlite.engines.interfaces import Engine, Outcome, Run
from weaverlite.errors import Fault, InvalidPackage
from weaverlite.execution.parts import Parts
from weaverlite.models.package import Package
from weaverlite.models.process import Description
from weaverlite.models.results import LocalDirectory, LocalFile, LocalValue
from weaverlite.models.upload import Upload
from weaverlite.transfer.data import DataStager
from weaverlite.transfer.interfaces import FetchLimits
from weaverlite.transfer.local import LocalPublisher

SCRIPT = "application/vnd.weaverlite.test-script+json"
CODE = "application/vnd.weaverlite.test-code+json"
CARELESS = "application/vnd.weaverlite.test-careless+json"
_MIB = 1024**2


class ScriptEngine(Engine):
    """Runs ``{"script": TEXT | {STEP: TEXT}, "outputs": {ID: PATH | [PATH…] | {"value": …}}}`` with ``/bin/sh``.

    Inputs are in the environment: ``INPUT_name`` is the path of a file, or the text of a value. A path that ends with a
    slash is a directory.
    """

    name = "script"
    media_types = frozenset({SCRIPT})
    is_reusable = True

    def describe(self, package: Package) -> Description:
        return _describe(package, "script")

    def run(self, run: Run) -> Outcome:
        document = run.package.document
        script = document["script"]
        exit_code = 0
        for step, text in script.items() if isinstance(script, Mapping) else (("", script),):
            exit_code = self._run(run, step, text)
            if exit_code:
                break
        outputs = {name: _output(run.directory, value) for name, value in document.get("outputs", {}).items()}
        there = {name: value for name, value in outputs.items() if value is not None}
        return Outcome(exit_code=exit_code, outputs=there)

    def _run(self, run: Run, step: str, script: str) -> int:
        env = {"PATH": os.environ["PATH"], "HOME": str(run.directory)}
        for name, value in run.inputs.items():
            env[f"INPUT_{name}"] = str(value.path) if isinstance(value, LocalFile | LocalDirectory) else str(value)
        with run.report.stream("stdout", step) as stdout, run.report.stream("stderr", step) as stderr:
            tool = run.launch(
                ["/bin/sh", "-c", script], cwd=run.directory, env=env, stdout=stdout.fileno(), stderr=stderr.fileno()
            )
            code = tool.wait()
        return code if code >= 0 else 128 - code


class CodeEngine(Engine):
    """Runs ``{"code": TEXT, "outputs": …}`` in the job process, with ``run`` and ``outputs`` in its namespace."""

    name = "code"
    media_types = frozenset({CODE})
    is_reusable = False

    def describe(self, package: Package) -> Description:
        if "describe" in package.document:
            exec(package.document["describe"], {})
        return _describe(package, "code")

    def run(self, run: Run) -> Outcome:
        outputs: dict[str, LocalValue] = {}
        before = os.getcwd()
        os.chdir(run.directory)
        try:
            exec(run.package.document["code"], {"run": run, "outputs": outputs})
        finally:
            os.chdir(before)
        declared = {
            name: _output(run.directory, value) for name, value in run.package.document.get("outputs", {}).items()
        }
        return Outcome(exit_code=0, outputs={**declared, **outputs})


class CarelessEngine(CodeEngine):
    """Runs code as :class:`CodeEngine` does, and says that the process may be used again all the same."""

    name = "careless"
    media_types = frozenset({CARELESS})
    is_reusable = True


def script(text: str | Mapping[str, str], outputs: Mapping[str, Any] | None = None) -> Package:
    """Return the package of a shell script, or of the steps of one."""
    return Package.of(SCRIPT, {"script": text, "outputs": dict(outputs or {})})


def code(text: str, outputs: Mapping[str, Any] | None = None, describe: str | None = None) -> Package:
    """Return the package of Python code; ``describe`` runs when the package is described."""
    more = {} if describe is None else {"describe": describe}
    return Package.of(CODE, {"code": text, "outputs": dict(outputs or {}), **more})


def careless(text: str) -> Package:
    """Return the package of Python code that runs in a process which is used again if it is left clean."""
    return Package.of(CARELESS, {"code": text})


def job_parts(directory: str) -> Parts:
    """Return parts of a job process: both engines, ``data:`` references, results in ``directory/results``."""
    uploads: dict[str, Upload] = {}
    return Parts(
        engines={engine.name: engine for engine in (ScriptEngine(), CodeEngine(), CarelessEngine())},
        stagers={"data": DataStager()},
        publisher=LocalPublisher(Path(directory) / "results"),
        fetch_limits=FetchLimits(size=64 * _MIB, seconds=10.0),
        media_type_of=media_type_of_name,
        uploads=uploads,
    )


def warm(directory: str) -> None:
    """Load nothing; slowly, if there is a file ``slow`` in the directory that says how many seconds."""
    with contextlib.suppress(FileNotFoundError):
        time.sleep(float((Path(directory) / "slow").read_text()))


def _describe(package: Package, member: str) -> Description:
    if member not in package.document:
        raise InvalidPackage(faults=[Fault(f"it has no {member!r}", f"/{member}")])
    return Description(process_id="test", host_commands=True)


def _output(directory: Path, value: Any) -> LocalValue:
    if isinstance(value, list):
        return [_output(directory, item) for item in value]
    if isinstance(value, Mapping):
        return value["value"]
    path = directory / value
    if value.endswith("/"):
        return LocalDirectory(path=path, name=path.name)
    return LocalFile(path=path, name=path.name) if os.path.lexists(path) else None
