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
from urllib.parse import quote, unquote, urljoin, urlsplit

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
    place,
    safe_name,
    write_json,
)
from weaverlite.client.operation import OperationResult


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
        item = entry.get("file") or entry.get("directory")
        path = str(item["path"])
        if isinstance(value, Mapping):
            described = dict(value)
        else:
            media_type = item.get("mediaType") if "file" in entry else "inode/directory"
            described = {"href": f"{job_url}/{quote(path)}", "type": media_type}
        return {**described, "path": str(root / path)}
    if "items" in entry:
        values = value if isinstance(value, list) and len(value) == len(entry["items"]) else [_NONE] * len(entry["items"])
        return [_merge(item, part, root, job_url) for item, part in zip(values, entry["items"], strict=True)]
    if "members" in entry:
        members = value if isinstance(value, Mapping) else {}
        return {key: _merge(members.get(key, _NONE), part, root, job_url) for key, part in entry["members"].items()}
    return entry.get("value") if value is _NONE else value


# ---------------------------------------------------------------- other services: by reference


@dataclass
class _Collected:
    """The files that a results document points to, each with a place in the layout."""

    job_url: str
    root: Path
    files: list[RemoteFile] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def take(self, value: Any, output_id: str, number: int | None = None) -> Any:
        """Return ``value`` with a path for each reference in it that can be fetched."""
        if isinstance(value, list):
            return [self.take(item, output_id, index) for index, item in enumerate(value)]
        if not isinstance(value, Mapping) or not isinstance(value.get("href"), str):
            return value
        url = urljoin(f"{self.job_url}/results", value["href"])
        if urlsplit(url).scheme not in ("http", "https") or url.endswith("/"):
            # A bucket or a listing: the reference itself is all there is to tell.
            return value
        path = self._path(output_id, number, _name_of(url, value))
        self.files.append(RemoteFile(path, url))
        return {**value, "path": str(self.root / path)}

    def _path(self, output_id: str, number: int | None, name: str) -> str:
        folder = ["outputs"] if output_id == "outputs" else ["outputs", safe_name(output_id, "output")]
        path = "/".join([*folder, name])
        count = number or 0
        while path in self.taken:
            path = "/".join([*folder, str(count), name])
            count += 1
        self.taken.add(path)
        return path


def _name_of(url: str, value: Mapping[str, Any]) -> str:
    name = safe_name(unquote(urlsplit(url).path).rpartition("/")[2])
    media_type = value.get("type")
    if "." not in name and isinstance(media_type, str):
        name += mimetypes.guess_extension(media_type.partition(";")[0].strip()) or ""
    return name


__all__ = ["Download", "download_job"]
