"""What a store promises. The store is the truth: queues only ring.

Every method may raise :class:`~weaverlite.errors.StoreError` when the backend does not answer; no other exception of a
backend's library leaves an implementation. Every method is safe to call from any thread. Values go in, values come out:
nothing returned is changed by a later call. Each implementation passes the suite of ``weaverlite.testing.stores``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from weaverlite.models.job import Job, JobEvent
from weaverlite.models.options import Offer
from weaverlite.models.process import Process
from weaverlite.models.queries import EventQuery, JobQuery, KeyUse, Page, ProcessQuery
from weaverlite.models.results import Manifest
from weaverlite.models.upload import Upload
from weaverlite.stores.changes import Changes


class JobStore(ABC):
    """Jobs with their inputs and manifests. The order of ``claim`` is priority (higher first), then age."""

    @abstractmethod
    def add(self, job: Job, inputs: Mapping[str, Any], definition: Mapping[str, Any] | None = None) -> None:
        """Store a new job with its inputs, durably: when this returns the job survives a power cut.

        ``definition`` is the document it was made of, if that is to be kept.

        :raises StaleRevision: a job of this id, or one of this owner and idempotency key, exists or existed; nothing
            is stored. Of any number of jobs of one key that are added at once exactly one is.
        """

    @abstractmethod
    def keyed(self, owner: str | None, key: str) -> KeyUse | None:
        """Return what was asked for under this idempotency key of this owner, also when the job was removed since."""

    @abstractmethod
    def get(self, job_id: str) -> Job:
        """Return the job.

        :raises NoSuchJob: there never was one.
        :raises JobRemoved: it was deleted.
        """

    @abstractmethod
    def inputs(self, job_id: str) -> Mapping[str, Any]:
        """Return the inputs the job was accepted with. Raises as :meth:`get`."""

    @abstractmethod
    def definition(self, job_id: str) -> Mapping[str, Any] | None:
        """Return the document the job was made of, or None if none was kept. Raises as :meth:`get`."""

    @abstractmethod
    def manifest(self, job_id: str) -> Manifest | None:
        """Return what the job left, or None while it has left nothing. Raises as :meth:`get`."""

    @abstractmethod
    def save(
        self,
        job: Job,
        manifest: Manifest | None = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        definition: Mapping[str, Any] | None = None,
    ) -> None:
        """Store a transition, and with it what else is given, in one step: all or nothing is visible.

        Inputs, definition, labels, priority and process are those of the beginning, until they are edited: a save with
        ``inputs`` or ``definition`` replaces these, and the other three by what ``job`` says.

        ``job`` is what a verb of :class:`Job` returned: its revision is one more than that of the job it was made of.
        The save succeeds only if the stored job has that former revision. It is durable when the job is terminal or
        edited.

        :raises StaleRevision: somebody else was faster; nothing was written.
        :raises NoSuchJob, JobRemoved: as :meth:`get`.
        """

    @abstractmethod
    def claim(self, offer: Offer, at: datetime, job_id: str | None = None) -> Job | None:
        """Start the given accepted job, or the first accepted one in order, for ``offer.worker``; return it running.

        None when nothing was won: there is none, another worker was faster, or what is there does not fit the offer. Of
        any number of workers that claim one job exactly one gets it. A job past its ``queue_deadline`` is not won.
        """

    @abstractmethod
    def beat(self, job_id: str, attempt: int, at: datetime, progress: int | None = None, message: str = "") -> Job:
        """Say that the worker of this attempt is alive, and how far it is; return the job as stored now.

        The heartbeat does not change the revision. The returned job tells of a dismissal asked meanwhile.

        :raises StaleRevision: the job does not run, or in another attempt: its worker must stop and write nothing.
        :raises NoSuchJob, JobRemoved: as :meth:`get`.
        """

    @abstractmethod
    def find(self, query: JobQuery) -> Page[Job]:
        """Return the page of jobs that fit. Each page is found through an index, whatever the number of jobs.

        Paging is stable, forward and backward: while jobs are inserted no job is seen twice, and none there from the
        start is missed.
        """

    @abstractmethod
    def count(self, query: JobQuery) -> Mapping[str, int]:
        """Return how many jobs fit, by status; limit and cursor do not matter."""

    @abstractmethod
    def delete(self, job_id: str, at: datetime) -> None:
        """Remove a terminal job with its inputs, manifest and events, and leave a tombstone and its idempotency key.

        :raises IllegalTransition: it is not terminal.
        :raises NoSuchJob, JobRemoved: as :meth:`get`.
        """


class ProcessStore(ABC):
    """Processes, each in one or more immutable revisions."""

    @abstractmethod
    def add(self, process: Process, *, is_hidden: bool = False) -> None:
        """Store a revision, durably.

        Revision 1 wants that no process of this id is there; revision n wants that n - 1 is the latest. The revisions
        of an undeployed process do not count as there, but keep their numbers: see :meth:`next_revision`.

        ``is_hidden`` stores it without deploying it: only who knows the revision gets it, as that of an undeployed one.

        :raises DuplicatedProcess: it is there already.
        """

    @abstractmethod
    def next_revision(self, process_id: str) -> int:
        """Return the number a new revision of this id gets: one more than any that ever was, undeployed ones too."""

    @abstractmethod
    def get(self, process_id: str, revision: int | None = None) -> Process:
        """Return the latest revision of a deployed process, or exactly this revision, also of an undeployed one.

        :raises NoSuchProcess: there is none.
        """

    @abstractmethod
    def revisions(self, process_id: str, limit: int, before: int | None = None) -> Sequence[Process]:
        """Return revisions of this id, newest first, also of an undeployed process: at most ``limit``, all of numbers
        below ``before`` if it is given. There are none of an unknown id."""

    @abstractmethod
    def find(self, query: ProcessQuery) -> Page[Process]:
        """Return a page of deployed processes, the latest revision of each, private ones left out."""

    @abstractmethod
    def remove(self, process_id: str) -> None:
        """Undeploy: the process is not found any more, but jobs accepted with a revision can still get it.

        :raises NoSuchProcess: it is not deployed.
        """

    @abstractmethod
    def forget(self, process_id: str) -> None:
        """Remove every revision of this id, also for the jobs that name one; nothing happens if there is none."""


class EventStore(ABC):
    """The append-only stream of events of each job."""

    @abstractmethod
    def append(self, events: Sequence[JobEvent]) -> int:
        """Store events in this order, give each its ``seq``, and return the last one.

        Each event of a job gets a greater ``seq`` than all before, and none becomes visible after one of a greater
        ``seq``: a follower misses nothing. Events of a job that is not stored are dropped: zero when all were. Not
        durable against a power cut.
        """

    @abstractmethod
    def read(self, job_id: str, query: EventQuery) -> Sequence[JobEvent]:
        """Return the events that fit, in order. An unknown job has none."""


class UploadStore(ABC):
    """The records of the vault; the bytes are elsewhere."""

    @abstractmethod
    def add(self, upload: Upload) -> None:
        """Store a record.

        :raises StaleRevision: the id is taken.
        """

    @abstractmethod
    def get(self, upload_id: str) -> Upload:
        """Return the record, also of an expired upload.

        :raises NoSuchUpload: there is none.
        """

    @abstractmethod
    def remove(self, upload_id: str) -> None:
        """Remove the record; nothing happens if there is none."""

    @abstractmethod
    def expired(self, at: datetime, limit: int = 100) -> Iterable[Upload]:
        """Return uploads whose time was over at ``at``, oldest first."""


class Store(ABC):
    """All of it, over one connection to one backend."""

    jobs: JobStore
    processes: ProcessStore
    events: EventStore
    uploads: UploadStore
    #: News of jobs saved through this object, for waiters in the same process.
    changes: Changes

    #: Whether workers on other hosts can share this store.
    is_shared: bool = False

    @abstractmethod
    def migrate(self) -> None:
        """Bring the schema to this release's version, from any earlier one; do nothing if it is there.

        :raises ConfigurationError: the schema is of a newer release, or the backend cannot hold a store; what to do.
        """

    @abstractmethod
    def ping(self) -> None:
        """Return if the backend answers.

        :raises StoreError: it does not.
        """

    @abstractmethod
    def close(self) -> None:
        """Finish what was promised and let go of every resource. Idempotent."""
