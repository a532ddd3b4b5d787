"""Whose a job is: to everybody else there is no such job."""

from __future__ import annotations

from weaverlite.errors import NoSuchJob
from weaverlite.models.job import Job
from weaverlite.stores.interfaces import JobStore


def own_job(jobs: JobStore, job_id: str, owner: str | None) -> Job:
    """Return the job of this owner.

    :raises NoSuchJob: there is none, or it is another owner's.
    :raises JobRemoved: it was removed.
    """
    job = jobs.get(job_id)
    if job.owner != owner:
        raise NoSuchJob(f"There is no job {job_id!r}.")
    return job
