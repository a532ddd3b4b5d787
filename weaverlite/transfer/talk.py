"""Conversations with servers of OGC and STAC: one request, one bounded answer, by the rules of the egress policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from weaverlite.errors import InvalidInput, InvalidRequest, StagingError
from weaverlite.ogc.links import Link, read_header
from weaverlite.ogc.negotiation import essence, is_json
from weaverlite.schemas.text import parse_json
from weaverlite.settings import Settings
from weaverlite.transfer.egress import Egress, show

#: Deepest JSON that is taken from a server, and most values in it.
_DEPTH, _NODES = 200, 5_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, whole. ``url`` is where it came from in the end; header names are in lower case."""

    status: int
    url: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def media_type(self) -> str:
        return essence(self.headers.get("content-type", ""))

    @property
    def is_json(self) -> bool:
        return is_json(self.media_type)

    def json(self) -> Any:
        """Return the document.

        :raises StagingError: it is not JSON.
        """
        try:
            return parse_json(self.content, depth=_DEPTH, nodes=_NODES)
        except InvalidRequest as error:
            said = self.media_type or "a document without media type"
            raise StagingError(f"{show(self.url)} answered with {said}, which is not valid JSON.") from error

    def links(self) -> tuple[Link, ...]:
        """Return the links of its header."""
        return read_header(self.headers.get("link", ""), self.url)

    def at(self, href: str) -> str:
        """Return a URL that this answer names, in full.

        :raises StagingError: it is none.
        """
        try:
            return urljoin(self.url, href)
        except ValueError as error:
            raise StagingError(f"{show(self.url)} names {href[:100]!r}, which is no URL.") from error


class Talk:
    """Asks servers. ``size`` is the largest answer in bytes, ``seconds`` the longest time one may take."""

    def __init__(self, egress: Egress, *, size: int, seconds: float) -> None:
        self._egress = egress
        self._size = size
        self._seconds = seconds

    @classmethod
    def create(cls, settings: Settings) -> Talk:
        egress = settings.egress
        return cls(
            Egress.create(egress), size=settings.chaining.answer_limit, seconds=egress.read_timeout.total_seconds()
        )

    def get(self, url: str, accept: str = "application/json", **headers: str) -> Answer:
        """Return the answer to a GET. Raises as :meth:`ask`."""
        return self.ask("GET", url, {"Accept": accept, **headers})

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: Any = None, seconds: float | None = None
    ) -> Answer:
        """Send a request, its body as JSON, and return the answer, whatever its status.

        :raises ReferenceRefused: policy forbids the URL or where it leads.
        :raises StagingError: there is no answer, or it is too large or too slow.
        """
        from weaverlite.transfer.connections import open_answer

        self.check(url)
        sent, content = dict(headers), None
        if body is not None:
            content = json.dumps(body, ensure_ascii=False).encode()
            sent["Content-Type"] = "application/json"
        seconds = self._seconds if seconds is None else seconds
        with open_answer(
            self._egress, method, url, body=content, headers=sent, size=self._size, seconds=seconds
        ) as answer:
            content = b"".join(answer.chunks())
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, answer.url, found, content)

    def check(self, url: str) -> None:
        """Return if policy allows to ask this URL. Raises as :meth:`ask`."""
        try:
            self._egress.check(url)
        except InvalidInput as error:
            raise StagingError(error.detail) from error


def said_by(answer: Answer) -> str:
    """Return what a server said of a failure: its status, and the words of its problem document."""
    head = f"{answer.status}"
    if not answer.is_json:
        return head
    try:
        document = answer.json()
    except StagingError:
        return head
    return f"{head}: {words}" if (words := words_of(document)) else head


def words_of(document: Any) -> str:
    """Return the sentence in a problem document, with its first faults; empty when there is none."""
    if not isinstance(document, Mapping):
        return ""
    found = next(
        (text for name in ("detail", "description", "message", "title", "code")
         if isinstance(text := document.get(name), str) and text.strip()), "",
    )  # fmt: skip
    faults = document.get("errors")
    if isinstance(faults, list):
        told = [
            f"{fault.get('pointer', '')} {fault.get('message', '')}".strip()
            for fault in faults[:5]
            if isinstance(fault, Mapping)
        ]
        found = f"{found} ({'; '.join(told)})" if told else found
    return found[:1000]
