from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from weaverlite.errors import IllegalTransition
from weaverlite.models.job import TRANSITIONS, Job, Usage, new_job_id
from weaverlite.models.options import Options, Timeouts
from weaverlite.ogc.status import TERMINAL, StatusCode

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
PROBLEM = {"type": "about:blank", "detail": "it broke", "reason": "execution"}

VERBS: dict[StatusCode, list[Callable[[Job], Job]]] = {
    StatusCode.ACCEPTED: [
        lambda job: job.accept(LATER),
        lambda job: job.retry(LATER, "worker-lost"),
        lambda job: job.hand_back(LATER),
    ],
    StatusCode.RUNNING: [lambda job: job.start("w", LATER)],
    StatusCode.SUCCESSFUL: [lambda job: job.succeed(LATER)],
    StatusCode.FAILED: [lambda job: job.fail(PROBLEM, LATER)],
    StatusCode.DISMISSED: [lambda job: job.dismiss(LATER)],
}


def new_job(**changes: object) -> Job:
    job = Job(job_id="1", process_id="p", process_revision=1, created_at=AT, max_attempts=3)
    return replace(job, **changes)  # type: ignore[arg-type]  # replace checks the names itself.


def in_status(status: StatusCode, **changes: object) -> Job:
    job = new_job(**changes)
    if status is StatusCode.CREATED:
        return job
    job = job.accept(AT)
    if status is StatusCode.ACCEPTED:
        return job
    job = job.start("w", AT)
    return job if status is StatusCode.RUNNING else VERBS[status][0](job)


LEGAL = [(before, after) for before in StatusCode for after in TRANSITIONS[before]]
ILLEGAL = [(before, after) for before in StatusCode for after in VERBS if after not in TRANSITIONS[before]]


def test_the_table_is_that_of_the_design() -> None:
    assert {(before.value, after.value) for before, after in LEGAL} == {
        ("created", "accepted"),
        ("created", "dismissed"),
        ("accepted", "running"),
        ("accepted", "failed"),
        ("accepted", "dismissed"),
        ("running", "successful"),
        ("running", "failed"),
        ("running", "dismissed"),
        ("running", "accepted"),
    }
    assert {status for status in StatusCode if not TRANSITIONS[status]} == TERMINAL


@pytest.mark.parametrize(("before", "after"), LEGAL)
def test_a_legal_transition_gives_a_new_job_of_the_next_revision(before: StatusCode, after: StatusCode) -> None:
    job = in_status(before)
    for verb in VERBS[after]:
        became = verb(job)
        assert became.status is after
        assert became.revision == job.revision + 1
        assert became.updated_at == LATER
        assert job.status is before


@pytest.mark.parametrize(("before", "after"), ILLEGAL)
def test_an_illegal_transition_is_refused(before: StatusCode, after: StatusCode) -> None:
    for verb in VERBS[after]:
        with pytest.raises(IllegalTransition):
            verb(in_status(before))


@pytest.mark.parametrize("status", [status for status in StatusCode if status is not StatusCode.RUNNING])
def test_only_a_running_job_is_asked_to_stop(status: StatusCode) -> None:
    with pytest.raises(IllegalTransition):
        in_status(status).ask_dismissal(LATER)


def test_asking_twice_is_asking_once() -> None:
    asked = in_status(StatusCode.RUNNING).ask_dismissal(LATER)
    assert asked.status is StatusCode.RUNNING and asked.dismissal_asked_at == LATER
    assert asked.revision == in_status(StatusCode.RUNNING).revision + 1
    assert asked.ask_dismissal(LATER + timedelta(1)) is asked


def test_a_start_opens_an_attempt_that_the_end_closes() -> None:
    running = in_status(StatusCode.RUNNING)
    assert (running.attempt, running.worker, running.beat_at, running.started_at) == (1, "w", AT, AT)
    usage = Usage(cpu_seconds=1.5, peak_memory=2)
    ended = running.fail(PROBLEM, LATER, exit_code=3, usage=usage)
    (attempt,) = ended.attempts
    assert (attempt.ended, attempt.exit_code, attempt.usage, attempt.finished_at) == ("execution", 3, usage, LATER)
    assert (ended.worker, ended.beat_at, ended.run_deadline) == (None, None, None)
    assert (ended.failure, ended.message, ended.finished_at) == (PROBLEM, "it broke", LATER)
    assert running.succeed(LATER).progress == 100


