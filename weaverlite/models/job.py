"""A job: one execution of one revision of a process, and the table of what may happen to it.

The verbs return a new :class:`Job` or raise :class:`~weaverlite.errors.IllegalTransition`. Time is an argument, so
nothing here reads a clock. Whoever stores the result must do it by compare-and-set on ``revision``: of two writers that
saw the same job only one gets its transition.

::

    created  → accepted | dismissed
    accepted → running | failed | dismissed
    running  → successful | failed | dismissed | accepted (a retry)
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from weaverlite.errors import IllegalTransition, WorkerLost
from weaverlite.models.options import Needs, Options
from weaverlite.models.subscriber import Delivery, Subscriber, owed
from weaverlite.ogc.status import StatusCode

TRANSITIONS: Mapping[StatusCode, frozenset[StatusCode]] = {
    StatusCode.CREATED: frozenset({StatusCode.ACCEPTED, StatusCode.DISMISSED}),
    StatusCode.ACCEPTED: frozenset({StatusCode.RUNNING, StatusCode.FAILED, StatusCode.DISMISSED}),
    StatusCode.RUNNING: frozenset(
        {StatusCode.SUCCESSFUL, StatusCode.FAILED, StatusCode.DISMISSED, StatusCode.ACCEPTED}
    ),
    StatusCode.SUCCESSFUL: frozenset(),
    StatusCode.FAILED: frozenset(),
    StatusCode.DISMISSED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Resources an attempt used: CPU seconds (user and system, with children) and peak memory in bytes."""

    cpu_seconds: float | None = None
    peak_memory: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One start of a job on one worker. A retry is a new attempt of the same job; ``number`` begins at one."""

    number: int
    worker: str
    started_at: datetime
    finished_at: datetime | None = None
    exit_code: int | None = None
    usage: Usage = Usage()
    #: How it ended, for programs: ``successful`` or the ``reason`` of an execution error.
    ended: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The record of a job. Its inputs, manifest and events are kept apart: they may be large, this is small."""

    job_id: str
    process_id: str
    process_revision: int
    created_at: datetime
    #: Grows by one with every transition; a save succeeds only over the revision it was read at.
    revision: int = 0
    owner: str | None = None
    #: What its owner calls it; both may be empty.
    title: str = ""
    description: str = ""
    status: StatusCode = StatusCode.CREATED
    message: str = ""
    progress: int = 0
    #: ``async`` or ``sync``, as the client asked.
    mode: str = "async"
    #: The ``outputs`` member of the request; None when all are wanted, ``{}`` when none.
    requested_outputs: Mapping[str, Any] | None = None
    #: The ``response`` member of the request (``raw``, ``document``), None when the body did not say.
    response: str | None = None
    #: ``Prefer: return`` of the request (``minimal``, ``representation``), None when it did not say.
    returns: str | None = None
    options: Options = Options()
    needs: Needs = Needs()
    priority: int = 0
    max_attempts: int = 1
    attempts: tuple[Attempt, ...] = ()
    #: The worker that holds the job while it runs, and when it last said so.
    worker: str | None = None
    beat_at: datetime | None = None
    dismissal_asked_at: datetime | None = None
    #: An RFC 9457 problem document once the job has failed.
    failure: Mapping[str, Any] | None = None
    accepted_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime | None = None
    #: When an accepted job that has not started fails, and when a running one must have ended.
    queue_deadline: datetime | None = None
    run_deadline: datetime | None = None
    #: When record and results may be removed, or a job that still waits for its start.
    expires_at: datetime | None = None
    #: The word of the client by which a repeated request is known, and the digest of what it asked for.
    idempotency_key: str | None = None
    request_digest: str | None = None
    #: When somebody is to be called back about this job; None while there is nothing to tell.
    callback_at: datetime | None = None
    #: Who is to be told of the job, and what is still to be told, in order.
    subscriber: Subscriber | None = None
    deliveries: tuple[Delivery, ...] = ()
    #: The job whose input this one makes.
    parent_id: str | None = None

    @property
    def attempt(self) -> int:
        """The number of the present attempt: the fencing number of everything a worker writes. Zero before a start."""
        return len(self.attempts)

    @property
    def is_terminal(self) -> bool:
        return self.status.is_terminal

    @property
    def seconds(self) -> float | None:
        """How long it took from its first start to its end; None before, and when it never started."""
        if not self.is_terminal or self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()

    # ------------------------------------------------------------ transitions

    def edit(self, successor: Job, at: datetime) -> Job:
        """Return ``successor``, made of a changed request, in place of this job, which was not started yet.

        :raises IllegalTransition: it was started.
        """
        if self.status is not StatusCode.CREATED:
            raise IllegalTransition(f"A job that is {self.status} cannot be changed.")
        return replace(
            successor,
            job_id=self.job_id,
            created_at=self.created_at,
            owner=self.owner,
            status=StatusCode.CREATED,
            returns=self.returns,
            idempotency_key=self.idempotency_key,
            request_digest=self.request_digest,
            revision=self.revision + 1,
            updated_at=max(at, self.updated_at or at),
        )

    def accept(self, at: datetime) -> Job:
        """Return the job as promised to its owner: from now on it reaches exactly one terminal status."""
        return self._become(
            StatusCode.ACCEPTED,
            at,
            accepted_at=at,
            expires_at=None,
            message="waiting for its nested processes" if self.needs.held else "waiting for a worker",
        )

    def belonging(self, parent: Job, job_id: str) -> Job:
        """Return the job that was not accepted yet as one that makes an input of ``parent``."""
        return replace(self, job_id=job_id, parent_id=parent.job_id)

    def held(self) -> Job:
        """Return the job that was not accepted yet as one that waits for others first, however long that takes."""
        return replace(self, needs=replace(self.needs, held=True), queue_deadline=None)

    def release(self, at: datetime) -> Job:
        """Return the accepted job that was held for its children as one that any worker may claim."""
        if self.status is not StatusCode.ACCEPTED or not self.needs.held:
            raise IllegalTransition(f"A job that is {self.status} and waits for no others cannot be released.")
        at = max(at, self.updated_at or at)
        timeouts = self.options.timeouts
        limits = [
            at + timeouts.queue if timeouts.queue else None,
            self.accepted_at + timeouts.total if timeouts.total and self.accepted_at else None,
        ]
        return replace(
            self,
            revision=self.revision + 1,
            updated_at=at,
            needs=replace(self.needs, held=False),
            queue_deadline=min((limit for limit in limits if limit), default=None),
            message="waiting for a worker",
        )

    def start(self, worker: str, at: datetime) -> Job:
        """Return the job as held by ``worker``, with a new attempt opened."""
        opened = Attempt(number=self.attempt + 1, worker=worker, started_at=at)
        execution = self.options.timeouts.execution
        total = self.options.timeouts.total
        limits = [
            at + execution if execution else None,
            self.accepted_at + total if total and self.accepted_at else None,
        ]
        return self._become(
            StatusCode.RUNNING,
            at,
            worker=worker,
            beat_at=at,
            started_at=self.started_at or at,
            attempts=(*self.attempts, opened),
            run_deadline=min((limit for limit in limits if limit), default=None),
            message="started",
            progress=0,
        )

    def report(self, progress: int, message: str, at: datetime) -> Job:
        """Return the job with news of its progress (0 to 100). Not a transition: the revision stays."""
        return replace(self, progress=max(0, min(100, progress)), message=message or self.message, updated_at=at)

    def succeed(self, at: datetime, *, exit_code: int | None = 0, usage: Usage = Usage()) -> Job:
        """Return the job as ended well."""
        return self._end(StatusCode.SUCCESSFUL, at, "successful", exit_code, usage, progress=100, message="done")

    def fail(
        self,
        problem: Mapping[str, Any],
        at: datetime,
        *,
        exit_code: int | None = None,
        usage: Usage = Usage(),
    ) -> Job:
        """Return the job as failed, with the problem document that its results will answer."""
        return self._end(
            StatusCode.FAILED,
            at,
            str(problem.get("reason", "failed")),
            exit_code,
            usage,
            failure=problem,
            message=str(problem.get("detail", "failed")),
        )

    def ask_dismissal(self, at: datetime) -> Job:
        """Return the running job with its dismissal asked: whoever holds it stops it and says ``dismiss``."""
        if self.status is not StatusCode.RUNNING:
            raise IllegalTransition(f"A job that is {self.status} cannot be asked to stop.")
        if self.dismissal_asked_at:
            return self
        return replace(
            self, revision=self.revision + 1, dismissal_asked_at=at, updated_at=at, message="dismissal asked: stopping"
        )

    def dismiss(self, at: datetime, *, exit_code: int | None = None, usage: Usage = Usage()) -> Job:
        """Return the job as dismissed."""
        return self._end(StatusCode.DISMISSED, at, "dismissed", exit_code, usage, message="dismissed")

    def retry(self, at: datetime, why: str) -> Job:
        """Return the job as waiting again, after its worker was lost (``why``) or gave it back.

        :raises IllegalTransition: no attempts are left, or its dismissal was asked.
        """
        if self.attempt >= self.max_attempts:
            raise IllegalTransition(f"The job has used its {self.max_attempts} attempts.")
        if self.dismissal_asked_at:
            raise IllegalTransition("The dismissal of the job was asked.")
        ended = self._closed_attempts(at, WorkerLost.reason, None, Usage())
        return self._become(
            StatusCode.ACCEPTED,
            at,
            attempts=ended,
            worker=None,
            beat_at=None,
            run_deadline=None,
            message=f"waiting for another attempt: {why}",
            progress=0,
        )

    def hand_back(self, at: datetime) -> Job:
        """Return the job as accepted again without having spent an attempt: its worker stops before starting it."""
        return self._become(
            StatusCode.ACCEPTED,
            at,
            attempts=self.attempts[:-1],
            worker=None,
            beat_at=None,
            run_deadline=None,
            message="waiting for a worker",
        )

    # ------------------------------------------------------------ deliveries

    def hold_delivery(self, at: datetime, until: datetime) -> Job:
        """Return the job with its first delivery held by whoever saves this, until then at most.

        :raises IllegalTransition: none is due at ``at``.
        """
        if not self.deliveries or self.deliveries[0].due_at > at:
            raise IllegalTransition("The job owes nobody a call now.")
        first, *rest = self.deliveries
        return replace(self, revision=self.revision + 1, **_outbox((first.hold(until), *rest)))

    def settle_delivery(self, held: Delivery, again_at: datetime | None) -> Job:
        """Return the job with a held delivery made or given up, or, with ``again_at``, put off until then.

        :raises IllegalTransition: it is not held any more: somebody else took it over.
        """
        if held not in self.deliveries:
            raise IllegalTransition("The call is somebody else's by now.")
        is_over = again_at is None or (self.is_terminal and not held.status.is_terminal)
        after = tuple(
            item if item != held or again_at is None else item.postpone(again_at)
            for item in self.deliveries
            if item != held or not is_over
        )
        return replace(self, revision=self.revision + 1, **_outbox(after))

    # ------------------------------------------------------------ inner

    def _become(self, status: StatusCode, at: datetime, **changes: Any) -> Job:
        if status not in TRANSITIONS[self.status]:
            raise IllegalTransition(f"A job that is {self.status} cannot become {status}.")
        # A worker's clock may run behind: times of one job never run backwards.
        at = max(at, self.updated_at or at)
        # Once for all attempts: that it runs again is no news to a subscriber.
        if self.subscriber and not (status is StatusCode.RUNNING and self.started_at):
            changes.update(_outbox(owed(self.subscriber, self.deliveries, status, at)))
        return replace(self, status=status, revision=self.revision + 1, updated_at=at, **changes)

    def _end(
        self, status: StatusCode, at: datetime, ended: str, exit_code: int | None, usage: Usage, **changes: Any
    ) -> Job:
        at = max(at, self.updated_at or at)
        keep = self.options.keep
        return self._become(
            status,
            at,
            finished_at=at,
            attempts=self._closed_attempts(at, ended, exit_code, usage),
            worker=None,
            beat_at=None,
            queue_deadline=None,
            run_deadline=None,
            expires_at=at + keep if keep is not None else None,
            **changes,
        )

    def _closed_attempts(
        self, at: datetime, ended: str, exit_code: int | None, usage: Usage
    ) -> tuple[Attempt, ...]:
        if not self.attempts or self.attempts[-1].finished_at:
            return self.attempts
        last = replace(self.attempts[-1], finished_at=at, exit_code=exit_code, usage=usage, ended=ended)
        return (*self.attempts[:-1], last)


def _outbox(deliveries: tuple[Delivery, ...]) -> dict[str, Any]:
    # One after the other: nobody hears of the end of a job before its beginning.
    return {"deliveries": deliveries, "callback_at": deliveries[0].due_at if deliveries else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """One entry of a job's stream of events; history and logs are two filters of it.

    ``topic`` is ``status`` (transitions), ``service`` (our own words: staging, publishing, warnings), ``stdout`` or
    ``stderr`` (one line of the tool without its newline; a workflow step's name in ``step``), or ``callback`` (a call
    of a subscriber and what came of it). ``seq`` grows along the job's stream and is given by the store: zero before.
    """

    job_id: str
    attempt: int
    at: datetime
    topic: str
    message: str
    level: str = "info"
    step: str = ""
    seq: int = 0


TOPICS = ("status", "service", "stdout", "stderr", "callback")


def new_job_id() -> str:
    """Return an id that cannot be guessed (UUID version 4)."""
    return str(uuid.uuid4())
