"""The store fails before or after a call, for a while: the job still ends, once, in a state that is true."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.functional.execution.conftest import Running, Worker, alive
from weaverlite.errors import StoreError
from weaverlite.ogc.status import StatusCode
from weaverlite.testing.execution import script


class Faulty:
    """A part of a store whose methods fail as often as told: before their work is done, or after it."""

    def __init__(self, part: Any, faults: dict[str, int], when: str) -> None:
        self._part = part
        self._faults = faults
        self._when = when

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            fails = self._faults.get(name, 0) > 0
            if fails:
                self._faults[name] -= 1
            if fails and self._when == "before":
                raise StoreError(f"{name} fails before")
            result = method(*args, **kwargs)
            if fails:
                raise StoreError(f"{name} fails after")
            return result

        return call


class FaultyStore:
    """A store of faulty parts."""

    def __init__(self, store: Any, faults: dict[str, int], when: str) -> None:
        self.jobs = Faulty(store.jobs, faults, when)
        self.processes = Faulty(store.processes, faults, when)
        self.events = Faulty(store.events, faults, when)
        self.uploads = Faulty(store.uploads, faults, when)
        self.changes = store.changes


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["inputs", "get", "append", "beat", "save"])
def test_a_store_that_fails_twice_delays_the_job_only(worker: Worker, method: str, when: str) -> None:
    store = FaultyStore(worker.store, {method: 2}, when)
    supervisor = worker.supervise(store=store)
    job = worker.claim(worker.accept(script("echo text; sleep 0.6")))
    supervisor.run(job)
    ended = worker.store.jobs.get(job.job_id)
    assert ended.status is StatusCode.SUCCESSFUL
    assert "text" in worker.events(ended, "stdout")
    assert worker.events(ended, "status").count("successful") >= (method != "append")
    assert worker.left() == []


def test_a_store_that_is_gone_for_a_lease_stops_the_job_and_nothing_is_written(
    make_worker: Callable[..., Worker],
) -> None:
    worker = make_worker()
    faults: dict[str, int] = {}
    supervisor = worker.supervise(store=FaultyStore(worker.store, faults, "before"), lease=timedelta(seconds=1.5))
    running = Running(worker, worker.claim(worker.accept(script("touch begun; sleep 300"))), supervisor)
    running.until_file()
    tools = running.tools()
    faults.update(beat=1000, save=1000, append=1000, get=1000)
    job = running.wait(30)
    assert job.status is StatusCode.RUNNING
    assert not any(alive(tool) for tool in tools)
    assert worker.left() == []


def test_a_store_that_does_not_take_the_end_leaves_the_job_to_the_reaper(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker()
    store = FaultyStore(worker.store, {"save": 1000}, "before")
    supervisor = worker.supervise(store=store, lease=timedelta(seconds=1))
    job = worker.claim(worker.accept(script("true")))
    supervisor.run(job)
    assert worker.store.jobs.get(job.job_id).status is StatusCode.RUNNING
    assert supervisor.running == frozenset()


def test_a_publisher_that_fails_fails_the_job(worker: Worker) -> None:
    (worker.directory / "results").write_text("a file where a directory should be")
    job = worker.run(script("echo 1 > a", {"a": "a"}))
    assert job.status is StatusCode.FAILED
    assert job.failure is not None
    assert job.failure["reason"] == "publish"
    assert worker.left() == []
