"""Values of execute requests and results: bare, qualified with a media type, or referenced.

::

    42, "text", [1, 2], {"bbox": […]}                                     Inline
    {"value": "R0lGOD…", "mediaType": "image/gif", "encoding": "base64"}  Qualified
    {"href": "https://…/a.nc", "type": "application/netcdf"}              Reference

The media type of a qualified value may also stand in ``format`` (``{"mediaType", "encoding", "schema"}``), and under
its older name ``mimeType``.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from weaverlite.ogc.negotiation import essence, is_json

_QUALIFIERS = frozenset(
    {"value", "mediaType", "mimeType", "encoding", "schema", "format", "type", "title", "description", "id"}
)
_BINARY = frozenset({"base64", "binary", "byte"})
#: Media types that say nothing: they fit every declaration, and as a declaration everything fits them.
_ANY = frozenset({"", "*/*", "application/octet-stream"})


@dataclass(frozen=True, slots=True)
class Inline:
    """A value that stands for itself."""

    value: Any


@dataclass(frozen=True, slots=True)
class Qualified:
    """A value with what is said of it; an empty string or None when it is not said.

    ``title`` is the name a file of this content should have.
    """

    value: Any
    media_type: str = ""
    encoding: str = ""
    schema: Any = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where the value is. ``media_type`` and ``title`` (the name of the file) are empty when not said."""

    href: str
    media_type: str = ""
    title: str = ""


Value: TypeAlias = Inline | Qualified | Reference


def is_reference(value: Any) -> bool:
    """Whether ``value`` says where it is: an object with ``href``."""
    return isinstance(value, Mapping) and "href" in value


def is_qualified(value: Any) -> bool:
    """Whether ``value`` is an object of ``value`` and words about it, and nothing else."""
    return isinstance(value, Mapping) and "value" in value and value.keys() <= _QUALIFIERS


def parse(value: Any) -> Value:
    """Return what ``value`` is.

    :raises ValueError: it is none of the three; the message says why.
    """
    if is_reference(value):
        return _parse_reference(value)
    if is_qualified(value):
        return _parse_qualified(value)
    return Inline(value)


def write(value: Value) -> Any:
    """Return the JSON form that :func:`parse` reads."""
    if isinstance(value, Inline):
        return value.value
    if isinstance(value, Qualified):
        said = {
            "mediaType": value.media_type,
            "encoding": value.encoding,
            "schema": value.schema,
            "title": value.title,
        }
        return {"value": value.value, **{name: item for name, item in said.items() if item}}
    said = {"type": value.media_type, "title": value.title}
    return {"href": value.href, **{name: item for name, item in said.items() if item}}


def is_binary(encoding: str) -> bool:
    """Whether text in this encoding (``contentEncoding``, ``encoding``) is base64."""
    return encoding.lower() in _BINARY


def content(value: Inline | Qualified, content_encoding: str = "") -> bytes:
    """Return the bytes that a value carries for a file: of text in UTF-8, of base64 decoded, of other JSON its text.

    ``content_encoding`` is what the schema says; it counts for a bare value, and for a qualified one that says neither
    media type nor encoding.

    :raises ValueError: it should be base64 and is not.
    """
    encoding = content_encoding
    if isinstance(value, Qualified) and (value.encoding or value.media_type):
        encoding = value.encoding
    if not isinstance(value.value, str):
        return json.dumps(value.value, ensure_ascii=False).encode()
    return decode_base64(value.value) if is_binary(encoding) else value.value.encode()


def decode_base64(text: str) -> bytes:
    """Return the bytes of base64 text; line breaks and the URL-safe alphabet are accepted.

    :raises ValueError: it is not base64.
    """
    compact = "".join(text.split()).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(compact, validate=True)
    except binascii.Error as error:
        raise ValueError(f"is not base64: {error}") from error


def media_type_fits(given: str, declared: str) -> bool:
    """Whether a value of the media type ``given`` may stand where ``declared`` is described.

    Parameters are ignored, ``text/plain`` takes any text, and a structured type fits its base: ``application/geo+json``
    is ``application/json``.
    """
    mine, theirs = essence(given), essence(declared)
    if mine in _ANY or theirs in _ANY or mine == theirs:
        return True
    if theirs.endswith("/*"):
        return mine.startswith(theirs[:-1])
    if theirs == "text/plain":
        return mine.startswith("text/") or is_json(mine)
    if theirs in ("application/json", "application/xml", "text/xml"):
        suffix = theirs.partition("/")[2]
        return mine.endswith("+" + suffix) or mine in (f"application/{suffix}", f"text/{suffix}")
    # Clients name the same thing with and without the prefix of unregistered types, and guess generic types.
    return mine.replace("/x-", "/") == theirs.replace("/x-", "/") or (is_json(theirs) and mine == "application/json")


def is_bbox(value: Any) -> bool:
    """Whether ``value`` is a bounding box in OGC's form."""
    return isinstance(value, Mapping) and "bbox" in value and value.keys() <= {"bbox", "crs"}


def _parse_reference(value: Mapping[str, Any]) -> Reference:
    if "value" in value:
        raise ValueError("has both 'value' and 'href': send the value itself, or a reference to it")
    href = value["href"]
    if not isinstance(href, str) or not href.strip():
        raise ValueError("has an 'href' that is not a URL in a string")
    media_type = _text(value, "type") or _text(value, "mediaType")
    return Reference(href.strip(), media_type, _text(value, "title"))


def _parse_qualified(value: Mapping[str, Any]) -> Qualified:
    form = value.get("format") or {}
    if isinstance(form, str):
        form = {"mediaType": form}
    if not isinstance(form, Mapping):
        raise ValueError("has a 'format' that is not an object of 'mediaType', 'encoding' and 'schema'")
    names = ("mediaType", "mimeType")
    media_type = next((text for source in (value, form) for name in names if (text := _text(source, name))), "")
    encoding = _text(value, "encoding") or _text(form, "encoding")
    return Qualified(
        value["value"],
        media_type or _text(value, "type"),
        encoding,
        value.get("schema", form.get("schema")),
        _text(value, "title"),
    )


def _text(source: Mapping[str, Any], name: str) -> str:
    found = source.get(name)
    if found is not None and not isinstance(found, str):
        raise ValueError(f"has a {name!r} that is not a string")
    return found or ""
