"""``metalink2netcdf``: one NetCDF file of a Metalink document, fetched from the first of its places that has it.

Both Metalink 4 (RFC 5854) and 3 are read. A file whose size or digest is not the one that the document says is none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from xml.etree import ElementTree

from weaverlite.errors import EngineError, ReferenceRefused, StagingError, WeaverLiteError
from weaverlite.models.function import Context, PythonProcess
from weaverlite.models.process import InputDescription, OutputDescription
from weaverlite.models.results import LocalFile
from weaverlite.ogc.names import safe_name
from weaverlite.processes.netcdf import MEDIA_TYPE, SCHEMA, check_netcdf

_LARGEST = 16 * 1024**2
#: Digests by the names of IANA (Metalink 4) and of Metalink 3, the strongest first.
_DIGESTS = {"sha-512": "sha512", "sha512": "sha512", "sha-384": "sha384", "sha-256": "sha256", "sha256": "sha256",
            "sha-1": "sha1", "sha1": "sha1", "md5": "md5"}  # fmt: skip
#: Preference of Metalink 3 runs from 1 to 100, the other way round than priority in Metalink 4.
_LAST = 1_000_000


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of a Metalink document: where it is, the best place first, and what it must be."""

    name: str
    places: tuple[str, ...]
    size: int | None
    digests: tuple[tuple[str, str], ...]


def metalink2netcdf(inputs: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Fetch the file of this index; the first one has the index 1, as in XPath."""
    entries = list(_entries(_root(inputs["input"])))
    index = inputs["index"]
    if index > len(entries):
        there = "it has 1 file" if len(entries) == 1 else f"it has {len(entries)} files"
        raise EngineError(f"The Metalink document has no file {index}: {there}, and the first one has the index 1.")
    return {"output": _fetched(entries[index - 1], context)}


def _fetched(entry: _Entry, context: Context) -> LocalFile:
    if not entry.places:
        raise EngineError(f"The Metalink document says of no place where {entry.name!r} is.")
    failures: list[WeaverLiteError] = []
    for place in entry.places:
        context.log(f"fetching {place[:500]}")
        try:
            file = context.fetch(place, MEDIA_TYPE)
            _verify(file, entry)
            return check_netcdf(LocalFile(path=file.path, name=entry.name, source=file.source), repr(entry.name))
        except (EngineError, ReferenceRefused, StagingError) as error:
            context.log(f"{place[:500]}: {error.detail}", "warning")
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    said = " ".join(error.detail for error in failures[:5])
    raise EngineError(f"None of {len(failures)} places has the file {entry.name!r}. {said}")


def _verify(file: LocalFile, entry: _Entry) -> None:
    size = file.path.stat().st_size
    if entry.size is not None and size != entry.size:
        raise EngineError(f"The file {entry.name!r} has {size} bytes; the Metalink document says {entry.size}.")
    with file.path.open("rb") as stream:
        for algorithm, wanted in entry.digests:
            stream.seek(0)
            found = hashlib.file_digest(stream, partial(hashlib.new, algorithm, usedforsecurity=False))
            if found.hexdigest() != wanted:
                raise EngineError(
                    f"The file {entry.name!r} has the {algorithm} digest {found.hexdigest()}; "
                    f"the Metalink document says {wanted}."
                )


# ---------------------------------------------------------------- the document


def _root(file: LocalFile) -> ElementTree.Element:
    if file.path.stat().st_size > _LARGEST:
        raise EngineError(f"The Metalink document has more than {_LARGEST} bytes.")
    try:
        text = file.path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EngineError("The Metalink document is not text in UTF-8.") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        # Metalink has none; entities are how small documents become endless, or read files.
        raise EngineError("The Metalink document has a document type declaration, which is not read here.")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise EngineError(f"The input is not XML: {error}.") from error
    if _name(root) != "metalink":
        raise EngineError(f"The input is not a Metalink document: its root element is {_name(root)[:60]!r}.")
    return root


def _entries(root: ElementTree.Element) -> Iterator[_Entry]:
    for number, element in enumerate(_all(root, "file")):
        size = _text(element, "size")
        digests = [
            (_DIGESTS[kind], (item.text or "").strip().lower())
            for item in _all(element, "hash")
            if (kind := item.get("type", "").lower()) in _DIGESTS
        ]
        yield _Entry(
            name=safe_name(element.get("name"), f"file-{number + 1}.nc"),
            places=tuple(href for _, href in sorted(_places(element), key=lambda place: place[0])),
            size=int(size) if size.isascii() and size.isdigit() and len(size) < 19 else None,
            digests=tuple(digests),
        )


def _places(file: ElementTree.Element) -> Iterator[tuple[int, str]]:
    for item in _all(file, "url"):
        if href := (item.text or "").strip():
            priority, preference = item.get("priority", ""), item.get("preference", "")
            if priority.isascii() and priority.isdigit():
                yield min(int(priority[:9]), _LAST), href
            elif preference.isascii() and preference.isdigit():
                yield 100 - min(int(preference[:9]), 100), href
            else:
                yield _LAST, href


def _all(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    # Pieces have digests of their own; those are not of the file.
    for child in element:
        if _name(child) == name:
            yield child
        elif _name(child) != "pieces":
            yield from _all(child, name)


def _text(element: ElementTree.Element, name: str) -> str:
    return next(((child.text or "").strip() for child in _all(element, name)), "")


def _name(element: ElementTree.Element) -> str:
    """Return the name of an element whatever its namespace: the two versions have different ones."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


PROCESS = PythonProcess(
    process_id="metalink2netcdf",
    version="1.0.0",
    title="Metalink to NetCDF",
    description=(
        "Fetches one NetCDF file of a Metalink document (version 3 or 4), from the first of its places that has it, "
        "and verifies the size and the digests that the document says."
    ),
    keywords=("adapter", "NetCDF", "Metalink"),
    inputs=(
        InputDescription(
            input_id="input",
            title="A Metalink document",
            schema={
                "oneOf": [
                    {"type": "string", "contentMediaType": "application/metalink4+xml"},
                    {"type": "string", "contentMediaType": "application/metalink+xml"},
                    {"type": "string", "contentMediaType": "application/xml"},
                ]
            },
            type_name="File",
        ),
        InputDescription(
            input_id="index",
            title="Which file of the document, from 1",
            schema={"type": "integer", "minimum": 1, "default": 1},
            min_occurs=0,
        ),
    ),
    outputs=(OutputDescription(output_id="output", title="The file", schema=SCHEMA, type_name="File"),),
    function=metalink2netcdf,
)
