"""Processes that open one file of SQLite at the same moment: each waits for the others, none fails."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from tests.contracts.racing import begin_and_end
from weaverlite.models.queries import JobQuery
from weaverlite.stores.sqlite import SQLiteStore

PROCESSES, ROUNDS = 4, 6


def test_processes_that_open_and_close_one_file_at_once_all_get_in(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    racers = [
        context.Process(target=begin_and_end, args=(str(tmp_path), ROUNDS, barrier)) for _ in range(PROCESSES)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(300)
    assert [racer.exitcode for racer in racers] == [0] * PROCESSES
    for number in range(ROUNDS):
        store = SQLiteStore(tmp_path / f"{number}.db")
        assert store.jobs.count(JobQuery()) == {"accepted": 4 * PROCESSES}
        store.close()
