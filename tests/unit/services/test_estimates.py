"""Hints from the last runs of a process."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from weaverlite.models.queries import Page
from weaverlite.ogc.status import StatusCode
from weaverlite.services.estimates import Estimates
from weaverlite.testing.nouns import accepted, after


class Runs:
    """A store of jobs of which these many seconds are known; counts how often it is asked."""

    def __init__(self, *seconds):
        self.asked = []
        self.items = tuple(accepted().start("w", after(0)).succeed(after(number)) for number in seconds)

    def find(self, query):
        self.asked.append(query)
        return Page(items=self.items)


def test_the_estimate_is_the_median_of_the_last_successful_runs():
    runs = Runs(2, 400, 4)
    assert Estimates(runs).seconds("echo") == 4
    (query,) = runs.asked
    assert (query.process_ids, query.statuses) == (frozenset({"echo"}), frozenset({StatusCode.SUCCESSFUL}))
    assert query.limit < 100, "it stays cheap"


def test_what_is_known_is_not_asked_again_for_a_while():
    now = SimpleNamespace(time=0.0)
    runs = Runs(2)
    estimates = Estimates(runs, lambda: now.time)
    assert [estimates.seconds("echo") for _ in range(3)] == [2, 2, 2]
    assert len(runs.asked) == 1
    estimates.seconds("plot")
    now.time = 31.0
    estimates.seconds("echo")
    assert len(runs.asked) == 3


def test_nothing_known_is_remembered_too():
    runs = Runs()
    estimates = Estimates(runs)
    assert [estimates.seconds("echo") for _ in range(2)] == [None, None]
    assert len(runs.asked) == 1


def test_memory_is_bounded():
    estimates = Estimates(Runs(2))
    for number in range(2000):
        estimates.seconds(f"p{number}")
    assert len(estimates._known) <= 500


@pytest.mark.parametrize(
    ("known", "gone", "left", "poll"),
    [
        ((20,), 5, 15, 15),
        ((20,), 19.5, 0.5, 1),
        ((20,), 40, None, 10),
        ((), 2, None, 1),
        ((), 60, None, 15),
        ((10_000,), 1, 9_999, 300),
        ((20,), -5, 20, 20),
    ],
    ids=["halfway", "nearly", "late", "unknown", "unknown and long", "long", "clock that runs behind"],
)
def test_hints_follow_the_estimate(known, gone, left, poll):
    estimates, job = Estimates(Runs(*known)), accepted().start("w", after(0))
    assert estimates.left(job, after(gone)) == left
    assert estimates.next_poll(job, after(gone)) == poll


def test_a_job_that_waits_has_all_before_it():
    estimates = Estimates(Runs(20))
    assert estimates.left(accepted(), after(500)) == 20
