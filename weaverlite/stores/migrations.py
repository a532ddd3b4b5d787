"""The versions of the SQLite schema, and the way from each to the next.

A file carries ``PRAGMA user_version``: the number of steps it has seen. Each step is one transaction, so a process that
dies while it migrates leaves the version it began with, and of two that migrate at once one waits for the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from weaverlite.errors import ConfigurationError
from weaverlite.stores.connections import patiently

#: "WvLt": what ``file`` and we tell our databases by.
APPLICATION_ID = 0x57764C74
#: Files of SQL, oldest first; the version of this release is their number.
STEPS: tuple[str, ...] = ("schema.sql", "schema-2.sql")
#: Up to this size a file is checked whole at each start (some 20 ms); larger ones show damage when it is read.
_CHECKED_SIZE = 16 * 1024 * 1024


def read_steps() -> tuple[str, ...]:
    """Return the SQL of each step."""
    here = files("weaverlite.stores")
    return tuple(here.joinpath(name).read_text(encoding="utf-8") for name in STEPS)


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[str], timeout: float) -> None:
    """Bring the database to version ``len(steps)``.

    :raises ConfigurationError: the file is of a newer release, of another program, or damaged; says what to do.
    """
    try:
        # Before anything else: every statement here may meet a process that starts on the same file.
        connection.execute(f"PRAGMA busy_timeout = {int(timeout * 1000)}")
        _recognise(connection, path, len(steps), timeout)
        _use_log(connection, path, timeout)
        for version, step in enumerate(steps):
            _take(connection, version, step, timeout)
    except sqlite3.DatabaseError as exc:
        code = (getattr(exc, "sqlite_errorcode", 0) or 0) & 0xFF
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise ConfigurationError(_damaged(path, str(exc))) from exc
        raise


def _recognise(connection: sqlite3.Connection, path: Path, newest: int, timeout: float) -> None:
    # One statement for both: between two somebody else may have taken the first step.
    application, tables = patiently(
        connection,
        "SELECT a.application_id, (SELECT count(*) FROM sqlite_master) FROM pragma_application_id() AS a",
        timeout,
    )
    if application != APPLICATION_ID and (application or tables):
        raise ConfigurationError(
            f"{path} is a database of another program: let weaverlite.store.url name a file that is not there yet."
        )
    (version,) = patiently(connection, "PRAGMA user_version", timeout)
    if version > newest:
        raise ConfigurationError(
            f"{path} was written by a newer release (schema version {version}, this one knows {newest}): "
            "install that release, or let weaverlite.store.url name another file."
        )
    if tables and path.stat().st_size <= _CHECKED_SIZE:
        (found,) = patiently(connection, "PRAGMA quick_check(1)", timeout)
        if found != "ok":
            raise ConfigurationError(_damaged(path, found))


def _use_log(connection: sqlite3.Connection, path: Path, timeout: float) -> None:
    # Two processes that start on a new file meet here; this one change of mode does not wait by itself.
    (mode,) = patiently(connection, "PRAGMA journal_mode = WAL", timeout)
    if mode != "wal":
        raise ConfigurationError(
            f"{path} is on a disk that cannot hold a write-ahead log (SQLite chose {mode!r}): use a local disk."
        )


def _take(connection: sqlite3.Connection, version: int, step: str, timeout: float) -> None:
    if patiently(connection, "PRAGMA user_version", timeout)[0] != version:
        return
    patiently(connection, "BEGIN IMMEDIATE", timeout)
    try:
        # Somebody else may have taken the step while we waited for the lock.
        if connection.execute("PRAGMA user_version").fetchone()[0] == version:
            for statement in _statements(step):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _statements(step: str) -> Iterator[str]:
    # Not executescript: it commits first, and a step is one transaction.
    statement = ""
    for line in step.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def _damaged(path: Path, found: str) -> str:
    return f"{path} is damaged, or not a database ({found}): move it away, or restore it from a copy."
