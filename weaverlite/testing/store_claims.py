"""Who gets a job, and who does not: see :mod:`weaverlite.testing.stores`."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from weaverlite.errors import StaleRevision
from weaverlite.models.job import Job
from weaverlite.models.options import Needs
from weaverlite.ogc.status import StatusCode
from weaverlite.settings import Settings
from weaverlite.stores.interfaces import Store
from weaverlite.testing import claiming
from weaverlite.testing.nouns import OFFER, accepted, after

#: Needs that the offer of tests does not fit.
UNFIT: dict[str, dict[str, Any]] = {
    "engine": {"engine": "cwl"},
    "scheme": {"schemes": frozenset({"data", "s3"})},
    "publisher": {"publisher": "s3"},
    "cores": {"cores": 4.5},
    "memory": {"memory": 8 * 1024**3 + 1},
    "disk": {"disk": 101 * 1024**3},
}
#: Needs that take all there is.
FIT = Needs(
    engine="instant",
    schemes=frozenset({"data", "https"}),
    publisher="local",
    cores=4,
    memory=8 * 1024**3,
    disk=100 * 1024**3,
)


def add(store: Store, *jobs: Job) -> None:
    for job in jobs:
        store.jobs.add(job, {})


def claim_all(store: Store, worker: str = "worker-1") -> list[str]:
    """Claim until there is nothing, and return the ids in the order they were won."""
    won = []
    while (job := store.jobs.claim(replace(OFFER, worker=worker), after(3600))) is not None:
        won.append(job.job_id)
    return won


class ClaimContract:
    store_class: type[Store]

    def test_claimed_job_runs_on_the_worker_of_the_offer(self, store: Store) -> None:
        job = accepted()
        add(store, job)
        won = store.jobs.claim(OFFER, after(1))
        assert won == job.start("worker-1", after(1))
        assert store.jobs.get(job.job_id) == won

    def test_nothing_to_claim_is_none(self, store: Store) -> None:
        assert store.jobs.claim(OFFER, after(1)) is None
        assert store.jobs.claim(OFFER, after(1), "unknown\ud800") is None

    def test_each_job_is_won_once(self, store: Store) -> None:
        job = accepted()
        add(store, job)
        assert store.jobs.claim(OFFER, after(1), job.job_id) is not None
        assert store.jobs.claim(OFFER, after(1), job.job_id) is None
        assert store.jobs.claim(OFFER, after(1)) is None

    def test_named_job_is_won_out_of_order(self, store: Store) -> None:
        jobs = [accepted(seconds) for seconds in range(3)]
        add(store, *jobs)
        won = store.jobs.claim(OFFER, after(9), jobs[2].job_id)
        assert won and won.job_id == jobs[2].job_id
        assert claim_all(store) == [jobs[0].job_id, jobs[1].job_id]

    def test_older_jobs_come_first(self, store: Store) -> None:
        jobs = [accepted(seconds) for seconds in (3, 1, 2)]
        add(store, *jobs)
        assert claim_all(store) == [jobs[1].job_id, jobs[2].job_id, jobs[0].job_id]

    def test_higher_priority_comes_before_age(self, store: Store) -> None:
        jobs = [
            accepted(seconds, priority=priority) for seconds, priority in enumerate((0, -100, 100, 5, 0, -1, 100))
        ]
        add(store, *jobs)
        assert claim_all(store) == [jobs[number].job_id for number in (2, 6, 3, 0, 4, 5, 1)]

    def test_order_holds_across_kinds_of_needs(self, store: Store) -> None:
        jobs = [
            accepted(number, priority=number % 3, needs=Needs(engine="instant", cores=number % 4, memory=number % 5))
            for number in range(20)
        ]
        add(store, *jobs)
        expected = sorted(jobs, key=lambda job: (-job.priority, job.created_at))
        assert claim_all(store) == [job.job_id for job in expected]

    def test_retried_job_keeps_its_place(self, store: Store) -> None:
        jobs = [accepted(seconds, max_attempts=2) for seconds in range(3)]
        add(store, *jobs)
        first = store.jobs.claim(OFFER, after(10))
        assert first and first.job_id == jobs[0].job_id
        store.jobs.save(first.retry(after(20), "worker-lost"))
        again = store.jobs.claim(OFFER, after(30))
        assert again and again.job_id == jobs[0].job_id and again.attempt == 2
        assert [attempt.ended for attempt in again.attempts] == ["worker-lost", None]

    def test_job_handed_back_is_claimed_again(self, store: Store) -> None:
        job = accepted()
        add(store, job)
        won = store.jobs.claim(OFFER, after(1))
        assert won
        store.jobs.save(won.hand_back(after(2)))
        again = store.jobs.claim(OFFER, after(3))
        assert again and again.attempt == 1

    @pytest.mark.parametrize("need", UNFIT)
    def test_job_that_does_not_fit_the_offer_is_left(self, store: Store, need: str) -> None:
        unfit = accepted(0, priority=9, needs=replace(FIT, **UNFIT[need]))
        fit = accepted(1, needs=FIT)
        add(store, unfit, fit)
        assert store.jobs.claim(OFFER, after(2), unfit.job_id) is None
        assert claim_all(store) == [fit.job_id]
        assert store.jobs.get(unfit.job_id) == unfit

    def test_jobs_of_many_kinds_wait_for_their_worker(self, store: Store) -> None:
        jobs = [accepted(number, needs=Needs(engine=f"engine-{number % 30}")) for number in range(60)]
        add(store, *jobs)
        assert store.jobs.claim(OFFER, after(99)) is None
        special = replace(OFFER, engines=frozenset({"engine-7"}))
        won = [store.jobs.claim(special, after(99)) for _ in range(3)]
        assert [job and job.job_id for job in won] == [jobs[7].job_id, jobs[37].job_id, None]

    def test_job_past_its_queue_deadline_is_not_won(self, store: Store) -> None:
        late = accepted(0, queue_deadline=after(10))
        soon = accepted(1, queue_deadline=after(20))
        add(store, late, soon)
        assert store.jobs.claim(OFFER, after(10), late.job_id) is None
        won = store.jobs.claim(OFFER, after(10))
        assert won and won.job_id == soon.job_id
        assert store.jobs.claim(OFFER, after(10)) is None
        assert store.jobs.get(late.job_id).status is StatusCode.ACCEPTED

    def test_only_accepted_jobs_are_won(self, store: Store) -> None:
        waiting = accepted()
        add(store, waiting)
        store.jobs.save(waiting.dismiss(after(1)))
        created = Job(job_id="created", process_id="echo", process_revision=1, created_at=after(0), needs=FIT)
        add(store, created)
        assert store.jobs.claim(OFFER, after(2), waiting.job_id) is None
        assert store.jobs.claim(OFFER, after(2), created.job_id) is None
        assert store.jobs.claim(OFFER, after(2)) is None
        store.jobs.save(created.accept(after(3)))
        assert claim_all(store) == ["created"]

    def test_dismissal_and_claim_do_not_both_happen(self, store: Store) -> None:
        jobs = [accepted(seconds) for seconds in range(20)]
        add(store, *jobs)
        start = threading.Barrier(2)
        won: list[str] = []

        def claim() -> None:
            start.wait()
            won.extend(claim_all(store))

        claiming_thread = threading.Thread(target=claim)
        claiming_thread.start()
        start.wait()
        dismissed = []
        for job in reversed(jobs):
            try:
                store.jobs.save(job.dismiss(after(100)))
            except StaleRevision:
                continue
            dismissed.append(job.job_id)
        claiming_thread.join()
        assert sorted(won + dismissed) == sorted(job.job_id for job in jobs)
        assert store.jobs.get(jobs[-1].job_id).status in (StatusCode.DISMISSED, StatusCode.RUNNING)

    def test_threads_win_each_job_once(self, store: Store) -> None:
        jobs = [accepted(seconds % 7) for seconds in range(40)]
        add(store, *jobs)
        start = threading.Barrier(6)

        def claim(number: int) -> list[str]:
            start.wait()
            return claim_all(store, f"worker-{number}")

        with ThreadPoolExecutor(6) as threads:
            won = [job_id for ids in threads.map(claim, range(6)) for job_id in ids]
        assert Counter(won) == Counter(job.job_id for job in jobs)

    def test_named_job_is_won_by_one_of_many_threads(self, store: Store) -> None:
        job = accepted()
        add(store, job)
        start = threading.Barrier(6)

        def claim(number: int) -> Job | None:
            start.wait()
            return store.jobs.claim(replace(OFFER, worker=f"worker-{number}"), after(1), job.job_id)

        with ThreadPoolExecutor(6) as threads:
            won = [found for found in threads.map(claim, range(6)) if found is not None]
        assert [found.worker for found in won] == [store.jobs.get(job.job_id).worker]

    def test_processes_win_each_job_once(self, store: Store, settings: Settings) -> None:
        jobs = [accepted(seconds % 7) for seconds in range(60)]
        add(store, *jobs)
        workers = [claiming.start(self.store_class, settings) for _ in range(3)]
        try:
            for worker in workers:
                assert worker.stdout and worker.stdout.readline() == "ready\n"
            won = []
            for worker in workers:
                assert worker.stdin
                worker.stdin.write("go\n")
                worker.stdin.flush()
            for worker in workers:
                output, _ = worker.communicate(timeout=60)
                assert worker.returncode == 0
                won += output.split()
        finally:
            for worker in workers:
                worker.kill()
                worker.communicate()
        assert Counter(won) == Counter(job.job_id for job in jobs)
