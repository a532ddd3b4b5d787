"""The one thread that writes to a SQLite file: what is asked at the same time is committed together.

One commit, and so one wait for the disk, serves everybody who was waiting. Each operation has a savepoint of its own:
one that fails takes nothing with it. Cursors never leave this thread: a cursor freed in another one spoils a statement
that is running here.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from weaverlite.errors import StoreError
from weaverlite.stores.connections import patiently, sqlite_errors

T = TypeVar("T")
_log = logging.getLogger(__name__)

#: Operations of one commit at most: bounds how long the first of them waits for the others.
_GROUP = 128


class _Operation(Generic[T]):
    """Work to do in a transaction, and its outcome once ``done`` can be acquired."""

    __slots__ = ("work", "durable", "result", "error", "done")

    def __init__(self, work: Callable[[sqlite3.Connection], T], durable: bool) -> None:
        self.work = work
        self.durable = durable
        self.result: T | None = None
        self.error: BaseException | None = None
        # A bare lock: half the cost of an event, and this is on the path of every write.
        self.done = threading.Lock()
        self.done.acquire()


class Writer:
    """Runs operations in transactions, in the order they came."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection], timeout: float, durably: str) -> None:
        """``durably`` is the ``synchronous`` level of groups that hold a durable operation; others are ``NORMAL``."""
        self._path = path
        self._connect = connect
        self._timeout = timeout
        self._durably = durably
        self._level = ""
        self._connection: sqlite3.Connection | None = None
        self._waiting: queue.SimpleQueue[_Operation[Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = False) -> T:
        """Run ``work`` in a transaction and return its result once that is committed; on an error nothing is written.

        ``work`` may run in company of others, must be quick, and must return plain values. When ``durable``, the
        result survives a power cut.

        :raises StoreError: the file cannot be written, or the store is closed.
        """
        operation = _Operation(work, durable)
        with self._lock:
            if self._closed:
                raise StoreError("The store is closed.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)
                self._thread.start()
            self._waiting.put(operation)
        operation.done.acquire()
        if operation.error is not None:
            with sqlite_errors(self._path):
                raise operation.error
        return cast(T, operation.result)

    def close(self) -> None:
        """Commit what was asked, then end. Idempotent."""
        with self._lock:
            self._closed = True
            thread = self._thread
            if thread is None:
                return
            self._waiting.put(None)
        thread.join()

    def _serve(self) -> None:
        ending = False
        while not ending:
            group: list[_Operation[Any]] = []
            item = self._waiting.get()
            while item is not None:
                group.append(item)
                if len(group) == _GROUP:
                    break
                try:
                    item = self._waiting.get_nowait()
                except queue.Empty:
                    break
            else:
                ending = True
            if group:
                self._commit(group)
                for operation in group:
                    operation.done.release()
        self._drop()

    def _commit(self, group: list[_Operation[Any]]) -> None:
        try:
            connection = self._ready(any(operation.durable for operation in group))
            patiently(connection, "BEGIN IMMEDIATE", self._timeout)
            if len(group) == 1:
                self._run_alone(connection, group[0])
            else:
                for operation in group:
                    self._run_in_company(connection, operation)
            if connection.in_transaction:
                connection.execute("COMMIT")
        except BaseException as exc:
            # The callers wait for an answer, whatever it was.
            if not isinstance(exc, sqlite3.Error):
                _log.exception("The writer of %s failed", self._path)
            for operation in group:
                operation.result, operation.error = None, operation.error or exc
            self._rollback()

    def _run_alone(self, connection: sqlite3.Connection, operation: _Operation[Any]) -> None:
        try:
            operation.result = operation.work(connection)
        except Exception as exc:
            operation.error = exc
            self._rollback()

    def _run_in_company(self, connection: sqlite3.Connection, operation: _Operation[Any]) -> None:
        connection.execute("SAVEPOINT operation")
        try:
            operation.result = operation.work(connection)
        except Exception as exc:
            if not connection.in_transaction:
                # SQLite gave up the whole transaction (a full disk, say): nothing of the group is there.
                raise
            operation.error = exc
            connection.execute("ROLLBACK TO operation")
        connection.execute("RELEASE operation")

    def _ready(self, durable: bool) -> sqlite3.Connection:
        if self._connection is None:
            self._connection, self._level = self._connect(), ""
        level = self._durably if durable else "NORMAL"
        if level != self._level:
            patiently(self._connection, f"PRAGMA synchronous = {level}", self._timeout)
            self._level = level
        return self._connection

    def _rollback(self) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
