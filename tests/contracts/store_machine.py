"""A store against a model of it, through any order of claims, saves, heartbeats, dismissals, crashes and removals."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from weaverlite.errors import IllegalTransition, JobRemoved, StaleRevision
from weaverlite.models.job import Job
from weaverlite.models.options import Needs
from weaverlite.models.queries import JobQuery
from weaverlite.ogc.status import StatusCode
from weaverlite.stores.interfaces import Store
from weaverlite.testing.nouns import OFFER, accepted, after, manifest_of

ENGINES = ("instant", "cwl")


def make_machine(open_store: Callable[[Path], Store]) -> Any:
    """Return a test case that drives the stores ``open_store`` makes in an empty directory."""

    class Machine(StoreMachine):
        def open(self, directory: Path) -> Store:
            return open_store(directory)

    Machine.TestCase.settings = settings(
        max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    return Machine.TestCase


class StoreMachine(RuleBasedStateMachine):
    """The model is the last job that was stored under each id, and what the workers still believe they hold."""

    ids = Bundle("ids")

    def open(self, directory: Path) -> Store:
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.store = self.open(self.directory)
        self.store.migrate()
        self.clock = 0.0
        self.jobs: dict[str, Job] = {}
        self.removed: set[str] = set()
        #: Jobs as a worker has them: also those that were taken from it.
        self.held: dict[str, Job] = {}
        self.ended: dict[str, Job] = {}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.directory)

    def tick(self) -> Any:
        self.clock += 1
        return after(self.clock)

    @rule(target=ids, priority=st.integers(-2, 2), engine=st.sampled_from(ENGINES), attempts=st.integers(1, 3))
    def add(self, priority: int, engine: str, attempts: int) -> str:
        self.clock += 1
        job = accepted(self.clock, priority=priority, needs=Needs(engine=engine), max_attempts=attempts)
        self.store.jobs.add(job, {"priority": priority})
        self.jobs[job.job_id] = job
        return job.job_id

    @rule(engine=st.sampled_from(ENGINES))
    def claim_next(self, engine: str) -> None:
        at = self.tick()
        waiting = [
            job for job in self.jobs.values() if job.status is StatusCode.ACCEPTED and job.needs.engine == engine
        ]
        won = self.store.jobs.claim(replace(OFFER, engines=frozenset({engine})), at)
        if not waiting:
            assert won is None
            return
        first = min(waiting, key=lambda job: (-job.priority, job.created_at, job.job_id))
        assert won == first.start(OFFER.worker, at)
        self.jobs[won.job_id] = self.held[won.job_id] = won

    @rule(job_id=ids)
    def claim_by_name(self, job_id: str) -> None:
        at = self.tick()
        won = self.store.jobs.claim(replace(OFFER, engines=frozenset(ENGINES)), at, job_id)
        job = self.jobs.get(job_id)
        if job is None or job.status is not StatusCode.ACCEPTED:
            assert won is None
            return
        assert won == job.start(OFFER.worker, at)
        self.jobs[job_id] = self.held[job_id] = won

    @rule(job_id=ids, progress=st.none() | st.integers(0, 100))
    def beat(self, job_id: str, progress: int | None) -> None:
        at = self.tick()
        held = self.held.get(job_id)
        if held is None:
            return
        job = self.jobs.get(job_id)
        try:
            beaten = self.store.jobs.beat(job_id, held.attempt, at, progress)
        except StaleRevision:
            assert job is not None
            assert job.status is not StatusCode.RUNNING or job.attempt != held.attempt
        except JobRemoved:
            assert job is None
        else:
            assert job is not None and job.status is StatusCode.RUNNING and job.attempt == held.attempt
            expected = replace(job, beat_at=at)
            if progress is not None:
                expected = replace(expected, progress=progress, updated_at=at)
            assert beaten == expected
            self.jobs[job_id] = self.held[job_id] = expected

    @rule(job_id=ids, good=st.booleans())
    def finish(self, job_id: str, good: bool) -> None:
        """A worker says how its job ended; it may have lost the job meanwhile."""
        at = self.tick()
        held = self.held.pop(job_id, None)
        if held is None:
            return
        ended = held.succeed(at) if good else held.fail({"detail": "broken"}, at)
        self.try_to_save(held, ended)

    @rule(job_id=ids)
    def lose_worker(self, job_id: str) -> None:
        """The reaper speaks for a silent worker, which goes on believing."""
        at = self.tick()
        job = self.jobs.get(job_id)
        if job is None or job.status is not StatusCode.RUNNING:
            return
        try:
            after_that = job.retry(at, "worker-lost")
        except IllegalTransition:
            after_that = job.fail({"detail": "lost", "reason": "worker-lost"}, at)
        self.try_to_save(job, after_that)

    @rule(job_id=ids)
    def dismiss(self, job_id: str) -> None:
        at = self.tick()
        job = self.jobs.get(job_id)
        if job is None or job.is_terminal:
            return
        self.try_to_save(job, job.ask_dismissal(at) if job.status is StatusCode.RUNNING else job.dismiss(at))

    @rule(job_id=ids)
    def remove(self, job_id: str) -> None:
        job = self.jobs.get(job_id)
        try:
            self.store.jobs.delete(job_id, self.tick())
        except IllegalTransition:
            assert job is not None and not job.is_terminal
        except JobRemoved:
            assert job_id in self.removed
        else:
            assert job is not None and job.is_terminal
            del self.jobs[job_id]
            self.ended.pop(job_id, None)
            self.removed.add(job_id)

    @precondition(lambda self: self.jobs)
    @rule()
    def crash(self) -> None:
        """The process goes, another one opens what it left."""
        self.store.close()
        self.store = self.open(self.directory)
        self.store.migrate()

    def try_to_save(self, seen: Job, saved: Job) -> None:
        job = self.jobs.get(seen.job_id)
        if saved is seen:
            return
        try:
            self.store.jobs.save(saved, manifest_of(saved) if saved.is_terminal else None)
        except StaleRevision:
            assert job is not None and job.revision != seen.revision
        except JobRemoved:
            assert job is None
        else:
            assert job is not None and job.revision == seen.revision
            assert not job.is_terminal, "what has ended does not change"
            self.jobs[saved.job_id] = saved
            if saved.is_terminal:
                self.ended[saved.job_id] = saved

    @invariant()
    def stored_is_what_the_model_says(self) -> None:
        if not hasattr(self, "store"):
            return
        newest_first = sorted(self.jobs.values(), key=lambda job: (job.created_at, job.job_id), reverse=True)
        assert list(self.store.jobs.find(JobQuery(limit=1000)).items) == newest_first
        for job_id, job in self.ended.items():
            assert self.store.jobs.manifest(job_id) == manifest_of(job)
        for job_id in self.removed:
            with pytest.raises(JobRemoved):
                self.store.jobs.get(job_id)
