"""The results of a job as a directory on the user's disk.

A service that has a manifest is followed to the letter of it: every file of the job, streams too, with size and
digest, whatever became of the job. From any other service come the files that the results document points to.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from weaverlite.client.connection import Connection
from weaverlite.client.errors import TransferFailed
from weaverlite.client.fetch import fetch_all
from weaverlite.client.layout import (
    MANIFEST,
    RESULTS,
    RemoteFile,
    check_path,
    directories,
    job_directory,
    manifest_files,
    output_entries,
    place,
    write_json,
)
from weaverlite.client.operation import OperationResult
from weaverlite.ogc.names import safe_name, url_name


@dataclass(kw_only=True)
class Download(OperationResult):
    """The outcome of a download: ``directory`` is the job's, ``body`` the results document with a ``path`` each."""

    directory: Path | None = None


def download_job(
    connection: Connection,
    job_url: str,
    job_id: str,
    document: Any,
    parent: Path,
    *,
    overwrite: bool = False,
    progress: bool = False,
) -> tuple[Path, Any]:
    """Bring everything a job left below ``parent``; return the job's directory and its results with paths.

    :param document: the results document; None when there is none (the job failed or was dismissed).
    :raises ClientError: something could not be brought.
    """
    root = job_directory(parent, job_id)
    _make(root)
    manifest = connection.call("GET", f"{job_url}/manifest")
    if manifest.success and _is_manifest(manifest.body):
        files = manifest_files(manifest.body, job_url)
        fetch_all(connection, files, root, overwrite=overwrite, progress=progress)
        for output in manifest.body["outputs"].values():
            for path in directories(output):
                check_path(path)
                _make(place(root, path))
        write_json(root / MANIFEST, manifest.body)
        found = _merge_outputs(document, manifest.body["outputs"], root, job_url)
    elif isinstance(document, Mapping):
        collected = _Collected(job_url, root)
        found = {key: collected.take(value, str(key)) for key, value in document.items() if key != "links"}
        fetch_all(connection, collected.files, root, overwrite=overwrite, progress=progress)
    elif document is None:
        found = {}
    else:
        raise TransferFailed("The service answers results that are not a JSON document: they cannot be laid out.")
    write_json(root / RESULTS, found)
    return root, found


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise TransferFailed(f"{directory} cannot be made: {exc.strerror or exc}.") from exc


def _is_manifest(body: Any) -> bool:
    return isinstance(body, Mapping) and isinstance(body.get("streams"), list) and isinstance(body.get("outputs"), dict)


# ---------------------------------------------------------------- our services: by manifest

_NONE = object()


def _merge_outputs(document: Any, outputs: Mapping[str, Any], root: Path, job_url: str) -> dict[str, Any]:
    """Return the results document with the path of each file; without a document, what the manifest lists."""
    if not isinstance(document, Mapping):
        return {key: _merge(_NONE, entry, root, job_url) for key, entry in outputs.items()}
    return {
        key: _merge(value, outputs[key], root, job_url) if key in outputs else value for key, value in document.items()
    }


def _merge(value: Any, entry: Any, root: Path, job_url: str) -> Any:
    if not isinstance(entry, Mapping):
        return None if value is _NONE else value
    if "file" in entry or "directory" in entry:
        item: Mapping[str, Any] = entry["file"] if "file" in entry else entry["directory"]
        path = str(item["path"])
        if isinstance(value, Mapping):
            described = dict(value)
        else:
            media_type = item.get("mediaType") if "file" in entry else "inode/directory"
            described = {"href": f"{job_url}/{quote(path)}", "type": media_type}
        if isinstance(described.get("listing"), list):
            described["listing"] = [_with_path(item, entry, root) for item in described["listing"]]
        return {**described, "path": str(root / path)}
    if "items" in entry:
        parts = entry["items"]
        values = value if isinstance(value, list) and len(value) == len(parts) else [_NONE] * len(parts)
        return [_merge(item, part, root, job_url) for item, part in zip(values, parts, strict=True)]
    if "members" in entry:
        members = value if isinstance(value, Mapping) else {}
        return {key: _merge(members.get(key, _NONE), part, root, job_url) for key, part in entry["members"].items()}
    return entry.get("value") if value is _NONE else value


def _with_path(item: Any, entry: Mapping[str, Any], root: Path) -> Any:
    """Return a reference from the listing of a directory with its path, found by the end that both have in common."""
    if not _is_reference(item):
        return item
    paths = (str(file["path"]) for file in output_entries(entry))
    found = next((path for path in paths if item["href"].endswith(f"/{quote(path)}")), None)
    return item if found is None else {**item, "path": str(root / found)}


# ---------------------------------------------------------------- other services: by reference


@dataclass
class _Collected:
    """The files that a results document points to, each with a place in the layout."""

    job_url: str
    root: Path
    files: list[RemoteFile] = field(default_factory=list)

    def take(self, value: Any, output_id: str, folder: tuple[str, ...] = ()) -> Any:
        """Return ``value`` with a path for each reference in it that can be fetched."""
        if isinstance(value, list):
            # Equal names go into numbered folders, all of them, as our own services do it.
            names = [_name_of(item["href"], item) for item in value if _is_reference(item)]
            numbered = len(set(names)) < len(names)
            return [
                self.take(item, output_id, (*folder, str(index)) if numbered else folder)
                for index, item in enumerate(value)
            ]
        if not _is_reference(value):
            return value
        url = urljoin(f"{self.job_url}/results", value["href"])
        if urlsplit(url).scheme not in ("http", "https") or url.endswith("/"):
            # A bucket or a listing: the reference itself is all there is to tell.
            return value
        above = ("outputs",) if output_id == "outputs" else ("outputs", safe_name(output_id, "output"))
        path = "/".join((*above, *folder, _name_of(url, value)))
        self.files.append(RemoteFile(path, url))
        return {**value, "path": str(self.root / path)}


def _is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("href"), str)


def _name_of(url: str, value: Mapping[str, Any]) -> str:
    name = url_name(url) or "value"
    media_type = value.get("type")
    if "." not in name and isinstance(media_type, str):
        name += mimetypes.guess_extension(media_type.partition(";")[0].strip()) or ""
    return name


__all__ = ["Download", "download_job"]
