"""What every call of the client returns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urljoin

from weaverlite.client.errors import ClientError
from weaverlite.ogc.links import Link, read_header, read_links


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

    def links(self, rel: str | None = None) -> list[dict[str, str]]:
        """Return the links of the body and of the ``Link`` header, all or those of one relation, as absolute URLs."""
        told = [
            *(replace(link, href=urljoin(self.url, link.href)) for link in read_links(self.body)),
            *read_header(self.headers.get("Link", ""), self.url),
        ]
        found: dict[tuple[str, str], Link] = {}
        for link in told:
            found.setdefault((link.href, link.rel), link)
        return [link.to_json() for link in found.values() if rel is None or rel in link.rel.split()]


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


__all__ = ["JobHandle", "OperationResult"]
