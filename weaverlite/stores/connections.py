"""Connections to one SQLite file: how they are opened, pooled for readers, and what their errors mean."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from weaverlite.errors import StoreError

#: Pages of the log after which it is copied into the database: a copy costs two syncs, a longer log slower reads.
_CHECKPOINT_PAGES = 4000
_LOG_LIMIT = 64 * 1024 * 1024
#: Readers kept open when nobody reads; more are opened when more threads read at once.
_IDLE_READERS = 8
#: How long we sleep when another process holds a lock, first and at most. SQLite's own waiting sleeps up to 100 ms.
FIRST_PAUSE, LONGEST_PAUSE = 0.0005, 0.01


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Translate what SQLite says of the file at ``path`` into a :class:`StoreError` with a sentence."""
    try:
        yield
    except sqlite3.Error as exc:
        raise StoreError(_sentence(exc, path)) from exc


def is_busy(exc: sqlite3.Error) -> bool:
    """Whether another connection holds the lock that was asked for."""
    code: int = getattr(exc, "sqlite_errorcode", 0) or 0
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL)


def patiently(connection: sqlite3.Connection, statement: str, timeout: float) -> Any:
    """Execute a statement, again and again while another connection is in the way; return its first row, if any.

    SQLite waits by itself only for some locks. Not for that of a change to the write-ahead log, and not for the one
    that the first statement of any connection may need: who opens a file when its last user has just closed it, or
    died, finds the log being copied or rebuilt.
    """
    deadline, pause = time.monotonic() + timeout, FIRST_PAUSE
    while True:
        try:
            return connection.execute(statement).fetchone()
        except sqlite3.OperationalError as exc:
            if not is_busy(exc) or time.monotonic() >= deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _sentence(exc: sqlite3.Error, path: Path) -> str:
    code = (getattr(exc, "sqlite_errorcode", 0) or 0) & 0xFF
    if code == sqlite3.SQLITE_BUSY:
        return f"The database {path} is held by another process: try again."
    if code == sqlite3.SQLITE_FULL:
        return f"The disk of the database {path} is full: free some space."
    if code == sqlite3.SQLITE_CANTOPEN:
        return f"The database {path} cannot be opened: it is missing, or its directory cannot be written."
    if code == sqlite3.SQLITE_READONLY:
        return f"The database {path} cannot be written: check the owner and the mode of the file and its directory."
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return f"The database {path} is damaged: restore it from a copy."
    return f"The database {path} does not answer: {exc}."


class Connections:
    """Opens connections to one file, and keeps some for readers.

    A reader is used by one thread at a time and comes back with no cursor open; it is not tied to a thread, because
    threads come and go with the jobs they watch.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        self.path = path
        self._timeout = timeout
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    def open(self, *, create: bool = False) -> sqlite3.Connection:
        """Return a new connection for writing, outside any transaction; the file must be there unless ``create``."""
        return self._open("rwc" if create else "rw", wait=0.0)

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that cannot write.

        :raises StoreError: the file cannot be read, or the store is closed.
        """
        with sqlite_errors(self.path):
            connection = self._take()
            try:
                yield connection
            except sqlite3.Error:
                # Whatever it was, the next reader starts afresh.
                connection.close()
                raise
            except BaseException:
                self._give(connection)
                raise
            self._give(connection)

    def close(self) -> None:
        """Close the readers; those lent are closed when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StoreError("The store is closed.")
            if self._idle:
                return self._idle.pop()
        connection = self._open("rw", wait=self._timeout)
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _give(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < _IDLE_READERS:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self, mode: str, wait: float) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode={mode}",
            uri=True,
            timeout=wait,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            connection.execute("PRAGMA temp_store = MEMORY")
            patiently(connection, f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}", self._timeout)
            patiently(connection, f"PRAGMA journal_size_limit = {_LOG_LIMIT}", self._timeout)
        except sqlite3.Error:
            connection.close()
            raise
        return connection
