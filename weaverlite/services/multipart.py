"""Multipart bodies: their parts, each with its names and its bytes.

Lines of boundaries are found here, headers are read by the standard library, which forgives; what it had to forgive is
refused, with the number of the part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email import policy
from email.message import Message
from email.parser import BytesParser
from typing import NoReturn
from urllib.parse import unquote

from weaverlite.errors import Fault, InvalidRequest

#: The kinds that are read.
MEDIA_TYPES = ("multipart/mixed", "multipart/related", "multipart/form-data")
_MOST = 100
_HEADERS = 16 * 1024
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_ENCODINGS = frozenset({"", "7bit", "8bit", "binary", "base64", "quoted-printable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part. ``pointer`` says which; names that its headers do not give are empty.

    ``location`` is its Content-Location, ``content_id`` stands without brackets, ``field`` is the name in a form.
    """

    pointer: str
    body: bytes
    media_type: str = ""
    content_id: str = ""
    location: str = ""
    file_name: str = ""
    field: str = ""
    headers: Sequence[tuple[str, str]] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What other parts may call this one."""
        found = (self.content_id, self.location, self.file_name, self.field)
        return tuple(dict.fromkeys(name for name in found if name))


@dataclass(frozen=True, slots=True)
class Multipart:
    """The parts of a body; ``start`` is the Content-ID of the one that the others belong to, empty if unsaid."""

    media_type: str
    parts: tuple[Part, ...]
    start: str = ""


def read_multipart(body: bytes, content_type: str) -> Multipart:
    """Return the parts of ``body``.

    :raises InvalidRequest: it is not whole, or a part is not what its headers say; the fault names the part.
    """
    message = _headers(f"Content-Type: {' '.join(content_type.splitlines())}".encode("utf-8", "replace"))
    boundary = message.get_boundary()
    if not boundary:
        _refuse("has no boundary: it is a parameter of Content-Type", "Content-Type", "header")
    parts = tuple(_part(content, f"/parts/{index}") for index, content in enumerate(_split(body, boundary)))
    start = str(message.get_param("start") or "").strip().strip("<>")
    if start and start not in {part.content_id for part in parts}:
        _refuse(f"has no part of the Content-ID {start[:100]!r}, with which it should start", "Content-Type", "header")
    return Multipart(message.get_content_type(), parts, start)


def read_parts(body: bytes, content_type: str) -> tuple[Part, ...]:
    """Return the parts of ``body``. Raises as :func:`read_multipart`."""
    return read_multipart(body, content_type).parts


def write_parts(parts: Iterable[tuple[Iterable[tuple[str, str]], bytes]], boundary: str) -> bytes:
    """Return the body made of parts, each with its headers; ``boundary`` must not stand in any of them."""
    written = []
    for headers, body in parts:
        lines = [f"--{boundary}", *(f"{name}: {value}" for name, value in headers)]
        written.append("\r\n".join(lines).encode() + b"\r\n\r\n" + body + b"\r\n")
    return b"".join(written) + f"--{boundary}--\r\n".encode()


def _split(body: bytes, boundary: str) -> list[bytes]:
    """Return what is between the lines of the boundary, headers and all."""
    line = re.escape(boundary.encode("utf-8", "replace"))
    # The line before belongs to the boundary, the one after to the part: it may be the line before the next boundary.
    marks = re.finditer(rb"(?:\A|\r?\n)--" + line + rb"(--)?[ \t]*(?=\r?\n|\Z)", body)
    found: list[bytes] = []
    begin: int | None = None
    for mark in marks:
        if begin is not None:
            found.append(body[begin : mark.start()])
        if mark[1] or len(found) > _MOST:
            break
        begin = mark.end()
    else:
        found.clear()
    if not found:
        shown = f"--{boundary[:70]}"
        _refuse(f"is not whole: it needs parts between lines of {shown!r}, and {shown + '--'!r} at the end")
    if len(found) > _MOST:
        _refuse(f"has more than {_MOST} parts")
    return found


def _headers(text: bytes) -> Message:
    # Not one of the newer policies: their readers of headers raise whatever comes up where a header is broken.
    return BytesParser(policy=policy.compat32).parsebytes(text + b"\r\n\r\n", headersonly=True)


def _part(content: bytes, pointer: str) -> Part:
    # A part without headers begins with the empty line, so the line of the boundary is looked at too.
    end = _EMPTY_LINE.search(content)
    if end is None:
        _refuse("has no empty line between its headers and its content", pointer)
    if end.start() > _HEADERS:
        _refuse(f"has headers of more than {_HEADERS} bytes", pointer)
    message = _headers(content[: end.start()].lstrip())
    message.set_payload(content[end.end() :].decode("ascii", "surrogateescape"))
    headers = [(name, str(value)) for name, value in message.items()]
    if message.get_content_maintype() in ("multipart", "message"):
        _refuse("has parts itself: send them one beside the other", pointer)
    encoding = str(message.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding not in _ENCODINGS:
        _refuse(f"has the Content-Transfer-Encoding {encoding[:40]!r}: send it as it is, or as base64", pointer)
    decoded = message.get_payload(decode=True)
    if message.defects or not isinstance(decoded, bytes):
        _refuse("is not what its headers say: they, or its encoding, are broken", pointer)
    return Part(
        pointer=pointer,
        body=decoded,
        media_type=message.get_content_type() if "Content-Type" in message else "",
        content_id=str(message.get("Content-ID", "")).strip().strip("<>"),
        location=unquote(str(message.get("Content-Location", "")).strip()),
        file_name=message.get_filename("") or "",
        field=str(message.get_param("name", "", "Content-Disposition") or ""),
        headers=tuple(headers),
    )


def _refuse(message: str, pointer: str = "", location: str = "body") -> NoReturn:
    raise InvalidRequest(faults=[Fault(message, pointer, location)])
