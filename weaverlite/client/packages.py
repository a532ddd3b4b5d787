"""Bodies of deployments, from CWL documents and OGC application packages in JSON or YAML."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weaverlite.client.connection import write_json
from weaverlite.client.documents import read_document
from weaverlite.client.errors import InvalidUsage

CWL_TYPE = "application/cwl+json"
PACKAGE_TYPE = "application/ogcapppkg+json"

Source = str | os.PathLike[str] | Mapping[str, Any]


def deployment(
    process_id: str | None = None, *, cwl: Source | None = None, body: Source | None = None
) -> tuple[bytes, str, str | None]:
    """Return the body, its media type and the id of the process, if it can be told.

    :raises InvalidUsage: neither or both of ``cwl`` and ``body`` are given, or a document cannot be read.
    """
    given = [source for source in (cwl, body) if source is not None]
    if len(given) != 1:
        raise InvalidUsage("A deployment needs a CWL document (--cwl) or the body of a request (-b), one of the two.")
    source = given[0]
    document = dict(source) if isinstance(source, Mapping) else read_document(os.fspath(source))
    name = "The document" if isinstance(source, Mapping) else os.fspath(source)
    if not isinstance(document, dict):
        raise InvalidUsage(f"{name} must be a mapping, not {type(document).__name__}.")
    is_cwl = "cwlVersion" in document
    if cwl is not None and not is_cwl:
        raise InvalidUsage(f"{name} is not a CWL document: it has no 'cwlVersion'.")
    if not is_cwl:
        return write_json(_named(document, process_id)), PACKAGE_TYPE, process_id or _described_id(document)
    if process_id is None:
        return write_json(document), CWL_TYPE, _cwl_id(document)
    package = {
        "processDescription": {"id": process_id},
        "executionUnit": {"value": document, "mediaType": CWL_TYPE},
    }
    return write_json(package), PACKAGE_TYPE, process_id


def _named(document: dict[str, Any], process_id: str | None) -> dict[str, Any]:
    """Return the application package with this id in its description, flat or nested in ``process``."""
    if process_id is None:
        return document
    found = document.get("processDescription")
    description = dict(found) if isinstance(found, Mapping) else {}
    if isinstance(description.get("process"), Mapping):
        description["process"] = {**description["process"], "id": process_id}
    else:
        description["id"] = process_id
    return {**document, "processDescription": description}


def _described_id(document: Mapping[str, Any]) -> str | None:
    description = document.get("processDescription")
    if not isinstance(description, Mapping):
        return None
    process = description.get("process")
    found = (process if isinstance(process, Mapping) else description).get("id")
    return found if isinstance(found, str) else None


def _cwl_id(document: Mapping[str, Any]) -> str | None:
    found = document.get("id")
    return Path(found.rpartition("#")[2]).name or None if isinstance(found, str) else None


__all__ = ["deployment"]
