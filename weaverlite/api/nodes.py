"""What arrives as text in a path, a query or a header, turned into values: a Colander type each, with the JSON Schema
that documents it.

Types are strict: what is not exactly what they want is a fault with a sentence, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import colander

from weaverlite.ogc.negotiation import Preferences

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

    def __init__(self, default: bool = False) -> None:
        super().__init__(schema={"type": "boolean", "default": default})

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


class Members(colander.SchemaType):
    """All parameters that no other node names, each by a name of its own; read by whoever knows what they may be."""

    schema = {"type": "object", "additionalProperties": {"type": "string"}}

    def deserialize(self, node: Any, texts: Any) -> Any:
        return colander.null


class Prefer(colander.SchemaType):
    """The preferences of ``Prefer`` headers; nothing in them is ever a fault, unless they ask for strict handling."""

    schema = {"type": "string"}

    def deserialize(self, node: Any, text: Any) -> Any:
        if text is colander.null:
            return text
        found = Preferences.read(text)
        if found.is_strict and found.ignored:
            told = ", ".join(repr(item[:60]) for item in found.ignored[:20])
            raise colander.Invalid(
                node,
                f"{told} cannot be honoured, and handling=strict was asked: there are respond-async, wait=SECONDS, "
                "return=minimal or representation, handling=strict or lenient",
            )
        return found


def parameter(typ: colander.SchemaType, name: str, description: str, missing: Any = colander.required) -> Any:
    """Return the node of one parameter."""
    return colander.SchemaNode(typ, name=name, description=description, missing=missing)
