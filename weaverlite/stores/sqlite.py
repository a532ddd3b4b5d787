"""The embedded store: one SQLite file on a local disk, shared by the processes of one host."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

from weaverlite.errors import ConfigurationError, StoreError
from weaverlite.settings import Settings
from weaverlite.stores.changes import Changes
from weaverlite.stores.connections import Connections, sqlite_errors
from weaverlite.stores.filesystems import network_filesystem
from weaverlite.stores.interfaces import Store
from weaverlite.stores.migrations import migrate, read_steps
from weaverlite.stores.sqlite_jobs import SQLiteJobs
from weaverlite.stores.sqlite_records import SQLiteEvents, SQLiteProcesses, SQLiteUploads
from weaverlite.stores.writer import Writer

_LEVELS = ("FULL", "NORMAL")


class SQLiteStore(Store):
    """All records in the file at ``path``. Nothing is opened before the first use."""

    is_shared = False

    def __init__(self, path: Path, *, timeout: float = 5.0, synchronous: str = "FULL") -> None:
        """``timeout`` is how long another process may keep us from writing, in seconds.

        ``synchronous`` is SQLite's word for what durable operations survive: ``FULL`` a power cut, ``NORMAL`` a crash.

        :raises ConfigurationError: ``synchronous`` is another word.
        """
        if synchronous.upper() not in _LEVELS:
            raise ConfigurationError(
                f"weaverlite.store.synchronous cannot be {synchronous!r}: use FULL (survives a power cut) or NORMAL "
                "(survives a crash)."
            )
        self.path = path
        self._timeout = timeout
        self._closed = False
        self._connections = Connections(path, timeout)
        self._writer = Writer(path, self._connections.open, timeout, synchronous.upper())
        self.changes = Changes()
        self.jobs = SQLiteJobs(self._connections, self._writer, self.changes)
        self.processes = SQLiteProcesses(self._connections, self._writer)
        self.events = SQLiteEvents(self._connections, self._writer)
        self.uploads = SQLiteUploads(self._connections, self._writer)

    @classmethod
    def create(cls, settings: Settings) -> SQLiteStore:
        """Return the store that the settings name.

        :raises ConfigurationError: the URL is not one of a SQLite file.
        """
        return cls(
            database_path(settings.store.url, settings.data),
            timeout=settings.store.timeout.total_seconds(),
            synchronous=settings.store.synchronous,
        )

    def migrate(self) -> None:
        if self._closed:
            raise StoreError("The store is closed.")
        self._prepare_file()
        with sqlite_errors(self.path):
            connection = self._connections.open(create=True)
            try:
                migrate(connection, self.path, read_steps(), self._timeout)
            finally:
                connection.close()

    def ping(self) -> None:
        with self._connections.reader() as reader:
            # Asks the file, and a table of ours: a constant would answer without either.
            reader.execute("SELECT 1 FROM deployed LIMIT 1").fetchone()

    def close(self) -> None:
        self._closed = True
        self._writer.close()
        self._connections.close()

    def _prepare_file(self) -> None:
        directory = self.path.parent
        try:
            directory.mkdir(parents=True, exist_ok=True)
            kind = network_filesystem(directory)
            if kind:
                raise ConfigurationError(
                    f"{self.path} is on a network file system ({kind}), where SQLite loses data: let weaverlite.data "
                    "or weaverlite.store.url name a local disk, or use a mongodb:// store."
                )
            # Inputs of jobs are in it: from the first moment only for its owner. SQLite gives its log the same mode.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as exc:
            raise ConfigurationError(
                f"{self.path} cannot be written ({exc.strerror}): let weaverlite.data or weaverlite.store.url name a "
                "place where this user may write."
            ) from exc


def database_path(url: str, data: Path) -> Path:
    """Return the file that ``url`` names.

    ``sqlite://`` is one in ``data``, ``sqlite:///a.db`` a relative path, ``sqlite:////a.db`` an absolute one.

    :raises ConfigurationError: it names none.
    """
    scheme, separator, rest = url.partition("://")
    if scheme == "sqlite" and separator and not rest:
        return data / "weaverlite.db"
    name = unquote(rest[1:])
    if scheme != "sqlite" or not rest.startswith("/") or not name or name.endswith("/") or name == ":memory:":
        raise ConfigurationError(
            f"weaverlite.store.url cannot be {url!r}: use sqlite:// (a file in the data directory), "
            "sqlite:///relative/path.db or sqlite:////absolute/path.db."
        )
    return Path(name)
