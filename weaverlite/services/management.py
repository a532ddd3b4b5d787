"""Jobs that wait for their start (OGC API - Processes, part 4): made of a definition, changed, started.

A definition names a process, or brings a package: that becomes a process which only this job and its repetitions find.
What a definition says must be right from the beginning; what is missing in it may come later, until the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from weaverlite.errors import Fault, InvalidPackage, InvalidRequest, Locked, NoSuchProcess, StaleRevision
from weaverlite.models.codec import to_json
from weaverlite.models.job import Job
from weaverlite.models.process import Process
from weaverlite.ogc.status import StatusCode
from weaverlite.services.clock import utc_now
from weaverlite.services.definitions import Definition, PackageBody, changed, definition_of, process_name
from weaverlite.services.hidden import forget_hidden, hidden, new_hidden_id
from weaverlite.services.jobs import Jobs
from weaverlite.services.keys import Submitted, digest_of_definition
from weaverlite.services.naming import find_process
from weaverlite.services.packages import Packages
from weaverlite.services.processes import Processes
from weaverlite.stores.interfaces import Store

#: Where a definition says what is to be run.
_WHAT = ("/process", "/executionUnit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A job as it would be stored, with its process and inputs; ``missing`` are inputs that its start still needs."""

    job: Job
    process: Process
    inputs: Mapping[str, Any]

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(
            item.input_id for item in self.process.inputs if item.min_occurs > 0 and item.input_id not in self.inputs
        )


