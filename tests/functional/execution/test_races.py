"""Dismissals at any moment, and many kills: each job ends once, and nothing is left."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from tests.functional.execution.conftest import Worker, idempotent
from weaverlite.errors import IllegalTransition, StaleRevision
from weaverlite.models.job import Job
from weaverlite.ogc.status import StatusCode
from weaverlite.testing.execution import script


def dismiss(worker: Worker, job: Job) -> bool:
    """Ask for the dismissal of a job as a client does; return whether it was taken."""
    while True:
        stored = worker.store.jobs.get(job.job_id)
        try:
            worker.store.jobs.save(stored.ask_dismissal(datetime.now(UTC)))
        except StaleRevision:
            continue
        except IllegalTransition:
            return False
        return True


def test_a_dismissal_that_was_taken_always_wins(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(idle=2)
    worker.run(script("true"))
    chance = random.Random(7)
    taken = 0
    for _ in range(60):
        job = worker.claim(worker.accept(script("echo 1 > a", {"a": "a"})))
        thread = threading.Thread(target=worker.supervisor.run, args=(job,))
        thread.start()
        time.sleep(chance.uniform(0, 0.02))
        was_taken = dismiss(worker, job)
        thread.join(30)
        ended = worker.store.jobs.get(job.job_id)
        assert ended.status is (StatusCode.DISMISSED if was_taken else StatusCode.SUCCESSFUL)
        assert sum(event in ("successful", "dismissed") for event in worker.events(job, "status")) == 1
        taken += was_taken
    assert 0 < taken
    assert worker.left() == []


def test_kills_at_random_lose_no_job_and_leave_nothing(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(idle=2)
    chance = random.Random(11)
    kills = 0
    jobs = [worker.accept(script("sleep 0.1; echo done"), **idempotent(50)) for _ in range(12)]
    waiting = [job.job_id for job in jobs]
    lock = threading.Lock()

    def serve() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                job_id = waiting.pop()
            worker.supervisor.run(worker.claim(worker.store.jobs.get(job_id)))
            if worker.store.jobs.get(job_id).status is StatusCode.ACCEPTED:
                with lock:
                    waiting.append(job_id)

    threads = [threading.Thread(target=serve) for _ in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(chance.uniform(0, 0.15))
        server = worker.processes.server_pid
        victims = list(worker.supervisor.held.values())
        if server is not None and chance.random() < 0.2:
            victims.append(server)
        if kills < 25 and victims:
            try:
                os.kill(chance.choice(victims), signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                continue
    assert kills >= 10
    assert {worker.store.jobs.get(job.job_id).status for job in jobs} == {StatusCode.SUCCESSFUL}
    assert all(worker.events(job, "status").count("successful") == 1 for job in jobs)
    assert worker.left() == []
    assert worker.marked() == []
