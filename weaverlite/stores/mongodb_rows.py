"""Jobs as documents of MongoDB: what of a record stands in members of its own, and the conditions over these."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from weaverlite.models.codec import write_time
from weaverlite.models.job import Job
from weaverlite.models.queries import JobQuery
from weaverlite.ogc.status import StatusCode
from weaverlite.stores.cursors import Place
from weaverlite.stores.mongodb_collections import Document
from weaverlite.stores.orders import durations
from weaverlite.stores.records import (
    bounded,
    prefix_end,
    storable,
    storable_or_none,
    write_owner,
    write_transition,
)


def whole(job: Job) -> Document:
    """Return every member of a new job but its id and what is kept apart."""
    document: Document = {
        "owner": storable_or_none(job.owner),
        "created_at": write_time(job.created_at),
        **edited(job),
        **write_transition(job),
    }
    if document["callback_at"] is None:
        # The index holds only those that are due some time.
        del document["callback_at"]
    if name := key(job):
        document["key"], document["digest"] = name, job.request_digest or ""
    return document


def edited(job: Job) -> Document:
    """Return the members that change only while a job waits to be started by its owner."""
    return {
        "process_id": storable(job.process_id),
        "priority": bounded(job.priority),
        "tags": [_tag(*item) for item in job.options.labels.items()],
    }


def key(job: Job) -> str | None:
    """Return the name of a job's idempotency key, None when it has none."""
    return None if job.idempotency_key is None else key_of(job.owner, job.idempotency_key)


def key_of(owner: str | None, name: str) -> str:
    """Return the name of a key among those of all owners."""
    return hashlib.sha256(json.dumps([write_owner(owner), storable(name)]).encode()).hexdigest()


def conditions_of(query: JobQuery) -> list[Document]:
    """Return what a job must be to fit a query."""
    conditions: list[Document] = []
    if not query.any_owner:
        conditions.append({"owner": storable_or_none(query.owner)})
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
    if query.callback_before:
        conditions.append({"callback_at": {"$lte": write_time(query.callback_before)}})
    if query.has_duration:
        least, most, begun_from, begun_until = durations(query)
        conditions.append(
            {
                "$or": [
                    {"seconds": {"$gte": least, "$lte": most}},
                    {"status": str(StatusCode.RUNNING), "started_at": {"$gte": begun_from, "$lte": begun_until}},
                ]
            }
        )
    return conditions


def conditions_after(place: Place, names: list[str]) -> list[Document]:
    """Return what a job must be to stand behind a place in the order of these members."""
    if place.after is None:
        return []
    sign = "$lt" if place.is_downward else "$gt"
    steps: list[dict[str, Any]] = []
    equal: Document = {}
    for name, value in zip(names, place.after, strict=True):
        steps.append({**equal, name: {sign: value}})
        equal = {**equal, name: value}
    # The first is a bound of the index; an $or alone is none.
    return [{names[0]: {f"{sign}e": place.after[0]}}, {"$or": steps}]


def _tag(name: str, value: str) -> str:
    return json.dumps([name, value], separators=(",", ":"))
