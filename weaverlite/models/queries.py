"""Questions to a store: frozen, and only such as a backend can answer from an index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from weaverlite.ogc.status import StatusCode

T = TypeVar("T")

#: By what a list of jobs can be sorted. Jobs of one status or process stand in the order of their creation.
SORTS = ("created", "started", "finished", "process", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs, newest first (``created_at``, then ``job_id``, both descending) unless ``sort`` says otherwise.

    Members at their default do not filter. ``owner`` filters only when ``any_owner`` is false: None then means the jobs
    of nobody. ``min_seconds`` and ``max_seconds`` (both inclusive) bound how long an ended job took, and a running one
    has taken until ``at``; jobs that have not started fit neither. ``cursor`` is the ``next_cursor`` or the
    ``prev_cursor`` of a page before; a broken one, or one of another order, raises
    :class:`~weaverlite.errors.InvalidRequest`. ``offset`` leaves out so many jobs at the beginning. The last four are
    for those who keep the house: accepted and created before, silent since before, expired before, to be called back
    about before.

    An order other than that of creation exists within the jobs of one owner, and not for a selection by tag, by the
    beginning of the id or by the last four: a store raises ``InvalidRequest`` for what it has no index for.
    """

    any_owner: bool = True
    owner: str | None = None
    id_prefix: str = ""
    process_ids: frozenset[str] = frozenset()
    statuses: frozenset[StatusCode] = frozenset()
    created_from: datetime | None = None
    created_until: datetime | None = None
    tags: frozenset[tuple[str, str]] = frozenset()
    min_seconds: float | None = None
    max_seconds: float | None = None
    at: datetime | None = None
    accepted_before: datetime | None = None
    silent_since: datetime | None = None
    expired_at: datetime | None = None
    callback_before: datetime | None = None
    sort: str = "created"
    descending: bool = True
    limit: int = 10
    offset: int = 0
    cursor: str | None = None

    @property
    def has_duration(self) -> bool:
        """Whether it asks how long jobs take."""
        return self.min_seconds is not None or self.max_seconds is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessQuery:
    """Which processes, by id ascending, latest revision of each."""

    limit: int = 10
    offset: int = 0
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
    """Some of what a query found, and the cursors of what follows and of what comes before (None at either end)."""

    items: tuple[T, ...]
    next_cursor: str | None = None
    prev_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """What was asked for under an idempotency key: the job that was made, and the digest of the request."""

    job_id: str
    digest: str
