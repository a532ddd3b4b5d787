"""Watch one attempt of a job from its claim to its record.

The thread that runs this sleeps in ``poll`` on two descriptors: the job process, and a bell that others ring when there
is news of the job. It alone writes the job's state while it holds it.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from weaverlite.engines.interfaces import Leftovers
from weaverlite.errors import (
    BackendError,
    EngineError,
    ExecutionError,
    JobRemoved,
    NoSuchJob,
    OutOfMemory,
    OutputLimit,
    PublishError,
    StaleRevision,
    StoreError,
    TimeLimit,
    WorkerLost,
)
from weaverlite.execution import procfs
from weaverlite.execution.parts import Limits
from weaverlite.execution.processes import Exit, JobProcess, JobProcesses
from weaverlite.execution.quota import Quota
from weaverlite.execution.record import Ending, may_retry, now, tell_status, write_ending
from weaverlite.execution.reports import Ended, events_of, read_ended
from weaverlite.execution.tasks import RunTask
from weaverlite.execution.workspace import Workspace
from weaverlite.models.job import Job, JobEvent, Usage
from weaverlite.models.process import Process
from weaverlite.models.results import Manifest
from weaverlite.ogc.status import StatusCode
from weaverlite.stores.interfaces import Store
from weaverlite.transfer.interfaces import Publisher

_log = logging.getLogger(__name__)

#: News of a job is written this soon after its start, progress at most this often.
_FIRST_FLUSH = 0.05
_PROGRESS_EVERY = 0.5
#: A process that dies before it has begun is replaced this often.
_STARTS = 3
#: How long a process may take to become clean after its report, and to be gone after it was killed.
_RESET = 2.0
_GONE = 15.0
#: Events kept while the store does not take them.
_EVENTS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What every watch of a supervisor works with."""

    store: Store
    processes: JobProcesses
    publisher: Publisher
    instance: str
    directory: Path
    limits: Limits
    heartbeat: float
    lease: float
    grace: float
    leftovers: Sequence[Leftovers]
    host_commands: bool
    process_of: Callable[[str, int], Process]


class Watch:
    """The watch of one attempt. :meth:`run` is called once; :meth:`ring` and :meth:`hand_over` from any thread."""

    def __init__(self, conditions: Conditions, job: Job) -> None:
        self._with = conditions
        self._job = job
        self._limits = conditions.limits.asked(job.options.resources)
        self._workspace = Workspace.of(conditions.directory, job.job_id, job.attempt)
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._bell_lock = threading.Lock()
        self._must_hand_over = False
        self._events: list[JobEvent] = []
        self._progress: tuple[int, str] | None = None
        self._process: JobProcess | None = None
        self._is_begun = False
        self._cpu_before = 0.0
        self._oom_before: int | None = None
        #: Why the job is being stopped, once it is: the first reason stays.
        self._why: ExecutionError | None = None
        self._is_dismissed = False
        self._is_lost = False
        self._is_killed = False
        self._stopped_at = 0.0
        self._beat_at = time.monotonic()

    def ring(self) -> None:
        """Say that there may be news of the job."""
        with self._bell_lock:
            if self._bell >= 0:
                os.eventfd_write(self._bell, 1)

    def hand_over(self) -> None:
        """Stop the job because this service stops: it is tried again elsewhere, or failed."""
        self._must_hand_over = True
        self.ring()
