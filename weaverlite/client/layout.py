"""The one layout of results on the user's disk, and names of a server that must never lead out of it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from weaverlite.client.errors import InvalidUsage, TransferFailed
from weaverlite.ogc.names import LONGEST

STREAMS = frozenset({"stdout", "stderr", "exitCode"})
MANIFEST = "manifest.json"
RESULTS = "results.json"
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
PART = ".part"


@dataclass(frozen=True)
class RemoteFile:
    """One file to fetch: ``path`` in the layout. Size and digest are None where the service tells none."""

    path: str
    url: str
    size: int | None = None
    sha256: str | None = None


def job_directory(parent: Path, job_id: str) -> Path:
    """Return the directory of a job below ``parent``, as an absolute path."""
    name = quote(job_id, safe=" ,;=+@")[:LONGEST]
    if name.strip(". ") != name or not name:
        raise InvalidUsage(f"The service calls the job {job_id!r}, which cannot be the name of a directory.")
    return Path(os.path.abspath(parent)) / name


def manifest_files(manifest: Mapping[str, Any], job_url: str) -> list[RemoteFile]:
    """Return the files of a manifest.

    :raises TransferFailed: the manifest names a file outside the layout, or is not one.
    """
    found: dict[str, RemoteFile] = {}
    for entry in _entries(manifest):
        path, size, sha256 = entry.get("path"), entry.get("size"), entry.get("sha256")
        if not (isinstance(path, str) and isinstance(size, int) and isinstance(sha256, str) and _SHA256.match(sha256)):
            raise TransferFailed("The manifest of the job cannot be read: a file lacks its path, size or digest.")
        check_path(path)
        found[path] = RemoteFile(path, f"{job_url}/{quote(path)}", size, sha256)
    return list(found.values())


def _entries(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    streams, outputs = manifest.get("streams"), manifest.get("outputs")
    if not isinstance(streams, list) or not isinstance(outputs, Mapping):
        raise TransferFailed("The manifest of the job cannot be read: it names neither streams nor outputs.")
    for value in (*streams, *(file for output in outputs.values() for file in output_entries(output))):
        if not isinstance(value, Mapping):
            raise TransferFailed("The manifest of the job cannot be read: a file of it is not an object.")
        yield value


def output_entries(value: Any) -> Iterator[Any]:
    """Yield the files of one output in a manifest, at any depth."""
    if not isinstance(value, Mapping):
        return
    if "file" in value:
        yield from _with_secondary(value["file"])
    elif isinstance(value.get("directory"), Mapping):
        for file in value["directory"].get("files") or ():
            yield from _with_secondary(file)
    elif isinstance(value.get("items"), list):
        for item in value["items"]:
            yield from output_entries(item)
    elif isinstance(value.get("members"), Mapping):
        for item in value["members"].values():
            yield from output_entries(item)


def directories(value: Any) -> Iterator[str]:
    """Yield the paths of the directories in one output of a manifest; an empty one has no file to make it."""
    if not isinstance(value, Mapping):
        return
    if isinstance(value.get("directory"), Mapping) and isinstance(value["directory"].get("path"), str):
        yield value["directory"]["path"]
    elif isinstance(value.get("items"), list):
        for item in value["items"]:
            yield from directories(item)
    elif isinstance(value.get("members"), Mapping):
        for item in value["members"].values():
            yield from directories(item)


def _with_secondary(file: Any) -> Iterator[Any]:
    yield file
    if isinstance(file, Mapping):
        for other in file.get("secondaryFiles") or ():
            yield from _with_secondary(other)


def check_path(path: str) -> None:
    """Refuse a path that is not one of the layout.

    :raises TransferFailed: it leads out of the job's directory, or over our own records.
    """
    parts = path.split("/")
    usable = parts == [path] and path in STREAMS or (len(parts) > 1 and parts[0] == "outputs")
    if not usable or any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts):
        raise TransferFailed(f"The service names a file {path!r}, which is outside the layout of results: refused.")


def place(root: Path, path: str) -> Path:
    """Return where a file of the layout lies below ``root``, with its directory made.

    :raises TransferFailed: a link on the way leads out of the job's directory.
    """
    target = root.joinpath(*path.split("/"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.parent.resolve().is_relative_to(root.resolve()):
            raise TransferFailed(f"{target} lies behind a link that leads out of {root}: refused.")
    except OSError as exc:
        raise TransferFailed(f"{target.parent} cannot be made: {exc.strerror or exc}.") from exc
    return target


def part_of(target: Path, taken: frozenset[str], root: Path) -> Path:
    """Return where ``target`` grows until it is complete.

    Beside it, so that the last step is a rename; never at the place of another file of the job.
    """
    name = target.name + PART
    if len(name.encode()) > LONGEST:
        name = hashlib.sha256(target.name.encode()).hexdigest() + PART
    while target.with_name(name).relative_to(root).as_posix() in taken:
        name += PART
    return target.with_name(name)


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document so that there is the old one or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # A lone surrogate, which JSON may name, has no UTF-8: it stays the escape that it came as.
        with open(temporary, "w", encoding="utf-8", errors="backslashreplace") as stream:
            json.dump(document, stream, indent=2, ensure_ascii=False)
            stream.write("\n")
        os.replace(temporary, path)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise TransferFailed(f"{path} cannot be written: {exc.strerror or exc}.") from exc


__all__ = [
    "MANIFEST",
    "RESULTS",
    "STREAMS",
    "RemoteFile",
    "check_path",
    "directories",
    "job_directory",
    "manifest_files",
    "output_entries",
    "part_of",
    "place",
    "write_json",
]
