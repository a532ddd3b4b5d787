"""The engine of CWL packages: the reference runner as a library, inside job processes.

This module is imported by every process of the service, so it imports nothing of the runner: what needs it is imported
by the methods that run in job processes.
"""

from __future__ import annotations

import importlib
import resource
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weaverlite.engines.cwl.admission import Admitted, admit
from weaverlite.engines.cwl.describe import describe
from weaverlite.engines.docker import container_command
from weaverlite.engines.interfaces import Engine, Outcome, Run
from weaverlite.errors import EngineError
from weaverlite.models.job import Usage
from weaverlite.models.package import CWL_MEDIA_TYPE, Package
from weaverlite.models.process import Description
from weaverlite.settings import Settings

if TYPE_CHECKING:
    from weaverlite.engines.cwl.loading import Parsed, ParsedPackages

#: The packages that this process has parsed: shared by all engines in it, and inherited by what is forked from it.
_PARSED: list[ParsedPackages] = []


class CWLEngine(Engine):
    """Runs CWL: CommandLineTool, ExpressionTool and Workflow, of the versions 1.0 to 1.2.

    ``schema_cache`` is the directory where what :meth:`warm` computes is kept for the next start; ``container_command``
    the command of the container engine, None when there is none.
    """

    name = "cwl"
    media_types = frozenset({CWL_MEDIA_TYPE, "application/cwl", "application/cwl+yaml"})
    is_reusable = True

    def __init__(self, *, schema_cache: Path | None = None, container_command: str | None = None) -> None:
        self._schema_cache = schema_cache
        self._container_command = container_command

    @classmethod
    def create(cls, settings: Settings) -> CWLEngine:
        """Return the engine that the settings describe."""
        return cls(
            schema_cache=settings.data / "cache",
            container_command=container_command(settings.worker.container_engine),
        )

    def warm(self) -> None:
        from weaverlite.engines.cwl import loading, preload

        for name in ("running", "containers"):
            importlib.import_module(f"weaverlite.engines.cwl.{name}")
        preload.load(self._schema_cache)
        # The first document takes much longer than the second: what both need is imported and compiled on the way.
        loading.parse(admit(_SMALLEST))

    def describe(self, package: Package) -> Description:
        admitted = admit(package.document)
        description = describe(admitted)
        self._parse(package, admitted)
        return description

    def run(self, run: Run) -> Outcome:
        parsed = self._parse(run.package, None)
        from weaverlite.engines.cwl.running import Running

        if parsed.admitted.host_commands and not run.host_commands:
            raise EngineError(
                "The package runs commands outside containers, which this node does not allow: give its tools a "
                "DockerRequirement, or set weaverlite.worker.host_commands."
            )
        before = _children_cpu()
        outcome = Running(run, parsed, self._container_command).outcome()
        return Outcome(
            exit_code=outcome.exit_code,
            outputs=outcome.outputs,
            failure=outcome.failure,
            usage=Usage(cpu_seconds=round(_children_cpu() - before, 6)),
        )

    def _parse(self, package: Package, admitted: Admitted | None) -> Parsed:
        from weaverlite.engines.cwl import loading, preload

        preload.load(self._schema_cache)
        if not _PARSED:
            _PARSED.append(loading.ParsedPackages())
        if (known := _PARSED[0].get(package.digest)) is not None:
            return known
        parsed = loading.parse(admitted or admit(package.document))
        _PARSED[0].put(package.digest, parsed)
        return parsed


_SMALLEST: dict[str, Any] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": "true",
    "inputs": {"file": "File?"},
    "outputs": {"text": "stdout"},
}


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
