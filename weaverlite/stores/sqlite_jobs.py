"""Jobs in SQLite. Each method is one transaction of the writer, or one statement of a reader."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from weaverlite.errors import IllegalTransition, JobRemoved, NoSuchJob, StaleRevision
from weaverlite.models.codec import write_time
from weaverlite.models.job import Job
from weaverlite.models.options import Offer
from weaverlite.models.queries import JobQuery, KeyUse, Page
from weaverlite.models.results import Manifest
from weaverlite.stores import sqlite_rows as rows_of
from weaverlite.stores.changes import Changes
from weaverlite.stores.connections import Connections
from weaverlite.stores.interfaces import JobStore
from weaverlite.stores.orders import page_place
from weaverlite.stores.records import read_job, read_needs, storable, write_document, write_inputs, write_owner
from weaverlite.stores.selection import LIVE_COLUMNS, select_count, select_page
from weaverlite.stores.sqlite_rows import EDIT, INSERT, KEY, SAVE, TAG, Row
from weaverlite.stores.writer import Writer

_GET = f"SELECT {LIVE_COLUMNS} FROM jobs AS j WHERE j.job_id = ?"
_BEAT = """
    UPDATE jobs SET beat_at = max(coalesce(beat_at, ?1), ?1), progress = coalesce(?2, progress),
        message = coalesce(?3, message),
        updated_at = CASE WHEN ?2 IS NULL AND ?3 IS NULL THEN updated_at ELSE max(coalesce(updated_at, ?1), ?1) END
    WHERE job_id = ?4 AND status = 'running' AND attempt = ?5
    RETURNING document, updated_at, beat_at, progress, message
"""
_WAITING = "SELECT 1 FROM jobs INDEXED BY jobs_waiting WHERE status = 'accepted' LIMIT 1"
# Steps from one kind of needs to the next, so that the cost is their number and not that of the jobs.
_NEEDS = """
    WITH RECURSIVE kinds(needs) AS (
        SELECT min(needs) FROM jobs INDEXED BY jobs_waiting WHERE status = 'accepted'
        UNION ALL
        SELECT (SELECT min(j.needs) FROM jobs AS j INDEXED BY jobs_waiting
            WHERE j.status = 'accepted' AND j.needs > kinds.needs)
        FROM kinds WHERE kinds.needs IS NOT NULL
    )
    SELECT needs FROM kinds WHERE needs IS NOT NULL
"""
_FIRST = """
    SELECT -priority, created_at, job_id FROM jobs INDEXED BY jobs_waiting
    WHERE status = 'accepted' AND needs = ? AND (queue_deadline IS NULL OR queue_deadline > ?)
    ORDER BY priority DESC, created_at, job_id LIMIT 1
"""
_CLAIMED = f"SELECT {LIVE_COLUMNS} FROM jobs AS j WHERE j.job_id = ? AND j.status = 'accepted'"
#: Events removed in one transaction: bounds how long others wait for the removal of a talkative job.
_SLICE = 5000
_PURGE = f"""
    DELETE FROM events WHERE (number, seq) IN (
        SELECT e.number, e.seq FROM events AS e
        WHERE e.number = (SELECT number FROM jobs WHERE job_id = ?) LIMIT {_SLICE})
