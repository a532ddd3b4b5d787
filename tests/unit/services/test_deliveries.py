from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from weaverlite.models.job import Job
from weaverlite.models.queries import EventQuery
from weaverlite.models.subscriber import Subscriber
from weaverlite.services.deliveries import Deliveries
from weaverlite.stores.sqlite import SQLiteStore
from weaverlite.transfer.interfaces import Called, Caller

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
WELL = Called(is_delivered=True, detail="It answered 200.")
BUSY = Called(is_delivered=False, detail="It answered 503.", may_pass=True)
NEVER = Called(is_delivered=False, detail="It answered 410.")


class Told(Caller):
    """Answers as it is told to, and remembers what was sent."""

    def __init__(self, *answers: Called) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[str, str]] = []

    def call(self, uri: str, message_id: str, at: datetime, body: bytes) -> Called:
        self.sent.append((uri, message_id))
        return self.answers.pop(0)


class Clock:
    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "weaverlite.db")
    opened.migrate()
    yield opened
    opened.close()


def stored(store: SQLiteStore) -> Job:
    """Return a job that has ended and owes its subscriber a call."""
    subscriber = Subscriber(success_uri="http://a.example/done")
    job = Job(job_id="1", process_id="p", process_revision=1, created_at=AT, subscriber=subscriber).accept(AT)
    store.jobs.add(job, {})
    for job in (started := job.start("w", AT), started.succeed(AT)):
        store.jobs.save(job)
    return job


def deliveries(store: SQLiteStore, caller: Caller, clock: Clock, **more: Any) -> Deliveries:
    return Deliveries(store, caller, more.pop("compose", lambda job, status: {}), clock=clock, **more)


def run(found: Deliveries) -> int:
    due = found.due(10)
    for job in due:
        found.deliver(job)
    return len(due)


def test_delivery_is_made_once(store: SQLiteStore, clock: Clock) -> None:
    stored(store)
    caller = Told(WELL)
    found = deliveries(store, caller, clock)
    assert (run(found), run(found)) == (1, 0)
    assert caller.sent == [("http://a.example/done", "1.successful")]
    assert store.jobs.get("1").deliveries == ()


def test_two_who_see_the_same_job_make_one_call(store: SQLiteStore, clock: Clock) -> None:
    job = stored(store)
    caller = Told(WELL)
    for _ in range(2):
        deliveries(store, caller, clock).deliver(job)
    assert len(caller.sent) == 1


def test_waits_grow_up_to_half_a_day_and_then_it_is_given_up(store: SQLiteStore, clock: Clock) -> None:
    stored(store)
    found = deliveries(store, Told(*[BUSY] * 8), clock, attempts=8)
    waits = []
    while run(found):
        left = store.jobs.get("1").callback_at
        if left is not None:
            waits.append((left - clock.now).total_seconds())
            clock.now = left
    assert waits == [5, 30, 180, 1080, 6480, 38880, 43200]
    assert store.jobs.get("1").deliveries == ()
    said = store.events.read("1", EventQuery(topics=frozenset({"callback"})))
    assert [event.level for event in said] == ["warning"] * 8


def test_final_answer_ends_it_at_once(store: SQLiteStore, clock: Clock) -> None:
    stored(store)
    found = deliveries(store, Told(NEVER), clock)
    assert (run(found), run(found)) == (1, 0)
    assert store.jobs.get("1").deliveries == ()


def test_who_dies_on_the_way_lets_go_after_a_while(store: SQLiteStore, clock: Clock) -> None:
    job = stored(store)
    store.jobs.save(job.hold_delivery(AT, AT + timedelta(seconds=30)))
    found = deliveries(store, Told(WELL), clock)
    assert run(found) == 0
    clock.forward(seconds=30)
    assert run(found) == 1
    assert store.jobs.get("1").deliveries == ()


def test_message_that_cannot_be_made_is_tried_again(store: SQLiteStore, clock: Clock) -> None:
    stored(store)

    def compose(job: Job, status: object) -> dict[str, Any]:
        raise OSError("the results are away")

    caller = Told()
    assert run(deliveries(store, caller, clock, compose=compose)) == 1
    assert caller.sent == []
    assert store.jobs.get("1").callback_at == AT + timedelta(seconds=5)


def test_job_that_is_removed_meanwhile_is_left_alone(store: SQLiteStore, clock: Clock) -> None:
    job = stored(store)
    store.jobs.delete("1", AT)
    caller = Told()
    deliveries(store, caller, clock).deliver(job)
    assert caller.sent == []
