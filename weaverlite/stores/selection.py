"""Turns a :class:`~weaverlite.models.queries.JobQuery` into SQL that reads a page from an index, and no more.

The index is named in each statement: which one serves a filter is decided here, not by the planner's idea of the data.
A filter by several statuses or processes becomes several ranges of that index, which SQLite merges in the order of the
page; so a page costs the same whatever the number of jobs. For another order than that of creation, and for how long
jobs take, there is an index of each owner's jobs with all that is filtered by: only the rows of the page are read.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from weaverlite.models.codec import write_time
from weaverlite.models.queries import JobQuery
from weaverlite.ogc.status import StatusCode
from weaverlite.stores.cursors import Place
from weaverlite.stores.orders import ORDERS, durations
from weaverlite.stores.records import bounded, prefix_end, storable, storable_or_none

#: What :func:`~weaverlite.stores.records.read_job` takes, in its order.
LIVE_COLUMNS = "j.document, j.updated_at, j.beat_at, j.progress, j.message"
#: Ranges merged at most; with more process ids than that a filter is checked row by row.
_RANGES = 48

Statement = tuple[str, list[object]]


class _Conditions:
    """Conditions of a WHERE, with their parameters in order."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._parameters: list[object] = []

    def add(self, text: str, *parameters: object) -> None:
        self._texts.append(text)
        self._parameters.extend(parameters)

    def among(self, column: str, values: Iterable[str]) -> None:
        found = list(values)
        self.add(f"{column} IN ({', '.join('?' * len(found))})", *found)

    def render(self) -> Statement:
        return (" WHERE " + " AND ".join(self._texts) if self._texts else "", self._parameters)


def select_page(query: JobQuery, place: Place) -> Statement | None:
    """Return the statement for one job more than the page holds, or None when nothing can fit.

    Its columns are ``LIVE_COLUMNS`` and those of the order.
    """
    statuses = _statuses(query)
    if statuses is None:
        return None
    processes = sorted(map(storable, query.process_ids))
    # With too many processes to merge their ranges the filter is a condition like any.
    merged = 0 < len(processes) * max(1, len(statuses)) <= _RANGES
    source, key, equal = _source(query, merged, bool(statuses))
    ranges = product(processes if "process" in equal else [None], statuses if "status" in equal else [None])
    columns = ORDERS[query.sort]
    names = ", ".join(f"{key}.{column}" for column in columns)
    branches = []
    for process, status in ranges:
        conditions = _Conditions()
        if not query.any_owner:
            conditions.add(f"{key}.owner IS ?", storable_or_none(query.owner))
        # The + keeps a condition out of the search in the index, whose order would be lost.
        if process is not None:
            conditions.add(f"{key}.process_id = ?", process)
        elif processes:
            conditions.among(f"+{key}.process_id", processes)
        if status is not None:
            conditions.add(f"{key}.status = ?", status)
        elif statuses:
            conditions.among(f"+{key}.status", statuses)
        if place.after:
            sign, marks = "<" if place.is_downward else ">", ", ".join("?" * len(columns))
            conditions.add(f"({names}) {sign} ({marks})", *place.after)
        _restrict(conditions, query, key)
        branches.append(conditions.render())
    way = "DESC" if place.is_downward else "ASC"
    limits: list[object] = [bounded(query.limit + 1), bounded(query.offset)]
    order = ", ".join(f"{key}.{column} {way}" for column in columns)
    if len(branches) == 1:
        where, parameters = branches[0]
        return (
            f"SELECT {LIVE_COLUMNS}, {names} FROM {source}{where} ORDER BY {order} LIMIT ? OFFSET ?",
            [*parameters, *limits],
        )
    keys = " UNION ALL ".join(f"SELECT j.created_at, j.job_id, j.number FROM {source}{where}" for where, _ in branches)
    return (
        f"SELECT {LIVE_COLUMNS}, j.created_at, j.job_id FROM"
        f" ({keys} ORDER BY 1 {way}, 2 {way} LIMIT ? OFFSET ?) AS k CROSS JOIN jobs AS j ON j.number = k.number"
        f" ORDER BY k.created_at {way}, k.job_id {way}",
        [*(parameter for _, parameters in branches for parameter in parameters), *limits],
    )


