"""How an attempt ended, of what is known of it."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from weaverlite.errors import EngineError, TimeLimit, WorkerLost
from weaverlite.execution import procfs
from weaverlite.execution.processes import Exit
from weaverlite.execution.reports import Ended
from weaverlite.execution.verdict import Facts, Stop, judge
from weaverlite.models.job import Attempt, Job
from weaverlite.models.options import Options
from weaverlite.models.results import Manifest

NOW = datetime(2030, 1, 1, tzinfo=UTC)
JOB = Job(
    job_id="j",
    process_id="p",
    process_revision=1,
    created_at=NOW,
    attempts=(Attempt(number=1, worker="w", started_at=NOW),),
)
TWICE = replace(JOB, options=Options(idempotent=True), max_attempts=2)
GOOD = Ended(
    exit_code=0,
    problem=None,
    manifest=Manifest(job_id="j", attempt=1, created_at=NOW),
    cpu_seconds=1.5,
    peak_memory=7,
)
KILLED = Exit(signal=signal.SIGKILL, cpu_seconds=3.0)
DISMISSED = Stop("dismissed", WorkerLost("asked"))
HANDED = Stop("handed-over", WorkerLost("The service stopped."))
LATE = Stop("failed", TimeLimit("Too long."))
FEW = procfs.out_of_memory_kills()


@pytest.mark.parametrize(
    ("job", "facts", "outcome", "reason", "exit_code"),
    [
        (JOB, Facts(ended=GOOD, is_begun=True), "successful", None, 0),
        (JOB, Facts(ended=replace(GOOD, problem={"reason": "x"}, exit_code=3)), "failed", "x", 3),
        (JOB, Facts(ended=replace(GOOD, manifest=None)), "failed", "publish", 0),
        (JOB, Facts(ended=GOOD, stop=DISMISSED), "dismissed", None, 0),
        (JOB, Facts(exit=KILLED, stop=DISMISSED, is_begun=True), "dismissed", None, 137),
        (JOB, Facts(exit=KILLED, stop=LATE, is_begun=True), "failed", "time-limit", 137),
        (JOB, Facts(exit=KILLED, is_begun=True, oom_before=FEW), "failed", "worker-lost", 137),
        (JOB, Facts(exit=KILLED, is_begun=True, oom_before=FEW - 1), "failed", "out-of-memory", 137),
        (TWICE, Facts(exit=KILLED, is_begun=True, oom_before=FEW), "retry", "worker-lost", 137),
        (TWICE, Facts(exit=Exit(is_known=False), is_begun=True), "retry", "worker-lost", None),
        (replace(TWICE, max_attempts=1), Facts(exit=KILLED, is_begun=True), "failed", "worker-lost", 137),
        (replace(TWICE, dismissal_asked_at=NOW), Facts(exit=KILLED, is_begun=True), "failed", "worker-lost", 137),
        (TWICE, Facts(exit=Exit(code=3), is_begun=True), "failed", "execution", 3),
        (JOB, Facts(exit=KILLED, stop=HANDED), "hand-back", None, None),
        (JOB, Facts(exit=KILLED, stop=HANDED, is_begun=True), "failed", "worker-lost", 137),
        (TWICE, Facts(exit=KILLED, stop=HANDED, is_begun=True), "retry", "worker-lost", 137),
        (JOB, Facts(failure=EngineError("No inputs.")), "failed", "execution", None),
        (JOB, Facts(failure=WorkerLost("No process.")), "failed", "worker-lost", None),
    ],
)
def test_every_end_has_a_name(job: Job, facts: Facts, outcome: str, reason: str | None, exit_code: int | None) -> None:
    ending = judge(job, facts)
    assert ending.outcome == outcome
    assert (ending.problem or {}).get("reason") == reason
    assert ending.exit_code == exit_code


def test_usage_is_that_of_the_attempt_alone() -> None:
    assert judge(JOB, Facts(ended=GOOD)).usage.cpu_seconds == 1.5
    assert judge(JOB, Facts(exit=KILLED, is_begun=True, cpu_before=2.0)).usage.cpu_seconds == 1.0
    assert judge(JOB, Facts(exit=KILLED)).usage.cpu_seconds is None
