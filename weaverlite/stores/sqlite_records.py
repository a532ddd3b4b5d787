"""Processes, events and uploads in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from weaverlite.errors import DuplicatedProcess, NoSuchProcess, NoSuchUpload, StaleRevision
from weaverlite.models.codec import read_time, write_time
from weaverlite.models.job import JobEvent
from weaverlite.models.process import Process
from weaverlite.models.queries import EventQuery, Page, ProcessQuery
from weaverlite.models.upload import Upload
from weaverlite.stores.connections import Connections
from weaverlite.stores.cursors import Place
from weaverlite.stores.interfaces import EventStore, ProcessStore, UploadStore
from weaverlite.stores.records import bounded, read_document, storable, write_document
from weaverlite.stores.writer import Writer

_LATEST = "SELECT coalesce(max(revision), 0) FROM processes WHERE process_id = ?"
_EVENT = """
    INSERT INTO events (number, seq, attempt, at, topic, level, step, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
#: Topics whose ranges are merged; a query for more of them reads all events and leaves some out.
_RANGES = 4


class SQLiteProcesses(ProcessStore):
    """Revisions in ``processes``; ``deployed`` names those that are there."""

    def __init__(self, connections: Connections, writer: Writer) -> None:
        self._connections = connections
        self._writer = writer

    def add(self, process: Process, *, is_hidden: bool = False) -> None:
        name, text = storable(process.process_id), write_document(process)

        def work(connection: sqlite3.Connection) -> None:
            latest = connection.execute(_LATEST, (name,)).fetchone()[0]
            if process.revision != latest + 1:
                raise DuplicatedProcess(
                    f"The process {process.process_id} has a revision {latest} already: replace it with PUT, or choose "
                    "another id."
                )
            connection.execute(
                "INSERT INTO processes (process_id, revision, document) VALUES (?, ?, ?)",
                (name, process.revision, text),
            )
            if is_hidden:
                return
            connection.execute(
                "INSERT OR REPLACE INTO deployed (process_id, revision) VALUES (?, ?)", (name, process.revision)
            )

        self._writer.run(work, durable=True)

    def next_revision(self, process_id: str) -> int:
        with self._connections.reader() as reader:
            latest: int = reader.execute(_LATEST, (storable(process_id),)).fetchone()[0]
        return latest + 1

    def get(self, process_id: str, revision: int | None = None) -> Process:
        name = storable(process_id)
        with self._connections.reader() as reader:
            if revision is None:
                row = reader.execute(
                    "SELECT p.document FROM deployed AS d CROSS JOIN processes AS p"
                    " ON p.process_id = d.process_id AND p.revision = d.revision WHERE d.process_id = ?",
                    (name,),
                ).fetchone()
            else:
                row = reader.execute(
                    "SELECT document FROM processes WHERE process_id = ? AND revision = ?", (name, bounded(revision))
                ).fetchone()
        if row is None:
            which = "" if revision is None else f" of revision {revision}"
            raise NoSuchProcess(f"There is no process {process_id}{which}.")
        return read_document(Process, row[0])

    def revisions(self, process_id: str, limit: int, before: int | None = None) -> Sequence[Process]:
        with self._connections.reader() as reader:
            rows = reader.execute(
                "SELECT document FROM processes WHERE process_id = ? AND revision < ? ORDER BY revision DESC LIMIT ?",
                (storable(process_id), bounded(2**63 if before is None else before), bounded(max(0, limit))),
            ).fetchall()
        return [read_document(Process, text) for (text,) in rows]

    def find(self, query: ProcessQuery) -> Page[Process]:
        place = Place.read(query.cursor, "id", 1, is_descending=False)
        if query.limit < 1:
            return Page(items=())
        sign, way = ("<", "DESC") if place.is_downward else (">", "ASC")
        # What is at its default is not in a document.
        where = " WHERE json_extract(p.document, '$.visibility') IS NOT 'private'"
        where += f" AND d.process_id {sign} ?" if place.after else ""
        with self._connections.reader() as reader:
            rows = reader.execute(
                "SELECT p.document, p.process_id FROM deployed AS d CROSS JOIN processes AS p"
                f" ON p.process_id = d.process_id AND p.revision = d.revision{where}"
                f" ORDER BY d.process_id {way} LIMIT ? OFFSET ?",
                (*(place.after or ()), bounded(query.limit + 1), bounded(query.offset)),
            ).fetchall()
        shown, following, preceding = place.cut(rows, query.limit, query.offset, lambda row: row[1:])
        items = tuple(read_document(Process, text) for text, _ in shown)
        return Page(items=items, next_cursor=following, prev_cursor=preceding)

    def remove(self, process_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            if not connection.execute("DELETE FROM deployed WHERE process_id = ?", (storable(process_id),)).rowcount:
                raise NoSuchProcess(f"There is no process {process_id}.")

        self._writer.run(work, durable=True)

    def forget(self, process_id: str) -> None:
        name = storable(process_id)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM deployed WHERE process_id = ?", (name,))
            connection.execute("DELETE FROM processes WHERE process_id = ?", (name,))

        self._writer.run(work)


class SQLiteEvents(EventStore):
    """Events in ``events``, numbered along each job by the one writer."""

    def __init__(self, connections: Connections, writer: Writer) -> None:
        self._connections = connections
        self._writer = writer

    def append(self, events: Sequence[JobEvent]) -> int:
        batches = [
            (
                storable(job_id),
                [
                    (e.attempt, write_time(e.at), storable(e.topic), e.level, storable(e.step), storable(e.message))
                    for e in of_job
                ],
            )
            for job_id, of_job in groupby(events, key=lambda event: event.job_id)
        ]

        def work(connection: sqlite3.Connection) -> int:
            last = 0
            for job_id, rows in batches:
                found = connection.execute(
                    "SELECT number, (SELECT max(seq) FROM events WHERE number = jobs.number) FROM jobs"
                    " WHERE job_id = ?",
                    (job_id,),
                ).fetchone()
                if found is not None:
                    number, before = found[0], found[1] or 0
                    last = before + len(rows)
                    connection.executemany(_EVENT, [(number, seq, *row) for seq, row in enumerate(rows, before + 1)])
            return last

        return self._writer.run(work) if batches else 0

    def read(self, job_id: str, query: EventQuery) -> Sequence[JobEvent]:
        topics = sorted(map(storable, query.topics))
        ranges: list[str | None] = [*topics] if 0 < len(topics) <= _RANGES else [None]
        name = storable(job_id)
        branches: list[str] = []
        parameters: list[object] = []
        for topic in ranges:
            texts = ["number = (SELECT number FROM jobs WHERE job_id = ?)", "seq > ?"]
            values: list[object] = [name, bounded(query.after)]
            if topic is not None:
                texts.append("topic = ?")
                values.append(topic)
            elif topics:
                texts.append(f"topic IN ({', '.join('?' * len(topics))})")
                values.extend(topics)
            if query.since:
                texts.append("at >= ?")
                values.append(write_time(query.since))
            index = "" if topic is None else " INDEXED BY events_topic"
            branches.append(
                f"SELECT seq, attempt, at, topic, level, step, message FROM events{index} WHERE {' AND '.join(texts)}"
            )
            parameters.extend(values)
        statement = " UNION ALL ".join(branches)
        if query.tail is not None:
            statement = f"SELECT * FROM ({statement} ORDER BY 1 DESC LIMIT ?)"
            parameters.append(bounded(max(0, query.tail)))
        statement = f"{statement} ORDER BY 1 LIMIT ?"
        parameters.append(bounded(max(0, query.limit)))
        with self._connections.reader() as reader:
            rows = reader.execute(statement, parameters).fetchall()
        return [
            JobEvent(
                job_id=job_id,
                seq=seq,
                attempt=attempt,
                at=read_time(at),
                topic=topic,
                level=level,
                step=step,
                message=message,
            )
            for seq, attempt, at, topic, level, step, message in rows
        ]


class SQLiteUploads(UploadStore):
    """Records of the vault in ``uploads``."""

    def __init__(self, connections: Connections, writer: Writer) -> None:
        self._connections = connections
        self._writer = writer

    def add(self, upload: Upload) -> None:
        row = (storable(upload.upload_id), write_time(upload.expires_at), write_document(upload))

        def work(connection: sqlite3.Connection) -> None:
            try:
                connection.execute("INSERT INTO uploads (upload_id, expires_at, document) VALUES (?, ?, ?)", row)
            except sqlite3.IntegrityError as exc:
                raise StaleRevision(f"An upload {upload.upload_id} exists already.") from exc

        self._writer.run(work)

    def get(self, upload_id: str) -> Upload:
        with self._connections.reader() as reader:
            row = reader.execute(
                "SELECT document FROM uploads WHERE upload_id = ?", (storable(upload_id),)
            ).fetchone()
        if row is None:
            raise NoSuchUpload(f"There is no upload {upload_id}, or it has expired.")
        return read_document(Upload, row[0])

    def remove(self, upload_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM uploads WHERE upload_id = ?", (storable(upload_id),))

        self._writer.run(work)

    def expired(self, at: datetime, limit: int = 100) -> Iterable[Upload]:
        with self._connections.reader() as reader:
            rows = reader.execute(
                "SELECT document FROM uploads WHERE expires_at <= ? ORDER BY expires_at, upload_id LIMIT ?",
                (write_time(at), bounded(limit)),
            ).fetchall()
        return [read_document(Upload, text) for (text,) in rows]
