"""Write how an attempt ended, once, by compare-and-set; whoever was faster is respected."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from weaverlite.errors import (
    IllegalTransition,
    JobRemoved,
    NoSuchJob,
    StaleRevision,
    StoreError,
    WorkerLost,
)
from weaverlite.models.job import Job, JobEvent, Usage
from weaverlite.models.results import Manifest
from weaverlite.ogc.status import StatusCode
from weaverlite.stores.interfaces import Store

_log = logging.getLogger(__name__)

_FIRST_PAUSE, _LAST_PAUSE = 0.05, 2.0


def now() -> datetime:
    """Return the time, as jobs record it."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended, for the record.

    ``outcome`` is ``successful``, ``failed``, ``dismissed``, ``retry`` (its worker was lost, it may start again) or
    ``hand-back`` (it had not begun). ``problem`` is the document that says why, for ``failed`` and ``retry``.
    """

    outcome: str
    problem: Mapping[str, Any] | None = None
    exit_code: int | None = None
    usage: Usage = Usage()
    manifest: Manifest | None = None

    def apply(self, job: Job, at: datetime) -> Job:
        """Return the job after this ending.

        :raises IllegalTransition: it is not in a state for it.
        """
        problem = self.problem or WorkerLost().problem()
        if self.outcome == "successful":
            return job.succeed(at, exit_code=self.exit_code, usage=self.usage)
        if self.outcome == "dismissed":
            return job.dismiss(at, exit_code=self.exit_code, usage=self.usage)
        if self.outcome == "retry":
            return job.retry(at, str(problem["detail"]))
        if self.outcome == "hand-back":
            return job.hand_back(at)
        return job.fail(problem, at, exit_code=self.exit_code, usage=self.usage)


def may_retry(job: Job) -> bool:
    """Whether the job may be started again after its worker was lost: a second run does no harm, and is left."""
    return bool(job.options.idempotent) and job.attempt < job.max_attempts and job.dismissal_asked_at is None


def write_ending(store: Store, job: Job, ending: Ending, patience: float) -> Job | None:
    """Save the ending of the present attempt of ``job``, and its status event; return the job as it is then.

    None when nothing was written: the attempt is somebody else's by now, or the store did not answer for ``patience``
    seconds. A dismissal that was asked meanwhile wins over every other ending.
    """
    deadline = time.monotonic() + patience
    pause = _FIRST_PAUSE
    tried: Job | None = None
    while True:
        try:
            if tried is not None:
                found = _reload(store, job, tried)
                if found is tried:
                    tell_status(store, tried)
                if found is None or found is tried:
                    return found
                job, tried = found, None
            ending = _decided(job, ending)
            tried = ending.apply(job, now())
            store.jobs.save(tried, ending.manifest)
        except StaleRevision:
            # Reload and decide, above; at once.
            continue
        except (NoSuchJob, JobRemoved):
            return None
        except IllegalTransition:
            if ending.outcome not in ("retry", "hand-back"):
                return None
            ending, tried = replace(ending, outcome="failed"), None
        except StoreError as exc:
            if time.monotonic() + pause > deadline:
                _log.error("the end of job %s could not be recorded: %s", job.job_id, exc.detail)
                return None
            time.sleep(pause)
            pause = min(2 * pause, _LAST_PAUSE)
        else:
            tell_status(store, tried)
            return tried


def tell_status(store: Store, job: Job) -> None:
    """Append the event of a transition that was saved. It may be lost: the record itself is the truth."""
    attempt = job.attempt or 1
    message = str(job.status)
    if job.status is StatusCode.FAILED or (job.status is StatusCode.ACCEPTED and job.attempts):
        message = f"{job.status}: {job.message}"
    event = JobEvent(
        job_id=job.job_id,
        attempt=attempt,
        at=job.updated_at or now(),
        topic="status",
        level="error" if job.status is StatusCode.FAILED else "info",
        message=message,
    )
    try:
        store.events.append([event])
    except StoreError as exc:
        _log.warning("an event of job %s is lost: %s", job.job_id, exc.detail)


def _decided(job: Job, ending: Ending) -> Ending:
    if job.dismissal_asked_at is not None and ending.outcome != "dismissed":
        return replace(ending, outcome="dismissed")
    return ending


def _reload(store: Store, job: Job, tried: Job) -> Job | None:
    """Return the stored job: ``tried`` itself if our save was done after all, None if the attempt is not ours."""
    stored = store.jobs.get(job.job_id)
    is_written = stored.revision == tried.revision and stored.status is tried.status
    if is_written and stored.attempts[-1:] == tried.attempts[-1:]:
        return tried
    if stored.status is not StatusCode.RUNNING or stored.attempt != job.attempt:
        return None
    return stored
