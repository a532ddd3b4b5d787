"""What every queue must do, as test classes to inherit from.

A binding says which class it is and what its settings are; one with a broker inherits from ``BrokerContract`` too::

    class TestMyQueue(QueueContract):
        queue_class = MyQueue

        @pytest.fixture
        def settings(self, tmp_path): ...

The jobs are in a SQLite file: what is tested is who is woken, and when.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial

import pytest

from weaverlite.errors import QueueError, StoreError
from weaverlite.models.job import Job
from weaverlite.models.queries import JobQuery
from weaverlite.ogc.status import StatusCode
from weaverlite.queues.interfaces import Claim, Handle, Queue
from weaverlite.settings import Settings
from weaverlite.stores.sqlite import SQLiteStore
from weaverlite.testing import serving
from weaverlite.testing.nouns import accepted

#: Long enough for a busy machine; a test that waits so long has failed.
PATIENCE = 30.0


class Worker:
    """A queue that serves in a thread, and what came of it."""

    def __init__(self, store: SQLiteStore, queue: Queue) -> None:
        self._store = store
        self.queue = queue
        self.handled: list[str] = []
        self.running = 0
        self.most_running = 0
        #: Handlers wait here when it is cleared.
        self.gate = threading.Event()
        self.gate.set()
        self.changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def start(self, concurrency: int = 2, handle: Handle | None = None) -> None:
        self._thread = threading.Thread(target=self.queue.serve, args=(handle or self.handle, concurrency), daemon=True)
        self._thread.start()

    def handle(self, job: Job) -> None:
        with self.changed:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            self.handled.append(job.job_id)
            self.changed.notify_all()
        try:
            self.gate.wait(PATIENCE)
            self._store.jobs.save(job.succeed(datetime.now(UTC)))
        finally:
            with self.changed:
                self.running -= 1
                self.changed.notify_all()

    def await_that(self, what: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Return when ``what`` is so, which only handlers make so."""
        with self.changed:
            assert self.changed.wait_for(what, seconds), f"handled {len(self.handled)} jobs, {self.running} now"

    def await_handled(self, *job_ids: str) -> None:
        self.await_that(lambda: set(job_ids) <= set(self.handled) and not self.running)

    def await_end(self, seconds: float = PATIENCE) -> None:
        assert self._thread
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the queue still serves"


