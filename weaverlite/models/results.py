"""Files of a job: on a worker's disk while it runs, and in the manifest of what it left.

``LocalFile`` and ``LocalDirectory`` are paths of this node; ``OutputFile`` and ``OutputDirectory`` are names in the
one layout that the node, the publisher and the user's disk share (``outputs/<output id>/…``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from weaverlite.models.codec import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file on this node. ``name`` is what a process should call it; ``secondary`` are the files that go with it.

    ``source`` is the reference that it was fetched from, empty when it came otherwise.
    """

    path: Path
    name: str
    media_type: str | None = None
    secondary: tuple[LocalFile | LocalDirectory, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDirectory:
    """A directory on this node."""

    path: Path
    name: str


#: A staged input or a collected output: JSON, with local files in place of references.
LocalValue: TypeAlias = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """A published file: ``path`` relative to the job's directory with ``/``, size in bytes, SHA-256 in hexadecimal."""

    path: str
    size: int
    sha256: str
    media_type: str
    secondary: tuple[OutputFile, ...] = ()

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputDirectory:
    """A published directory: every file below it, at any depth."""

    path: str
    files: tuple[OutputFile, ...] = ()


#: A literal (JSON), a file, a directory, or a list of these.
OutputValue: TypeAlias = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What one attempt of a job left: its outputs, and every file with size and digest.

    ``streams`` are ``stdout``, ``stderr`` and ``exitCode``. A failed or dismissed job has a manifest too.
    """

    job_id: str
    attempt: int
    created_at: datetime
    exit_code: int | None = None
    outputs: Mapping[str, OutputValue] = field(default_factory=dict)
    streams: tuple[OutputFile, ...] = ()

    def files(self) -> Iterator[OutputFile]:
        """Yield every file, streams first."""
        yield from self.streams
        for value in self.outputs.values():
            yield from files_of(value)

    def find(self, path: str) -> OutputFile | None:
        """Return the file of this path in the layout, or None. Paths are looked up, never built from user text."""
        return next((file for file in self.files() if file.path == path), None)

    def to_json(self) -> dict[str, Any]:
        """Return the document that is written last when results are published, and served at ``/manifest``."""
        document: dict[str, Any] = {
            "jobID": self.job_id,
            "attempt": self.attempt,
            "created": to_json(self.created_at),
            "outputs": {output_id: _write_value(value) for output_id, value in self.outputs.items()},
            "streams": [write_file(file) for file in self.streams],
        }
        if self.exit_code is not None:
            document["exitCode"] = self.exit_code
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Manifest:
        """Return the manifest that :meth:`to_json` wrote."""
        return cls(
            job_id=document["jobID"],
            attempt=document["attempt"],
            created_at=datetime.fromisoformat(document["created"]),
            exit_code=document.get("exitCode"),
            outputs={output_id: _read_value(value) for output_id, value in document["outputs"].items()},
            streams=tuple(read_file(file) for file in document["streams"]),
        )


def files_of(value: OutputValue) -> Iterator[OutputFile]:
    """Yield the files of an output's value, at any depth."""
    if isinstance(value, OutputFile):
        yield value
        yield from value.secondary
    elif isinstance(value, OutputDirectory):
        yield from value.files
    elif isinstance(value, list | tuple):
        for item in value:
            yield from files_of(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from files_of(item)


def _write_value(value: OutputValue) -> dict[str, Any]:
    if isinstance(value, OutputFile):
        return {"file": write_file(value)}
    if isinstance(value, OutputDirectory):
        return {"directory": {"path": value.path, "files": [write_file(file) for file in value.files]}}
    if not is_literal(value):
        if isinstance(value, Mapping):
            return {"members": {key: _write_value(item) for key, item in value.items()}}
        return {"items": [_write_value(item) for item in value]}
    return {"value": value}


def is_literal(value: OutputValue) -> bool:
    """Whether there is neither file nor directory in it; a directory may be empty."""
    if isinstance(value, Mapping):
        return all(is_literal(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(is_literal(item) for item in value)
    return not isinstance(value, OutputFile | OutputDirectory)


def _read_value(document: Mapping[str, Any]) -> OutputValue:
    if "file" in document:
        return read_file(document["file"])
    if "directory" in document:
        found = document["directory"]
        return OutputDirectory(path=found["path"], files=tuple(read_file(file) for file in found["files"]))
    if "members" in document:
        return {key: _read_value(item) for key, item in document["members"].items()}
    if "items" in document:
        return [_read_value(item) for item in document["items"]]
    return document["value"]


def write_file(file: OutputFile) -> dict[str, Any]:
    """Return a file as it stands in manifests."""
    document = {"path": file.path, "size": file.size, "sha256": file.sha256, "mediaType": file.media_type}
    if file.secondary:
        document["secondaryFiles"] = [write_file(item) for item in file.secondary]
    return document


def read_file(document: Mapping[str, Any]) -> OutputFile:
    """Return the file that :func:`write_file` wrote."""
    return OutputFile(
        path=document["path"],
        size=document["size"],
        sha256=document["sha256"],
        media_type=document["mediaType"],
        secondary=tuple(read_file(item) for item in document.get("secondaryFiles", ())),
    )


__all__ = [
    "LocalDirectory",
    "LocalFile",
    "LocalValue",
    "Manifest",
    "OutputDirectory",
    "OutputFile",
    "OutputValue",
    "files_of",
    "is_literal",
    "read_file",
    "write_file",
]
