"""The shared store: a MongoDB database (a replica set, or a single server) that any number of hosts use.

There are no transactions over several documents: each method is ordered so that a crash, or a lost race, between two
writes leaves what nobody can find, never half of something.
"""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient
from pymongo import errors as vendor
from pymongo.uri_parser import parse_uri

from weaverlite.errors import ConfigurationError
from weaverlite.settings import Settings
from weaverlite.stores.changes import Changes
from weaverlite.stores.interfaces import Store
from weaverlite.stores.mongodb_collections import VERSION, Collections, mongodb_errors
from weaverlite.stores.mongodb_jobs import MongoJobs
from weaverlite.stores.mongodb_records import MongoEvents, MongoProcesses, MongoUploads

_DATABASE = "weaverlite"


class MongoStore(Store):
    """All records in one database. Nothing is connected before the first use."""

    is_shared = True

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        """``timeout`` bounds each operation, with the search for a server, in seconds.

        :raises ConfigurationError: ``url`` is not one of MongoDB.
        """
        self._where = server_names(url)
        milliseconds = max(1, int(timeout * 1000))
        try:
            self._client: MongoClient[dict[str, Any]] = MongoClient(
                url,
                connect=False,
                appname="weaverlite",
                timeoutMS=milliseconds,
                serverSelectionTimeoutMS=milliseconds,
                connectTimeoutMS=milliseconds,
            )
            database = self._client.get_default_database(_DATABASE)
        except (vendor.PyMongoError, ValueError) as exc:
            raise ConfigurationError(_refusal(self._where, exc)) from exc
        self._collections = Collections(database)
        self.changes = Changes()
        self.jobs = MongoJobs(self._collections, self._where, self.changes)
        self.processes = MongoProcesses(self._collections, self._where)
        self.events = MongoEvents(self._collections, self._where)
        self.uploads = MongoUploads(self._collections, self._where)

    @classmethod
    def create(cls, settings: Settings) -> MongoStore:
        """Return the store that the settings name.

        :raises ConfigurationError: the URL is not one of MongoDB.
        """
        return cls(settings.store.url, timeout=settings.store.timeout.total_seconds())

    def migrate(self) -> None:
        with mongodb_errors(self._where):
            found = self._collections.schema.find_one({"_id": "schema"})
            if found is not None and found["version"] > VERSION:
                raise ConfigurationError(
                    f"The database at {self._where} was written by a newer release (schema version {found['version']}, "
                    f"this one knows {VERSION}): install that release, or let weaverlite.store.url name another one."
                )
            self._collections.make_indexes()
            if found is not None and found["version"] < 2:
                self.jobs.fill_columns()
            # $max: of two releases that start at once the newer one's word stands.
            self._collections.schema.update_one({"_id": "schema"}, {"$max": {"version": VERSION}}, upsert=True)
            self.jobs.finish_removals()

    def ping(self) -> None:
        with mongodb_errors(self._where):
            self._client.admin.command("ping")

    def close(self) -> None:
        self._client.close()

    jobs: MongoJobs


def server_names(url: str) -> str:
    """Return the hosts and the database that ``url`` names, without its password, for messages.

    :raises ConfigurationError: it is not a URL of MongoDB.
    """
    try:
        # Not those of mongodb+srv, which would ask a name server.
        parts = parse_uri(url.replace("mongodb+srv://", "mongodb://", 1), warn=False)
    except (vendor.PyMongoError, ValueError) as exc:
        raise ConfigurationError(_refusal(url.rpartition("@")[2], exc)) from exc
    hosts = ",".join(f"{host}:{port}" if port else str(host) for host, port in parts["nodelist"])
    return f"{hosts}/{parts['database'] or _DATABASE}"


def _refusal(where: str, exc: Exception) -> str:
    return f"weaverlite.store.url cannot name {where!r} ({exc}): use mongodb://host:27017/database."
