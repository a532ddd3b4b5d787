"""Jobs in MongoDB. Every transition is one conditional update of one document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo import errors as vendor

from weaverlite.errors import IllegalTransition, JobRemoved, NoSuchJob, StaleRevision
from weaverlite.models.codec import write_time
from weaverlite.models.job import Job
from weaverlite.models.options import Offer
from weaverlite.models.queries import JobQuery, Page
from weaverlite.models.results import Manifest
from weaverlite.ogc.status import StatusCode
from weaverlite.stores.changes import Changes
from weaverlite.stores.cursors import read_cursor, write_cursor
from weaverlite.stores.interfaces import JobStore
from weaverlite.stores.mongodb_collections import Collections, Document, mongodb_errors, pack, unpack
from weaverlite.stores.records import (
    bounded,
    prefix_end,
    read_job,
    read_needs,
    storable,
    write_document,
    write_inputs,
    write_job,
    write_needs,
    write_optional_time,
)

_READ = ("document", "updated_at", "beat_at", "progress", "message")
_RECORD = {name: 1 for name in _READ}
#: Candidates read at once: of several workers that want the first one each finds another without asking again.
_CANDIDATES = 8
#: Events removed at once: the log of a talkative job takes longer than one operation may.
_SLICE = 10_000


class MongoJobs(JobStore):
    """Jobs in the collections ``jobs``, ``attachments`` and ``tombstones``."""

    def __init__(self, collections: Collections, where: str, changes: Changes) -> None:
        self._collections = collections
        self._where = where
        self._changes = changes

    def add(self, job: Job, inputs: Mapping[str, Any]) -> None:
        name, text = storable(job.job_id), pack(write_inputs(inputs))
        with self._errors():
            if self._collections.tombstones.find_one({"_id": name}, {"_id": 1}):
                raise StaleRevision(f"A job {job.job_id} existed already.")
            with self._attached(name, text) as attachment:
                try:
                    self._collections.jobs.insert_one({"_id": name, **_fixed(job), **_live(job), "inputs": attachment})
                except vendor.DuplicateKeyError as exc:
                    raise StaleRevision(f"A job {job.job_id} exists already.") from exc
        self._changes.announce(job.job_id)

    def get(self, job_id: str) -> Job:
        return _job(self._one(job_id, _RECORD))

    def inputs(self, job_id: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self._attachment(job_id, "inputs") or "{}")
        return found

    def manifest(self, job_id: str) -> Manifest | None:
        text = self._attachment(job_id, "manifest")
        return None if text is None else Manifest.from_json(json.loads(text))

    def save(self, job: Job, manifest: Manifest | None = None) -> None:
        with self._errors():
            if manifest is None:
                self._replace(job, {})
            else:
                text = pack(write_document(manifest.to_json()))
                with self._attached(storable(job.job_id), text) as attachment:
                    self._replace(job, {"manifest": attachment})
        self._changes.announce(job.job_id)

    def claim(self, offer: Offer, at: datetime, job_id: str | None = None) -> Job | None:
        with self._errors():
            while True:
                lost = False
                for candidate in self._candidates(offer, at, job_id):
                    job = _job(candidate)
                    if not offer.fits(job.needs) or (job.queue_deadline and job.queue_deadline <= at):
                        continue
                    started = job.start(offer.worker, at)
                    if self._swap(started, {}):
                        self._changes.announce(started.job_id)
                        return started
                    lost = True
                if not lost or job_id is not None:
                    return None

    def beat(self, job_id: str, attempt: int, at: datetime, progress: int | None = None, message: str = "") -> Job:
        now = write_time(at)
        newest: Document = {"beat_at": now}
        changed: Document = {}
        if progress is not None:
            changed["progress"] = max(0, min(100, progress))
        if message:
            changed["message"] = storable(message)
        if changed:
            newest["updated_at"] = now
        with self._errors():
            found = self._collections.heartbeats.find_one_and_update(
                {"_id": storable(job_id), "status": str(StatusCode.RUNNING), "attempt": attempt},
                {"$max": newest, **({"$set": changed} if changed else {})},
                projection=_RECORD,
                return_document=ReturnDocument.AFTER,
            )
        if found is None:
            self._one(job_id, {"_id": 1})
            raise StaleRevision(f"The job {job_id} does not run in attempt {attempt}.")
        return _job(found)

    def find(self, query: JobQuery) -> Page[Job]:
        conditions = _conditions(query)
        if query.cursor is not None:
            created_at, last = read_cursor(query.cursor, 2)
            # The first is a bound of the index; an $or alone is none.
            conditions += [
                {"created_at": {"$lte": created_at}},
                {"$or": [{"created_at": {"$lt": created_at}}, {"_id": {"$lt": last}}]},
            ]
        if query.limit < 1:
            return Page(items=())
        with self._errors():
            found = list(
                self._collections.jobs.find({"$and": conditions} if conditions else {}, {**_RECORD, "created_at": 1})
                .sort([("created_at", DESCENDING), ("_id", DESCENDING)])
                .limit(min(query.limit, 2**31 - 2) + 1)
            )
        cursor = None
        if len(found) > query.limit:
            found.pop()
            cursor = write_cursor(found[-1]["created_at"], found[-1]["_id"])
        return Page(items=tuple(map(_job, found)), next_cursor=cursor)

    def count(self, query: JobQuery) -> Mapping[str, int]:
        conditions = _conditions(query)
        with self._errors():
            groups = self._collections.jobs.aggregate(
                [
                    {"$match": {"$and": conditions} if conditions else {}},
                    {"$group": {"_id": "$status", "count": {"$sum": 1}}},
                ]
            )
            return {group["_id"]: group["count"] for group in groups}

    def delete(self, job_id: str, at: datetime) -> None:
        job = self.get(job_id)
        if not job.is_terminal:
            raise IllegalTransition(f"The job {job_id} is {job.status}: only a job that has ended can be removed.")
        name = storable(job_id)
        with self._errors():
            # From here on a crash leaves work for finish_removals.
            self._collections.tombstones.update_one(
                {"_id": name}, {"$setOnInsert": {"removed_at": write_time(at), "leftovers": True}}, upsert=True
            )
            if not self._collections.jobs.delete_one({"_id": name}).deleted_count:
                raise JobRemoved(f"The job {job_id} was removed with its results.")
            self._sweep(name)
        self._changes.announce(job_id)

    def finish_removals(self) -> None:
        """Finish what a process that died in :meth:`delete` left."""
        with self._errors():
            for tombstone in self._collections.tombstones.find({"leftovers": True}, {"_id": 1}):
                self._collections.jobs.delete_one({"_id": tombstone["_id"]})
                self._sweep(tombstone["_id"])

    def _sweep(self, name: str) -> None:
        newest = self._collections.events.find_one({"job_id": name}, {"seq": 1}, sort=[("seq", DESCENDING)])
        for last in range(_SLICE, (newest["seq"] if newest else 0) + _SLICE, _SLICE):
            self._collections.events.delete_many({"job_id": name, "seq": {"$lte": last}})
        self._collections.attachments.delete_many({"job_id": name})
        self._collections.tombstones.update_one({"_id": name}, {"$unset": {"leftovers": ""}})

    def _replace(self, job: Job, pointers: Mapping[str, ObjectId]) -> None:
        if not self._swap(job, pointers):
            self._one(job.job_id, {"_id": 1})
            raise StaleRevision(f"The job {job.job_id} has changed since it was read at revision {job.revision - 1}.")

    def _swap(self, job: Job, pointers: Mapping[str, ObjectId]) -> bool:
        """Put the transition in place of the revision it was made of; return whether that was still there."""
        changes: Document = {**_live(job), **pointers}
        update: Document = {"$set": changes}
        if job.status is StatusCode.RUNNING:
            # A worker may have beaten between the read this is made of and now: its news is kept.
            update["$max"] = {"beat_at": changes.pop("beat_at")}
            if job.dismissal_asked_at:
                del changes["progress"]
        done = self._collections.jobs.update_one({"_id": storable(job.job_id), "revision": job.revision - 1}, update)
        return done.matched_count == 1

    def _candidates(self, offer: Offer, at: datetime, job_id: str | None) -> list[Document]:
        waiting: Document = {"status": str(StatusCode.ACCEPTED)}
        if job_id is not None:
            return list(self._collections.jobs.find({**waiting, "_id": storable(job_id)}, _RECORD))
        kinds = [kind for kind in self._collections.jobs.distinct("needs", waiting) if offer.fits(read_needs(kind))]
        if not kinds:
            return []
        return list(
            self._collections.jobs.find(
                {
                    **waiting,
                    "needs": {"$in": kinds},
                    "$or": [{"queue_deadline": None}, {"queue_deadline": {"$gt": write_time(at)}}],
                },
                _RECORD,
            )
            .sort([("priority", DESCENDING), ("created_at", ASCENDING), ("_id", ASCENDING)])
            .limit(_CANDIDATES)
        )

    @contextmanager
    def _attached(self, name: str, text: str | bytes) -> Iterator[ObjectId]:
        """Store an attachment for the block that makes a job point to it; it goes again if the block loses."""
        attachment = ObjectId()
        self._collections.attachments.insert_one({"_id": attachment, "job_id": name, "document": text})
        try:
            yield attachment
        except (StaleRevision, NoSuchJob, JobRemoved):
            self._collections.attachments.delete_one({"_id": attachment})
            raise

    def _attachment(self, job_id: str, pointer: str) -> str | None:
        found = self._one(job_id, {pointer: 1})
        if found.get(pointer) is None:
            return None
        with self._errors():
            attachment = self._collections.attachments.find_one({"_id": found[pointer]})
        if attachment is None:
            # Removed between the two reads.
            raise JobRemoved(f"The job {job_id} was removed with its results.")
        return unpack(attachment["document"])

    def _one(self, job_id: str, projection: Mapping[str, Any]) -> Document:
        name = storable(job_id)
        with self._errors():
            found = self._collections.jobs.find_one({"_id": name}, projection)
            if found is not None:
                return found
            if self._collections.tombstones.find_one({"_id": name}, {"_id": 1}):
                raise JobRemoved(f"The job {job_id} was removed with its results.")
        raise NoSuchJob(f"There is no job {job_id}.")

    def _errors(self) -> Any:
        return mongodb_errors(self._where)


def _job(found: Mapping[str, Any]) -> Job:
    return read_job(*(found[name] for name in _READ))


def _fixed(job: Job) -> Document:
    return {
        "owner": None if job.owner is None else storable(job.owner),
        "process_id": storable(job.process_id),
        "priority": bounded(job.priority),
        "needs": write_needs(job.needs),
        "tags": [_tag(*item) for item in job.options.labels.items()],
        "created_at": write_time(job.created_at),
    }


def _live(job: Job) -> Document:
    return {
        "revision": job.revision,
        "status": str(job.status),
        "attempt": job.attempt,
        "queue_deadline": write_optional_time(job.queue_deadline),
        "expires_at": write_optional_time(job.expires_at),
        "updated_at": write_optional_time(job.updated_at),
        "beat_at": write_optional_time(job.beat_at),
        "progress": job.progress,
        "message": storable(job.message),
        "document": write_job(job),
    }


def _tag(name: str, value: str) -> str:
    return json.dumps([name, value], separators=(",", ":"))


def _conditions(query: JobQuery) -> list[Document]:
    conditions: list[Document] = []
    if not query.any_owner:
        conditions.append({"owner": None if query.owner is None else storable(query.owner)})
    if query.process_ids:
        conditions.append({"process_id": {"$in": sorted(map(storable, query.process_ids))}})
    if query.statuses:
        conditions.append({"status": {"$in": sorted(str(status) for status in query.statuses)}})
    if query.id_prefix:
        prefix = storable(query.id_prefix)
        conditions.append({"_id": {"$gte": prefix, "$lt": prefix_end(prefix)}})
    if query.tags:
        conditions.append({"tags": {"$all": sorted(_tag(*tag) for tag in query.tags)}})
    if query.created_from:
        conditions.append({"created_at": {"$gte": write_time(query.created_from)}})
    if query.created_until:
        conditions.append({"created_at": {"$lte": write_time(query.created_until)}})
    if query.accepted_before:
        conditions.append({"status": str(StatusCode.ACCEPTED)})
        conditions.append({"created_at": {"$lt": write_time(query.accepted_before)}})
    if query.silent_since:
        conditions.append({"status": str(StatusCode.RUNNING)})
        conditions.append({"beat_at": {"$lt": write_time(query.silent_since)}})
    if query.expired_at:
        conditions.append({"expires_at": {"$lte": write_time(query.expired_at)}})
    return conditions
