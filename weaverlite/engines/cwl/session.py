"""What is known of one run while it goes on: where it may write, which steps ended how, what they used.

Steps run in threads; everything here may be called from any of them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weaverlite.engines.interfaces import Run
from weaverlite.errors import UnsafeOutput
from weaverlite.models.results import LocalDirectory, LocalFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a step failed, and the exit code of its tool (128 and the signal's number if one ended it)."""

    sentence: str
    exit_code: int


@dataclass(slots=True)
class Session:
    """One run of a package."""

    run: Run
    #: Whether the package is a workflow: its tools are steps then, and their streams are told apart by name.
    is_workflow: bool
    #: The command of the container engine, if there is one.
    container_command: str | None
    #: Whether containers may have the network that CWL v1.0 gives to every tool without being asked.
    network: bool
    roots: tuple[str, ...] = ()
    failures: list[Failure] = field(default_factory=list)
    unsafe: UnsafeOutput | None = None
    #: Links that led out of the folders of the job, by path, and where to. They are removed when their tool has ended.
    removed_links: dict[str, str] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        places = [self.run.directory, *staged(self.run.inputs.values())]
        self.roots = tuple(dict.fromkeys(os.path.realpath(place) for place in places))

    def holds(self, path: str) -> bool:
        """Return whether a path, links followed, lies in the job's directory or is one of its inputs."""
        real = os.path.realpath(path)
        return any(real == root or real.startswith(root + os.sep) for root in self.roots)

    def refuse(self, sentence: str) -> UnsafeOutput:
        """Return the error of an output that may not be collected, and remember it: the runner rewrites errors."""
        with self._guard:
            self.unsafe = self.unsafe or UnsafeOutput(sentence)
            return self.unsafe

    def fail(self, sentence: str, exit_code: int) -> None:
        """Remember why a step failed."""
        with self._guard:
            self.failures.append(Failure(sentence=self.plain(sentence), exit_code=exit_code))

    def plain(self, sentence: str) -> str:
        """Return a sentence without the places of this node: they mean nothing to whoever reads it."""
        return sentence.replace(f"{os.path.realpath(self.run.directory)}{os.sep}", "")

    def step(self, name: str) -> str:
        """Return what the streams of a tool are prefixed with."""
        return name if self.is_workflow else ""


def staged(values: Iterable[Any]) -> Iterable[Path]:
    """Yield the path of every staged file and directory of some inputs."""
    for value in values:
        if isinstance(value, LocalFile):
            yield value.path
            yield from staged(value.secondary)
        elif isinstance(value, LocalDirectory):
            yield value.path
        elif isinstance(value, Mapping):
            yield from staged(value.values())
        elif isinstance(value, list | tuple):
            yield from staged(value)
