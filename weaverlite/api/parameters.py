"""Every parameter of a path, a query and a header: a Colander node each, with the JSON Schema that documents it.

What arrives as text is turned into values here and nowhere else. Types are strict: what is not exactly what they want
is a fault with a sentence, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import colander

from weaverlite.ogc.negotiation import FORMATS, Preferences
from weaverlite.ogc.status import StatusCode

LIMIT_MAX = 10_000
_WHOLE = re.compile(r"[0-9]{1,15}\Z")
_LABEL = re.compile(r"([^=\s][^=]{0,62}?)=(.{0,256})\Z", re.DOTALL)


class Text(colander.SchemaType):
    """A string; ``pattern`` and ``hint`` say of what form."""

    def __init__(self, pattern: str = "", hint: str = "", schema: Mapping[str, Any] | None = None) -> None:
        self.pattern = re.compile(pattern) if pattern else None
        self.hint = hint
        self.schema = dict(schema or {"type": "string"})

    def deserialize(self, node: Any, text: Any) -> Any:
        if text is colander.null:
            return text
        if isinstance(text, list):
            raise colander.Invalid(node, f"is given {len(text)} times: give it once")
        if self.pattern and not self.pattern.match(text):
            raise colander.Invalid(node, f"{text[:100]!r} {self.hint}")
        return self.read(node, text)

    def read(self, node: Any, text: str) -> Any:
        return text


class Whole(Text):
    """A whole number between two bounds."""

    def __init__(self, minimum: int, maximum: int, default: int | None = None) -> None:
        super().__init__(schema={"type": "integer", "minimum": minimum, "maximum": maximum})
        if default is not None:
            self.schema["default"] = default
        self.minimum, self.maximum = minimum, maximum

    def read(self, node: Any, text: str) -> int:
        if not _WHOLE.match(text) or not self.minimum <= int(text) <= self.maximum:
            raise colander.Invalid(
                node, f"{text[:40]!r} is not a whole number between {self.minimum} and {self.maximum}"
            )
        return int(text)


class Flag(Text):
    """``true`` or ``false``; the bare name means true."""

    def __init__(self) -> None:
        super().__init__(schema={"type": "boolean", "default": False})

    def read(self, node: Any, text: str) -> bool:
        if text.lower() not in ("", "true", "false", "1", "0"):
            raise colander.Invalid(node, f"{text[:40]!r} is neither true nor false")
        return text.lower() in ("", "true", "1")


class Choice(Text):
    """One of some words."""

    def __init__(self, *words: str) -> None:
        super().__init__(schema={"type": "string", "enum": list(words)})
        self.words = words

    def read(self, node: Any, text: str) -> str:
        if text not in self.words:
            raise colander.Invalid(node, f"{text[:40]!r} is none of {', '.join(self.words)}")
        return text


class Several(colander.SchemaType):
    """A list: the parameter several times, or once with commas."""

    def __init__(self, item: Text, separator: str = ",") -> None:
        self.item, self.separator = item, separator
        self.schema = {"type": "array", "items": item.schema}

    def deserialize(self, node: Any, texts: Any) -> Any:
        if texts is colander.null:
            return texts
        given = texts if isinstance(texts, list) else [texts]
        parts = [part for text in given for part in (text.split(self.separator) if self.separator else [text])]
        return [self.item.deserialize(node, part.strip()) for part in parts if part.strip()]


class Time(Text):
    """A time (RFC 3339); without an offset it is UTC."""

    def __init__(self) -> None:
        super().__init__(schema={"type": "string", "format": "date-time"})

    def read(self, node: Any, text: str) -> datetime:
        try:
            # A '+' that was not escaped arrives as a space.
            at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise colander.Invalid(node, f"{text[:60]!r} is not a time: write it like 2026-01-31T12:00:00Z") from error


class Interval(Text):
    """An instant, or ``a/b`` with ``..`` or nothing for an open end: a pair of times."""

    def __init__(self) -> None:
        super().__init__(schema={"type": "string"})

    def read(self, node: Any, text: str) -> tuple[datetime | None, datetime | None]:
        parts = text.split("/")
        if len(parts) > 2 or all(part in ("", "..") for part in parts):
            raise colander.Invalid(node, f"{text[:100]!r} is neither a time nor an interval like a/b, ../b or a/..")
        ends = [None if part in ("", "..") else Time().read(node, part) for part in parts]
        first, last = ends[0], ends[-1]
        if first and last and first > last:
            raise colander.Invalid(node, f"{text[:100]!r} ends before it begins")
        return first, last


class Label(Text):
    """``name=value``: a pair of texts."""

    def __init__(self) -> None:
        super().__init__(schema={"type": "string", "pattern": "^[^=]+=.*$"})

    def read(self, node: Any, text: str) -> tuple[str, str]:
        if not (found := _LABEL.match(text)):
            raise colander.Invalid(node, f"{text[:100]!r} is not a label: write it like name=value")
        return found[1], found[2]


class Prefer(colander.SchemaType):
    """The preferences of ``Prefer`` headers; nothing in them is ever a fault."""

    schema = {"type": "string"}

    def deserialize(self, node: Any, text: Any) -> Any:
        return text if text is colander.null else Preferences.read(text)


def parameter(typ: colander.SchemaType, name: str, description: str, missing: Any = colander.required) -> Any:
    """Return the node of one parameter."""
    return colander.SchemaNode(typ, name=name, description=description, missing=missing)


# ---------------------------------------------------------------- paths

PROCESS_ID = parameter(Text(), "process_id", "Id of the process")
JOB_ID = parameter(Text(), "job_id", "Id of the job")
OUTPUT_ID = parameter(Text(), "output_id", "Id of the output")
INDEX = parameter(Text(), "index", "Place in an output that is a list, from 0")
FILE_PATH = parameter(Text(), "path", "Path of the file below outputs/, as in the manifest")
UPLOAD_ID = parameter(Text(), "upload_id", "Id of the upload")

# ---------------------------------------------------------------- queries

FORMAT = parameter(Choice(*FORMATS), "f", "Form of the answer; beats the Accept header", missing=None)
#: 2.0 asks that a profile which is not supported is no fault.
PROFILE = parameter(Several(Text()), "profile", "Profiles wished for; those not supported are ignored", missing=())
LIMIT = parameter(Whole(1, LIMIT_MAX, 10), "limit", "How many entries a page has at most", missing=10)
CURSOR = parameter(Text(), "cursor", "Where the page begins: take it from the link next", missing=None)
REVISION = parameter(Whole(1, 10**9), "revision", "A revision of the process; without it the latest", missing=None)
WORKFLOW = parameter(Text(), "w", "Id of the workflow to deploy, of a package that has several", missing=None)
STATUSES = parameter(
    Several(Choice(*(code.value for code in StatusCode))), "status", "Only jobs in one of these states", missing=()
)
PROCESS_IDS = parameter(Several(Text()), "processID", "Only jobs of one of these processes", missing=())
TYPES = parameter(Several(Text()), "type", "Only jobs of these types; there is one: process", missing=())
CREATED = parameter(Interval(), "datetime", "Only jobs created then: a time, or an interval a/b", missing=(None, None))
PREFIX = parameter(
    Text(r"[0-9a-f\-]{6,36}\Z", "is not the beginning of a job id: give 6 to 36 of its characters"),
    "prefix",
    "Only jobs whose id begins so",
    missing="",
)
LABELS = parameter(Several(Label(), ""), "label", "Only jobs with this label: name=value; may be repeated", missing=())
STREAM = parameter(
    Several(Choice("stdout", "stderr", "service", "status")), "stream", "Only lines of these streams", missing=()
)
LINES = parameter(Whole(1, LIMIT_MAX, 1000), "limit", "How many lines come in one JSON document", missing=1000)
TAIL = parameter(Whole(0, LIMIT_MAX), "tail", "Only so many lines, the last ones", missing=None)
AFTER = parameter(Whole(0, 10**15), "after", "Only lines after the one of this number", missing=0)
SINCE = parameter(Time(), "since", "Only lines since this time", missing=None)
FOLLOW = parameter(Flag(), "follow", "Whether to keep answering until the job has ended", missing=False)
OUTPUTS = parameter(Several(Text()), "outputs", "Only these outputs", missing=None)
NAME = parameter(Text(), "name", "Name of the file, if Content-Disposition does not say it", missing=None)

# ---------------------------------------------------------------- headers

PREFER = parameter(Prefer(), "Prefer", "respond-async, wait=SECONDS (RFC 7240)", missing=Preferences())
WAIT = parameter(Prefer(), "Prefer", "wait=SECONDS: answer when the job has ended, or then", missing=Preferences())
LAST_EVENT = parameter(Whole(0, 10**15), "Last-Event-ID", "Where a stream of events was left", missing=None)
CONTENT_DISPOSITION = parameter(
    Text(), "Content-Disposition", "attachment; filename=…: the name of the file", missing=None
)
