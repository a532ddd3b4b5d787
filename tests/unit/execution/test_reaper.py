"""The reaper's steps, on a real store with a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from weaverlite.engines.interfaces import Leftovers
from weaverlite.errors import JobRemoved, NoSuchUpload, QueueError
from weaverlite.execution.reaper import Reaper
from weaverlite.execution.workspace import Workspace
from weaverlite.models.job import Job, new_job_id
from weaverlite.models.options import Needs, Offer, Options
from weaverlite.models.queries import EventQuery
from weaverlite.models.results import Manifest
from weaverlite.models.upload import Upload
from weaverlite.ogc.status import StatusCode
from weaverlite.queues.interfaces import Handle, Queue
from weaverlite.stores.sqlite import SQLiteStore
from weaverlite.transfer.local import LocalPublisher

NOW = datetime(2030, 1, 1, tzinfo=UTC)
OFFER = Offer(
    worker="worker-1",
    engines=frozenset({"cwl"}),
    schemes=frozenset(),
    publishers=frozenset(),
    cores=1,
    memory=0,
    disk=0,
)


class Bell(Queue):
    """A queue that only remembers its rings."""

    def __init__(self) -> None:
        self.rung: list[str] = []
        self.is_broken = False

    def put(self, job_id: str, priority: int = 0) -> None:
        if self.is_broken:
            raise QueueError
        self.rung.append(job_id)

    def serve(self, handle: Handle, concurrency: int) -> None:
        """Never called here."""

    def stop(self, grace: float) -> None:
        """Nothing to stop."""

    def ping(self) -> None:
        """Always there."""

    def close(self) -> None:
        """Nothing to close."""


class Containers(Leftovers):
    """Containers as a set of numbers."""

    def __init__(self) -> None:
        self.there: set[tuple[str, int]] = set()

    def find(self) -> list[tuple[str, int]]:
        return sorted(self.there)

    def remove(self, job_id: str, attempt: int) -> None:
        self.there.discard((job_id, attempt))


class Node:
    """A store with a reaper."""

    def __init__(self, directory: Path) -> None:
        self.store = SQLiteStore(directory / "store.db", synchronous="NORMAL")
        self.store.migrate()
        self.bell = Bell()
        self.containers = Containers()
        self.publisher = LocalPublisher(directory / "results")
        self.directory = directory / "work"
        self.removed: list[str] = []
        self.forgotten: list[str] = []
        self.reaper = Reaper(
            self.store,
            self.bell,
            self.publisher,
            instance="none-runs-under-this-name",
            directory=self.directory,
            lease=timedelta(seconds=30),
            sweep=timedelta(hours=1),
            leftovers=[self.containers],
            expire_uploads=self._expire_uploads,
            forget=lambda job: self.forgotten.append(job.job_id),
        )

    def _expire_uploads(self, at: datetime) -> None:
        for upload in self.store.uploads.expired(at):
            self.store.uploads.remove(upload.upload_id)
            self.removed.append(upload.upload_id)

    def accept(self, at: datetime = NOW, **members: Any) -> Job:
        job = Job(
            job_id=new_job_id(),
            process_id="p",
            process_revision=1,
            created_at=at,
            needs=Needs(engine="cwl"),
            **members,
        ).accept(at)
        self.store.jobs.add(job, {})
        return job

    def start(self, at: datetime = NOW, **members: Any) -> Job:
        claimed = self.store.jobs.claim(OFFER, at, self.accept(at, **members).job_id)
        assert claimed is not None
        return claimed

    def get(self, job: Job) -> Job:
        return self.store.jobs.get(job.job_id)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path)
    yield node
    node.store.close()


def test_a_job_of_a_silent_worker_fails(node: Node) -> None:
    job = node.start()
    node.reaper.sweep(NOW + timedelta(seconds=29))
    assert node.get(job).status is StatusCode.RUNNING
    node.reaper.sweep(NOW + timedelta(seconds=31))
    failed = node.get(job)
    assert failed.status is StatusCode.FAILED
    assert failed.failure is not None
    assert failed.failure["reason"] == "worker-lost"
    assert "worker-1" in failed.failure["detail"]
    (event,) = node.store.events.read(job.job_id, EventQuery(topics=frozenset({"status"})))
    assert event.message.startswith("failed: The worker worker-1")


def test_a_job_whose_worker_beats_is_left_alone(node: Node) -> None:
    job = node.start()
    node.store.jobs.beat(job.job_id, 1, NOW + timedelta(seconds=20))
    node.reaper.sweep(NOW + timedelta(seconds=45))
    assert node.get(job).status is StatusCode.RUNNING


def test_a_job_that_may_run_twice_waits_again_until_its_attempts_are_used(node: Node) -> None:
    job = node.start(options=Options(idempotent=True), max_attempts=2)
    node.reaper.sweep(NOW + timedelta(seconds=31))
    assert node.get(job).status is StatusCode.ACCEPTED
    assert node.bell.rung == [job.job_id]
    again = node.store.jobs.claim(OFFER, NOW + timedelta(seconds=40), job.job_id)
    assert again is not None and again.attempt == 2
    node.reaper.sweep(NOW + timedelta(seconds=80))
    assert node.get(job).status is StatusCode.FAILED


def test_a_dismissal_nobody_answered_is_done(node: Node) -> None:
    job = node.start(options=Options(idempotent=True), max_attempts=2)
    node.store.jobs.save(job.ask_dismissal(NOW))
    node.reaper.sweep(NOW + timedelta(seconds=31))
    assert node.get(job).status is StatusCode.DISMISSED


def test_waiting_jobs_are_rung_for_again(node: Node) -> None:
    job = node.accept()
    node.reaper.sweep(NOW + timedelta(seconds=2))
    assert node.bell.rung == []
    node.reaper.sweep(NOW + timedelta(seconds=6))
    assert node.bell.rung == [job.job_id]


def test_rings_for_one_job_become_rare(node: Node) -> None:
    node.accept()
    for second in range(0, 3600, 5):
        node.reaper.sweep(NOW + timedelta(seconds=second))
    assert 8 <= len(node.bell.rung) <= 16


def test_every_job_of_a_long_queue_is_rung_for(node: Node) -> None:
    jobs = {node.accept().job_id for _ in range(1100)}
    node.reaper.sweep(NOW + timedelta(seconds=6))
    assert len(node.bell.rung) == 1000
    node.reaper.sweep(NOW + timedelta(seconds=7))
    assert set(node.bell.rung) == jobs
    assert len(node.bell.rung) == 1100


def test_a_broker_that_is_away_stops_nothing(node: Node) -> None:
    node.accept()
    silent = node.start()
    node.bell.is_broken = True
    node.reaper.sweep(NOW + timedelta(seconds=31))
    assert node.get(silent).status is StatusCode.FAILED


def test_a_job_that_waited_too_long_fails(node: Node) -> None:
    job = node.accept(queue_deadline=NOW + timedelta(seconds=10))
    node.reaper.sweep(NOW + timedelta(seconds=9))
    assert node.get(job).status is StatusCode.ACCEPTED
    node.reaper.sweep(NOW + timedelta(seconds=11))
    failed = node.get(job)
    assert failed.failure is not None
    assert failed.failure["reason"] == "time-limit"


def test_expired_jobs_go_with_their_results(node: Node, tmp_path: Path) -> None:
    job = node.start(options=Options(keep=timedelta(days=1)))
    source = tmp_path / "source"
    source.mkdir()
    manifest = Manifest(job_id=job.job_id, attempt=1, created_at=NOW)
    node.publisher.publish(manifest, source)
    node.store.jobs.save(job.succeed(NOW), manifest)
    node.reaper.sweep(NOW + timedelta(hours=23))
    assert list(node.publisher.find()) == [job.job_id]
    assert node.forgotten == []
    node.reaper.sweep(NOW + timedelta(hours=25))
    assert list(node.publisher.find()) == []
    assert node.forgotten == [job.job_id]
    with pytest.raises(JobRemoved):
        node.get(job)


def test_a_job_that_was_never_started_goes_when_its_time_is_over(node: Node) -> None:
    def created(minutes: int, **members: Any) -> Job:
        expiry = NOW + timedelta(minutes=minutes)
        job = Job(job_id=new_job_id(), process_id="p", process_revision=1, created_at=NOW, expires_at=expiry, **members)
        node.store.jobs.add(job, {})
        return job

    waiting, later, keyless = created(10, idempotency_key="k", request_digest="d"), created(30), created(10)
    started = created(10)
    accepted = started.accept(NOW)
    node.store.jobs.save(accepted)
    assert accepted.expires_at is None
    node.reaper.sweep(NOW + timedelta(minutes=9))
    assert node.get(waiting).status is StatusCode.CREATED
    node.reaper.sweep(NOW + timedelta(minutes=11))
    assert sorted(node.forgotten) == sorted([waiting.job_id, keyless.job_id])
    for job in (waiting, keyless):
        with pytest.raises(JobRemoved):
            node.get(job)
    assert node.store.jobs.keyed(None, "k") is not None
    assert node.get(later).status is StatusCode.CREATED
    assert node.get(started).status is StatusCode.ACCEPTED


def test_expired_uploads_go(node: Node) -> None:
    upload = Upload(
        upload_id="u1",
        name="a",
        media_type="text/plain",
        size=1,
        sha256="0" * 64,
        created_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    )
    node.store.uploads.add(upload)
    node.reaper.sweep(NOW + timedelta(minutes=59))
    assert node.removed == []
    node.reaper.sweep(NOW + timedelta(minutes=61))
    assert node.removed == ["u1"]
    with pytest.raises(NoSuchUpload):
        node.store.uploads.get("u1")


def test_only_what_dead_attempts_left_is_removed(node: Node) -> None:
    live = node.start()
    ended = node.start()
    node.store.jobs.save(ended.succeed(NOW))
    everything = [(live.job_id, 1), (live.job_id, 7), (ended.job_id, 1), ("unknown", 1)]
    for job_id, attempt in everything:
        Workspace.of(node.directory, job_id, attempt).create()
        node.containers.there.add((job_id, attempt))
    (node.directory / "unknown" / "no-number").mkdir()
    node.reaper.sweep(NOW + timedelta(seconds=1))
    assert node.containers.there == {(live.job_id, 1)}
    assert [path.name for path in node.directory.iterdir() if path.name != "unknown"] == [live.job_id]
    assert [path.name for path in (node.directory / live.job_id).iterdir()] == ["1"]


def test_several_reapers_end_a_job_once(node: Node, tmp_path: Path) -> None:
    job = node.start()
    for _ in range(3):
        node.reaper.sweep(NOW + timedelta(seconds=60))
    events = node.store.events.read(job.job_id, EventQuery(topics=frozenset({"status"})))
    assert len(events) == 1


def test_a_stopped_reaper_sweeps_no_more(node: Node) -> None:
    job = node.accept()
    node.reaper.start()
    node.reaper.stop()
    node.reaper.stop()
    node.reaper.sweep(NOW + timedelta(days=1))
    assert node.get(job).status is StatusCode.ACCEPTED
