"""What a job process is asked to do, as values that cross the socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from weaverlite.execution.parts import Limits
from weaverlite.models.options import Resources
from weaverlite.models.package import Package
from weaverlite.models.process import InputDescription
from weaverlite.models.upload import Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTask:
    """Run one attempt of a job in its workspace, which exists."""

    job_id: str
    attempt: int
    owner: str | None
    instance: str
    engine: str
    package: Package
    descriptions: tuple[InputDescription, ...]
    inputs: Mapping[str, Any]
    uploads: tuple[Upload, ...]
    resources: Resources
    limits: Limits
    directory: Path
    created_at: datetime
    host_commands: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeTask:
    """Describe a package, within limits that this process keeps for ever."""

    package: Package
    #: Bytes, and seconds of CPU.
    memory: int
    seconds: int