class Management:
    """The use cases of jobs that are not started yet. Safe from any thread."""

    def __init__(
        self,
        store: Store,
        jobs: Jobs,
        processes: Processes,
        packages: Packages,
        *,
        keep: timedelta = timedelta(0),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """``keep`` is how long a job waits for its start before it may be removed; zero: for ever."""
        self._store = store
        self._jobs = jobs
        self._processes = processes
        self._packages = packages
        self._keep = keep
        self._clock = clock

    # ------------------------------------------------------------ making

    def create(
        self,
        definition: Definition,
        owner: str | None,
        base: str,
        *,
        starts: bool,
        returns: str | None = None,
        key: str | None = None,
    ) -> Submitted:
        """Make a job; accept it at once when it ``starts``, else it waits. ``base`` is the URL of this service.

        Of a request that has come before under its idempotency ``key`` it is the job that was made then. ``returns``
        is how its results are preferred (``minimal``, ``representation``).

        :raises NoSuchProcess: there is no process of this name.
        :raises InvalidPackage, DeploymentRefused: the package of the definition cannot be run here.
        :raises InvalidRequest: the definition does not fit the process; all faults at once.
        :raises KeyReused: the key was used for another request.
        :raises JobRemoved: the job of the key was removed.
        """
        # What is wrong in itself is refused whatever the key says.
        is_sound = key is not None and not definition.request(base).faults
        digest = digest_of_definition(definition.document, starts=starts) if is_sound else None

        def add() -> Job:
            draft = self.check(definition, owner, base, starts=starts)
            job = replace(draft.job, returns=returns, idempotency_key=key, request_digest=digest)
            job = job.accept(self._clock()) if starts else job
            if definition.package:
                self._store.processes.add(draft.process, is_hidden=True)
            try:
                self._store.jobs.add(job, draft.inputs, definition.document)
            except BaseException:
                if definition.package:
                    self._store.processes.forget(draft.process.process_id)
                raise
            return job

        return self._jobs.once(key, digest, owner, add)

    def check(self, definition: Definition, owner: str | None, base: str, *, starts: bool) -> Draft:
        """Return what :meth:`create` would store. Raises as it, and stores nothing."""
        return self._draft(self._process(definition, owner, base), definition, owner, base, is_partial=not starts)

    # ------------------------------------------------------------ changing

    def update(self, job_id: str, change: Any, owner: str | None, base: str) -> Job:
        """Change a job that waits for its start.

        :raises NoSuchJob, JobRemoved: as they say.
        :raises Locked: it was started.
        :raises InvalidRequest: the change is none, or what it makes of the job does not fit the process.
        """
        while True:
            job = self._open(job_id, owner)
            document = changed(self.definition(job_id, owner), change)
            if "process" in change:
                definition = definition_of(document)
                process = self._process(definition, owner, base)
            else:
                # The package was read when the job was made.
                definition, process = Definition(document=document), self._process_of(job)
            draft = self._draft(process, definition, owner, base, is_partial=True)
            edited = job.edit(draft.job, self._clock())
            try:
                self._store.jobs.save(edited, inputs=draft.inputs, definition=document)
            except StaleRevision:
                # Somebody else changed or started it: look again.
                continue
            if edited.process_id != job.process_id:
                forget_hidden(self._store, job)
            return edited

    def start(self, job_id: str, owner: str | None, base: str) -> Job:
        """Accept a job that waits for its start. Raises as :meth:`update`: what is missing now, is missing."""
        while True:
            job = self._open(job_id, owner)
            definition = Definition(document=self.definition(job_id, owner))
            draft = self._draft(self._process_of(job), definition, owner, base, is_partial=False)
            at = self._clock()
            accepted = replace(job.edit(draft.job, at), revision=job.revision).accept(at)
            try:
                self._store.jobs.save(accepted, inputs=draft.inputs)
            except StaleRevision:
                continue
            self._jobs.announce(accepted)
            return accepted

    # ------------------------------------------------------------ questions

    def definition(self, job_id: str, owner: str | None) -> Mapping[str, Any]:
        """Return the body that the job was made of, with its changes, so that it can be sent again.

        :raises NoSuchJob, JobRemoved: as they say.
        """
        job = self._jobs.get(job_id, owner)
        found = self._store.jobs.definition(job_id)
        if found is None:
            return {"process": job.process_id, **self.request(job), "inputs": self._store.jobs.inputs(job_id)}
        # An execution names its process by its path.
        return found if _has_subject(found) else {"process": job.process_id, **found}

    def request(self, job: Job) -> dict[str, Any]:
        """Return the members of an execution that the job was asked for with, but for its inputs."""
        document: dict[str, Any] = {}
        if job.requested_outputs is not None:
            document["outputs"] = job.requested_outputs
        if job.response:
            document["response"] = job.response
        if job.subscriber:
            document["subscriber"] = job.subscriber.to_json()
        if options := to_json(job.options):
            document["options"] = options
        return document

    def process(self, job: Job) -> Process | None:
        """Return the revision of the process that the job keeps, None when it is gone."""
        try:
            return self._process_of(job)
        except NoSuchProcess:
            return None

    # ------------------------------------------------------------ inner

    def _open(self, job_id: str, owner: str | None) -> Job:
        job = self._jobs.get(job_id, owner)
        if job.status is not StatusCode.CREATED:
            raise Locked(f"The job is {job.status}: it can be changed and started only while it is created.")
        return job

    def _process_of(self, job: Job) -> Process:
        return self._store.processes.get(job.process_id, job.process_revision)

    def _process(self, definition: Definition, owner: str | None, base: str) -> Process:
        if definition.package and not any(fault.pointer in _WHAT for fault in definition.faults):
            with _at(definition.package):
                return self._hidden(definition.package, owner)
        if definition.package or definition.process is None:
            raise InvalidRequest(faults=definition.request().faults)
        return find_process(self._store.processes, process_name(definition.process, base))

    def _hidden(self, package: PackageBody, owner: str | None) -> Process:
        deployment = self._packages.read(package.body, package.media_type, owner=owner)
        return hidden(self._processes.check(replace(deployment, process_id=new_hidden_id()), owner))

    def _draft(
        self, process: Process, definition: Definition, owner: str | None, base: str, *, is_partial: bool
    ) -> Draft:
        against = _partial(process) if is_partial else process
        job, inputs = self._jobs.draft(against, definition.request(base), owner)
        if is_partial:
            # Time begins to count when it is started; until then it is kept for a while after each change.
            expiry = self._clock() + self._keep if self._keep else None
            job = replace(job, queue_deadline=None, expires_at=expiry, message="waiting for its start")
        job = replace(job, title=definition.text("title"), description=definition.text("description"))
        return Draft(job=job, process=process, inputs=inputs)


def _has_subject(document: Mapping[str, Any]) -> bool:
    return "process" in document or "executionUnit" in document


def _partial(process: Process) -> Process:
    """Return the process as one that needs no input: what is given is checked, what is missing is not."""
    inputs = tuple(replace(item, min_occurs=0) for item in process.inputs)
    return replace(process, description=replace(process.description, inputs=inputs))


@contextmanager
def _at(package: PackageBody) -> Iterator[None]:
    """Let what is wrong with a package be said where it stands in the body of the job."""
    try:
        yield
    except (InvalidPackage, InvalidRequest) as error:
        if not package.pointer or not error.faults:
            raise
        faults = [Fault(item.message, f"{package.pointer}{item.pointer}", item.location) for item in error.faults]
        raise type(error)(faults=faults) from error


__all__ = ["Draft", "Management"]
