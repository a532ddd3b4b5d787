"""How nouns are written down: JSON text for what is only read back, plain members for what a store filters by.

Both stores write the same documents. JSON text is ASCII, so that no text a client can send (a lone surrogate, a key
with a dollar sign) means anything to a backend.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from weaverlite.models.codec import from_json, to_json, write_time
from weaverlite.models.job import Job
from weaverlite.models.options import Needs

T = TypeVar("T")

#: Members of a job that change without a transition: kept beside its document, not in it.
LIVE_MEMBERS = ("updated_at", "beat_at", "progress", "message")

_encode = json.JSONEncoder(separators=(",", ":")).encode


def write_document(value: Any) -> str:
    """Return the text of a dataclass, or of plain JSON."""
    return _encode(to_json(value))


def read_document(cls: type[T], text: str) -> T:
    """Return the dataclass that :func:`write_document` wrote."""
    return from_json(cls, json.loads(text))


def write_job(job: Job) -> str:
    """Return the text of a job without its live members."""
    members = to_json(job)
    for name in LIVE_MEMBERS:
        members.pop(name, None)
    return _encode(members)


def read_job(text: str, updated_at: str | None, beat_at: str | None, progress: int, message: str) -> Job:
    """Return the job of a document and its live members."""
    members = json.loads(text)
    members["updated_at"] = updated_at
    members["beat_at"] = beat_at
    members["progress"] = progress
    members["message"] = message
    return from_json(Job, members)


def write_transition(job: Job) -> dict[str, Any]:
    """Return what a transition can change, each as both stores keep it and under the name they keep it."""
    return {
        "revision": job.revision,
        "status": str(job.status),
        "attempt": job.attempt,
        "needs": write_needs(job.needs),
        "queue_deadline": write_optional_time(job.queue_deadline),
        "expires_at": write_optional_time(job.expires_at),
        "updated_at": write_optional_time(job.updated_at),
        "beat_at": write_optional_time(job.beat_at),
        "progress": job.progress,
        "message": storable(job.message),
        "document": write_job(job),
        "callback_at": write_optional_time(job.callback_at),
        **write_times(job),
    }


def write_times(job: Job) -> dict[str, Any]:
    """Return the members of version 2 that records of version 1 lack. Empty, not null: then all stand in one order."""
    return {
        "started_at": write_optional_time(job.started_at) or "",
        "finished_at": write_optional_time(job.finished_at) or "",
        "seconds": job.seconds,
    }


def write_optional_time(at: datetime | None) -> str | None:
    """Return a time as text that sorts, or None."""
    return None if at is None else write_time(at)


def write_needs(needs: Needs) -> str:
    """Return the one text of these needs: equal needs have equal text."""
    sizes = [float(needs.cores), int(needs.memory), int(needs.disk)]
    said = [needs.engine, sorted(needs.schemes), needs.publisher, *sizes]
    return _encode([*said, True] if needs.held else said)


@lru_cache(maxsize=4096)
def read_needs(text: str) -> Needs:
    """Return the needs that :func:`write_needs` wrote."""
    engine, schemes, publisher, cores, memory, disk, *held = json.loads(text)
    return Needs(
        engine=engine,
        schemes=frozenset(schemes),
        publisher=publisher,
        cores=cores,
        memory=memory,
        disk=disk,
        held=bool(held),
    )


def write_inputs(inputs: Mapping[str, Any]) -> str:
    """Return the text of a job's inputs, which are plain JSON already."""
    return _encode(dict(inputs))


def storable(text: str) -> str:
    """Return ``text`` as every backend can hold it: a lone surrogate, which UTF-8 cannot say, becomes ``?``."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def storable_or_none(text: str | None) -> str | None:
    """Return what may be nothing as every backend can hold it."""
    return None if text is None else storable(text)


def write_owner(owner: str | None) -> str:
    """Return an owner as a part of a key; nobody has the shortest."""
    return "" if owner is None else "=" + storable(owner)


def bounded(number: int) -> int:
    """Return ``number``, or the nearest one that fits the 64 bits of every backend."""
    return max(-(2**63), min(2**63 - 1, number))


def prefix_end(prefix: str) -> str:
    """Return a text that sorts after everything that begins with ``prefix``."""
    return prefix + "\U0010ffff"
