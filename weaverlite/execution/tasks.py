"""What a job process is asked to do, as values that cross the socket."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from weaverlite.errors import NoSuchUpload
from weaverlite.execution.parts import Limits
from weaverlite.models.options import Resources
from weaverlite.models.package import Package
from weaverlite.models.process import InputDescription
from weaverlite.models.upload import Upload
from weaverlite.stores.interfaces import Store

#: The scheme of references to uploads.
VAULT = "vault:"


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


def uploads_of(store: Store, inputs: Any) -> tuple[Upload, ...]:
    """Return the records of the uploads that inputs refer to; those that are gone are left out, and missed later."""
    found: dict[str, Upload] = {}
    for href in _references(inputs):
        upload_id = href.partition(":")[2].lstrip("/")
        if href.lower().startswith(VAULT) and upload_id not in found:
            with contextlib.suppress(NoSuchUpload):
                found[upload_id] = store.uploads.get(upload_id)
    return tuple(found.values())


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        href = value.get("href")
        if isinstance(href, str):
            yield href.strip()
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _references(item)
