"""Entity tags of a job's status (RFC 9110, 8.8.3): by them a client says what it knows already."""

from __future__ import annotations

import hashlib
import re

from weaverlite.models.job import Job

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def status_tag(job: Job) -> str:
    """Return the tag of a job's status: another one whenever its state, progress or message is.

    It is a weak one: hints beside the status change by the second, and a worker that repeats itself is no news.
    """
    said = f"{job.revision} {job.progress} {job.message}"
    return f'W/"{job.revision}-{hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:16]}"'


def is_known(header: str, tag: str) -> bool:
    """Whether an ``If-None-Match`` header names this tag; weak and strong ones count alike."""
    return header.strip() == "*" or _TAG.sub(r"\1", tag) in _TAG.findall(header)
