"""How jobs are named, and what the answers about them mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote, urljoin, urlsplit

from weaverlite.client.connection import Connection, segment
from weaverlite.client.errors import ClientError, InvalidUsage, JobFailed
from weaverlite.client.monitor import is_over
from weaverlite.client.operation import JobHandle, OperationResult
from weaverlite.ogc.links import MONITOR
from weaverlite.ogc.status import StatusCode

_FULL_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_SHORTEST_PREFIX = 6

#: A job: its id, the beginning of it (six characters or more), its URL, or what ``execute`` returned.
JobReference = str | OperationResult


def locate_job(connection: Connection, job: JobReference) -> str:
    """Return the URL of a job.

    :raises InvalidUsage: nothing is named, or the beginning of an id fits several jobs.
    """
    if isinstance(job, JobHandle) and job.job_url:
        return job.job_url
    if isinstance(job, OperationResult):
        job = _id_of(job.body)
    if "://" in job:
        parts = urlsplit(connection.trust(job))
        return parts._replace(path=parts.path.rstrip("/"), query="", fragment="").geturl()
    if not job.strip("."):
        raise InvalidUsage("A job is missing: give its id, the beginning of it, or its URL.")
    if not _FULL_ID.match(job) and len(job) >= _SHORTEST_PREFIX:
        job = _complete(connection, job)
    return connection.locate(f"/jobs/{segment(job)}")


def _complete(connection: Connection, prefix: str) -> str:
    """Return the only job id that begins so; ``prefix`` itself when the service knows none, or no prefixes."""
    found = connection.call("GET", "/jobs", params={"prefix": prefix, "limit": 3})
    if found.code is None:
        found.check()
    jobs = found.body.get("jobs") if found.success and isinstance(found.body, Mapping) else None
    fitting = [name for job in jobs if (name := _id_of(job)).startswith(prefix)] if isinstance(jobs, list) else []
    if prefix in fitting or not fitting:
        return prefix
    if len(fitting) > 1:
        raise InvalidUsage(f"Several jobs begin with {prefix!r}: {', '.join(fitting)}. Give more of the id.")
    return fitting[0]


def handle_of(answer: OperationResult) -> JobHandle:
    """Return the answer of an execution as a handle of the job that it made, if it made one."""
    handle = JobHandle(**vars(answer))
    if not answer.success:
        return handle
    location = answer.headers.get("Location")
    if location is None:
        # A synchronous execution may tell its job so.
        monitors = [link["href"] for link in answer.links(MONITOR)]
        location = monitors[0] if monitors else None
    if location:
        handle.job_url = urljoin(answer.url, location).rstrip("/")
    told = _id_of(answer.body) if answer.code == 201 else ""
    handle.job_id = told or unquote(handle.job_url.rpartition("/")[2])
    return handle


def judge(answer: OperationResult) -> OperationResult:
    """Return an answer about a job's state as its outcome: false when the job failed or was dismissed."""
    if not answer.success or not is_over(answer.body) or answer.body["status"] == StatusCode.SUCCESSFUL:
        return answer
    status = str(answer.body["status"])
    problem = answer.body.get("exception")
    reason = problem.get("detail") or problem.get("title") if isinstance(problem, Mapping) else None
    reason = reason or answer.body.get("message")
    verb = "was dismissed" if status == StatusCode.DISMISSED else "failed"
    told = f"The job {_id_of(answer.body)} {verb}" + (f": {reason}" if reason else ".")
    return failed(answer, JobFailed(told, status))


def failed(answer: OperationResult, error: ClientError) -> OperationResult:
    """Return ``answer`` as a failure for the reason of ``error``."""
    return OperationResult(
        success=False,
        code=answer.code,
        message=str(error),
        headers=answer.headers,
        body=answer.body,
        error=error,
        url=answer.url,
    )


def refusal(error: ClientError) -> OperationResult:
    """Return the result of a call that ended before its own request."""
    return OperationResult(success=False, code=getattr(error, "status", None), message=str(error), error=error)


def _id_of(body: object) -> str:
    if not isinstance(body, Mapping):
        return ""
    return str(body.get("jobID") or body.get("id") or "")


__all__ = ["JobReference", "failed", "handle_of", "judge", "locate_job", "refusal"]