def test_a_retry_is_another_attempt_of_the_same_job_until_they_are_used() -> None:
    job = in_status(StatusCode.RUNNING, max_attempts=2)
    waiting = job.retry(LATER, "worker-lost")
    assert (waiting.status, waiting.worker, waiting.progress) == (StatusCode.ACCEPTED, None, 0)
    assert waiting.attempts[0].ended == "worker-lost"
    again = waiting.start("v", LATER)
    assert again.attempt == 2 and again.started_at == AT
    with pytest.raises(IllegalTransition, match="2 attempts"):
        again.retry(LATER, "worker-lost")


def test_who_asked_for_the_end_gets_no_retry() -> None:
    with pytest.raises(IllegalTransition, match="dismissal"):
        in_status(StatusCode.RUNNING).ask_dismissal(LATER).retry(LATER, "worker-lost")


def test_a_job_handed_back_has_not_spent_an_attempt() -> None:
    back = in_status(StatusCode.RUNNING).hand_back(LATER)
    assert (back.status, back.attempt, back.worker) == (StatusCode.ACCEPTED, 0, None)
    assert back.start("v", LATER).attempt == 1


def test_progress_stays_within_bounds_and_is_no_transition() -> None:
    job = in_status(StatusCode.RUNNING)
    assert [job.report(percent, "", LATER).progress for percent in (-5, 42, 500)] == [0, 42, 100]
    assert job.report(1, "half way", LATER).message == "half way"
    assert job.report(1, "", LATER).message == job.message
    assert job.report(1, "", LATER).revision == job.revision


def test_times_of_a_job_never_run_backwards() -> None:
    early = AT - timedelta(hours=1)
    ended = new_job().accept(AT).start("w", LATER).succeed(early)
    assert ended.updated_at == ended.finished_at == LATER
    assert ended.finished_at and ended.started_at and ended.finished_at >= ended.started_at


def test_the_run_must_end_at_the_nearer_of_two_deadlines() -> None:
    def deadline(**timeouts: timedelta) -> datetime | None:
        options = Options(timeouts=Timeouts(**timeouts))
        return new_job(options=options).accept(AT).start("w", LATER).run_deadline

    assert deadline() is None
    assert deadline(execution=timedelta(hours=1)) == LATER + timedelta(hours=1)
    assert deadline(total=timedelta(hours=1)) == AT + timedelta(hours=1)
    assert deadline(execution=timedelta(minutes=2), total=timedelta(hours=1)) == LATER + timedelta(minutes=2)


@pytest.mark.parametrize("end", TERMINAL)
def test_what_is_kept_for_a_time_expires_after_it(end: StatusCode) -> None:
    assert in_status(end).expires_at is None
    kept = in_status(end, options=Options(keep=timedelta(days=3)))
    assert kept.expires_at == LATER + timedelta(days=3)
    assert kept.is_terminal


def test_ids_cannot_be_guessed() -> None:
    assert uuid.UUID(new_job_id()).version == 4
    assert len({new_job_id() for _ in range(100)}) == 100


@pytest.mark.parametrize("status", StatusCode)
def test_other_vocabularies_have_a_word_for_each_status(status: StatusCode) -> None:
    assert status.wps and status.openeo
    assert status.is_terminal == (status.value in {"successful", "failed", "dismissed"})


def test_a_job_that_was_not_started_is_made_anew_in_its_place() -> None:
    job = Job(job_id="1", process_id="p", process_revision=1, created_at=AT, owner="ada", revision=4)
    other = Job(job_id="2", process_id="q", process_revision=7, created_at=AT + timedelta(hours=1), title="T")
    edited = job.edit(other, AT + timedelta(seconds=1))
    assert (edited.job_id, edited.owner, edited.created_at, edited.revision) == ("1", "ada", AT, 5)
    assert (edited.process_id, edited.process_revision, edited.title) == ("q", 7, "T")
    assert (edited.status, edited.updated_at) == (StatusCode.CREATED, AT + timedelta(seconds=1))
    with pytest.raises(IllegalTransition):
        job.accept(AT).edit(other, AT)
