"""Questions to a store: frozen, and only such as a backend can answer from an index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from weaverlite.ogc.status import StatusCode

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs, newest first (``created_at``, then ``job_id``, both descending).

    Members at their default do not filter. ``owner`` filters only when ``any_owner`` is false: None then means the jobs
    of nobody. ``cursor`` is the ``next_cursor`` of a page before; a broken one raises
    :class:`~weaverlite.errors.InvalidRequest`. The last three are the reaper's: accepted and created before, silent
    since before, expired before.
    """

    any_owner: bool = True
    owner: str | None = None
    id_prefix: str = ""
    process_ids: frozenset[str] = frozenset()
    statuses: frozenset[StatusCode] = frozenset()
    created_from: datetime | None = None
    created_until: datetime | None = None
    tags: frozenset[tuple[str, str]] = frozenset()
    accepted_before: datetime | None = None
    silent_since: datetime | None = None
    expired_at: datetime | None = None
    limit: int = 10
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessQuery:
    """Which processes, by id ascending, latest revision of each."""

    limit: int = 10
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Which events of a job, in order. ``after`` is a ``seq``; ``tail`` keeps only that many at the end."""

    after: int = 0
    topics: frozenset[str] = frozenset()
    since: datetime | None = None
    limit: int = 1000
    tail: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some of what a query found, and the cursor of what follows (None at the end)."""

    items: tuple[T, ...]
    next_cursor: str | None = None
