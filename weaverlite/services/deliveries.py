"""Deliveries: the calls that jobs owe their subscribers, made one after the other until they arrive or are given up.

Each is taken out of the record of its job by compare-and-set, so of several services one makes it; whoever dies on the
way lets go of it after a while. A call may therefore come twice, never not at all while the service lives: receivers
tell doubles by the id of the message.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from weaverlite.errors import IllegalTransition, JobRemoved, NoSuchJob, StaleRevision, StoreError
from weaverlite.models.job import Job, JobEvent
from weaverlite.models.queries import JobQuery
from weaverlite.models.subscriber import Delivery
from weaverlite.ogc.status import StatusCode
from weaverlite.services.clock import utc_now
from weaverlite.stores.interfaces import Store
from weaverlite.transfer.interfaces import Called, Caller

#: Makes what a subscriber is sent when the job has become this: the results of a successful one, else its status.
Compose = Callable[[Job, StatusCode], Mapping[str, Any]]

#: How much longer each wait is than the one before, and the longest. Eight calls from 5 seconds on span a day.
_GROWTH, _LONGEST = 6, timedelta(hours=12)

_log = logging.getLogger(__name__)


class Deliveries:
    """Finds what is due and delivers it. Safe from any thread."""

    def __init__(
        self,
        store: Store,
        caller: Caller,
        compose: Compose,
        *,
        attempts: int = 8,
        lease: timedelta = timedelta(seconds=30),
        pause: timedelta = timedelta(seconds=5),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """``lease`` must be longer than a call may take; ``pause`` is the wait before the second call."""
        self._store = store
        self._caller = caller
        self._compose = compose
        self._attempts = attempts
        self._lease = lease
        self._pause = pause
        self._clock = clock

    def due(self, limit: int) -> Sequence[Job]:
        """Return jobs that owe a call now."""
        return self._store.jobs.find(JobQuery(callback_before=self._clock(), limit=limit)).items

    def deliver(self, job: Job) -> None:
        """Make the first call that the job owes, and record what came of it; do nothing if somebody else is at it."""
        at = self._clock()
        try:
            job = job.hold_delivery(at, at + self._lease)
            self._store.jobs.save(job)
        except (StaleRevision, IllegalTransition, NoSuchJob, JobRemoved):
            return
        delivery = job.deliveries[0]
        uri = job.subscriber.uri(delivery.status) if job.subscriber else None
        if uri is not None:
            called = self._call(job, delivery, uri)
            self._settle(job, delivery, self._next(delivery, called))
            self._tell(job, delivery, called)

    def _call(self, job: Job, delivery: Delivery, uri: str) -> Called:
        try:
            body = json.dumps(self._compose(job, delivery.status), ensure_ascii=False).encode("utf-8", "replace")
        except Exception as error:
            # What a job left may be gone, or the store away; either way the next call tries again.
            _log.warning("what subscribers of job %s are sent could not be made: %s", job.job_id, error)
            return Called(is_delivered=False, detail=f"The message could not be made: {error}", may_pass=True)
        return self._caller.call(uri, f"{job.job_id}.{delivery.status}", self._clock(), body)

    def _next(self, delivery: Delivery, called: Called) -> datetime | None:
        """Return when the call is made again, None if never."""
        if called.is_delivered or not called.may_pass or delivery.tries + 1 >= self._attempts:
            return None
        return self._clock() + min(self._pause * int(_GROWTH ** min(delivery.tries, 10)), _LONGEST)

    def _settle(self, job: Job, delivery: Delivery, again_at: datetime | None) -> None:
        while True:
            try:
                self._store.jobs.save(job.settle_delivery(delivery, again_at))
                return
            except StaleRevision:
                # The job went on meanwhile.
                try:
                    job = self._store.jobs.get(job.job_id)
                except (NoSuchJob, JobRemoved):
                    return
            except (IllegalTransition, NoSuchJob, JobRemoved):
                return

    def _tell(self, job: Job, delivery: Delivery, called: Called) -> None:
        """Record the call in the history of the job."""
        what = "was told" if called.is_delivered else "could not be told"
        event = JobEvent(
            job_id=job.job_id,
            attempt=job.attempt,
            at=self._clock(),
            topic="callback",
            level="info" if called.is_delivered else "warning",
            message=f"The subscriber {what} that the job is {delivery.status}: {called.detail}",
        )
        try:
            self._store.events.append([event])
        except StoreError as error:
            _log.warning("an event of job %s is lost: %s", job.job_id, error.detail)
