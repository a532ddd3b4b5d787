"""What an engine promises: to describe one kind of package, and to run it.

An engine knows no store, no network and no settings; it runs inside a job process, which can be killed at any moment.
Each implementation passes the suite of ``weaverlite.testing.engines``.
"""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from weaverlite.models.collection import Collections
from weaverlite.models.exchange import Exchange
from weaverlite.models.job import Usage
from weaverlite.models.options import Resources
from weaverlite.models.package import Package
from weaverlite.models.process import Description
from weaverlite.models.results import LocalFile, LocalValue

#: Fetches what a URL names, of a media type if one is said, into an empty directory, by the rules of inputs.
Fetch = Callable[[str, str, Path], LocalFile]


class Stream(Protocol):
    """Where a tool's output goes. Hand its ``fileno()`` to a child process; what it writes is followed live.

    On leaving the context it waits, briefly, until all that was written has been read; from then on ``last_line`` is
    the last line that was not blank (its beginning, if it is long), empty when there was none.
    """

    @property
    def last_line(self) -> str: ...

    def fileno(self) -> int: ...

    def __enter__(self) -> Stream: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Reporter(Protocol):
    """How an engine tells what goes on. Returns at once, never raises, callable from any thread."""

    def progress(self, percent: int, message: str = "") -> None:
        """Say how far the run is, 0 to 100."""

    def log(self, message: str, level: str = "info") -> None:
        """Say something to the person who follows the job. ``level``: debug, info, warning, error."""

    def stream(self, name: str, step: str = "") -> Stream:
        """Open ``stdout`` or ``stderr``; lines of a workflow's ``step`` are prefixed with its name."""


class Launch(Protocol):
    """Start a tool as a child process, with the limits and the confinement that this job's tools get.

    ``confined`` is false for one thing only, the client of a container engine: it needs the engine's socket, and the
    limits go to its container. It stays in the job's process group and carries the job's marks.
    """

    def __call__(
        self,
        arguments: list[str],
        *,
        cwd: str | Path,
        env: Mapping[str, str],
        stdin: Any = None,
        stdout: Any = None,
        stderr: Any = None,
        network: bool = False,
        confined: bool = True,
    ) -> subprocess.Popen[bytes]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One attempt, as an engine sees it.

    ``directory`` is empty, private to the attempt and removed afterwards; everything the engine writes is below it.
    ``inputs`` are JSON, with :class:`LocalFile` and :class:`LocalDirectory` in place of references. ``labels`` mark
    what outlives the process group (containers): ``weaverlite.instance``, ``weaverlite.job``, ``weaverlite.attempt``.
    ``environment`` marks every process of the job and must reach each tool.
    """

    package: Package
    inputs: Mapping[str, LocalValue]
    directory: Path
    report: Reporter
    launch: Launch
    resources: Resources = Resources()
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Whether commands may run on the host, outside any container.
    host_commands: bool = True
    #: For functions of this service, which are trusted: collections, and processes of other servers.
    collections: Collections | None = None
    exchange: Exchange | None = None
    #: None where nothing can be fetched while a package runs.
    fetch: Fetch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended: ``exit_code`` of the tool (the first failed step's, or 0), outputs as in :class:`Run`."""

    exit_code: int
    outputs: Mapping[str, LocalValue] = field(default_factory=dict)
    usage: Usage = Usage()
    #: Why it failed, in a sentence; empty when it did not.
    failure: str = ""


class Engine(ABC):
    """Runs one kind of package."""

    name: str
    media_types: frozenset[str]
    #: Whether a process that ran one package may run another one of the same owner.
    is_reusable: bool = False

    def warm(self) -> None:
        """Load what every run needs, in a process that is about to be forked: no connection, no thread, no settings."""

    @abstractmethod
    def describe(self, package: Package) -> Description:
        """Return what the package says of itself. Runs in a job process: packages are not trusted.

        :raises InvalidPackage: it cannot be run; the faults point into its document.
        """

    @abstractmethod
    def run(self, run: Run) -> Outcome:
        """Run the package. A tool that ends badly is an :class:`Outcome`, not an exception.

        :raises ExecutionError: it could not be run; says why.
        """


class Leftovers(ABC):
    """What a job may leave outside its process group: containers. Used by supervisor and reaper, never by a run."""

    @abstractmethod
    def find(self) -> list[tuple[str, int]]:
        """Return job id and attempt of everything of this instance that is still there."""

    @abstractmethod
    def remove(self, job_id: str, attempt: int) -> None:
        """Remove what this attempt left; nothing happens if there is nothing. Things of others are never touched."""
