"""What every store must do with the record of a job: see :mod:`weaverlite.testing.stores`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from weaverlite.errors import IllegalTransition, JobRemoved, NoSuchJob, StaleRevision
from weaverlite.models.job import Attempt, Job, Usage
from weaverlite.models.options import Needs, Options, Resources, Timeouts
from weaverlite.models.queries import EventQuery, JobQuery
from weaverlite.ogc.status import StatusCode
from weaverlite.stores.interfaces import Store
from weaverlite.testing.nouns import OFFER, accepted, after, manifest_of, said

#: Methods that want a job that is there.
OF_ONE_JOB: dict[str, Callable[[Store, Job], object]] = {
    "get": lambda store, job: store.jobs.get(job.job_id),
    "inputs": lambda store, job: store.jobs.inputs(job.job_id),
    "manifest": lambda store, job: store.jobs.manifest(job.job_id),
    "definition": lambda store, job: store.jobs.definition(job.job_id),
    "save": lambda store, job: store.jobs.save(job.dismiss(after(9))),
    "save with manifest": lambda store, job: store.jobs.save(job.dismiss(after(9)), manifest_of(job)),
    "save with inputs": lambda store, job: store.jobs.save(job.dismiss(after(9)), inputs={"x": 1}),
    "beat": lambda store, job: store.jobs.beat(job.job_id, 1, after(9)),
    "delete": lambda store, job: store.jobs.delete(job.job_id, after(9)),
}


def run(store: Store, job: Job, seconds: float = 1) -> Job:
    """Store the job and start it."""
    store.jobs.add(job, {})
    won = store.jobs.claim(OFFER, after(seconds), job.job_id)
    assert won is not None
    return won


def removed(store: Store) -> Job:
    """Store a job and remove it."""
    job = accepted()
    store.jobs.add(job, {"x": 1})
    store.jobs.save(job.dismiss(after(1)), manifest_of(job))
    store.jobs.delete(job.job_id, after(2))
    return job


class JobContract:
    def test_job_comes_back_as_it_was(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        assert store.jobs.get(job.job_id) == job

    def test_every_member_of_a_job_is_kept(self, store: Store) -> None:
        timeouts = Timeouts(queue=timedelta(hours=1), execution=timedelta(minutes=3, microseconds=7))
        job = accepted(
            owner="ada",
            mode="sync",
            requested_outputs={"y": {"transmissionMode": "value"}},
            response="document",
            options=Options(
                name="née",
                labels={"a.b$": "1"},
                priority=7,
                timeouts=timeouts,
                resources=Resources(cores=0.5, memory=9),
            ),
            needs=Needs(engine="instant", schemes=frozenset({"data"}), publisher="local", cores=0.5, memory=9),
            priority=7,
            max_attempts=3,
            queue_deadline=after(60),
        )
        store.jobs.add(job, {})
        assert store.jobs.get(job.job_id) == job
        started = job.start("worker-1", after(1))
        store.jobs.save(started)
        again = started.retry(after(2), "worker-lost")
        store.jobs.save(again)
        started = again.start("worker-2", after(3)).ask_dismissal(after(4))
        store.jobs.save(replace(started, revision=again.revision + 1))
        ended = replace(started, revision=again.revision + 1).fail(
            {"type": "about:blank", "detail": "né\ud800", "reason": "x"},
            after(5),
            exit_code=137,
            usage=Usage(cpu_seconds=1.5, peak_memory=2**40),
        )
        store.jobs.save(ended)
        found = store.jobs.get(job.job_id)
        # The message is plain text to a backend, where a lone surrogate has no form; the document keeps it.
        assert found == replace(ended, message="né?")
        assert [attempt.worker for attempt in found.attempts] == ["worker-1", "worker-2"]
        assert isinstance(found.attempts[0], Attempt)

    @pytest.mark.parametrize(
        "inputs",
        [
            {},
            {"$set": {"a.b": [1, None, True, 2.5, {"": "\0"}]}, "é": "\ud800 \U0001f600"},
            {"big": "é" * 700_000},
            {"deep": [[[[[[[[]]]]]]]], "large": 10**30},
        ],
        ids=["none", "odd names", "large", "deep"],
    )
    def test_inputs_come_back_as_they_were(self, store: Store, inputs: dict[str, Any]) -> None:
        job = accepted()
        store.jobs.add(job, inputs)
        assert store.jobs.inputs(job.job_id) == inputs

    def test_id_that_is_there_is_refused(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {"x": 1})
        with pytest.raises(StaleRevision):
            store.jobs.add(replace(job, owner="eve"), {"x": 2})
        assert store.jobs.get(job.job_id) == job
        assert store.jobs.inputs(job.job_id) == {"x": 1}

    def test_id_that_was_there_is_refused(self, store: Store) -> None:
        job = removed(store)
        with pytest.raises(StaleRevision):
            store.jobs.add(job, {})

    @pytest.mark.parametrize("method", OF_ONE_JOB)
    def test_job_that_never_was_is_unknown(self, store: Store, method: str) -> None:
        with pytest.raises(NoSuchJob):
            OF_ONE_JOB[method](store, accepted())

    @pytest.mark.parametrize("method", OF_ONE_JOB)
    def test_job_that_was_removed_is_said_to_be(self, store: Store, method: str) -> None:
        job = removed(store)
        with pytest.raises(JobRemoved):
            OF_ONE_JOB[method](store, job)

    @pytest.mark.parametrize("method", OF_ONE_JOB)
    def test_id_that_no_backend_can_hold_is_unknown(self, store: Store, method: str) -> None:
        with pytest.raises(NoSuchJob):
            OF_ONE_JOB[method](store, accepted(job_id="\ud800\0'\""))

    def test_what_was_returned_does_not_change(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {"x": [1]})
        before = store.jobs.get(job.job_id)
        store.jobs.inputs(job.job_id)["x"].append(2)
        store.jobs.save(job.dismiss(after(1)))
        assert before == job
        assert store.jobs.inputs(job.job_id) == {"x": [1]}

    # ------------------------------------------------------------ save

    def test_saved_transition_is_stored(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        dismissed = job.dismiss(after(1))
        store.jobs.save(dismissed)
        assert store.jobs.get(job.job_id) == dismissed

    def test_stale_save_is_refused_and_writes_nothing(self, store: Store) -> None:
        started = run(store, accepted())
        ended = started.succeed(after(2))
        store.jobs.save(ended)
        with pytest.raises(StaleRevision):
            store.jobs.save(started.fail({"detail": "late"}, after(3)), manifest_of(started))
        assert store.jobs.get(ended.job_id) == ended
        assert store.jobs.manifest(ended.job_id) is None

    def test_save_of_a_later_revision_is_refused(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        with pytest.raises(StaleRevision):
            store.jobs.save(job.start("w", after(1)).succeed(after(2)))
        with pytest.raises(StaleRevision):
            store.jobs.save(job)
        assert store.jobs.get(job.job_id) == job

    def test_of_many_saves_one_wins(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        start = threading.Barrier(8)

        def save(number: int) -> bool:
            start.wait()
            try:
                store.jobs.save(job.fail({"detail": str(number)}, after(1)), manifest_of(job, seconds=number))
            except StaleRevision:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            saved = list(threads.map(save, range(8)))
        assert saved.count(True) == 1
        assert store.jobs.get(job.job_id).message == str(saved.index(True))
        manifest = store.jobs.manifest(job.job_id)
        assert manifest and manifest.created_at == after(saved.index(True))

    def test_manifest_is_visible_with_its_save(self, store: Store) -> None:
        started = run(store, accepted())
        assert store.jobs.manifest(started.job_id) is None
        manifest = manifest_of(started, 2, literal={"a": [1, None]}, text="é")
        store.jobs.save(started.succeed(after(2)), manifest)
        assert store.jobs.manifest(started.job_id) == manifest

    def test_manifest_of_a_later_attempt_takes_the_place_of_the_first(self, store: Store) -> None:
        started = run(store, accepted(max_attempts=2))
        again = started.retry(after(2), "worker-lost")
        store.jobs.save(again, manifest_of(started))
        second = store.jobs.claim(OFFER, after(3), started.job_id)
        assert second is not None
        manifest = manifest_of(second, 4)
        store.jobs.save(second.succeed(after(4)), manifest)
        assert store.jobs.manifest(started.job_id) == manifest

    def test_large_manifest_is_kept(self, store: Store) -> None:
        started = run(store, accepted())
        manifest = manifest_of(started, 2, values=[f"é{number}" for number in range(100_000)])
        store.jobs.save(started.succeed(after(2)), manifest)
        assert store.jobs.manifest(started.job_id) == manifest

    # ------------------------------------------------------------ beat

    def test_beat_says_when_and_leaves_the_revision(self, store: Store) -> None:
        started = run(store, accepted())
        beaten = store.jobs.beat(started.job_id, 1, after(5))
        assert beaten == replace(started, beat_at=after(5))
        assert store.jobs.get(started.job_id) == beaten
        store.jobs.save(started.succeed(after(6)))

    def test_beat_reports_progress_and_message(self, store: Store) -> None:
        started = run(store, accepted())
        store.jobs.beat(started.job_id, 1, after(5), 40, "halfway\ud800")
        beaten = store.jobs.beat(started.job_id, 1, after(6))
        assert (beaten.progress, beaten.message, beaten.updated_at) == (40, "halfway?", after(5))
        assert store.jobs.beat(started.job_id, 1, after(7), 200).progress == 100
        assert store.jobs.beat(started.job_id, 1, after(8), -1).progress == 0
        assert store.jobs.get(started.job_id).message == "halfway?"

    def test_late_beat_does_not_turn_the_time_back(self, store: Store) -> None:
        started = run(store, accepted())
        store.jobs.beat(started.job_id, 1, after(9), 10)
        late = store.jobs.beat(started.job_id, 1, after(5), 20)
        assert (late.beat_at, late.updated_at, late.progress) == (after(9), after(9), 20)

    @pytest.mark.parametrize("attempt", [0, 2, -1])
    def test_beat_of_another_attempt_is_refused(self, store: Store, attempt: int) -> None:
        started = run(store, accepted())
        with pytest.raises(StaleRevision):
            store.jobs.beat(started.job_id, attempt, after(5), 50)
        assert store.jobs.get(started.job_id) == started

    def test_beat_of_a_job_that_does_not_run_is_refused(self, store: Store) -> None:
        waiting = accepted()
        store.jobs.add(waiting, {})
        ended = run(store, accepted()).succeed(after(2))
        store.jobs.save(ended)
        for job, attempt in ((waiting, 0), (waiting, 1), (ended, 1)):
            with pytest.raises(StaleRevision):
                store.jobs.beat(job.job_id, attempt, after(5))
            assert store.jobs.get(job.job_id) == job

    def test_worker_that_was_silent_too_long_is_fenced_out(self, store: Store) -> None:
        started = run(store, accepted(max_attempts=2))
        store.jobs.save(started.retry(after(60), "worker-lost"))
        second = store.jobs.claim(replace(OFFER, worker="worker-2"), after(61))
        assert second and second.attempt == 2
        with pytest.raises(StaleRevision):
            store.jobs.beat(started.job_id, 1, after(62), 99)
        with pytest.raises(StaleRevision):
            store.jobs.save(started.succeed(after(62)), manifest_of(started))
        assert store.jobs.beat(started.job_id, 2, after(63)).progress == 0
        assert store.jobs.manifest(started.job_id) is None

    def test_beat_brings_news_of_a_dismissal(self, store: Store) -> None:
        started = run(store, accepted())
        assert store.jobs.beat(started.job_id, 1, after(2)).dismissal_asked_at is None
        store.jobs.save(store.jobs.get(started.job_id).ask_dismissal(after(3)))
        assert store.jobs.beat(started.job_id, 1, after(4)).dismissal_asked_at == after(3)
        with pytest.raises(StaleRevision):
            store.jobs.save(started.succeed(after(5)))
        store.jobs.save(store.jobs.get(started.job_id).dismiss(after(6)))

    def test_asking_for_dismissal_keeps_what_the_worker_said_meanwhile(self, store: Store) -> None:
        started = run(store, accepted())
        store.jobs.beat(started.job_id, 1, after(9), 70)
        store.jobs.save(started.ask_dismissal(after(3)))
        found = store.jobs.get(started.job_id)
        assert (found.beat_at, found.progress, found.dismissal_asked_at) == (after(9), 70, after(3))

    def test_nobody_beats_for_a_job_that_ended(self, store: Store) -> None:
        started = run(store, accepted())
        beaten = store.jobs.beat(started.job_id, 1, after(9))
        store.jobs.save(beaten.succeed(after(10)))
        assert store.jobs.get(started.job_id).beat_at is None

    # ------------------------------------------------------------ delete

    def test_job_that_has_not_ended_is_not_removed(self, store: Store) -> None:
        waiting = accepted()
        store.jobs.add(waiting, {})
        running = run(store, accepted())
        for job in (waiting, running):
            with pytest.raises(IllegalTransition):
                store.jobs.delete(job.job_id, after(2))
            assert store.jobs.get(job.job_id) == job

    def test_removed_job_leaves_nothing(self, store: Store) -> None:
        job, other = accepted(labels={"a": "b"}), accepted(labels={"a": "b"})
        for each in (job, other):
            store.jobs.add(each, {"x": 1})
            store.events.append(said(each, "a", "b"))
            store.jobs.save(each.dismiss(after(1)), manifest_of(each))
        store.jobs.delete(job.job_id, after(2))
        for query in (JobQuery(), JobQuery(id_prefix=job.job_id), JobQuery(tags=frozenset({("a", "b")}))):
            assert job.job_id not in [found.job_id for found in store.jobs.find(query).items]
        assert store.jobs.count(JobQuery()) == {"dismissed": 1}
        assert list(store.events.read(job.job_id, EventQuery())) == []
        assert store.jobs.get(other.job_id).status is StatusCode.DISMISSED
        assert store.jobs.inputs(other.job_id) == {"x": 1}
        assert len(store.events.read(other.job_id, EventQuery())) == 2

    def test_talkative_job_is_removed_whole(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        for _ in range(11):
            store.events.append(said(job, *["line"] * 1000))
        store.jobs.save(job.dismiss(after(1)))
        store.jobs.delete(job.job_id, after(2))
        assert list(store.events.read(job.job_id, EventQuery())) == []

    def test_of_many_removals_one_does_it(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        store.jobs.save(job.dismiss(after(1)))
        start = threading.Barrier(4)

        def delete(_: int) -> bool:
            start.wait()
            try:
                store.jobs.delete(job.job_id, after(2))
            except JobRemoved:
                return False
            return True

        with ThreadPoolExecutor(4) as threads:
            assert sorted(threads.map(delete, range(4))) == [False, False, False, True]
