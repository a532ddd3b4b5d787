"""A Python function that is a process: what a plugin registers under the entry point group ``weaverlite.processes``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from weaverlite.models.collection import Collections
from weaverlite.models.exchange import Exchange
from weaverlite.models.process import InputDescription, OutputDescription
from weaverlite.models.results import LocalFile

#: The entry point group under which functions are found.
GROUP = "weaverlite.processes"


class Context(Protocol):
    """What a function gets beside its inputs."""

    @property
    def directory(self) -> Path:
        """An empty directory, the working directory too. Files that are outputs must lie below it."""

    @property
    def collections(self) -> Collections:
        """Reads collections of OGC API and STAC, where the operator allows it."""

    @property
    def exchange(self) -> Exchange:
        """Executes processes of other servers, where the operator allows it."""

    def progress(self, percent: int, message: str = "") -> None:
        """Say how far the work is, 0 to 100."""

    def log(self, message: str, level: str = "info") -> None:
        """Say something to the person who follows the job. ``level``: debug, info, warning, error."""

    def fetch(self, href: str, media_type: str = "") -> LocalFile:
        """Bring the file of a URL below the directory, by the rules that inputs are fetched by (egress policy, limits).

        :raises ReferenceRefused: policy forbids it.
        :raises StagingError: it cannot be had; says why.
        """


#: Takes the inputs by id and a :class:`Context`, returns the outputs by id: JSON, or a ``Path`` for a file or a
#: directory. File inputs are :class:`~weaverlite.models.results.LocalFile` and ``LocalDirectory``. What it raises
#: fails the job.
Function = Callable[[Mapping[str, Any], Context], Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonProcess:
    """A function with its description. It runs in a job process of its own, which can be killed at any moment."""

    process_id: str
    function: Function
    version: str = "1.0.0"
    title: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    inputs: tuple[InputDescription, ...] = ()
    outputs: tuple[OutputDescription, ...] = ()
