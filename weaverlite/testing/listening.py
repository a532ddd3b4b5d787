"""Workers in processes of their own whose jobs are functions of this one.

The other side of the pipes is :mod:`weaverlite.testing.hearing`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from weaverlite.settings import Settings

#: Seconds that the process may take to end when it is told to.
_PATIENCE = 10


class Listener:
    """A worker process whose jobs are run by ``run``, in threads of this process."""

    def __init__(self, settings: Settings, run: Callable[[str], None]) -> None:
        self._process = subprocess.Popen(
            # Warnings belong to the tests of the queue: here they would have nobody to read them.
            [sys.executable, "-W", "ignore", "-m", "weaverlite.testing.hearing"],
            env={**os.environ, **settings.to_environ()},
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
            self._process.wait(_PATIENCE)
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
