"""The life of jobs with nested processes: their children are made, waited for, and ended with them.

A job with nested processes is accepted but held: no worker can claim it, so it takes the place of none while others
make its inputs. Every step here looks at what is stored and does what is missing, by compare-and-set or under ids that
follow from the parent's; so it does not matter who takes it, how often, or where somebody died. It is taken when a job
is accepted, when one ends, and by the reaper for what was missed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from weaverlite.errors import (
    JobRemoved,
    NestedFailed,
    NoSuchJob,
    StaleRevision,
    WeaverLiteError,
)
from weaverlite.models.job import Job
from weaverlite.models.nested import INPUTS, Nested, nested_in
from weaverlite.models.options import Options
from weaverlite.models.process import Process
from weaverlite.ogc.status import StatusCode
from weaverlite.services.nested import REMOTE
from weaverlite.services.requests import ExecuteRequest
from weaverlite.stores.interfaces import Store

_log = logging.getLogger(__name__)

#: Makes a job that is not accepted yet, and its inputs, of a request for a process.
Draft = Callable[[Process, ExecuteRequest, str | None, datetime], tuple[Job, Mapping[str, Any]]]


class Nesting:
    """Looks after parents and children. Safe from any thread.

    ``announce`` tells of a job that became claimable, ``tell`` of another transition that was saved.
    """

    def __init__(
        self,
        store: Store,
        draft: Draft,
        announce: Callable[[Job], None],
        tell: Callable[[Job, str], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._draft = draft
        self._announce = announce
        self._tell = tell
        self._clock = clock

    def advance(self, job: Job) -> None:
        """Do what is due for a held job: make its children, release it when all have ended well, fail it when not."""
        children = []
        try:
            for nested in nested_in(self._store.jobs.inputs(job.job_id)):
                child = self._child(job, nested)
                if child.is_terminal and child.status is not StatusCode.SUCCESSFUL:
                    raise _failed(nested, child)
                children.append(child)
        except NestedFailed as error:
            self._save(job.fail(error.problem(), self._clock()), f"failed: {error.detail}")
            return
        except (NoSuchJob, JobRemoved):
            return
        if all(child.is_terminal for child in children):
            released = job.release(self._clock())
            if self._save(released, "the nested processes have ended"):
                self._announce(released)

    def ended(self, job: Job) -> None:
        """Do what follows from the end of a job: for its parent, and for children that still make inputs of it.

        Never raises: what is not done now is done by the reaper.
        """
        try:
            if job.parent_id is not None:
                parent = self._store.jobs.get(job.parent_id)
                if _is_held(parent):
                    self.advance(parent)
            if job.needs.held:
                self._dismiss_children(job)
        except (NoSuchJob, JobRemoved):
            return
        except WeaverLiteError as error:
            _log.warning("what follows from the end of job %s is left to be done: %s", job.job_id, error.detail)

    def look_after(self, job: Job) -> None:
        """Do what was missed for a job that has not ended: advance it, or dismiss it when nobody waits for it."""
        if _is_held(job):
            self.advance(job)
        if job.parent_id is not None and not self._is_wanted(job.parent_id):
            self._dismiss(job)

    # ------------------------------------------------------------ children

    def _child(self, job: Job, nested: Nested) -> Job:
        """Return the job of a nested process, made now if it is not there.

        :raises NestedFailed: it cannot be made, or is gone.
        """
        child_id = nested.job_id(job.job_id)
        try:
            return self._store.jobs.get(child_id)
        except JobRemoved as error:
            raise NestedFailed.at(nested.pointer, f"its job {child_id} was removed") from error
        except NoSuchJob:
            pass
        try:
            process, request = self._request(job, nested)
            child, inputs = self._draft(process, request, job.owner, self._clock())
        except WeaverLiteError as error:
            if error.status >= 500:
                raise
            raise NestedFailed.at(nested.pointer, f"it cannot be executed any more: {error.detail}") from error
        child = child.belonging(job, child_id).accept(self._clock())
        try:
            self._store.jobs.add(child, inputs)
        except StaleRevision:
            # Somebody else was faster, and announces it.
            return self._store.jobs.get(child_id)
        self._announce(child)
        return child

    def _request(self, job: Job, nested: Nested) -> tuple[Process, ExecuteRequest]:
        # A second run of the whole is as harmless as the parent says; its deadlines and tags are its own.
        options = Options(
            priority=job.options.priority, attempts=job.options.attempts, idempotent=job.options.idempotent
        )
        if not nested.is_remote:
            process = self._store.processes.get(nested.process, nested.revision)
            outputs: Mapping[str, Any] = {nested.output: {}} if nested.output else {}
            return process, ExecuteRequest(inputs=nested.inputs, outputs=outputs, options=options)
        process = self._store.processes.get(REMOTE)
        inputs: dict[str, Any] = {"process": nested.process, "inputs": {INPUTS: nested.inputs}}
        if nested.output:
            inputs["output"] = nested.output
        return process, ExecuteRequest(inputs=inputs, options=options)

    def _dismiss_children(self, job: Job) -> None:
        for nested in nested_in(self._store.jobs.inputs(job.job_id)):
            try:
                self._dismiss(self._store.jobs.get(nested.job_id(job.job_id)))
            except (NoSuchJob, JobRemoved):
                continue

    def _dismiss(self, job: Job) -> None:
        """Dismiss a job that nobody waits for; a worker that holds it hears of it."""
        while not job.is_terminal and job.dismissal_asked_at is None:
            at = self._clock()
            dismissed = job.ask_dismissal(at) if job.status is StatusCode.RUNNING else job.dismiss(at)
            try:
                self._store.jobs.save(dismissed)
            except StaleRevision:
                job = self._store.jobs.get(job.job_id)
                continue
            if dismissed.is_terminal:
                self._tell(dismissed, "dismissed: nobody waits for it")
                self.ended(dismissed)
            return

    def _is_wanted(self, parent_id: str) -> bool:
        try:
            return not self._store.jobs.get(parent_id).is_terminal
        except (NoSuchJob, JobRemoved):
            return False

    # ------------------------------------------------------------ inner

    def _save(self, job: Job, message: str) -> bool:
        """Save a transition; return whether that was still to be done."""
        try:
            self._store.jobs.save(job)
        except (StaleRevision, NoSuchJob, JobRemoved):
            return False
        self._tell(job, message)
        if job.is_terminal:
            self.ended(job)
        return True


def _is_held(job: Job) -> bool:
    return job.status is StatusCode.ACCEPTED and job.needs.held


def _failed(nested: Nested, child: Job) -> NestedFailed:
    """Return the failure that the end of a child is for its parent: its words, with the place down to the deepest."""
    if child.failure is None:
        return NestedFailed.at(nested.pointer, f"its job {child.job_id} was dismissed", job=child.job_id)
    said = str(child.failure.get("detail") or "it does not say why")
    faults = child.failure.get("errors")
    deeper = faults[0].get("pointer") if isinstance(faults, list) and faults else None
    pointer = nested.pointer
    if isinstance(deeper, str) and deeper.startswith("/inputs"):
        # The inputs of a process on another server are an input of the job that runs it.
        pointer += deeper.removeprefix("/inputs") if nested.is_remote else deeper
    # What a nested process of the child said is said once, not once for each level.
    said = said.rpartition(": the nested process failed: ")[2]
    return NestedFailed.at(pointer, said, job=child.job_id)