class QueueContract:
    """Bindings give ``queue_class`` and the fixture ``settings``, with ``tmp_path`` as the data directory."""

    queue_class: type[Queue]

    @pytest.fixture
    def settings(self) -> Settings:
        """Settings that name the queue, with nothing in it."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, settings: Settings) -> Iterator[SQLiteStore]:
        store = SQLiteStore.create(settings)
        store.migrate()
        yield store
        store.close()

    @pytest.fixture
    def make(self, settings: Settings, store: SQLiteStore) -> Iterator[Callable[..., Queue]]:
        """Makes queues over the same broker, for front ends and workers."""
        with ExitStack() as made:

            def make(claim: Claim | None = None) -> Queue:
                create = self.queue_class.create  # type: ignore[attr-defined]  # of plugins, not of the interface
                queue: Queue = create(settings, claim or serving.claim_from(store))
                made.callback(queue.close)
                return queue

            yield make

    @pytest.fixture
    def worker(self, store: SQLiteStore, make: Callable[..., Queue]) -> Iterator[Worker]:
        worker = Worker(store, make())
        yield worker
        worker.gate.set()
        worker.queue.stop(PATIENCE)

    @pytest.fixture
    def submit(self, store: SQLiteStore, worker: Worker) -> Callable[..., str]:
        """Accepts a job and rings for it, as a front end of the same process does; returns its id."""

        def submit(rings: int = 1, priority: int = 0) -> str:
            job = accepted(priority=priority)
            store.jobs.add(job, {})
            for _ in range(rings):
                worker.queue.put(job.job_id, priority)
            return job.job_id

        return submit

    def test_each_job_is_handled_once(self, store: SQLiteStore, worker: Worker, submit: Callable[..., str]) -> None:
        worker.start(3)
        ids = [submit() for _ in range(40)]
        worker.await_handled(*ids)
        assert Counter(worker.handled) == Counter(ids)
        assert store.jobs.count(JobQuery()) == {"successful": 40}

    def test_doubled_ring_runs_a_job_once(self, worker: Worker, submit: Callable[..., str]) -> None:
        worker.start(3)
        ids = [submit(rings=3) for _ in range(10)]
        last = submit()
        worker.await_handled(*ids, last)
        worker.queue.stop(PATIENCE)
        assert Counter(worker.handled) == Counter([*ids, last])

    def test_jobs_that_waited_before_the_start_are_handled(self, worker: Worker, submit: Callable[..., str]) -> None:
        ids = [submit() for _ in range(5)]
        worker.start()
        worker.await_handled(*ids)

    def test_lost_ring_is_made_good_by_another(
        self, store: SQLiteStore, worker: Worker, submit: Callable[..., str]
    ) -> None:
        worker.start()
        silent = submit(rings=0)
        worker.queue.put(silent)
        worker.await_handled(silent, submit())

    def test_ring_for_nothing_ends_quietly(
        self, store: SQLiteStore, worker: Worker, submit: Callable[..., str]
    ) -> None:
        worker.start()
        dismissed = accepted()
        store.jobs.add(dismissed, {})
        store.jobs.save(dismissed.dismiss(datetime.now(UTC)))
        for job_id in ("unknown", "", "\ud800", dismissed.job_id):
            worker.queue.put(job_id)
        job_id = submit()
        worker.await_handled(job_id)
        assert worker.handled == [job_id]

    def test_idle_worker_is_woken_at_once(self, worker: Worker, submit: Callable[..., str]) -> None:
        worker.start()
        worker.await_handled(submit())
        began = time.monotonic()
        for _ in range(5):
            worker.await_handled(submit())
        # Some milliseconds each; polling would take the seconds that the settings say.
        assert time.monotonic() - began < 4

    def test_no_more_jobs_run_at_once_than_asked(self, worker: Worker, submit: Callable[..., str]) -> None:
        worker.gate.clear()
        worker.start(3)
        ids = [submit() for _ in range(9)]
        worker.await_that(lambda: worker.running == 3)
        worker.gate.set()
        worker.await_handled(*ids)
        assert worker.most_running == 3

    def test_higher_priority_is_served_first(self, worker: Worker, submit: Callable[..., str]) -> None:
        ids = {priority: submit(priority=priority) for priority in (0, -100, 100, 10, -10)}
        worker.start(1)
        worker.await_handled(*ids.values())
        assert worker.handled == [ids[priority] for priority in (100, 10, 0, -10, -100)]

    def test_handler_that_fails_does_not_end_the_worker(self, worker: Worker, submit: Callable[..., str]) -> None:
        failed = threading.Event()

        def handle(job: Job) -> None:
            if not failed.is_set():
                failed.set()
                raise ValueError("a handler must not, but it did")
            worker.handle(job)

        worker.start(1, handle)
        submit()
        assert failed.wait(PATIENCE)
        worker.await_handled(submit())

    @pytest.mark.parametrize("error", [StoreError, ValueError])
    def test_store_that_is_away_does_not_end_the_worker(
        self, store: SQLiteStore, make: Callable[..., Queue], worker: Worker, error: type[Exception]
    ) -> None:
        away = threading.Event()
        asked = threading.Event()
        away.set()

        def claim(job_id: str | None) -> Job | None:
            if away.is_set():
                asked.set()
                raise error
            return serving.claim_from(store)(job_id)

        worker.queue = make(claim)
        worker.start(1)
        job = accepted()
        store.jobs.add(job, {})
        worker.queue.put(job.job_id)
        assert asked.wait(PATIENCE)
        away.clear()
        worker.queue.put(job.job_id)
        worker.await_handled(job.job_id)

    def test_front_end_claims_nothing(self, store: SQLiteStore, make: Callable[..., Queue]) -> None:
        def claim(job_id: str | None) -> Job | None:
            raise AssertionError("a front end claimed")

        front = make(claim)
        job = accepted()
        store.jobs.add(job, {})
        front.put(job.job_id)
        front.ping()
        front.stop(PATIENCE)
        front.close()
        front.close()
        assert store.jobs.get(job.job_id).status is StatusCode.ACCEPTED

    def test_worker_processes_share_the_jobs(
        self, store: SQLiteStore, make: Callable[..., Queue], settings: Settings
    ) -> None:
        front, ids = make(), []
        workers = [serving.start(self.queue_class, settings) for _ in range(2)]
        try:
            for seconds in range(40):
                job = accepted(seconds)
                store.jobs.add(job, {})
                front.put(job.job_id)
                ids.append(job.job_id)
            deadline = time.monotonic() + PATIENCE
            while store.jobs.count(JobQuery()) != {"successful": 40}:
                assert time.monotonic() < deadline, store.jobs.count(JobQuery())
                time.sleep(0.02)
            handled = []
            for worker in workers:
                output, _ = worker.communicate("stop\n", timeout=PATIENCE)
                assert worker.returncode == 0
                handled += output.split()
        finally:
            for worker in workers:
                worker.kill()
                worker.communicate()
        assert Counter(handled) == Counter(ids)

    # ------------------------------------------------------------ the end

    def test_stop_ends_an_idle_worker(self, worker: Worker, submit: Callable[..., str]) -> None:
        worker.start()
        worker.await_handled(submit())
        worker.queue.stop(PATIENCE)
        worker.await_end(5)

    def test_stop_waits_for_handlers_and_claims_no_more(
        self, store: SQLiteStore, worker: Worker, submit: Callable[..., str]
    ) -> None:
        worker.gate.clear()
        worker.start(1)
        first, second = submit(), submit()
        worker.await_that(lambda: worker.running == 1)
        stopping = threading.Thread(target=worker.queue.stop, args=[PATIENCE])
        stopping.start()
        stopping.join(0.2)
        assert stopping.is_alive(), "a handler was still at work"
        worker.gate.set()
        stopping.join(PATIENCE)
        worker.await_end()
        assert worker.running == 0
        assert sorted(store.jobs.count(JobQuery()).items()) == [("accepted", 1), ("successful", 1)]
        assert worker.handled in ([first], [second])

    def test_stop_does_not_wait_longer_than_the_grace(self, worker: Worker, submit: Callable[..., str]) -> None:
        worker.gate.clear()
        worker.start(1)
        submit()
        worker.await_that(lambda: worker.running == 1)
        began = time.monotonic()
        worker.queue.stop(0.3)
        assert 0.2 < time.monotonic() - began < PATIENCE / 2
        worker.queue.stop(PATIENCE)
        assert time.monotonic() - began < PATIENCE / 2, "the first grace counts"

    def test_stop_before_the_start_is_remembered(self, worker: Worker, submit: Callable[..., str]) -> None:
        submit()
        worker.queue.stop(1)
        worker.start()
        worker.await_end(5)
        assert worker.handled == []

    def test_signal_handlers_are_left_alone(self, worker: Worker, submit: Callable[..., str]) -> None:
        watched = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD, signal.SIGUSR1)
        before = [signal.getsignal(number) for number in watched]
        worker.start()
        worker.await_handled(submit())
        assert [signal.getsignal(number) for number in watched] == before
        worker.queue.stop(PATIENCE)
        assert [signal.getsignal(number) for number in watched] == before


class BrokerContract:
    """Of a queue with a broker: the fixtures ``unreachable`` and ``silent`` are queues whose broker is not there."""

    #: Seconds in which a ring must have failed.
    at_most = 3.0

    @pytest.fixture
    def unreachable(self) -> Queue:
        """A queue whose broker refuses connections."""
        raise NotImplementedError

    @pytest.fixture
    def silent(self) -> Queue:
        """A queue whose broker takes connections and never answers."""
        raise NotImplementedError

    @pytest.mark.parametrize("kind", ["unreachable", "silent"])
    def test_bell_that_cannot_be_rung_is_a_queue_error_soon(self, kind: str, request: pytest.FixtureRequest) -> None:
        queue: Queue = request.getfixturevalue(kind)
        asked: tuple[Callable[[], None], ...] = (partial(queue.put, "job", 5), queue.ping)
        for ask in asked:
            began = time.monotonic()
            with pytest.raises(QueueError) as caught:
                ask()
            assert time.monotonic() - began < self.at_most
            assert len(caught.value.detail.split()) > 3, "the error is a sentence"

    def test_worker_without_a_broker_can_be_stopped(self, store: SQLiteStore, unreachable: Queue) -> None:
        worker = Worker(store, unreachable)
        worker.start()
        time.sleep(0.3)
        began = time.monotonic()
        unreachable.stop(PATIENCE)
        worker.await_end(PATIENCE)
        assert time.monotonic() - began < 10
