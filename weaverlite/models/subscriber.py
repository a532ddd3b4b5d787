"""A subscriber: whom a job tells of its way, and the deliveries that are still owed to it.

The deliveries of a job are its outbox. They are part of its record, so the transition that is to be told and the
promise to tell it are stored in one step, and neither is ever there without the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from weaverlite.ogc.status import StatusCode

_URIS = ("successUri", "inProgressUri", "failedUri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Where a client wants to be told that its job runs, and how it ended (18-062r2, clause 13: callback).

    ``service_url`` is the URL under which the client knows this service: what is sent holds links that begin with it.
    """

    success_uri: str | None = None
    in_progress_uri: str | None = None
    failed_uri: str | None = None
    service_url: str = ""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Subscriber:
        """Return the subscriber of a document that is valid against ``schemas/weaverlite/subscriber.yaml``."""
        return cls(
            success_uri=document.get("successUri"),
            in_progress_uri=document.get("inProgressUri"),
            failed_uri=document.get("failedUri"),
        )

    def to_json(self) -> dict[str, str]:
        """Return the ``subscriber`` member of the request."""
        uris = (self.success_uri, self.in_progress_uri, self.failed_uri)
        return {name: uri for name, uri in zip(_URIS, uris, strict=True) if uri}

    def uri(self, status: StatusCode) -> str | None:
        """Return where to tell that the job has become this, or None. A dismissed job counts as a failed one."""
        if status is StatusCode.RUNNING:
            return self.in_progress_uri
        if status is StatusCode.SUCCESSFUL:
            return self.success_uri
        return self.failed_uri if status in (StatusCode.FAILED, StatusCode.DISMISSED) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One call that a job owes its subscriber: what the job has become, and when to tell it.

    ``is_held``: somebody is at it; when ``due_at`` has come all the same, that one is gone.
    """

    status: StatusCode
    due_at: datetime
    tries: int = 0
    is_held: bool = False

    def hold(self, until: datetime) -> Delivery:
        return replace(self, due_at=until, is_held=True)

    def postpone(self, until: datetime) -> Delivery:
        return replace(self, due_at=until, tries=self.tries + 1, is_held=False)


def owed(
    subscriber: Subscriber, before: tuple[Delivery, ...], status: StatusCode, at: datetime
) -> tuple[Delivery, ...]:
    """Return the deliveries of a job that becomes ``status``: in order, what is held first.

    News that a job runs is no news once it has ended; only what is on its way already still arrives.
    """
    kept = tuple(item for item in before if item.is_held or not status.is_terminal)
    return (*kept, Delivery(status=status, due_at=at)) if subscriber.uri(status) else kept
