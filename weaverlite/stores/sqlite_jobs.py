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
from weaverlite.models.queries import JobQuery, Page
from weaverlite.models.results import Manifest
from weaverlite.stores.changes import Changes
from weaverlite.stores.connections import Connections
from weaverlite.stores.cursors import write_cursor
from weaverlite.stores.interfaces import JobStore
from weaverlite.stores.records import (
    read_job,
    read_needs,
    storable,
    write_document,
    write_inputs,
    write_job,
    write_needs,
    write_optional_time,
)
from weaverlite.stores.selection import LIVE_COLUMNS, select_count, select_page
from weaverlite.stores.writer import Writer

_INSERT = """
    INSERT INTO jobs (job_id, revision, status, owner, process_id, priority, attempt, needs, created_at, queue_deadline,
        expires_at, updated_at, beat_at, progress, message, document)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# Only columns that a transition can change: SQLite rewrites every index over a column it is told to set. A worker may
# have beaten between the read this save is made of and now; while the job goes on running its news is kept.
_SAVE = """
    UPDATE jobs SET revision = ?1, status = ?2, attempt = ?3, queue_deadline = ?4, expires_at = ?5, updated_at = ?6,
        beat_at = max(coalesce(beat_at, ?7), ?7),
        progress = CASE WHEN status = 'running' AND ?2 = 'running' THEN progress ELSE ?8 END,
        message = ?9, document = ?10
    WHERE job_id = ?11 AND revision = ?1 - 1
    RETURNING number
"""
_TAG = "INSERT INTO tags (name, value, created_at, job_id, owner, process_id, status) VALUES (?, ?, ?, ?, ?, ?, ?)"
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


class SQLiteJobs(JobStore):
    """Jobs in the tables ``jobs``, ``tags``, ``inputs``, ``manifests`` and ``tombstones``."""

    def __init__(self, connections: Connections, writer: Writer, changes: Changes) -> None:
        self._connections = connections
        self._writer = writer
        self._changes = changes

    def add(self, job: Job, inputs: Mapping[str, Any]) -> None:
        row = _row(job)
        text = write_inputs(inputs)
        tags = _tags(job)

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT 1 FROM tombstones WHERE job_id = ?", (row[0],)).fetchone():
                raise StaleRevision(f"A job {job.job_id} existed already.")
            try:
                number = connection.execute(_INSERT, row).lastrowid
            except sqlite3.IntegrityError as exc:
                raise StaleRevision(f"A job {job.job_id} exists already.") from exc
            connection.execute("INSERT INTO inputs (number, document) VALUES (?, ?)", (number, text))
            if tags:
                connection.executemany(_TAG, tags)

        self._writer.run(work, durable=True)
        self._changes.announce(job.job_id)

    def get(self, job_id: str) -> Job:
        return read_job(*self._one(job_id, _GET))

    def inputs(self, job_id: str) -> Mapping[str, Any]:
        (text,) = self._one(
            job_id, "SELECT i.document FROM jobs AS j JOIN inputs AS i ON i.number = j.number WHERE j.job_id = ?"
        )
        found: Mapping[str, Any] = json.loads(text)
        return found

    def manifest(self, job_id: str) -> Manifest | None:
        (text,) = self._one(
            job_id,
            "SELECT m.document FROM jobs AS j LEFT JOIN manifests AS m ON m.number = j.number WHERE j.job_id = ?",
        )
        return None if text is None else Manifest.from_json(json.loads(text))

    def save(self, job: Job, manifest: Manifest | None = None) -> None:
        parameters = _changes(job)
        text = None if manifest is None else write_document(manifest.to_json())
        tags = _tags(job)

        def work(connection: sqlite3.Connection) -> None:
            _save(connection, job, parameters, tags, text)

        self._writer.run(work, durable=job.is_terminal)
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
            _save(connection, started, _changes(started), _tags(started), None)
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
        statement = select_page(query)
        if statement is None or query.limit < 1:
            return Page(items=())
        with self._connections.reader() as reader:
            rows = reader.execute(*statement).fetchall()
        cursor = None
        if len(rows) > query.limit:
            rows.pop()
            cursor = write_cursor(rows[-1][5], rows[-1][6])
        return Page(items=tuple(read_job(*row[:5]) for row in rows), next_cursor=cursor)

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
            for table in ("events", "inputs", "manifests", "jobs"):
                connection.execute(f"DELETE FROM {table} WHERE number = ?", (number,))
            for tag in _tags(job):
                connection.execute(
                    "DELETE FROM tags WHERE name = ? AND value = ? AND created_at = ? AND job_id = ?", tag[:4]
                )
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


def _save(
    connection: sqlite3.Connection,
    job: Job,
    parameters: tuple[object, ...],
    tags: list[tuple[object, ...]],
    manifest: str | None,
) -> None:
    rows = connection.execute(_SAVE, parameters).fetchall()
    if not rows:
        _demand(connection, job.job_id)
        raise StaleRevision(f"The job {job.job_id} has changed since it was read at revision {job.revision - 1}.")
    for name, value, created_at, job_id, *_, status in tags:
        connection.execute(
            "UPDATE tags SET status = ? WHERE name = ? AND value = ? AND created_at = ? AND job_id = ?",
            (status, name, value, created_at, job_id),
        )
    if manifest is not None:
        connection.execute(
            "INSERT OR REPLACE INTO manifests (number, document) VALUES (?, ?)", (rows[0][0], manifest)
        )


def _row(job: Job) -> tuple[object, ...]:
    return (
        storable(job.job_id),
        job.revision,
        str(job.status),
        None if job.owner is None else storable(job.owner),
        storable(job.process_id),
        job.priority,
        job.attempt,
        write_needs(job.needs),
        write_time(job.created_at),
        write_optional_time(job.queue_deadline),
        write_optional_time(job.expires_at),
        write_optional_time(job.updated_at),
        write_optional_time(job.beat_at),
        job.progress,
        storable(job.message),
        write_job(job),
    )


def _changes(job: Job) -> tuple[object, ...]:
    return (
        job.revision,
        str(job.status),
        job.attempt,
        write_optional_time(job.queue_deadline),
        write_optional_time(job.expires_at),
        write_optional_time(job.updated_at),
        write_optional_time(job.beat_at),
        job.progress,
        storable(job.message),
        write_job(job),
        storable(job.job_id),
    )


def _tags(job: Job) -> list[tuple[object, ...]]:
    owner = None if job.owner is None else storable(job.owner)
    return [
        (
            storable(name),
            storable(value),
            write_time(job.created_at),
            storable(job.job_id),
            owner,
            storable(job.process_id),
            str(job.status),
        )
        for name, value in job.options.labels.items()
    ]
