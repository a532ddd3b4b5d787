"""A worker process of the queue contract: runs jobs of a SQLite file until it is told to stop, and prints their ids.

``python -m weaverlite.testing.serving QUEUE-CLASS SETTINGS`` with an import path ``module:Class`` and a pickled
:class:`~weaverlite.settings.Settings` in base64.
"""

from __future__ import annotations

import base64
import importlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from weaverlite.models.job import Job
from weaverlite.queues.interfaces import Queue
from weaverlite.settings import Settings
from weaverlite.stores.sqlite import SQLiteStore
from weaverlite.testing.nouns import OFFER


def start(queue_class: type[Queue], settings: Settings) -> subprocess.Popen[str]:
    """Start a process that serves until it reads a line."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            __name__,
            f"{queue_class.__module__}:{queue_class.__qualname__}",
            base64.b64encode(pickle.dumps(settings)).decode("ascii"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def claim_from(store: SQLiteStore, worker: str = "worker-1") -> Callable[[str | None], Job | None]:
    """Return what a queue claims with."""
    offer = replace(OFFER, worker=worker)
    return lambda job_id: store.jobs.claim(offer, datetime.now(UTC), job_id)


def main(name: str, pickled: str) -> None:
    """Serve, in the words of the module's docstring."""
    module, _, attribute = name.partition(":")
    settings: Settings = pickle.loads(base64.b64decode(pickled))
    store = SQLiteStore.create(settings)
    queue: Queue = getattr(importlib.import_module(module), attribute).create(
        settings, claim_from(store, f"process-{os.getpid()}")
    )

    def handle(job: Job) -> None:
        store.jobs.save(job.succeed(datetime.now(UTC)))
        # One write for the whole line: two threads print.
        sys.stdout.write(f"{job.job_id}\n")
        sys.stdout.flush()

    def stop() -> None:
        sys.stdin.readline()
        queue.stop(20)

    threading.Thread(target=stop, daemon=True).start()
    queue.serve(handle, 2)
    queue.close()
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
