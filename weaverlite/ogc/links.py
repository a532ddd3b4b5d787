"""Links and their relations, in JSON documents and in ``Link`` headers (RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

SELF = "self"
ALTERNATE = "alternate"
FIRST = "first"
NEXT = "next"
PREV = "prev"
UP = "up"
MONITOR = "monitor"
SERVICE = "service"
SERVICE_DESC = "service-desc"
SERVICE_DOC = "service-doc"
PROFILE = "profile"
STATUS = "status"
INPUTS = "inputs"
RELATED = "related"
VERSION_HISTORY = "version-history"
LATEST_VERSION = "latest-version"

#: OGC's relations. The scheme is ``http``: clients compare the strings.
_OGC = "http://www.opengis.net/def/rel/ogc/1.0/"
CONFORMANCE = _OGC + "conformance"
PROCESSES = _OGC + "processes"
PROCESS = _OGC + "process-desc"
EXECUTE = _OGC + "execute"
JOB_LIST = _OGC + "job-list"
RESULTS = _OGC + "results"
LOG = _OGC + "log"
EXCEPTIONS = _OGC + "exceptions"

_PROFILES = "https://www.opengis.net/def/profile/OGC/0/"
RESULTS_PROFILE = _PROFILES + "ogc-results"
PROCESS_PROFILE = _PROFILES + "ogc-process-description"

_JSON, _HTML = "application/json", "text/html"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_ENTRY = re.compile(r"\s*<([^>]*)>((?:[^,\"]|\"(?:[^\"\\]|\\.)*\")*)(?:,|\Z)")
_PARAMETER = re.compile(r";\s*([^\s=;,]+)\s*(?:=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;,]*)))?")


@dataclass(frozen=True, slots=True)
class Link:
    """Where something related is. Members that are empty are not written."""

    href: str
    rel: str
    type: str = ""
    title: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the link as a member of a ``links`` list."""
        document = {"href": self.href, "rel": self.rel}
        if self.type:
            document["type"] = self.type
        if self.title:
            document["title"] = self.title
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Link:
        """Return the link of a member of a ``links`` list; what is not text is left out."""
        return cls(*(text if isinstance(text := document.get(name), str) else "" for name in cls.__slots__))

    def to_header(self) -> str:
        """Return the link as the value of a ``Link`` header."""
        href = self.href.replace(">", "%3E")
        parts = [f"<{href}>", f"rel={_quoted(self.rel)}"]
        if self.type:
            parts.append(f"type={_quoted(self.type)}")
        if self.title and self.title.isascii():
            parts.append(f"title={_quoted(self.title)}")
        return "; ".join(parts)


def representations(href: str, title: str) -> tuple[Link, ...]:
    """Return the links of a resource to itself: as JSON, and as a page."""
    place, _, query = href.partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith("f=")]
    page = "&".join([*kept, "f=html"])
    return Link(href, SELF, _JSON, title), Link(f"{place}?{page}", ALTERNATE, _HTML, f"{title}, as HTML")


def read_links(document: Any) -> tuple[Link, ...]:
    """Return the links of a JSON document, ignoring whatever is not one."""
    found = document.get("links") if isinstance(document, Mapping) else None
    if not isinstance(found, list):
        return ()
    return tuple(Link.from_json(item) for item in found if isinstance(item, Mapping) and item.get("href"))


def read_header(text: str, base: str = "") -> tuple[Link, ...]:
    """Return the links of a ``Link`` header, relative ones resolved against ``base``; malformed entries are skipped."""
    return tuple(_entries(text, base))


def find(links: Iterable[Link], *relations: str) -> Link | None:
    """Return the first link of the first of these relations that there is, or None."""
    known = tuple(links)
    for relation in relations:
        for link in known:
            if relation in link.rel.split():
                return link
    return None


def _entries(text: str, base: str) -> Iterator[Link]:
    position = 0
    while position < len(text):
        entry = _ENTRY.match(text, position)
        if not entry:
            following = text.find(",", position)
            if following < 0:
                return
            position = following + 1
            continue
        position = entry.end()
        parameters: dict[str, str] = {}
        for name, quoted, bare in _PARAMETER.findall(entry[2]):
            # RFC 8288, 3.3: of several ``rel`` the first counts.
            parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else bare)
        yield Link(
            urljoin(base, entry[1]),
            parameters.get("rel", ""),
            parameters.get("type", ""),
            parameters.get("title", ""),
        )


def _quoted(text: str) -> str:
    if _TOKEN.match(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
