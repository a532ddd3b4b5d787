"""What several processes do at once in a test of :mod:`tests.contracts.test_store_races`."""

from __future__ import annotations

from multiprocessing.synchronize import Barrier
from pathlib import Path

from weaverlite.stores.sqlite import SQLiteStore
from weaverlite.testing.nouns import accepted


def begin_and_end(directory: str, rounds: int, barrier: Barrier) -> None:
    """Open one new file after another together with the others: create it, write to it, close it, and once more."""
    try:
        for number in range(rounds):
            path = Path(directory) / f"{number}.db"
            barrier.wait(120)
            for seconds in range(4):
                store = SQLiteStore(path, timeout=60)
                store.migrate()
                store.jobs.add(accepted(seconds), {})
                store.ping()
                # The last one to close a file takes its log away, under the feet of those who open it.
                store.close()
    except BaseException:
        # The others need not wait for one that failed.
        barrier.abort()
        raise
