"""A process: what can be executed, described in OGC's words, with the package behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from weaverlite.errors import Fault, InvalidRequest
from weaverlite.models.options import Options, Resources
from weaverlite.models.package import Package

#: Private processes are not listed; who knows their id can use them.
VISIBILITIES = ("public", "private")
#: What a process can do when nothing else is said.
CONTROL_OPTIONS = ("sync-execute", "async-execute", "dismiss")
TRANSMISSIONS = ("value", "reference")

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputDescription:
    """One input: ``schema`` is the JSON Schema of one instance; occurrence bounds say how many there may be.

    ``max_occurs`` is None when unbounded. ``type_name`` is the type in the words of the package's own language
    (``File``, ``File[]``, ``Directory``, ``int``), empty when that adds nothing. ``metadata`` is more about it, in
    OGC's form: units of measure among it.
    """

    input_id: str
    schema: Mapping[str, Any]
    title: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    min_occurs: int = 1
    max_occurs: int | None = 1
    type_name: str = ""
    metadata: tuple[Mapping[str, Any], ...] = ()
    value_passing: tuple[str, ...] = ("byValue", "byReference")

    @property
    def is_file(self) -> bool:
        """Whether a value of this input becomes a file or a directory on the worker."""
        return self.type_name.partition("[")[0].rstrip("?") in ("File", "Directory")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputDescription:
    """One output: ``schema`` is the JSON Schema of its value, or of the file's media type."""

    output_id: str
    schema: Mapping[str, Any]
    title: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    type_name: str = ""
    metadata: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What an engine can tell of a package by itself: the content of a process before it has an owner or a revision.

    ``process_id`` is the package's own idea of its id, empty when it has none. ``needs`` is what the package asks of a
    node, ``options`` are its defaults for an execution.
    """

    process_id: str = ""
    version: str = ""
    title: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    inputs: tuple[InputDescription, ...] = ()
    outputs: tuple[OutputDescription, ...] = ()
    needs: Resources = Resources()
    options: Options = Options()
    #: Whether tools of this package run as commands of the host, outside any container.
    host_commands: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The body of a deployment as it came, so that ``/package`` can give it back."""

    media_type: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process of one revision. It never changes: to replace it is to add a revision.

    ``version`` names the revision among those of one deployment, which began with the revision ``since``;
    ``asked_version`` is the version that its package or description names, empty when they name none.
    """

    process_id: str
    revision: int
    package: Package
    engine: str
    description: Description
    created_at: datetime
    version: str = "1.0.0"
    owner: str | None = None
    mutable: bool = True
    visibility: str = "public"
    job_control_options: tuple[str, ...] = CONTROL_OPTIONS
    output_transmission: tuple[str, ...] = TRANSMISSIONS
    metadata: tuple[Mapping[str, Any], ...] = ()
    deployed: Deployed | None = None
    #: The deployment profile (a URI) that tells what kind of package it is, empty if none does.
    profile: str = ""
    asked_version: str = ""
    since: int = 1

    @property
    def title(self) -> str:
        return self.description.title or self.process_id

    @property
    def inputs(self) -> tuple[InputDescription, ...]:
        return self.description.inputs

    @property
    def outputs(self) -> tuple[OutputDescription, ...]:
        return self.description.outputs

    def replaced(self, successor: Process) -> Process:
        """Return ``successor`` as the next revision of this process."""
        return replace(successor, revision=self.revision + 1, process_id=self.process_id, since=self.since)


def check_process_id(process_id: str, location: str = "body", pointer: str = "/id") -> str:
    """Return ``process_id`` if it may be one.

    :raises InvalidRequest: it is not 1 to 128 letters, digits, ``_``, ``.`` and ``-``, or begins with ``.`` or ``-``.
    """
    if not _ID.match(process_id):
        raise InvalidRequest(
            faults=[
                Fault(
                    f"{process_id[:140]!r} cannot be the id of a process: use 1 to 128 letters, digits, '_', '.' and "
                    "'-', beginning with a letter, a digit or '_'",
                    pointer,
                    location,
                )
            ]
        )
    return process_id
