"""What a client prefers: media types (``Accept``, ``f=``) and preferences (``Prefer``, RFC 7240).

Everything here reads what clients send, so it never fails: what cannot be understood is ignored, as the RFCs ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

JSON = "application/json"
PROBLEM = "application/problem+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.1"
OPENAPI_30 = "application/vnd.oai.openapi+json;version=3.0"
TEXT = "text/plain"
EVENTS = "text/event-stream"
HTML = "text/html"
YAML = "application/yaml"
MERGE_PATCH = "application/merge-patch+json"
JSON_LD = "application/ld+json"
TURTLE = "text/turtle"
N_TRIPLES = "application/n-triples"
PROV_N = "text/provenance-notation"
PROV_XML = "application/provenance+xml"
XML = "application/xml"
ZIP = "application/zip"
TAR = "application/x-tar"
RELATED = "multipart/related"
MIXED = "multipart/mixed"
ANY = "*/*"

#: The short names of ``f=``.
FORMATS = {"json": JSON, "text": TEXT, "sse": EVENTS, "html": HTML, "yaml": YAML, "zip": ZIP, "tar": TAR} | {
    "jsonld": JSON_LD,
    "turtle": TURTLE,
    "nt": N_TRIPLES,
    "provn": PROV_N,
    "xml": XML,
}

_TYPE = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)/([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\Z")
_OPENAPI_30 = re.compile(r"vnd\.oai\.openapi\+json\s*;\s*version\s*=\s*\"?3\.0", re.IGNORECASE)
_PIECE = re.compile(r"(?:[^,;\"]|\"(?:[^\"\\]|\\.)*\"?)+|[,;]")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?\Z|\.[0-9]{1,9}\Z")


def essence(media_type: str) -> str:
    """Return a media type without parameters, in lower case."""
    return media_type.partition(";")[0].strip().lower()


def is_json(media_type: str) -> bool:
    """Whether content of this media type is JSON."""
    name = essence(media_type)
    return name in (JSON, "text/json") or name.endswith("+json")


def is_text(media_type: str) -> bool:
    """Whether content of this media type is text, in UTF-8 unless it says otherwise, so that it can stand in JSON."""
    name = essence(media_type)
    return name.startswith("text/") or is_json(name) or name in _TEXTS or name.endswith(("+xml", "+yaml"))


_TEXTS = frozenset({XML, YAML, "application/x-yaml", "application/x-ndjson", "application/cwl"})


# ---------------------------------------------------------------- Accept


def read_accept(text: str) -> tuple[tuple[str, float], ...]:
    """Return the ranges of an ``Accept`` header with their quality, best first, earlier first among equals.

    Ranges that are none (``*``, ``json``, ``*/json``) are skipped; a quality that is none counts as one.
    """
    ranges = []
    for entry in text.split(","):
        name, *parameters = entry.split(";")
        name = name.strip().lower()
        if not _TYPE.match(name) or (name.startswith("*/") and name != ANY):
            continue
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip().lower() == "q" and _NUMBER.match(value.strip()):
                quality = min(1.0, float(value))
        ranges.append((name, quality))
    return tuple(sorted(ranges, key=lambda item: -item[1]))


def choose(accept: str | None, offers: Sequence[str]) -> str | None:
    """Return the offer that an ``Accept`` header prefers, or None if it refuses all.

    Without a header, or with one in which nothing is a media range, it is the first offer. Among offers of equal
    quality the earlier one wins, so that JSON, offered first, is the default.
    """
    ranges = read_accept(accept) if accept else ()
    if not ranges:
        return offers[0] if offers else None
    best, chosen = 0.0, None
    for offer in offers:
        quality = _quality(essence(offer), ranges)
        if quality > best:
            best, chosen = quality, offer
    return chosen


def accepts_openapi_30(accept: str | None) -> bool:
    """Whether an ``Accept`` header asks for OpenAPI 3.0, which only a parameter tells from 3.1."""
    return bool(_OPENAPI_30.search(accept or "")) and OPENAPI not in (accept or "").replace(" ", "")


def names(accept: str | None, media_type: str) -> bool:
    """Whether an ``Accept`` header names this media type itself, not only by a wildcard."""
    return any(name == media_type and quality > 0 for name, quality in read_accept(accept or ""))


def takes_anything(accept: str | None) -> bool:
    """Whether an ``Accept`` header has room for anything, as that of a browser has, whatever it likes best."""
    return not accept or names(accept, ANY)


def _quality(offer: str, ranges: Iterable[tuple[str, float]]) -> float:
    # RFC 9110, 12.5.1: the most specific range that matches decides.
    found, precision = 0.0, -1
    for name, quality in ranges:
        if name == offer:
            rank = 2
        elif name.endswith("/*") and offer.startswith(name[:-1]):
            rank = 1
        elif name == ANY:
            rank = 0
        else:
            continue
        if rank > precision:
            found, precision = quality, rank
    return found


# ---------------------------------------------------------------- Prefer


@dataclass(frozen=True, slots=True)
class Preferences:
    """What ``Prefer`` headers ask for. ``wait`` is in seconds, None when it was not asked.

    ``ignored`` are the preferences that are unknown here, or have a value that means nothing, as they were written:
    RFC 7240 asks to go on without them, unless ``handling=strict`` stands beside them.
    """

    respond_async: bool = False
    respond_sync: bool = False
    wait: float | None = None
    representation: str | None = None
    handling: str | None = None
    profile: str | None = field(default=None, compare=False)
    ignored: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_strict(self) -> bool:
        """Whether what cannot be honoured is to be refused."""
        return self.handling == "strict"

    @classmethod
    def read(cls, headers: str | Iterable[str]) -> Preferences:
        """Return the preferences of one or more ``Prefer`` headers.

        Several preferences may stand in a header, quoted or not, divided by ``,`` or, as some clients do, by ``;``.
        Of a preference given twice the first counts; unknown ones are ignored.
        """
        found: dict[str, str] = {}
        for header in [headers] if isinstance(headers, str) else headers:
            for name, value in _preferences(header):
                found.setdefault(name, value)
        return cls(
            respond_async="respond-async" in found,
            # Not registered, but clients of WPS descent send it.
            respond_sync="respond-sync" in found,
            wait=float(found["wait"]) if _NUMBER.match(found.get("wait", "")) else None,
            representation=_word(found, "return"),
            handling=_word(found, "handling"),
            profile=found.get("profile") or None,
            ignored=tuple(
                f"{name}={value}" if value else name for name, value in found.items() if _is_ignored(name, value)
            ),
        )

    def to_header(self) -> str:
        """Return these preferences as the value of a ``Prefer`` or ``Preference-Applied`` header, empty if none."""
        parts = []
        if self.respond_async:
            parts.append("respond-async")
        if self.wait is not None:
            parts.append(f"wait={self.wait:g}")
        if self.representation:
            parts.append(f"return={self.representation}")
        if self.handling:
            parts.append(f"handling={self.handling}")
        return ", ".join(parts)


_WORDS = {"return": ("minimal", "representation"), "handling": ("lenient", "strict")}


def _word(found: Mapping[str, str], name: str) -> str | None:
    value = found.get(name, "").lower()
    return value if value in _WORDS[name] else None


def _is_ignored(name: str, value: str) -> bool:
    if name in _WORDS:
        return value.lower() not in _WORDS[name]
    if name == "wait":
        return not _NUMBER.match(value)
    return name not in ("respond-async", "respond-sync", "profile")


def _preferences(header: str) -> Iterator[tuple[str, str]]:
    for piece in _PIECE.findall(header):
        name, equals, value = piece.strip().partition("=")
        name, value = name.strip().lower(), value.strip()
        if not name or name in ",;":
            continue
        if equals and value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value.strip('"'))
        yield name, value
