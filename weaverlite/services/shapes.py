"""How a value stands in a results document: by itself, qualified with its media type, or as a link to where it is."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

from weaverlite.models.job import Job
from weaverlite.models.results import OutputDirectory, OutputFile, OutputValue, is_literal
from weaverlite.ogc.negotiation import JSON, TEXT, is_json, is_text
from weaverlite.ogc.values import is_bbox, is_binary

DIRECTORY = "inode/directory"
#: A literal of more bytes as JSON is large: unless all is wanted inline, a link stands for it.
LARGE = 256 * 1024
#: A JSON file of more bytes stands in a document as text: to stand as JSON it has to be read whole.
_PARSED = 1024 * 1024
_BLOCK = 256 * 1024


class Links(Protocol):
    """Makes the URLs that stand in results."""

    def output_file(self, job_id: str, path: str) -> str:
        """Return where this service serves the file of this path in the layout (``outputs/table/table.csv``)."""

    def output(self, job_id: str, output_id: str, index: int | None = None) -> str:
        """Return where this service answers with one output, or with one item of it."""


@dataclass(frozen=True, slots=True)
class Inlined:
    """The content of a file in the place of a string: who writes the document reads it block by block."""

    file: OutputFile
    is_base64: bool


@dataclass(frozen=True, slots=True)
class Passing:
    """How outputs come: by ``value``, by ``reference``, or ``auto``: what is small by value, files by reference.

    ``whole`` is ``auto`` without a limit to what is small. ``base64`` names the outputs whose bytes were asked for in
    that encoding.
    """

    default: str = "auto"
    by_output: Mapping[str, str] = field(default_factory=dict)
    base64: frozenset[str] = frozenset()

    @classmethod
    def of(cls, job: Job, returns: str | None = None) -> Passing:
        """Return what the request of the job said; ``returns`` is what is preferred now."""
        wanted = {key: item for key, item in (job.requested_outputs or {}).items() if isinstance(item, Mapping)}
        return cls(
            "value" if (returns or job.returns) == "representation" else "auto",
            dict(transmission_modes(job.requested_outputs)),
            frozenset(key for key, item in wanted.items() if is_binary(_encoding(item))),
        )

    def to(self, output_id: str) -> str:
        return self.by_output.get(output_id, self.default)


def transmission_modes(outputs: Mapping[str, Any] | None) -> Mapping[str, str]:
    """Return the ``transmissionMode`` of the requested outputs that have one."""
    return {
        output_id: wanted["transmissionMode"]
        for output_id, wanted in (outputs or {}).items()
        if isinstance(wanted, Mapping) and wanted.get("transmissionMode")
    }


def is_old(response: str | None, outputs: Mapping[str, Any] | None) -> bool:
    """Whether a request with these members speaks version 1.0 of the standard."""
    return response is not None or bool(transmission_modes(outputs))


def _encoding(wanted: Mapping[str, Any]) -> str:
    form = wanted.get("format")
    found = form.get("encoding") if isinstance(form, Mapping) else None
    return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Shapes:
    """Shapes the values of one job.

    ``url`` tells where a file is published, None for this service itself; ``open`` gives its bytes.
    """

    job_id: str
    links: Links
    url: Callable[[OutputFile], str | None]
    open: Callable[[OutputFile], BinaryIO]
    passing: Passing = Passing()

    def shape(self, value: OutputValue, output_id: str = "", index: int | None = None) -> Any:
        """Return one value as it stands in the results document.

        Literals are bare. Objects are qualified, as the standard wants all but bounding boxes. Files are links, or
        qualified values; directories are links to their output, with links to their files.
        """
        manner = self.passing.to(output_id)
        if manner == "reference":
            return self._reference(value, output_id, index)
        if manner == "auto" and is_large(value):
            return self._reference(value, output_id, index)
        return self._shape(value, output_id, index)

    def _shape(self, value: OutputValue, output_id: str, index: int | None) -> Any:
        if isinstance(value, OutputFile):
            return self._content(value, output_id) if self._is_inline(output_id) else self._file_link(value)
        if isinstance(value, OutputDirectory):
            return self._directory_link(value, output_id, index)
        if isinstance(value, list | tuple):
            return [
                self._shape(item, output_id, number if index is None else index) for number, item in enumerate(value)
            ]
        if isinstance(value, Mapping) and not is_bbox(value):
            return {"value": self._members(value, output_id, index), "mediaType": JSON}
        return value

    def _is_inline(self, output_id: str) -> bool:
        return self.passing.to(output_id) == "value"

    def _members(self, value: OutputValue, output_id: str, index: int | None) -> Any:
        """Return what is inside an object: there, objects stand for themselves."""
        if isinstance(value, Mapping):
            return {name: self._members(item, output_id, index) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._members(item, output_id, index) for item in value]
        return self._shape(value, output_id, index)

    # ------------------------------------------------------------ by reference

    def _reference(self, value: OutputValue, output_id: str, index: int | None) -> Any:
        if isinstance(value, OutputFile):
            return self._file_link(value)
        if isinstance(value, OutputDirectory):
            return self._directory_link(value, output_id, index)
        if isinstance(value, list | tuple) and value and all(_is_file(item) for item in value):
            return [self._reference(item, output_id, number) for number, item in enumerate(value)]
        href = self.links.output(self.job_id, output_id, index)
        if isinstance(value, str):
            return {"href": href, "type": TEXT}
        if isinstance(value, bool | int | float):
            # 18-062r2: a scalar by reference is text.
            return {"href": f"{href}?f=text", "type": TEXT}
        return {"href": href, "type": JSON}

    def _file_link(self, file: OutputFile) -> dict[str, Any]:
        href = self.url(file) or self.links.output_file(self.job_id, file.path)
        link: dict[str, Any] = {"href": href, "type": file.media_type}
        if file.secondary:
            link["secondaryFiles"] = [self._file_link(item) for item in file.secondary]
        return link

    def _directory_link(self, directory: OutputDirectory, output_id: str, index: int | None) -> dict[str, Any]:
        below = len(directory.path) + 1
        return {
            "href": self.links.output(self.job_id, output_id, index),
            "type": DIRECTORY,
            "title": directory.path.rpartition("/")[2],
            "listing": [{**self._file_link(file), "title": file.path[below:]} for file in directory.files],
        }

    # ------------------------------------------------------------ by value

    def _content(self, file: OutputFile, output_id: str) -> dict[str, Any]:
        """Return a file as a qualified value: JSON as it is, text as text, other bytes in base64."""
        said: dict[str, Any] = {"mediaType": file.media_type}
        if output_id not in self.passing.base64 and is_text(file.media_type):
            if (document := self._document(file)) is not None:
                return {"value": document, **said}
            if self._is_utf8(file):
                return {"value": Inlined(file, is_base64=False), **said}
        return {"value": Inlined(file, is_base64=True), **said, "encoding": "base64"}

    def _document(self, file: OutputFile) -> Any:
        """Return what a file of JSON says, None when it is none, is too large, or holds what JSON has no word for."""
        if not is_json(file.media_type) or file.size > _PARSED:
            return None
        with self.open(file) as stream:
            try:
                return json.loads(stream.read(), parse_constant=_refuse)
            except (ValueError, RecursionError):
                return None

    def _is_utf8(self, file: OutputFile) -> bool:
        decoder = codecs.getincrementaldecoder("utf-8")()
        with self.open(file) as stream:
            try:
                while block := stream.read(_BLOCK):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                return False
        return True


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _is_file(value: OutputValue) -> bool:
    return isinstance(value, OutputFile | OutputDirectory)


def is_large(value: OutputValue) -> bool:
    """Whether a literal is so large that a link should stand for it."""
    if isinstance(value, str):
        return len(value) > LARGE
    if is_literal(value) and isinstance(value, list | tuple | Mapping):
        return len(json.dumps(value, ensure_ascii=False, default=str)) > LARGE
    return False


def media_type_of(value: OutputValue) -> str:
    """Return what a value is sent as by itself."""
    if isinstance(value, OutputFile):
        return value.media_type
    if isinstance(value, OutputDirectory):
        return DIRECTORY
    return TEXT if isinstance(value, str) else JSON
