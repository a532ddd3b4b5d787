"""A worker process that hears the bell and claims, for functions that live in the process that started it.

It serves the queue of its settings as any worker does. What it has won it does not run: it writes the id of the job,
and is busy until it has read the same line. It ends when it can read no more.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import defaultdict

from weaverlite.models.job import Job
from weaverlite.settings import Settings
from weaverlite.testing.instant import InstantRuntime

#: How long a job that runs may hold up the end, in seconds.
_GRACE = 5.0


def main() -> None:
    """Serve, in the words of the module's docstring."""
    runtime = InstantRuntime(Settings.from_mapping({}, os.environ))
    done: defaultdict[str, threading.Event] = defaultdict(threading.Event)

    def handle(job: Job) -> None:
        # One write for the whole line: several threads print.
        sys.stdout.write(f"{job.job_id}\n")
        sys.stdout.flush()
        done[job.job_id].wait()

    def read() -> None:
        for line in sys.stdin:
            done[line.strip()].set()
        runtime.queue.stop(_GRACE)

    threading.Thread(target=read, name="answers", daemon=True).start()
    runtime.queue.serve(handle, runtime.settings.concurrency)
    runtime.close()


if __name__ == "__main__":
    main()