def select_count(query: JobQuery) -> Statement | None:
    """Return the statement that counts what fits by status, or None when nothing can fit."""
    statuses = _statuses(query)
    if statuses is None:
        return None
    processes = sorted(map(storable, query.process_ids))
    source, key, _ = _source(query, bool(processes), True)
    conditions = _Conditions()
    if not query.any_owner:
        conditions.add(f"{key}.owner IS ?", storable_or_none(query.owner))
    if processes:
        conditions.among(f"{key}.process_id", processes)
    if statuses:
        conditions.among(f"{key}.status", statuses)
    _restrict(conditions, query, key)
    where, parameters = conditions.render()
    return f"SELECT {key}.status, count(*) FROM {source}{where} GROUP BY {key}.status", parameters


def _source(query: JobQuery, by_process: bool, by_status: bool) -> tuple[str, str, frozenset[str]]:
    """Return what to select from, the table whose order the page has, and which filters begin its index."""
    if query.tags:
        return "tags AS t CROSS JOIN jobs AS j ON j.job_id = t.job_id", "t", frozenset()
    if query.id_prefix:
        return "jobs AS j INDEXED BY jobs_id", "j", frozenset()
    if query.expired_at:
        return "jobs AS j INDEXED BY jobs_expiry", "j", frozenset()
    if query.callback_before:
        return "jobs AS j INDEXED BY jobs_callback", "j", frozenset()
    if not query.any_owner and query.sort != "created":
        return f"jobs AS j INDEXED BY jobs_owner_{query.sort}", "j", frozenset()
    if not query.any_owner and query.has_duration:
        return "jobs AS j INDEXED BY jobs_owner", "j", frozenset()
    present = {"owner": not query.any_owner, "process": by_process, "status": by_status}
    names = [name for name, is_there in present.items() if is_there]
    return f"jobs AS j INDEXED BY jobs_{'_'.join(names) or 'time'}", "j", frozenset(names)


def _restrict(conditions: _Conditions, query: JobQuery, key: str) -> None:
    tags = sorted((storable(name), storable(value)) for name, value in query.tags)
    for tag in tags[:1]:
        conditions.add("t.name = ? AND t.value = ?", *tag)
    for tag in tags[1:]:
        conditions.add(
            "EXISTS (SELECT 1 FROM tags AS o WHERE o.name = ? AND o.value = ?"
            " AND o.created_at = t.created_at AND o.job_id = t.job_id)",
            *tag,
        )
    if query.id_prefix:
        prefix = storable(query.id_prefix)
        conditions.add(f"{key}.job_id >= ? AND {key}.job_id < ?", prefix, prefix_end(prefix))
    if query.created_from:
        conditions.add(f"{key}.created_at >= ?", write_time(query.created_from))
    if query.created_until:
        conditions.add(f"{key}.created_at <= ?", write_time(query.created_until))
    if query.accepted_before:
        conditions.add(f"{key}.created_at < ?", write_time(query.accepted_before))
    if query.silent_since:
        conditions.add("j.beat_at < ?", write_time(query.silent_since))
    if query.expired_at:
        conditions.add("j.expires_at <= ?", write_time(query.expired_at))
    if query.callback_before:
        conditions.add("j.callback_at <= ?", write_time(query.callback_before))
    if query.has_duration:
        least, most, begun_from, begun_until = durations(query)
        conditions.add(
            "CASE j.status WHEN 'running' THEN j.started_at BETWEEN ? AND ? ELSE j.seconds BETWEEN ? AND ? END",
            begun_from,
            begun_until,
            least,
            most,
        )


def _statuses(query: JobQuery) -> list[str] | None:
    """Return the statuses that fit, in order; none mean all; None means that no job can fit."""
    wanted = set(query.statuses) or set(StatusCode)
    if query.accepted_before:
        wanted &= {StatusCode.ACCEPTED}
    if query.silent_since:
        wanted &= {StatusCode.RUNNING}
    if not wanted:
        return None
    return [] if len(wanted) == len(StatusCode) else sorted(str(status) for status in wanted)
