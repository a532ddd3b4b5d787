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
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weaverlite.errors import (
    BackendError,
    ExecutionError,
    JobRemoved,
    NoSuchJob,
    StaleRevision,
    StoreError,
    TimeLimit,
    WorkerLost,
)
from weaverlite.execution.preparation import Conditions, prepare
from weaverlite.execution.processes import Exit, JobProcess
from weaverlite.execution.quota import Quota
from weaverlite.execution.record import now, write_ending
from weaverlite.execution.reports import Ended, events_of, progress_of, read_ended, started_of
from weaverlite.execution.tasks import RunTask
from weaverlite.execution.verdict import Facts, Stop, clean_up, judge, leave_manifest
from weaverlite.execution.workspace import Workspace
from weaverlite.models.job import Job, JobEvent
from weaverlite.ogc.status import StatusCode

_log = logging.getLogger(__name__)

#: News of a job is written this soon after its start, progress at most this often.
_FIRST_FLUSH = 0.05
_PROGRESS_EVERY = 0.5
#: A process that dies before it has begun is replaced this often.
_STARTS = 3
#: How long a process may take to become clean after its report, and to be gone after it was killed.
_RESET = 2.0
_GONE = 15.0
#: Events kept while the store does not take them, and when it is asked again.
_EVENTS = 50_000
#: Events that are stored in one step.
_AT_ONCE = 500
_ASK_AGAIN = 1.0
_NEVER = float("inf")


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
        self._flush_at = _NEVER
        self._progress: tuple[int, str] | None = None
        self._beat_at = self._tried_at = time.monotonic()
        self._deadline = _NEVER
        if job.run_deadline is not None:
            self._deadline = self._beat_at + (job.run_deadline - now()).total_seconds()
        self._quota = Quota(self._workspace.path, self._limits)
        self._process: JobProcess | None = None
        self._engine = ""
        self._behind: list[dict[str, Any]] = []
        self._exit: Exit | None = None
        self._is_begun = False
        self._cpu_before = 0.0
        self._oom_before: int | None = None
        #: That the job is being stopped, once it is: the first reason stays.
        self._stop: Stop | None = None
        #: Whether its process was asked to stop.
        self._is_asked = False
        self._kill_at = _NEVER
        self._give_up_at = _NEVER

    def ring(self) -> None:
        """Say that there may be news of the job."""
        with self._bell_lock:
            if self._bell >= 0:
                os.eventfd_write(self._bell, 1)

    @property
    def pid(self) -> int | None:
        """The job process, while there is one."""
        process = self._process
        return process.pid if process is not None else None

    def hand_over(self) -> None:
        """Stop the job because this service stops: it is tried again elsewhere, or failed."""
        self._must_hand_over = True
        self.ring()

    def run(self) -> Job | None:
        """Do everything for the attempt; return the job as recorded, None if it is left to others.

        :raises StoreError: the store did not answer before the job could begin; the reaper will find it.
        """
        ended: Ended | None = None
        failure: ExecutionError | None = None
        try:
            try:
                self._say("status", "running")
                self._flush_at = time.monotonic() + _FIRST_FLUSH
                task = prepare(self._with, self._job, self._limits, self._workspace)
                self._engine = task.engine
                ended = self._attend(task)
            except ExecutionError as exc:
                failure = exc
            return self._finish(ended, failure)
        finally:
            self._let_go()
            self._workspace.remove()
            self.close()

    def close(self) -> None:
        """Let go of the bell; done by :meth:`run`. Idempotent."""
        with self._bell_lock:
            if self._bell >= 0:
                os.close(self._bell)
                self._bell = -1

    # ------------------------------------------------------------ while it runs

    def _attend(self, task: RunTask) -> Ended | None:
        """Have the task done; return the report of its end, None if its process ended without one."""
        for _ in range(_STARTS):
            try:
                self._process = self._with.processes.acquire(self._job.owner)
                self._process.send(task)
            except BackendError as exc:
                raise WorkerLost(exc.detail) from exc
            except WorkerLost:
                self._let_go()
                continue
            ended = self._follow(self._process)
            if ended is not None or self._is_begun or self._stop is not None:
                return ended
            self._let_go()
        raise WorkerLost("The job processes of this worker end before they begin: its log says why.")

    def _follow(self, process: JobProcess) -> Ended | None:
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        poll.register(process.fileno(), select.POLLIN)
        while time.monotonic() < self._give_up_at:
            patience = max(0.0, self._due_at() - time.monotonic())
            ready = {number for number, _ in poll.poll(patience * 1000)}
            if process.fileno() in ready:
                reports = process.receive()
                if reports is None:
                    return None
                for number, report in enumerate(reports):
                    if report["kind"] == "ended":
                        # It may have become clean already.
                        self._behind = reports[number + 1 :]
                        return read_ended(self._job, report)
                    self._hear(report)
            if self._bell in ready:
                os.eventfd_read(self._bell)
                self._look()
            self._tick(process)
        _log.error("job process %s of job %s cannot be killed", process.pid, self._job.job_id)
        return None

    def _hear(self, report: Mapping[str, Any]) -> None:
        if report["kind"] == "events":
            self._events.extend(events_of(self._job, report))
            self._flush_at = 0.0
        elif report["kind"] == "progress":
            self._progress = progress_of(report)
        elif report["kind"] == "started":
            self._is_begun = True
            self._cpu_before, self._oom_before = started_of(report)

    def _due_at(self) -> float:
        beat = self._beat_at + (_PROGRESS_EVERY if self._progress else self._with.heartbeat)
        limits = _NEVER if self._stop else min(self._deadline, self._quota.due_at)
        return min(max(beat, self._tried_at + _PROGRESS_EVERY), limits, self._kill_at, self._give_up_at, self._flush_at)

    def _tick(self, process: JobProcess) -> None:
        """Do what is due."""
        moment = time.monotonic()
        if moment >= self._flush_at:
            self._flush()
        beat_due = self._beat_at + (_PROGRESS_EVERY if self._progress else self._with.heartbeat)
        if moment >= max(beat_due, self._tried_at + _PROGRESS_EVERY):
            self._beat()
        if self._must_hand_over:
            self._stop_for(Stop("handed-over", WorkerLost("The service stopped while the job ran.")))
        if self._stop is None and moment >= self._deadline:
            self._stop_for(Stop("failed", self._time_limit()))
        if self._stop is None and moment >= self._quota.due_at:
            exceeded = self._quota.check(process.pid)
            if exceeded is not None:
                # What takes too much is not asked, it would go on taking.
                self._stop_for(Stop("failed", exceeded), at_once=True)
        if self._stop is not None and self._kill_at == _NEVER and self._give_up_at == _NEVER:
            self._kill_at = moment + (0.0 if self._stop.kind == "lost" else self._with.grace)
        if self._stop is not None and self._is_begun and not self._is_asked:
            # Not before it listens: what it is told earlier is lost.
            self._is_asked = True
            process.terminate()
        if moment >= self._kill_at:
            process.kill()
            self._kill_at, self._give_up_at = _NEVER, moment + _GONE

    def _stop_for(self, stop: Stop, *, at_once: bool = False) -> None:
        if self._stop is not None and stop.kind != "lost":
            return
        self._stop = stop
        if at_once or stop.kind == "lost":
            self._kill_at = 0.0
        if stop.kind != "lost":
            self._say("service", f"stopping: {stop.error.detail}", "warning")
            self._flush_at = 0.0

    def _time_limit(self) -> TimeLimit:
        job = self._job
        started = job.attempts[-1].started_at if job.attempts else now()
        seconds = (job.run_deadline - started).total_seconds() if job.run_deadline else 0.0
        return TimeLimit(f"The job ran longer than the {seconds:g} seconds it had (options: timeouts).")

    # ------------------------------------------------------------ the store

    def _beat(self) -> None:
        """Say that we live, and hear of a dismissal."""
        self._tried_at = time.monotonic()
        percent, message = self._progress or (None, "")
        try:
            job = self._with.store.jobs.beat(self._job.job_id, self._job.attempt, now(), percent, message)
        except StoreError as exc:
            if self._tried_at > self._beat_at + self._with.lease:
                # Others may have taken the job for lost, and nobody can tell us.
                self._stop_for(Stop("lost", WorkerLost(exc.detail)))
            return
        except (StaleRevision, NoSuchJob, JobRemoved) as exc:
            self._stop_for(Stop("lost", WorkerLost(exc.detail)))
            return
        self._beat_at, self._progress = self._tried_at, None
        self._see(job)

    def _look(self) -> None:
        """Look at the job as it is stored, because there is news."""
        try:
            self._see(self._with.store.jobs.get(self._job.job_id))
        except StoreError:
            # The next beat tells as well.
            return
        except (NoSuchJob, JobRemoved) as exc:
            self._stop_for(Stop("lost", WorkerLost(exc.detail)))

    def _see(self, job: Job) -> None:
        if job.status is not StatusCode.RUNNING or job.attempt != self._job.attempt:
            self._stop_for(Stop("lost", WorkerLost("The job was taken from this worker.")))
            return
        self._job = job
        if job.dismissal_asked_at is not None:
            self._stop_for(Stop("dismissed", WorkerLost("its dismissal was asked")))

    def _say(self, topic: str, message: str, level: str = "info") -> None:
        self._events.append(
            JobEvent(
                job_id=self._job.job_id,
                attempt=self._job.attempt,
                at=now(),
                topic=topic,
                level=level,
                message=message,
            )
        )

    def _flush(self) -> None:
        self._flush_at = _NEVER
        while self._events:
            try:
                # Not all at once: what takes a store too long it may have done all the same, and would do twice.
                self._with.store.events.append(self._events[:_AT_ONCE])
            except StoreError:
                self._flush_at = time.monotonic() + _ASK_AGAIN
                # The newest are worth more; memory is bounded.
                del self._events[:-_EVENTS]
                return
            del self._events[:_AT_ONCE]

    # ------------------------------------------------------------ after

    def _finish(self, ended: Ended | None, failure: ExecutionError | None) -> Job | None:
        is_stopped = self._stop is not None
        if ended is None or is_stopped:
            # Only what is surely dead may be recorded as ended.
            self._let_go()
            clean_up(self._job.job_id, self._job.attempt, self._with.instance, self._with.leftovers)
        if self._stop is not None and self._stop.kind == "lost":
            _log.warning("job %s, attempt %s: %s", self._job.job_id, self._job.attempt, self._stop.error.detail)
            return None
        ending = judge(
            self._job,
            Facts(
                stop=self._stop,
                ended=ended,
                exit=self._exit,
                failure=failure,
                is_begun=self._is_begun,
                cpu_before=self._cpu_before,
                oom_before=self._oom_before,
            ),
        )
        if ending.manifest is None and ending.outcome in ("failed", "dismissed") and self._workspace.path.is_dir():
            manifest = leave_manifest(self._job, self._workspace, self._with.publisher, ending.exit_code)
            ending = replace(ending, manifest=manifest)
        self._flush()
        left = self._beat_at + self._with.lease - time.monotonic()
        recorded = write_ending(self._with.store, self._job, ending, left)
        # What the store did not take before.
        self._flush()
        if self._process is not None and not self._is_asked:
            self._give_back(self._process)
        return recorded

    def _give_back(self, process: JobProcess) -> None:
        """Wait for the process to say that it is clean, and give it back to be used again."""
        poll = select.poll()
        poll.register(process.fileno(), select.POLLIN)
        deadline = time.monotonic() + _RESET
        reports: list[dict[str, Any]] | None = self._behind
        while reports is not None and (patience := deadline - time.monotonic()) > 0:
            for report in reports:
                if report["kind"] == "reset":
                    if report.get("clean") is True:
                        self._process = None
                        self._with.processes.release(process, self._engine, clean=True)
                    else:
                        _log.info("a job process is retired after job %s: %s", self._job.job_id, report.get("why"))
                    return
            poll.poll(patience * 1000)
            try:
                reports = process.receive()
            except WorkerLost:
                return

    def _let_go(self) -> None:
        """Kill the job process, if there is one, and wait until it is gone with all it started."""
        process, self._process = self._process, None
        if process is not None:
            self._with.processes.release(process, clean=False)
            self._exit = process.wait(_GONE)
