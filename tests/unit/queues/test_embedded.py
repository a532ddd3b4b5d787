from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

from weaverlite.models.job import Job
from weaverlite.queues.embedded import EmbeddedQueue
from weaverlite.settings import QueueSettings, Settings
from weaverlite.testing.nouns import accepted


def nothing(job_id: str | None) -> Job | None:
    return None


def test_poll_is_read_from_the_settings(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, queue=QueueSettings(poll=timedelta(milliseconds=20)))
    queue = EmbeddedQueue.create(settings, nothing)
    assert not queue.is_shared
    queue.ping()
    queue.close()


def test_job_that_was_won_while_the_stop_came_is_handled() -> None:
    # To drop it would leave it running, with no worker that knows of it.
    handled: list[str] = []

    def claim(job_id: str | None) -> Job | None:
        queue.stop(0)
        return accepted(job_id="won")

    queue = EmbeddedQueue(claim)
    done = threading.Event()

    def handle(job: Job) -> None:
        handled.append(job.job_id)
        done.set()

    queue.serve(handle, 1)
    assert done.wait(10)
    assert handled == ["won"]


def test_queue_that_was_stopped_claims_nothing() -> None:
    asked: list[str | None] = []

    def claim(job_id: str | None) -> Job | None:
        asked.append(job_id)
        return None

    queue = EmbeddedQueue(claim)
    queue.stop(0)
    queue.serve(lambda job: None, 1)
    assert asked == []
