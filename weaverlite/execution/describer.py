"""Have packages described in a job process: what people deploy is not trusted, not even to be read."""

from __future__ import annotations

import select
import time
from collections.abc import Mapping
from typing import Any

from weaverlite.errors import BackendError, Fault, InvalidPackage, UnsupportedMedia, WorkerLost
from weaverlite.execution.processes import JobProcess, JobProcesses
from weaverlite.execution.tasks import DescribeTask
from weaverlite.models.codec import from_json
from weaverlite.models.package import Package
from weaverlite.models.process import Description

_GIB = 1024**3
#: How long a service that has just started may take to have its first job process.
_WARM = 60.0


class Describer:
    """Describes packages, each in a fresh process that ends with it, within ``seconds`` and ``memory`` bytes."""

    def __init__(self, processes: JobProcesses, seconds: float = 10.0, memory: int = 2 * _GIB) -> None:
        self._processes = processes
        self._seconds = seconds
        self._memory = memory

    def __call__(self, package: Package) -> tuple[str, Description]:
        return self.describe(package)

    def describe(self, package: Package) -> tuple[str, Description]:
        """Return the name of the engine that runs the package, and what the package says of itself.

        :raises InvalidPackage: it cannot be run, or to read it takes too long or too much.
        :raises UnsupportedMedia: no engine runs packages of this type.
        :raises BackendError: it cannot be found out now.
        """
        process = self._processes.acquire(None, fresh=True)
        try:
            process.send(
                DescribeTask(package=package, memory=self._memory, seconds=max(1, round(self._seconds)))
            )
            return self._answer(process)
        except WorkerLost as exc:
            raise BackendError(f"The package could not be read: {exc.detail} Try again.") from exc
        finally:
            self._processes.release(process, clean=False)

    def _answer(self, process: JobProcess) -> tuple[str, Description]:
        poll = select.poll()
        poll.register(process.fileno(), select.POLLIN)
        # The time of the package begins when a process has begun with it.
        deadline = time.monotonic() + _WARM
        is_begun = False
        while (patience := deadline - time.monotonic()) > 0:
            poll.poll(patience * 1000)
            reports = process.receive()
            for report in reports or ():
                if report["kind"] == "started":
                    is_begun = True
                    deadline = time.monotonic() + self._seconds
                elif report["kind"] == "described":
                    return _description_of(report)
                elif report["kind"] == "refused":
                    raise _refusal_of(report)
            if reports is None:
                if not is_begun:
                    raise WorkerLost("The job process ended before it began.")
                raise InvalidPackage("The process that read the package was killed: it takes too much memory or time.")
        if not is_begun:
            raise WorkerLost("No job process was ready in time.")
        raise InvalidPackage(f"To read the package takes longer than {self._seconds:g} seconds.")


def _description_of(report: Mapping[str, Any]) -> tuple[str, Description]:
    try:
        return str(report["engine"]), from_json(Description, report["description"])
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise WorkerLost("The job process sent a description that cannot be read.") from exc


def _refusal_of(report: Mapping[str, Any]) -> InvalidPackage | UnsupportedMedia:
    faults = [
        Fault(str(fault.get("message", "")), str(fault.get("pointer", "")), str(fault.get("location", "body")))
        for fault in report.get("faults", ())
        if isinstance(fault, Mapping)
    ]
    cls = UnsupportedMedia if report.get("error") == "UnsupportedMedia" else InvalidPackage
    return cls(str(report.get("detail", ""))[:10_000], faults=faults)
