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
from weaverlite.models.queries import JobQuery, KeyUse, Page
from weaverlite.models.results import Manifest
from weaverlite.ogc.status import StatusCode
from weaverlite.stores import mongodb_rows as rows_of
from weaverlite.stores.changes import Changes
from weaverlite.stores.interfaces import JobStore
from weaverlite.stores.mongodb_collections import Collections, Document, mongodb_errors, pack, unpack
from weaverlite.stores.mongodb_rows import conditions_after, conditions_of
from weaverlite.stores.orders import ORDERS, page_place
from weaverlite.stores.records import (
    read_job,
    read_needs,
    storable,
    write_document,
    write_inputs,
    write_times,
    write_transition,
)

_READ = ("document", "updated_at", "beat_at", "progress", "message")
_RECORD = {name: 1 for name in _READ}
#: Candidates read at once: of several workers that want the first one each finds another without asking again.
_CANDIDATES = 8
#: The driver sends a limit as 32 bits.
_MOST = 2**31 - 1
#: Events removed at once: the log of a talkative job takes longer than one operation may.
_SLICE = 10_000


class MongoJobs(JobStore):
    """Jobs in the collections ``jobs``, ``attachments`` and ``tombstones``."""

    def __init__(self, collections: Collections, where: str, changes: Changes) -> None:
        self._collections = collections
        self._where = where
        self._changes = changes

    def add(self, job: Job, inputs: Mapping[str, Any], definition: Mapping[str, Any] | None = None) -> None:
        name, key = storable(job.job_id), rows_of.key(job)
        with self._errors():
            if self._collections.tombstones.find_one(_either(name, key), {"_id": 1}):
                raise StaleRevision(f"A job {job.job_id}, or one of the same key, existed already.")
            with self._attached(name, inputs=_text(inputs), definition=_text(definition)) as pointers:
                try:
                    self._collections.jobs.insert_one({"_id": name, **rows_of.whole(job), **pointers})
                except vendor.DuplicateKeyError as exc:
                    raise StaleRevision(f"A job {job.job_id}, or one of the same key, exists already.") from exc
                if key and self._collections.tombstones.find_one({"key": key}, {"_id": 1}):
                    # The job of this key was removed since we looked: its tombstone was there before it went.
                    self._collections.jobs.delete_one({"_id": name, "revision": job.revision})
                    raise StaleRevision("A job of the same key existed already.")
        self._changes.announce(job.job_id)

    def keyed(self, owner: str | None, key: str) -> KeyUse | None:
        wanted = {"key": rows_of.key_of(owner, key)}
        with self._errors():
            # In this order: the tombstone is there before the job goes.
            found = self._collections.jobs.find_one(wanted, {"digest": 1}) or self._collections.tombstones.find_one(
                wanted, {"digest": 1}
            )
        return KeyUse(job_id=found["_id"], digest=found["digest"]) if found else None

    def get(self, job_id: str) -> Job:
        return _job(self._one(job_id, _RECORD))

    def inputs(self, job_id: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self._attachment(job_id, "inputs") or "{}")
        return found

    def definition(self, job_id: str) -> Mapping[str, Any] | None:
        text = self._attachment(job_id, "definition")
        return None if text is None else json.loads(text)

    def manifest(self, job_id: str) -> Manifest | None:
        text = self._attachment(job_id, "manifest")
        return None if text is None else Manifest.from_json(json.loads(text))

    def save(
        self,
        job: Job,
        manifest: Manifest | None = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        definition: Mapping[str, Any] | None = None,
    ) -> None:
        edits = {} if inputs is None and definition is None else rows_of.edited(job)
        texts = {
            "inputs": _text(inputs),
            "definition": _text(definition),
            "manifest": None if manifest is None else pack(write_document(manifest.to_json())),
        }
        with self._errors(), self._attached(storable(job.job_id), **texts) as pointers:
            self._replace(job, {**edits, **pointers})
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
        place = page_place(query)
        names = ["_id" if column == "job_id" else column for column in ORDERS[query.sort]]
        conditions = [*conditions_of(query), *conditions_after(place, names)]
        if query.limit < 1:
            return Page(items=())
        way = DESCENDING if place.is_downward else ASCENDING
        with self._errors():
            found = list(
                self._collections.jobs.find(
                    {"$and": conditions} if conditions else {}, {**_RECORD, **{name: 1 for name in names}}
                )
                .sort([(name, way) for name in names])
                .skip(min(query.offset, _MOST))
                .limit(min(query.limit, _MOST - 1) + 1)
            )
        shown, following, preceding = place.cut(
            found, query.limit, query.offset, lambda document: tuple(document[name] for name in names)
        )
        return Page(items=tuple(map(_job, shown)), next_cursor=following, prev_cursor=preceding)

    def count(self, query: JobQuery) -> Mapping[str, int]:
        conditions = conditions_of(query)
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
            kept = {"key": key, "digest": job.request_digest or ""} if (key := rows_of.key(job)) else {}
            self._collections.tombstones.update_one(
                {"_id": name}, {"$setOnInsert": {"removed_at": write_time(at), "leftovers": True, **kept}}, upsert=True
            )
            if not self._collections.jobs.delete_one({"_id": name}).deleted_count:
                raise JobRemoved(f"The job {job_id} was removed with its results.")
            self._sweep(name)
        self._changes.announce(job_id)

    def fill_columns(self) -> None:
        """Give records of version 1 what lists are sorted by since version 2."""
        with self._errors():
            for found in self._collections.jobs.find({"started_at": {"$exists": False}}, {**_RECORD, "revision": 1}):
                # Whoever saves it meanwhile writes the same.
                self._collections.jobs.update_one(
                    {"_id": found["_id"], "revision": found["revision"]}, {"$set": write_times(_job(found))}
                )

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

    def _replace(self, job: Job, others: Mapping[str, Any]) -> None:
        if not self._swap(job, others):
            self._one(job.job_id, {"_id": 1})
            raise StaleRevision(f"The job {job.job_id} has changed since it was read at revision {job.revision - 1}.")

    def _swap(self, job: Job, others: Mapping[str, Any]) -> bool:
        """Put the transition in place of the revision it was made of; return whether that was still there."""
        changes: Document = {**write_transition(job), **others}
        update: Document = {"$set": changes}
        if job.callback_at is None:
            # The index holds only those that are due some time.
            del changes["callback_at"]
            update["$unset"] = {"callback_at": ""}
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
    def _attached(self, name: str, **texts: str | bytes | None) -> Iterator[dict[str, ObjectId]]:
        """Store attachments for the block that makes a job point to them; they go again if the block loses."""
        pointers = {pointer: ObjectId() for pointer, text in texts.items() if text is not None}
        for pointer, attachment in pointers.items():
            self._collections.attachments.insert_one({"_id": attachment, "job_id": name, "document": texts[pointer]})
        try:
            yield pointers
        except (StaleRevision, NoSuchJob, JobRemoved):
            for attachment in pointers.values():
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


def _text(document: Mapping[str, Any] | None) -> str | bytes | None:
    return None if document is None else pack(write_inputs(document))


def _either(name: str, key: str | None) -> Document:
    return {"_id": name} if key is None else {"$or": [{"_id": name}, {"key": key}]}
