"""Processes that were never deployed: the package of a job that brought its own. They go with the last of its jobs."""

from __future__ import annotations

import uuid
from dataclasses import replace

from weaverlite.errors import NoSuchProcess
from weaverlite.models.job import Job
from weaverlite.models.process import Process
from weaverlite.models.queries import JobQuery
from weaverlite.stores.interfaces import Store

#: What the ids of hidden processes begin with; a deployed one may begin so too.
_PREFIX = "adhoc-"
PRIVATE = "private"


def new_hidden_id() -> str:
    """Return an id that cannot be guessed."""
    return f"{_PREFIX}{uuid.uuid4().hex}"


def hidden(process: Process) -> Process:
    """Return the process as one that only its jobs find."""
    return replace(process, visibility=PRIVATE, mutable=False)


def is_hidden(process: Process) -> bool:
    """Whether only jobs find the process."""
    return process.visibility == PRIVATE


def forget_hidden(store: Store, job: Job) -> None:
    """Remove the process of a job that was removed, if it was hidden and no other job needs it.

    A job that is made of it at the same moment, by a rerun, loses its process and fails: its owner removed it.
    """
    if not job.process_id.startswith(_PREFIX):
        return
    try:
        if not is_hidden(store.processes.get(job.process_id, job.process_revision)):
            return
    except NoSuchProcess:
        return
    others = JobQuery(any_owner=True, process_ids=frozenset({job.process_id}), limit=1)
    if not store.jobs.find(others).items:
        store.processes.forget(job.process_id)
