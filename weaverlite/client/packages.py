"""Bodies of deployments, from CWL documents, OGC application packages and the names of container images."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weaverlite.client.connection import write_json
from weaverlite.client.documents import read_document
from weaverlite.client.errors import InvalidUsage
from weaverlite.ogc.packages import CWL_JSON, PACKAGE_JSON

Source = str | os.PathLike[str] | Mapping[str, Any]
#: The body of a deployment, its media type, and the id of the process if it can be told.
Body = tuple[bytes, str, str | None]


def deployment(
    process_id: str | None = None,
    *,
    cwl: Source | Sequence[Source] | None = None,
    body: Source | None = None,
    image: str | None = None,
) -> Body:
    """Return what deploys a CWL document, several that name each other by file name, a package, or an image.

    ``body`` may describe what ``image`` runs.

    :raises InvalidUsage: too much or too little is given, or a document cannot be read.
    """
    sources = [] if cwl is None else [cwl] if isinstance(cwl, str | os.PathLike | Mapping) else list(cwl)
    given = bool(sources) + (body is not None and image is None) + (image is not None)
    if given != 1:
        raise InvalidUsage(
            "A deployment needs CWL documents (--cwl), the body of a request (-b) or a container image (--image): one "
            "of the three; an image may have a body that describes it."
        )
    if image is not None:
        return _of_image(image, body, process_id)
    if len(sources) > 1:
        return _of_several(sources, process_id)
    document, name = _read(sources[0] if sources else body)
    is_cwl = "cwlVersion" in document
    if sources and not is_cwl:
        raise InvalidUsage(f"{name} is not a CWL document: it has no 'cwlVersion'.")
    if not is_cwl:
        return write_json(_named(document, process_id)), PACKAGE_JSON, process_id or _described_id(document)
    if process_id is None:
        return write_json(document), CWL_JSON, _cwl_id(document)
    package = {
        "processDescription": {"id": process_id},
        "executionUnit": {"value": document, "mediaType": CWL_JSON},
    }
    return write_json(package), PACKAGE_JSON, process_id


def _read(source: Any) -> tuple[dict[str, Any], str]:
    document = dict(source) if isinstance(source, Mapping) else read_document(os.fspath(source))
    name = "The document" if isinstance(source, Mapping) else os.fspath(source)
    if not isinstance(document, dict):
        raise InvalidUsage(f"{name} must be a mapping, not {type(document).__name__}.")
    return document, name


def _of_image(image: str, body: Source | None, process_id: str | None) -> Body:
    document, name = ({}, "") if body is None else _read(body)
    if "executionUnit" in document:
        raise InvalidUsage(f"{name} says already what is run: leave the image out, or 'executionUnit'.")
    described = document if "processDescription" in document or not document else {"processDescription": document}
    package = _named({**described, "executionUnit": {"type": "docker", "image": image}}, process_id)
    known_id = process_id or _described_id(package)
    if not known_id:
        raise InvalidUsage("A container image has no id of its own: name the process.")
    return write_json(package), PACKAGE_JSON, known_id


def _of_several(sources: Sequence[Source], process_id: str | None) -> Body:
    """Return several documents as one body, each part under the name of its file."""
    parts: list[tuple[str, str, bytes]] = []
    if process_id is not None:
        parts.append((PACKAGE_JSON, "package.json", write_json({"processDescription": {"id": process_id}})))
    for number, source in enumerate(sources, 1):
        document, name = _read(source)
        if "cwlVersion" not in document:
            raise InvalidUsage(f"{name} is not a CWL document: it has no 'cwlVersion'.")
        file_name = f"document-{number}.cwl" if isinstance(source, Mapping) else Path(name).name
        parts.append((CWL_JSON, file_name, write_json(document)))
    boundary = f"part-{hashlib.sha256(b''.join(content for _, _, content in parts)).hexdigest()[:32]}"
    lines = [
        f"--{boundary}\r\nContent-Type: {media_type}\r\n"
        f'Content-Disposition: attachment; filename="{_quoted(file_name)}"\r\n\r\n'.encode() + content + b"\r\n"
        for media_type, file_name, content in parts
    ]
    return b"".join([*lines, f"--{boundary}--\r\n".encode()]), f"multipart/mixed; boundary={boundary}", process_id


def _quoted(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable() and letter not in '"\\')


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
