"""The orders a list of jobs can have, and what both stores must know of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from weaverlite.errors import Fault, InvalidRequest
from weaverlite.models.codec import write_time
from weaverlite.models.queries import SORTS, JobQuery
from weaverlite.stores.cursors import Place

#: The columns of each order. All go the same way, so that an index has them.
ORDERS = {
    "created": ("created_at", "job_id"),
    "started": ("started_at", "job_id"),
    "finished": ("finished_at", "job_id"),
    "process": ("process_id", "created_at", "job_id"),
    "status": ("status", "created_at", "job_id"),
}
#: Longer than any job took: bounds a duration so that times can be computed with it.
_LONGEST = 10.0**9


def page_place(query: JobQuery) -> Place:
    """Return where the page begins.

    :raises InvalidRequest: the cursor is broken, or there is no index for this order of this selection.
    """
    if query.sort not in SORTS:
        raise _refused(f"cannot be {query.sort[:40]!r}: use one of {', '.join(SORTS)}")
    is_selected_otherwise = (
        query.any_owner
        or query.tags
        or query.id_prefix
        or query.accepted_before
        or query.silent_since
        or query.expired_at
        or query.callback_before
    )
    if query.sort != "created" and is_selected_otherwise:
        raise _refused(f"cannot be {query.sort!r} for jobs selected by tags, label or prefix: leave one of them out")
    return Place.read(query.cursor, query.sort, len(ORDERS[query.sort]), is_descending=query.descending)


def durations(query: JobQuery) -> tuple[float, float, str, str]:
    """Return the shortest and the longest duration that fit, and between which times a running job has started."""
    at = query.at or datetime.now(UTC)
    least = min(_LONGEST, max(0.0, query.min_seconds or 0.0))
    most = _LONGEST if query.max_seconds is None else min(_LONGEST, query.max_seconds)
    return least, most, write_time(at - timedelta(seconds=most)), write_time(at - timedelta(seconds=least))


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(faults=[Fault(why, "sort", "query")])
