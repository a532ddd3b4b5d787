"""Processes, events and uploads in MongoDB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING
from pymongo import errors as vendor

from weaverlite.errors import DuplicatedProcess, NoSuchProcess, NoSuchUpload, StaleRevision
from weaverlite.models.codec import read_time, write_time
from weaverlite.models.job import JobEvent
from weaverlite.models.process import Process
from weaverlite.models.queries import EventQuery, Page, ProcessQuery
from weaverlite.models.upload import Upload
from weaverlite.stores.cursors import Place
from weaverlite.stores.interfaces import EventStore, ProcessStore, UploadStore
from weaverlite.stores.mongodb_collections import Collections, Document, mongodb_errors, pack, unpack
from weaverlite.stores.records import bounded, read_document, storable, write_document

#: The driver sends a limit as 32 bits.
_MOST = 2**31 - 1
_DUPLICATE = 11000


class MongoProcesses(ProcessStore):
    """One document in ``processes`` for each id: whether it is deployed, and where each revision is in ``revisions``.

    A revision is stored first, under an id of its own, and then made part of the process by a conditional update: of
    two that add the same number one loses, and what it stored is not reachable.
    """

    def __init__(self, collections: Collections, where: str) -> None:
        self._collections = collections
        self._where = where

    def add(self, process: Process, *, is_hidden: bool = False) -> None:
        name, number = storable(process.process_id), bounded(process.revision)
        place = ObjectId()
        with self._errors():
            self._collections.revisions.insert_one(
                {"_id": place, "process_id": name, "revision": number, "document": pack(write_document(process))}
            )
            state = {"deployed": not is_hidden, "listed": process.visibility != "private"}
            if not self._join(name, number, place, state):
                self._collections.revisions.delete_one({"_id": place})
                raise DuplicatedProcess(
                    f"The process {process.process_id} has other revisions already: replace it with PUT, or choose "
                    "another id."
                )

    def _join(self, name: str, number: int, place: ObjectId, state: Document) -> bool:
        if number == 1:
            try:
                self._collections.processes.insert_one({"_id": name, "latest": 1, "places": [place], **state})
            except vendor.DuplicateKeyError:
                return False
            return True
        joined = self._collections.processes.update_one(
            {"_id": name, "latest": number - 1},
            {"$set": {"latest": number, **state}, "$push": {"places": place}},
        )
        return joined.matched_count == 1

    def next_revision(self, process_id: str) -> int:
        with self._errors():
            found = self._collections.processes.find_one({"_id": storable(process_id)}, {"latest": 1})
        latest: int = found["latest"] if found else 0
        return latest + 1

    def get(self, process_id: str, revision: int | None = None) -> Process:
        with self._errors():
            found = self._collections.processes.find_one({"_id": storable(process_id)})
            if found is not None:
                place = _place(found, revision)
                body = place and self._collections.revisions.find_one({"_id": place}, {"document": 1})
                if body:
                    return read_document(Process, unpack(body["document"]))
        which = "" if revision is None else f" of revision {revision}"
        raise NoSuchProcess(f"There is no process {process_id}{which}.")

    def revisions(self, process_id: str, limit: int, before: int | None = None) -> Sequence[Process]:
        with self._errors():
            head = self._collections.processes.find_one({"_id": storable(process_id)})
            places: list[ObjectId] = head["places"] if head else []
            wanted = places[: max(0, len(places) if before is None else before - 1)][::-1][: max(0, limit)]
            bodies = {
                body["_id"]: body["document"]
                for body in self._collections.revisions.find({"_id": {"$in": wanted}}, {"document": 1})
            }
        return [read_document(Process, unpack(bodies[place])) for place in wanted if place in bodies]

    def find(self, query: ProcessQuery) -> Page[Process]:
        place = Place.read(query.cursor, "id", 1, is_descending=False)
        if query.limit < 1:
            return Page(items=())
        bound = {"_id": {"$lt" if place.is_downward else "$gt": place.after[0]}} if place.after else {}
        way = DESCENDING if place.is_downward else ASCENDING
        with self._errors():
            found = list(
                self._collections.processes.find({"deployed": True, "listed": {"$ne": False}, **bound})
                .sort([("deployed", way), ("_id", way)])
                .skip(min(query.offset, _MOST))
                .limit(min(query.limit, _MOST - 1) + 1)
            )
            heads, following, preceding = place.cut(found, query.limit, query.offset, lambda head: (head["_id"],))
            places = [head["places"][-1] for head in heads]
            bodies = {
                body["_id"]: body["document"]
                for body in self._collections.revisions.find({"_id": {"$in": places}}, {"document": 1})
            }
        items = tuple(read_document(Process, unpack(bodies[place])) for place in places if place in bodies)
        return Page(items=items, next_cursor=following, prev_cursor=preceding)

    def remove(self, process_id: str) -> None:
        with self._errors():
            done = self._collections.processes.update_one(
                {"_id": storable(process_id), "deployed": True}, {"$set": {"deployed": False}}
            )
        if not done.matched_count:
            raise NoSuchProcess(f"There is no process {process_id}.")

    def forget(self, process_id: str) -> None:
        name = storable(process_id)
        with self._errors():
            # The head first: what it does not name is not reachable, whatever stays after a crash.
            self._collections.processes.delete_one({"_id": name})
            self._collections.revisions.delete_many({"process_id": name})

    def _errors(self) -> Any:
        return mongodb_errors(self._where)


def _place(head: Document, revision: int | None) -> ObjectId | None:
    places: list[ObjectId] = head["places"]
    if revision is None:
        return places[-1] if head["deployed"] else None
    return places[revision - 1] if 1 <= revision <= len(places) else None


class MongoEvents(EventStore):
    """Events in ``events``.

    Each takes the number after the last one that is visible, and the unique index lets only one have it. So numbers
    appear in order: a follower that has read number n never misses a lower one that comes late, which a counter
    incremented before the events are stored would allow.
    """

    def __init__(self, collections: Collections, where: str) -> None:
        self._collections = collections
        self._where = where

    def append(self, events: Sequence[JobEvent]) -> int:
        last = 0
        with self._errors():
            for job_id, of_job in groupby(events, key=lambda event: event.job_id):
                name = storable(job_id)
                # Late words of a job that was removed would stay for ever.
                if self._collections.jobs.find_one({"_id": name}, {"_id": 1}):
                    last = self._append(name, [_write_event(name, event) for event in of_job])
        return last

    def _append(self, name: str, waiting: list[Document]) -> int:
        last = 0
        while waiting:
            newest = self._collections.events.find_one({"job_id": name}, {"seq": 1}, sort=[("seq", DESCENDING)])
            last = newest["seq"] if newest else 0
            for event in waiting:
                last += 1
                event["seq"] = last
                event["_id"] = ObjectId()
            try:
                self._collections.events.insert_many(waiting, ordered=True)
                return last
            except vendor.BulkWriteError as exc:
                if any(error["code"] != _DUPLICATE for error in exc.details["writeErrors"]):
                    raise
                # Somebody else took a number meanwhile: what is there stays, the rest is numbered again.
                waiting = waiting[exc.details["nInserted"] :]
        return last

    def read(self, job_id: str, query: EventQuery) -> Sequence[JobEvent]:
        conditions: Document = {"job_id": storable(job_id), "seq": {"$gt": bounded(query.after)}}
        if query.topics:
            conditions["topic"] = {"$in": sorted(map(storable, query.topics))}
        if query.since:
            conditions["at"] = {"$gte": write_time(query.since)}
        # A limit of zero is none for the driver.
        most = min(query.limit, _MOST)
        if most < 1 or (query.tail is not None and query.tail < 1):
            return []
        with self._errors():
            cursor = self._collections.events.find(conditions, {"_id": 0})
            if query.tail is None:
                found = list(cursor.sort("seq", ASCENDING).limit(most))
            else:
                found = list(cursor.sort("seq", DESCENDING).limit(min(query.tail, _MOST)))[::-1][:most]
        return [_read_event(job_id, document) for document in found]

    def _errors(self) -> Any:
        return mongodb_errors(self._where)


def _write_event(name: str, event: JobEvent) -> Document:
    return {
        "job_id": name,
        "attempt": event.attempt,
        "at": write_time(event.at),
        "topic": storable(event.topic),
        "level": storable(event.level),
        "step": storable(event.step),
        "message": storable(event.message),
    }


def _read_event(job_id: str, document: Document) -> JobEvent:
    return JobEvent(**{**document, "job_id": job_id, "at": read_time(document["at"])})


class MongoUploads(UploadStore):
    """Records of the vault in ``uploads``."""

    def __init__(self, collections: Collections, where: str) -> None:
        self._collections = collections
        self._where = where

    def add(self, upload: Upload) -> None:
        with self._errors():
            try:
                self._collections.uploads.insert_one(
                    {
                        "_id": storable(upload.upload_id),
                        "expires_at": write_time(upload.expires_at),
                        "document": write_document(upload),
                    }
                )
            except vendor.DuplicateKeyError as exc:
                raise StaleRevision(f"An upload {upload.upload_id} exists already.") from exc

    def get(self, upload_id: str) -> Upload:
        with self._errors():
            found = self._collections.uploads.find_one({"_id": storable(upload_id)})
        if found is None:
            raise NoSuchUpload(f"There is no upload {upload_id}, or it has expired.")
        return read_document(Upload, found["document"])

    def remove(self, upload_id: str) -> None:
        with self._errors():
            self._collections.uploads.delete_one({"_id": storable(upload_id)})

    def expired(self, at: datetime, limit: int = 100) -> Iterable[Upload]:
        if limit < 1:
            return []
        with self._errors():
            found = list(
                self._collections.uploads.find({"expires_at": {"$lte": write_time(at)}})
                .sort([("expires_at", ASCENDING), ("_id", ASCENDING)])
                .limit(min(limit, _MOST))
            )
        return [read_document(Upload, document["document"]) for document in found]

    def _errors(self) -> Any:
        return mongodb_errors(self._where)