"""


class _Parts:
    """The parts of a record that are kept apart from it, as text; those that are None stay as they are."""

    def __init__(
        self,
        *,
        inputs: Mapping[str, Any] | None = None,
        definition: Mapping[str, Any] | None = None,
        manifest: Manifest | None = None,
    ) -> None:
        self.are_edits = inputs is not None or definition is not None
        self._texts = {
            "inputs": None if inputs is None else write_inputs(inputs),
            "definitions": None if definition is None else write_inputs(definition),
            "manifests": None if manifest is None else write_document(manifest.to_json()),
        }

    def write(self, connection: sqlite3.Connection, number: int | None) -> None:
        """Write them for the job of this number."""
        for table, text in self._texts.items():
            if text is not None:
                connection.execute(f"INSERT OR REPLACE INTO {table} (number, document) VALUES (?, ?)", (number, text))


class SQLiteJobs(JobStore):
    """Jobs in the tables ``jobs``, ``tags``, ``keys`` and ``tombstones``, and those of their larger parts."""

    def __init__(self, connections: Connections, writer: Writer, changes: Changes) -> None:
        self._connections = connections
        self._writer = writer
        self._changes = changes

    def add(self, job: Job, inputs: Mapping[str, Any], definition: Mapping[str, Any] | None = None) -> None:
        row, tags, key = rows_of.row(job), rows_of.tags(job), rows_of.key(job)
        parts = _Parts(inputs=inputs, definition=definition)

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT 1 FROM tombstones WHERE job_id = ?", (row["job_id"],)).fetchone():
                raise StaleRevision(f"A job {job.job_id} existed already.")
            try:
                number = connection.execute(INSERT, row).lastrowid
                if key:
                    connection.execute(KEY, key)
            except sqlite3.IntegrityError as exc:
                raise StaleRevision(f"A job {job.job_id}, or one of the same key, exists already.") from exc
            parts.write(connection, number)
            if tags:
                connection.executemany(TAG, tags)

        self._writer.run(work, durable=True)
        self._changes.announce(job.job_id)

    def keyed(self, owner: str | None, key: str) -> KeyUse | None:
        with self._connections.reader() as reader:
            found = reader.execute(
                "SELECT job_id, digest FROM keys WHERE owner = ? AND key = ?", (write_owner(owner), storable(key))
            ).fetchone()
        return KeyUse(job_id=found[0], digest=found[1]) if found else None

    def get(self, job_id: str) -> Job:
        return read_job(*self._one(job_id, _GET))

    def inputs(self, job_id: str) -> Mapping[str, Any]:
        (text,) = self._one(
            job_id, "SELECT i.document FROM jobs AS j JOIN inputs AS i ON i.number = j.number WHERE j.job_id = ?"
        )
        found: Mapping[str, Any] = json.loads(text)
        return found

    def definition(self, job_id: str) -> Mapping[str, Any] | None:
        (text,) = self._one(
            job_id,
            "SELECT d.document FROM jobs AS j LEFT JOIN definitions AS d ON d.number = j.number WHERE j.job_id = ?",
        )
        return None if text is None else json.loads(text)

    def manifest(self, job_id: str) -> Manifest | None:
        (text,) = self._one(
            job_id,
            "SELECT m.document FROM jobs AS j LEFT JOIN manifests AS m ON m.number = j.number WHERE j.job_id = ?",
        )
        return None if text is None else Manifest.from_json(json.loads(text))

    def save(
        self,
        job: Job,
        manifest: Manifest | None = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        definition: Mapping[str, Any] | None = None,
    ) -> None:
        row, tags = rows_of.row(job), rows_of.tags(job)
        parts = _Parts(inputs=inputs, definition=definition, manifest=manifest)

        def work(connection: sqlite3.Connection) -> None:
            _save(connection, job, row, tags, parts)

        self._writer.run(work, durable=job.is_terminal or parts.are_edits)
        self._changes.announce(job.job_id)

    def claim(self, offer: Offer, at: datetime, job_id: str | None = None) -> Job | None:
        now = write_time(at)
        if job_id is None:
            # Idle workers ask often: most of the time a reader can tell them that there is nothing.
            with self._connections.reader() as reader:
                if reader.execute(_WAITING).fetchone() is None:
                    return None

        def work(connection: sqlite3.Connection) -> Job | None:
            chosen = _first(connection, offer, now) if job_id is None else storable(job_id)
            row = chosen and connection.execute(_CLAIMED, (chosen,)).fetchone()
            if not row:
                return None
            job = read_job(*row)
            if not offer.fits(job.needs) or (job.queue_deadline and job.queue_deadline <= at):
                return None
            started = job.start(offer.worker, at)
            _save(connection, started, rows_of.row(started), rows_of.tags(started), _Parts())
            return started

        won = self._writer.run(work)
        if won is not None:
            self._changes.announce(won.job_id)
        return won

    def beat(self, job_id: str, attempt: int, at: datetime, progress: int | None = None, message: str = "") -> Job:
        parameters = (
            write_time(at),
            None if progress is None else max(0, min(100, progress)),
            storable(message) or None,
            storable(job_id),
            attempt,
        )

        def work(connection: sqlite3.Connection) -> Any:
            # All rows are fetched, although there is one: a statement that has not ended holds its transaction.
            rows = connection.execute(_BEAT, parameters).fetchall()
            if not rows:
                _demand(connection, job_id)
                raise StaleRevision(f"The job {job_id} does not run in attempt {attempt}.")
            return rows[0]

        return read_job(*self._writer.run(work))

    def find(self, query: JobQuery) -> Page[Job]:
        place = page_place(query)
        statement = select_page(query, place)
        if statement is None or query.limit < 1:
            return Page(items=())
        with self._connections.reader() as reader:
            found = reader.execute(*statement).fetchall()
        shown, following, preceding = place.cut(found, query.limit, query.offset, lambda row: row[5:])
        return Page(items=tuple(read_job(*row[:5]) for row in shown), next_cursor=following, prev_cursor=preceding)

    def count(self, query: JobQuery) -> Mapping[str, int]:
        statement = select_count(query)
        if statement is None:
            return {}
        with self._connections.reader() as reader:
            return dict(reader.execute(*statement).fetchall())

    def delete(self, job_id: str, at: datetime) -> None:
        _require_terminal(self.get(job_id))
        name = storable(job_id)

        def purge(connection: sqlite3.Connection) -> int:
            return connection.execute(_PURGE, (name,)).rowcount

        def work(connection: sqlite3.Connection) -> None:
            row = _demand(connection, job_id)
            job = read_job(*row)
            _require_terminal(job)
            number = connection.execute("SELECT number FROM jobs WHERE job_id = ?", (name,)).fetchone()[0]
            for table in ("events", "inputs", "definitions", "manifests", "jobs"):
                connection.execute(f"DELETE FROM {table} WHERE number = ?", (number,))
            _untag(connection, job)
            connection.execute("INSERT INTO tombstones (job_id, removed_at) VALUES (?, ?)", (name, write_time(at)))

        while self._writer.run(purge) == _SLICE:
            pass
        self._writer.run(work, durable=True)
        self._changes.announce(job_id)

    def _one(self, job_id: str, statement: str) -> Any:
        name = storable(job_id)
        with self._connections.reader() as reader:
            row = reader.execute(statement, (name,)).fetchone()
            if row is None:
                raise _absent(reader, job_id)
            return row


def _demand(connection: sqlite3.Connection, job_id: str) -> Any:
    row = connection.execute(_GET, (storable(job_id),)).fetchone()
    if row is None:
        raise _absent(connection, job_id)
    return row


def _absent(connection: sqlite3.Connection, job_id: str) -> NoSuchJob | JobRemoved:
    if connection.execute("SELECT 1 FROM tombstones WHERE job_id = ?", (storable(job_id),)).fetchone():
        return JobRemoved(f"The job {job_id} was removed with its results.")
    return NoSuchJob(f"There is no job {job_id}.")


def _require_terminal(job: Job) -> None:
    if not job.is_terminal:
        raise IllegalTransition(f"The job {job.job_id} is {job.status}: only a job that has ended can be removed.")


def _first(connection: sqlite3.Connection, offer: Offer, now: str) -> str | None:
    """Return the id of the first job in the order of claims that fits the offer."""
    heads = []
    for (needs,) in connection.execute(_NEEDS).fetchall():
        if offer.fits(read_needs(needs)):
            head = connection.execute(_FIRST, (needs, now)).fetchone()
            if head is not None:
                heads.append(head)
    return min(heads)[2] if heads else None


def _save(connection: sqlite3.Connection, job: Job, row: Row, tags: list[tuple[object, ...]], parts: _Parts) -> None:
    # Of an edited job the labels may be others than before.
    edited = _demand(connection, job.job_id) if parts.are_edits else None
    rows = connection.execute(SAVE, row).fetchall()
    if not rows:
        _demand(connection, job.job_id)
        raise StaleRevision(f"The job {job.job_id} has changed since it was read at revision {job.revision - 1}.")
    if edited is not None:
        connection.execute(EDIT, row)
        _untag(connection, read_job(*edited))
        connection.executemany(TAG, tags)
    else:
        for name, value, created_at, job_id, *_, status in tags:
            connection.execute(
                "UPDATE tags SET status = ? WHERE name = ? AND value = ? AND created_at = ? AND job_id = ?",
                (status, name, value, created_at, job_id),
            )
    parts.write(connection, rows[0][0])


def _untag(connection: sqlite3.Connection, job: Job) -> None:
    for tag in rows_of.tags(job):
        connection.execute("DELETE FROM tags WHERE name = ? AND value = ? AND created_at = ? AND job_id = ?", tag[:4])
