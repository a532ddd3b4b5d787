"""The life of a job as its owner sees it: submitted, watched, followed, dismissed.

Knows neither HTTP nor how jobs are run. The record is written before the bell is rung; whatever happens to the bell,
the job is found by a worker.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from weaverlite.errors import (
    IllegalTransition,
    NoSuchJob,
    QueueError,
    StaleRevision,
    StoreError,
    WeaverLiteError,
)
from weaverlite.models.job import Job, JobEvent
from weaverlite.models.process import Process
from weaverlite.models.queries import EventQuery, JobQuery, Page
from weaverlite.ogc.status import StatusCode
from weaverlite.queues.interfaces import Queue
from weaverlite.services.clock import utc_now
from weaverlite.services.estimates import Estimates
from weaverlite.services.hidden import forget_hidden
from weaverlite.services.keys import Submitted, check_use, digest_of
from weaverlite.services.naming import find_process, split_name
from weaverlite.services.nesting import Nesting
from weaverlite.services.ownership import own_job
from weaverlite.services.requests import ExecuteRequest, parse_execute
from weaverlite.services.rerun import process_of, request_of
from weaverlite.services.submission import Submission
from weaverlite.services.waiting import Waiting
from weaverlite.settings import ChainingSettings, LimitsSettings
from weaverlite.stores.interfaces import Store
from weaverlite.transfer.interfaces import Publisher, Stager

__all__ = ["ExecuteRequest", "Jobs", "parse_execute"]

#: How long a dismissal waits for the worker to stop the job, in seconds.
_STOPPING = 15.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dismissal:
    """What became of a job that was to be dismissed: the job as it is then, or why not."""

    job_id: str
    outcome: Job | WeaverLiteError


class Jobs:
    """The use cases of jobs. Safe from any thread."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        stagers: Mapping[str, Stager],
        publisher: Publisher,
        limits: LimitsSettings,
        *,
        host_commands: bool = True,
        held_threads: int = 24,
        chaining: ChainingSettings = ChainingSettings(),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """``stagers`` are by scheme; ``held_threads`` is how many waits and followers there may be at a time."""
        self._store = store
        self._queue = queue
        self._publisher = publisher
        self._clock = clock
        self._submission = Submission(store.processes, stagers, publisher.name, limits, host_commands, chaining)
        self.estimates = Estimates(store.jobs)
        self._waiting = Waiting(store, held_threads)
        #: Looks after jobs with nested processes.
        self.nesting = Nesting(store, self._submission.draft, self.announce, self._tell, clock)

    def close(self) -> None:
        """End every wait and every follower, now and from now on. Idempotent."""
        self._waiting.close()

    # ------------------------------------------------------------ submission

    def submit(self, process_id: str, request: ExecuteRequest, owner: str | None) -> Job:
        """Accept a job: from the return on it reaches exactly one terminal status, whatever happens here.

        Of a request that has come before under its idempotency key it is the job that was made then.

        :raises NoSuchProcess: there is no such process.
        :raises InvalidRequest: the request does not fit it; all faults at once (also InvalidInput, NoSuchOutput).
        :raises Refused: policy forbids it (ReferenceRefused: forbids the references).
        :raises KeyReused: the key was used for another request.
        :raises JobRemoved: the job of the key was removed.
        """
        return self.submit_once(process_id, request, owner).job

    def submit_once(self, process_id: str, request: ExecuteRequest, owner: str | None) -> Submitted:
        """Like :meth:`submit`, and tell whether the request had come before."""
        key = request.idempotency_key
        # What is wrong in itself is refused whatever the key says.
        digest = None if key is None or request.faults else digest_of(process_id, request)
        return self._once(
            key,
            digest,
            owner,
            lambda: self._submission.job(process_id, request, owner, self._clock()),
            request,
        )

    def rerun(
        self,
        job_id: str,
        owner: str | None,
        *,
        same_revision: bool = False,
        key: str | None = None,
        service_url: str = "",
    ) -> Submitted:
        """Accept a new job of the same inputs, outputs and options, on the latest revision or on the same one.

        Raises as :meth:`get` and as :meth:`submit`.
        """
        job = self.get(job_id, owner)

        def make() -> tuple[Job, Mapping[str, Any]]:
            at = self._clock()
            process = process_of(self._store.processes, job, same_revision=same_revision)
            request = request_of(job, self._store.jobs.inputs(job_id), service_url)
            draft, inputs = self._submission.draft(process, request, owner, at)
            return replace(draft, title=job.title, description=job.description).accept(at), inputs

        return self._once(key, digest_of(f"rerun {job_id} {same_revision}", ExecuteRequest()), owner, make)

    def _once(
        self,
        key: str | None,
        digest: str | None,
        owner: str | None,
        make: Callable[[], tuple[Job, Mapping[str, Any]]],
        request: ExecuteRequest = ExecuteRequest(),
    ) -> Submitted:
        def add() -> Job:
            job, inputs = make()
            if key is not None:
                job = replace(job, idempotency_key=key, request_digest=digest)
            self._store.jobs.add(job, inputs, request.own_words(inputs))
            return job

        return self.once(key, digest, owner, add)

    def once(self, key: str | None, digest: str | None, owner: str | None, add: Callable[[], Job]) -> Submitted:
        """Make a job and announce it, unless the owner's request of this key and digest made one before.

        ``add`` makes the job and stores it. Without a key, or without a digest, there is nothing to compare.

        :raises KeyReused: the key was used for another request.
        :raises JobRemoved: the job of the key was removed.
        """
        if replay := self._replay(key, digest, owner):
            return replay
        try:
            job = add()
        except StaleRevision:
            # The same request came at the same moment, and was faster.
            if replay := self._replay(key, digest, owner):
                return replay
            raise
        self.announce(job)
        return Submitted(job)

    def _replay(self, key: str | None, digest: str | None, owner: str | None) -> Submitted | None:
        use = None if key is None or digest is None else self._store.jobs.keyed(owner, key)
        if use is None or digest is None:
            return None
        check_use(use, digest)
        return Submitted(self.get(use.job_id, owner), is_replay=True)

    def check(self, process_id: str, request: ExecuteRequest, owner: str | None) -> tuple[Job, Mapping[str, Any]]:
        """Return the job and the inputs that :meth:`submit` would store. Raises as it, and stores nothing."""
        return self._submission.job(process_id, request, owner, self._clock())

    def draft(self, process: Process, request: ExecuteRequest, owner: str | None) -> tuple[Job, Mapping[str, Any]]:
        """Return a job of this process that was not accepted yet, and its inputs. Raises as :meth:`submit`."""
        return self._submission.draft(process, request, owner, self._clock())

    def announce(self, job: Job) -> None:
        """Tell the state of a job that was just stored in it; ring for one that waits for a worker."""
        self._tell(job, job.status.value)
        if job.status is not StatusCode.ACCEPTED:
            return
        if job.needs.held:
            self.nesting.advance(job)
            return
        try:
            self._queue.put(job.job_id, job.priority)
        except QueueError as error:
            # The job is promised; the reaper rings again.
            _log.warning("could not ring for job %s: %s", job.job_id, error, extra=_about(job, "ring"))

    def _tell(self, job: Job, message: str) -> None:
        event = JobEvent(job_id=job.job_id, attempt=job.attempt, at=self._clock(), topic="status", message=message)
        try:
            self._store.events.append([event])
        except StoreError as error:
            # The state is stored already, and says the same.
            _log.warning("could not record an event of job %s: %s", job.job_id, error, extra=_about(job, "event"))

    # ------------------------------------------------------------ questions

    def get(self, job_id: str, owner: str | None) -> Job:
        """Return the job.

        :raises NoSuchJob: there is none, or it is another owner's.
        :raises JobRemoved: it was removed.
        """
        return own_job(self._store.jobs, job_id, owner)

    def of_process(self, name: str, job_id: str, owner: str | None) -> Job:
        """Return the job if it is one of the process of this name (see :mod:`weaverlite.services.naming`).

        :raises NoSuchJob: it is not, or as :meth:`get`.
        :raises NoSuchProcess: there is no such version of the process.
        """
        job, (process_id, version) = self.get(job_id, owner), split_name(name)
        if job.process_id == process_id and (
            version is None or find_process(self._store.processes, name).revision == job.process_revision
        ):
            return job
        raise NoSuchJob(f"There is no job {job_id!r} of the process {name!r}.")

    def find(self, query: JobQuery, owner: str | None) -> Page[Job]:
        """Return a page of the owner's jobs.

        :raises NoSuchProcess: a process that is asked for never was there (OGC: .../job-list/processID-response).
        """
        for process_id in query.process_ids:
            # Any revision will do: jobs of an undeployed process are still found.
            self._store.processes.get(process_id, 1)
        return self._store.jobs.find(replace(query, any_owner=False, owner=owner))

    def inputs(self, job_id: str, owner: str | None) -> Mapping[str, object]:
        """Return the inputs the job was accepted with, defaults included. Raises as :meth:`get`."""
        self.get(job_id, owner)
        return self._store.jobs.inputs(job_id)

    def events(self, job_id: str, owner: str | None, query: EventQuery) -> Sequence[JobEvent]:
        """Return the events of the job that fit. Raises as :meth:`get`."""
        self.get(job_id, owner)
        return self._store.events.read(job_id, query)

    # ------------------------------------------------------------ waiting

    def wait(
        self, job_id: str, owner: str | None, seconds: float, until: Callable[[Job], bool] | None = None
    ) -> Job:
        """Return the job as soon as it is terminal, or is ``until`` says it should be, else as it is after ``seconds``.

        Returns at once when as many wait already as may.
        """
        return self._waiting.wait(self.get(job_id, owner), seconds, until or _has_ended)

    def follow(
        self, job_id: str, owner: str | None, query: EventQuery, stop: threading.Event
    ) -> Iterator[list[JobEvent] | None]:
        """Return the events of the job that fit, as they come, until it has ended or ``stop`` is set.

        None stands for a while without news. ``query.limit`` is how many come at a time. Whoever lets go of the
        iterator frees its place.

        :raises Overloaded: as many wait already as may.
        """
        self.get(job_id, owner)
        return self._waiting.follow(job_id, query, stop)

    # ------------------------------------------------------------ dismissal

    def dismiss(self, job_id: str, owner: str | None) -> Job:
        """Stop the job, or remove one that has ended with all its files; return it as it is then.

        A job that still runs when this returns will be stopped by its worker.

        :raises IllegalTransition: it ended by itself before it could be stopped, and keeps what it left.
        """
        return self._stopped(self._dismiss(job_id, owner), _STOPPING)

    def dismiss_all(self, job_ids: Sequence[str], owner: str | None) -> list[Dismissal]:
        """Dismiss each of these jobs; return what became of each, in their order. None keeps another from it."""
        begun: list[Job | WeaverLiteError] = []
        for job_id in job_ids:
            try:
                begun.append(self._dismiss(job_id, owner))
            except WeaverLiteError as error:
                begun.append(error)
        deadline = time.monotonic() + _STOPPING
        found = []
        for job_id, job in zip(job_ids, begun, strict=True):
            outcome = job
            if isinstance(job, Job):
                try:
                    outcome = self._stopped(job, deadline - time.monotonic())
                except WeaverLiteError as error:
                    outcome = error
            found.append(Dismissal(job_id, outcome))
        return found

    def _dismiss(self, job_id: str, owner: str | None) -> Job:
        """Return the job dismissed or removed, or running with its dismissal asked."""
        while True:
            job = self.get(job_id, owner)
            if job.is_terminal:
                return self._remove(job)
            try:
                if job.status is StatusCode.RUNNING:
                    return self._ask(job)
                dismissed = job.dismiss(self._clock())
                self._store.jobs.save(dismissed)
            except StaleRevision:
                # A worker was faster: look again, and decide by what is true now.
                continue
            self._tell(dismissed, "dismissed")
            self.nesting.ended(dismissed)
            return dismissed

    def _ask(self, job: Job) -> Job:
        if not job.dismissal_asked_at:
            job = job.ask_dismissal(self._clock())
            self._store.jobs.save(job)
        return job

    def _stopped(self, job: Job, seconds: float) -> Job:
        if job.is_terminal:
            return job
        job = self._waiting.wait(job, seconds, _has_ended)
        if job.is_terminal and job.status is not StatusCode.DISMISSED:
            raise IllegalTransition(
                f"The job {job.job_id} was {job.status} before it could be stopped, and keeps what it left: dismiss it "
                "once more to remove it."
            )
        return job

    def _remove(self, job: Job) -> Job:
        # Files first: if this is cut short, the record is still there to be dismissed again.
        self._publisher.remove(job.job_id)
        self._store.jobs.delete(job.job_id, self._clock())
        forget_hidden(self._store, job)
        return replace(job, status=StatusCode.DISMISSED, message="removed")


def _has_ended(job: Job) -> bool:
    return job.is_terminal


def _about(job: Job, action: str) -> dict[str, str]:
    return {"action": action, "job_id": job.job_id}
