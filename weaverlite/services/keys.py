"""Idempotency keys: a request that comes again under the same key makes no second job.

The key belongs to its owner and to what he asked for with it first: under the same key something else is refused. It
lives as long as the record of its job and, when that is removed, as long as its tombstone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weaverlite.errors import KeyReused
from weaverlite.models.codec import to_json
from weaverlite.models.job import Job
from weaverlite.models.queries import KeyUse
from weaverlite.services.requests import ExecuteRequest


@dataclass(frozen=True, slots=True)
class Submitted:
    """The job of a request; ``is_replay`` when the request had come before under its key."""

    job: Job
    is_replay: bool = False


def digest_of(what: str, request: ExecuteRequest) -> str:
    """Return the digest of what a request asks for; ``what`` names the process, or what else is done.

    Not of how it is to be answered: that is a matter of the job that was made first.
    """
    asked = [what, *(to_json(part) for part in (request.inputs, request.outputs, request.response, request.options))]
    asked.append(request.subscriber.to_json() if request.subscriber else None)
    return _digest(asked)


def digest_of_definition(document: Mapping[str, Any], *, starts: bool) -> str:
    """Return the digest of what makes a job of this definition, and starts it or not."""
    return _digest(["create", starts, document])


def _digest(asked: Any) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def check_use(use: KeyUse, digest: str) -> None:
    """Do nothing if the key was used for the same request.

    :raises KeyReused: it was another one.
    """
    if use.digest != digest:
        raise KeyReused(
            f"The Idempotency-Key was used for another request, which made the job {use.job_id}: choose a new key for "
            "each new request."
        )
