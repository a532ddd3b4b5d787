"""What every call of the client returns."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from weaverlite.client.errors import ClientError

_LINK = re.compile(r"<([^>]*)>((?:\s*;\s*[\w*]+\s*=\s*(?:\"[^\"]*\"|[^;,\"]*))*)")
_ATTRIBUTE = re.compile(r";\s*([\w*]+)\s*=\s*(?:\"([^\"]*)\"|([^;,\"]*))")


@dataclass(kw_only=True)
class OperationResult:
    """The outcome of one call; true when it succeeded.

    ``code`` is the HTTP status, None when there was no answer. ``body`` is the JSON document, or text, or bytes when
    the answer was neither. ``error`` says what went wrong; :meth:`check` raises it.
    """

    success: bool
    code: int | None = None
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    error: ClientError | None = None
    #: The URL that answered.
    url: str = ""

    def __bool__(self) -> bool:
        return self.success

    def check(self) -> Self:
        """Return this result if it succeeded.

        :raises ClientError: it did not; the error says why.
        """
        if not self.success:
            raise self.error or ClientError(self.message)
        return self

    @property
    def text(self) -> str:
        """The body as text."""
        if isinstance(self.body, str):
            return self.body
        if isinstance(self.body, bytes):
            return self.body.decode("utf-8", "replace")
        return "" if self.body is None else json.dumps(self.body, indent=2, ensure_ascii=False)

    def links(self, rel: str | None = None) -> list[dict[str, Any]]:
        """Return the links of the body and of the ``Link`` header, all or those of one relation."""
        found: list[dict[str, Any]] = []
        if isinstance(self.body, Mapping) and isinstance(self.body.get("links"), list):
            found.extend(dict(link) for link in self.body["links"] if isinstance(link, Mapping))
        known = {(link.get("href"), link.get("rel")) for link in found}
        for link in _header_links(self.headers.get("Link", "")):
            if (link.get("href"), link.get("rel")) not in known:
                found.append(link)
        return [link for link in found if rel is None or link.get("rel") == rel]


@dataclass(kw_only=True)
class JobHandle(OperationResult):
    """The outcome of an execution: the job that was made, or (synchronous execution) its results as ``body``."""

    job_id: str = ""
    #: Where the job lives, as the service said.
    job_url: str = ""

    @property
    def status(self) -> str:
        """The state of the job when the service answered; ``successful`` when it answered with results."""
        if isinstance(self.body, Mapping) and isinstance(self.body.get("status"), str) and self.job_id:
            return str(self.body["status"])
        return "successful" if self.success else "failed"


def _header_links(header: str) -> list[dict[str, Any]]:
    links = []
    for href, attributes in _LINK.findall(header):
        link = {"href": href}
        for name, quoted, bare in _ATTRIBUTE.findall(attributes):
            link[name.lower()] = quoted or bare.strip()
        links.append(link)
    return links


__all__ = ["JobHandle", "OperationResult"]
