"""The directory of an attempt, made while those of others go away."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from weaverlite.execution.workspace import Workspace


def test_it_is_made_while_the_last_attempt_of_the_same_job_is_removed(tmp_path: Path) -> None:
    done = threading.Event()

    def sweep() -> None:
        while not done.wait(0.0002):
            with contextlib.suppress(OSError):
                (tmp_path / "job").rmdir()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for attempt in range(2000):
            workspace = Workspace.of(tmp_path, "job", attempt)
            workspace.create()
            assert workspace.work.is_dir()
            workspace.remove()
    finally:
        done.set()
        sweeper.join()
