"""Worker processes that hear the bell and claim, for functions that live in another process.

Each serves the queue of some settings as any worker does. What it has won it does not run: it writes the id of the job
to the process that started it, and is busy until that one has answered with the same line.
"""

from __future__ import annotations

import base64
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from weaverlite.models.job import Job
from weaverlite.settings import Settings

#: How long the jobs that run may go on when the listener is told to stop, in seconds.
_GRACE = 5


class Listener:
    """A worker process whose jobs are run by ``run``, in threads of this process."""

    def __init__(self, settings: Settings, run: Callable[[str], None]) -> None:
        self._process = subprocess.Popen(
            # Warnings belong to the tests of the queue: here they would have nobody to read them.
            [sys.executable, "-W", "ignore", "-m", __name__, base64.b64encode(pickle.dumps(settings)).decode("ascii")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._run = run
        self._answering = threading.Lock()
        self._threads = ThreadPoolExecutor(settings.concurrency, "listener")
        self._reader = threading.Thread(target=self._read, name="listener", daemon=True)
        self._reader.start()

    def tell_to_stop(self) -> None:
        """Have the process claim no more."""
        with self._answering:
            assert self._process.stdin is not None
            self._process.stdin.close()

    def join(self) -> None:
        """Wait until the process has ended."""
        try:
            self._process.wait(_GRACE + 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise RuntimeError("a worker did not stop within its grace") from None
        finally:
            self._reader.join()
            self._threads.shutdown(wait=False)
            assert self._process.stdout is not None
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._threads.submit(self._do, line)

    def _do(self, line: str) -> None:
        try:
            self._run(line.strip())
        finally:
            with self._answering:
                assert self._process.stdin is not None
                if not self._process.stdin.closed:
                    self._process.stdin.write(line)
                    self._process.stdin.flush()


def main(pickled: str) -> None:
    """Serve until nobody writes any more."""
    # Imported here: the module above imports this one.
    from weaverlite.testing.instant import InstantRuntime

    settings: Settings = pickle.loads(base64.b64decode(pickled))
    runtime = InstantRuntime(settings)
    done: dict[str, threading.Event] = {}
    ending = threading.Event()

    def handle(job: Job) -> None:
        done[job.job_id] = threading.Event()
        # One write for the whole line: several threads print.
        sys.stdout.write(f"{job.job_id}\n")
        sys.stdout.flush()
        while not (done[job.job_id].wait(0.1) or ending.is_set()):
            pass

    def listen() -> None:
        for line in sys.stdin:
            done[line.strip()].set()
        ending.set()
        runtime.queue.stop(_GRACE)

    threading.Thread(target=listen, name="answers", daemon=True).start()
    runtime.queue.serve(handle, settings.concurrency)
    runtime.close()


if __name__ == "__main__":
    main(sys.argv[1])
