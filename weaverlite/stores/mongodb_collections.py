"""The collections of the MongoDB store: their indexes, how sure each write is, and what the driver's errors mean."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from pymongo import ASCENDING, DESCENDING, IndexModel, WriteConcern
from pymongo import errors as vendor
from pymongo.collection import Collection
from pymongo.database import Database

from weaverlite.errors import StoreError

#: The version of the schema that this release writes.
VERSION = 2

Document: TypeAlias = dict[str, Any]

#: For what must outlive a failover: promises to owners, and whose a job is.
_SURE = WriteConcern(w="majority", j=True)
#: For heartbeats and log lines: the next one comes soon.
_SWIFT = WriteConcern(w=1)
#: Larger texts are compressed: a document may have 16 MiB, and JSON escapes swell.
_LARGE = 1024 * 1024
_PAGE_ORDER = [("created_at", DESCENDING), ("_id", DESCENDING)]


class Collections:
    """The collections of one database, each with the write concern its writes want."""

    def __init__(self, database: Database[Document]) -> None:
        def sure(name: str) -> Collection[Document]:
            return database.get_collection(name, write_concern=_SURE)

        def swift(name: str) -> Collection[Document]:
            return database.get_collection(name, write_concern=_SWIFT)

        self.schema = sure("schema")
        self.jobs = sure("jobs")
        self.heartbeats = swift("jobs")
        #: Inputs and manifests: written before the job that points to them, under an id of their own.
        self.attachments = sure("attachments")
        self.tombstones = sure("tombstones")
        self.events = swift("events")
        #: What is deployed under an id, and where each of its revisions is.
        self.processes = sure("processes")
        self.revisions = sure("revisions")
        self.uploads = sure("uploads")

    def make_indexes(self) -> None:
        """Make every index that is not there yet."""
        equal: tuple[list[str], ...] = (
            [],
            ["status"],
            ["process_id"],
            ["process_id", "status"],
            ["owner"],
            ["owner", "status"],
            ["owner", "process_id"],
            ["owner", "process_id", "status"],
            ["tags"],
            ["owner", "tags"],
        )
        sorted_by: tuple[list[str], ...] = (
            ["owner", "started_at"],
            ["owner", "finished_at"],
            ["owner", "process_id", "created_at"],
            ["owner", "status", "created_at"],
        )
        filtered_by = ["status", "process_id", "created_at", "started_at", "seconds"]
        self.jobs.create_indexes(
            # One direction throughout: such an index is read either way. What is filtered by stands behind.
            [
                IndexModel([(name, ASCENDING) for name in dict.fromkeys([*names, "_id", *filtered_by])])
                for names in sorted_by
            ]
            + [
                IndexModel([("callback_at", ASCENDING)], sparse=True),
                # Only jobs that were asked for under a key have one: of two that want the same one is stored.
                IndexModel([("key", ASCENDING)], unique=True, sparse=True),
            ]
        )
        self.jobs.create_indexes(
            [IndexModel([*((name, ASCENDING) for name in names), *_PAGE_ORDER]) for names in equal]
            + [
                IndexModel(
                    [
                        ("status", ASCENDING),
                        ("needs", ASCENDING),
                        ("priority", DESCENDING),
                        ("created_at", ASCENDING),
                        ("_id", ASCENDING),
                    ]
                ),
                IndexModel([("expires_at", ASCENDING)]),
            ]
        )
        self.attachments.create_indexes([IndexModel([("job_id", ASCENDING)])])
        self.tombstones.create_indexes(
            [IndexModel([("leftovers", ASCENDING)], sparse=True), IndexModel([("key", ASCENDING)], sparse=True)]
        )
        self.events.create_indexes(
            [
                # Unique: that is what numbers events without a gap that a later, earlier-numbered one would fill.
                IndexModel([("job_id", ASCENDING), ("seq", ASCENDING)], unique=True),
                IndexModel([("job_id", ASCENDING), ("topic", ASCENDING), ("seq", ASCENDING)]),
            ]
        )
        self.processes.create_indexes([IndexModel([("deployed", ASCENDING), ("_id", ASCENDING)])])
        self.revisions.create_indexes([IndexModel([("process_id", ASCENDING), ("revision", ASCENDING)])])
        self.uploads.create_indexes([IndexModel([("expires_at", ASCENDING), ("_id", ASCENDING)])])


def pack(text: str) -> str | bytes:
    """Return ``text`` as it is stored: compressed when large."""
    return zlib.compress(text.encode("ascii"), 1) if len(text) > _LARGE else text


def unpack(stored: str | bytes) -> str:
    """Return the text that :func:`pack` was given."""
    return stored if isinstance(stored, str) else zlib.decompress(stored).decode("ascii")


@contextmanager
def mongodb_errors(where: str) -> Iterator[None]:
    """Translate what the driver says of the database ``where`` into a :class:`StoreError` with a sentence."""
    try:
        yield
    except vendor.InvalidOperation as exc:
        raise StoreError("The store is closed.") from exc
    except (vendor.ServerSelectionTimeoutError, vendor.AutoReconnect) as exc:
        raise StoreError(f"The database {where} cannot be reached: try again.") from exc
    except vendor.DocumentTooLarge as exc:
        raise StoreError(f"The record is larger than the database {where} can hold (16 MiB).") from exc
    except vendor.PyMongoError as exc:
        raise StoreError(f"The database {where} does not answer: {_reason(exc)}.") from exc


def _reason(exc: vendor.PyMongoError) -> str:
    return str(exc).partition(", full error")[0]
