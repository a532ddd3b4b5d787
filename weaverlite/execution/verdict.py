"""Decide how an attempt ended, of what is known of it, and write down what a killed one left."""

from __future__ import annotations

import logging
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace

from weaverlite.engines.interfaces import Leftovers
from weaverlite.errors import EngineError, ExecutionError, OutOfMemory, PublishError, WorkerLost
from weaverlite.execution import procfs
from weaverlite.execution.processes import Exit
from weaverlite.execution.record import Ending, may_retry, now
from weaverlite.execution.reports import Ended
from weaverlite.execution.workspace import Workspace
from weaverlite.models.job import Job, Usage
from weaverlite.models.results import Manifest
from weaverlite.transfer.interfaces import Publisher

_log = logging.getLogger(__name__)

#: What shells say of a command that was killed.
_KILLED = 128 + signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Stop:
    """That a job is being stopped, and why.

    ``kind`` is ``dismissed``, ``failed`` (a limit), ``handed-over`` (the service stops) or ``lost``: the attempt is not
    ours any more, and nothing may be written.
    """

    kind: str
    error: ExecutionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an attempt when it is over.

    ``ended`` is the report of its end, ``exit`` the end of its process if there was no report, ``failure`` what kept it
    from starting. ``cpu_before`` is what the process had used before, ``oom_before`` the kernel's count of kills then.
    """

    stop: Stop | None = None
    ended: Ended | None = None
    exit: Exit | None = None
    failure: ExecutionError | None = None
    is_begun: bool = False
    cpu_before: float = 0.0
    oom_before: int | None = None


def judge(job: Job, facts: Facts) -> Ending:
    """Return how the attempt ended; its manifest is the reported one, if any."""
    ended, stop = facts.ended, facts.stop
    ending = Ending(
        outcome="failed",
        exit_code=_exit_code(facts),
        usage=_usage(facts),
        manifest=ended.manifest if ended else None,
    )
    if stop is not None and stop.kind == "dismissed":
        return replace(ending, outcome="dismissed")
    if stop is not None and stop.kind == "handed-over":
        if not facts.is_begun:
            return replace(ending, outcome="hand-back")
        return _lost(job, ending, stop.error)
    if stop is not None:
        return replace(ending, problem=stop.error.problem())
    if ended is not None:
        if ended.problem is None and ended.manifest is not None:
            return replace(ending, outcome="successful")
        return replace(ending, problem=ended.problem or PublishError().problem())
    error = facts.failure or _error_of(facts)
    if isinstance(error, WorkerLost):
        return _lost(job, ending, error)
    return replace(ending, problem=error.problem())


def leave_manifest(job: Job, workspace: Workspace, publisher: Publisher, exit_code: int | None) -> Manifest | None:
    """Publish the streams of an attempt that was killed, and return its manifest; None if that cannot be done."""
    code = _KILLED if exit_code is None else exit_code
    try:
        manifest = Manifest(
            job_id=job.job_id,
            attempt=job.attempt,
            created_at=now(),
            exit_code=code,
            streams=workspace.streams(code),
        )
        publisher.publish(manifest, workspace.path)
    except (OSError, PublishError) as exc:
        _log.warning("what job %s left could not be published: %s", job.job_id, exc)
        return None
    return manifest


def clean_up(job_id: str, attempt: int, instance: str, leftovers: Sequence[Leftovers]) -> None:
    """Kill and remove all that an attempt may have left outside its job process."""
    procfs.kill_marked(instance, lambda process: (process.job_id, process.attempt) == (job_id, attempt))
    for each in leftovers:
        try:
            each.remove(job_id, attempt)
        except Exception:
            # The reaper comes again; a container engine that does not answer must not keep the job from ending.
            _log.warning("what job %s left could not be removed", job_id, exc_info=True)


def _lost(job: Job, ending: Ending, error: ExecutionError) -> Ending:
    return replace(ending, outcome="retry" if may_retry(job) else "failed", problem=error.problem())


def _error_of(facts: Facts) -> ExecutionError:
    exit_ = facts.exit
    if exit_ is None or not exit_.is_known:
        return WorkerLost("The process that ran the job is gone, and nobody saw how.")
    if exit_.signal == signal.SIGKILL and facts.oom_before is not None:
        if procfs.out_of_memory_kills() > facts.oom_before:
            return OutOfMemory("The job process was killed because the worker ran out of memory.")
    if exit_.signal is not None:
        return WorkerLost(f"The process that ran the job was killed by {signal.Signals(exit_.signal).name}.")
    return EngineError(f"The process that ran the job ended with exit code {exit_.code} in the middle of it.")


def _exit_code(facts: Facts) -> int | None:
    if facts.ended is not None:
        return facts.ended.exit_code
    if facts.exit is None or not facts.is_begun:
        return None
    return facts.exit.code if facts.exit.signal is None else 128 + facts.exit.signal


def _usage(facts: Facts) -> Usage:
    if facts.ended is not None:
        return Usage(cpu_seconds=facts.ended.cpu_seconds, peak_memory=facts.ended.peak_memory)
    if facts.exit is None or not facts.exit.is_known or not facts.is_begun:
        return Usage()
    # The peak of its life may be that of a job before.
    return Usage(cpu_seconds=max(0.0, facts.exit.cpu_seconds - facts.cpu_before))
