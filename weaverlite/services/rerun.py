"""A job once more: the request and the process of a new one, from the record of an old one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaverlite.errors import NoSuchProcess
from weaverlite.models.job import Job
from weaverlite.models.process import Process
from weaverlite.services.hidden import is_hidden
from weaverlite.services.requests import ExecuteRequest
from weaverlite.stores.interfaces import ProcessStore


def request_of(job: Job, inputs: Mapping[str, Any], service_url: str = "") -> ExecuteRequest:
    """Return the request that makes another job like this one, to be run asynchronously.

    Its inputs are those that were accepted, defaults included, so the new job differs from the old one only as the
    process does. Its key is not repeated: it was for the old job.
    """
    return ExecuteRequest(
        inputs=inputs,
        outputs=job.requested_outputs,
        response=job.response,
        returns=job.returns,
        subscriber=job.subscriber,
        options=job.options,
        service_url=service_url,
    )


def process_of(processes: ProcessStore, job: Job, *, same_revision: bool) -> Process:
    """Return the revision that the new job runs: the latest, or that of the old job.

    A process that was never deployed, as jobs bring their own, has only that one.

    :raises NoSuchProcess: the process is not deployed any more.
    """
    if same_revision:
        return processes.get(job.process_id, job.process_revision)
    try:
        return processes.get(job.process_id)
    except NoSuchProcess:
        own = processes.get(job.process_id, job.process_revision)
        if is_hidden(own):
            return own
        raise
