"""Real workers beside a front end: ``weaverlite work`` as processes of their own, on the same settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from weaverlite.settings import Settings

#: Seconds that a worker may take to start, and to stop when it is told to while no job runs.
_STARTING = 60


@contextmanager
def workers(settings: Settings, number: int = 2) -> Iterator[None]:
    """Have so many workers run jobs of these settings; each keeps its own data below that of the settings."""
    with ExitStack() as stack:
        # All are started before one is waited for.
        for each in [stack.enter_context(_worker(settings, settings.data / f"worker{n}")) for n in range(number)]:
            _until_working(each)
        yield


@contextmanager
def _worker(settings: Settings, data: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    data.mkdir(parents=True, exist_ok=True)
    log = data / "log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEAVERLITE_")}
    with log.open("wb") as words:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("weaverlite"), "work", "--data", data],
            env={**inherited, **settings.to_environ()},
            stdout=words,
            stderr=words,
        )
    try:
        yield process, log
    finally:
        process.send_signal(signal.SIGTERM)
        worker = settings.worker
        patience = (worker.drain + 2 * worker.grace).total_seconds() + 10
        try:
            code = process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"a worker did not stop within {patience:g} s:\n{_end_of(log)}") from None
    if code != 0:
        raise RuntimeError(f"a worker ended with {code}:\n{_end_of(log)}")


def _until_working(worker: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, log = worker
    deadline = time.monotonic() + _STARTING
    while b"working" not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"a worker did not start:\n{_end_of(log)}")
        time.sleep(0.02)


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-3000:]
