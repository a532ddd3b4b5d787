"""A real store, queue, publisher and stagers over a temporary directory; only nobody runs the jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from weaverlite.models.job import Job
from weaverlite.models.options import Offer, Resources
from weaverlite.models.package import CWL_MEDIA_TYPE, Package
from weaverlite.models.process import Description, InputDescription, OutputDescription, Process
from weaverlite.models.results import Manifest, OutputFile, OutputValue
from weaverlite.queues.interfaces import Queue
from weaverlite.runtime import Runtime
from weaverlite.services.jobs import Jobs
from weaverlite.settings import EgressSettings, LimitsSettings, Settings
from weaverlite.stores.interfaces import Store
from weaverlite.transfer.data import DataStager
from weaverlite.transfer.egress import Egress
from weaverlite.transfer.http import HTTPStager
from weaverlite.transfer.local import LocalPublisher

CSV = {"type": "string", "contentMediaType": "text/csv"}


@pytest.fixture
def publisher(tmp_path: Path) -> LocalPublisher:
    return LocalPublisher(tmp_path / "results")


@pytest.fixture
def stagers():
    stagers = (DataStager(), HTTPStager(Egress.create(EgressSettings())))
    return {scheme: stager for stager in stagers for scheme in stager.schemes}


@pytest.fixture
def process(store: Store) -> Process:
    process = Process(
        process_id="stats",
        revision=1,
        package=Package.of(CWL_MEDIA_TYPE, {"cwlVersion": "v1.2"}),
        engine="cwl",
        description=Description(
            inputs=(
                InputDescription(input_id="text", schema={"type": "string"}),
                InputDescription(input_id="depth", schema={"type": "integer", "default": 3}, min_occurs=0),
                InputDescription(input_id="table", schema=CSV, min_occurs=0, type_name="File"),
            ),
            outputs=(
                OutputDescription(output_id="table", schema=CSV),
                OutputDescription(output_id="count", schema={"type": "integer"}),
                OutputDescription(output_id="all", schema={"type": "object"}),
            ),
            needs=Resources(cores=2, memory=1000),
        ),
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
    )
    store.processes.add(process)
    return process


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    runtime = Runtime.from_settings(settings)
    yield runtime.queue
    runtime.close()


@pytest.fixture
def jobs(store, queue, stagers, publisher, process) -> Iterator[Jobs]:
    jobs = Jobs(store, queue, stagers, publisher, LimitsSettings(), held_threads=2)
    yield jobs
    jobs.close()


OFFER = Offer(
    worker="w",
    engines=frozenset({"cwl"}),
    schemes=frozenset({"data", "http", "https"}),
    publishers=frozenset({"local"}),
    cores=8,
    memory=10**9,
    disk=10**12,
)


def start(store: Store, job: Job) -> Job:
    """Win the job as a worker does."""
    won = store.jobs.claim(OFFER, datetime.now(UTC), job.job_id)
    assert won is not None
    return won


def finish(store: Store, publisher: LocalPublisher, job: Job, source: Path, **outputs: OutputValue) -> Job:
    """End the running job well, with these outputs published."""
    manifest = manifest_of(job, source, **outputs)
    publisher.publish(manifest, source)
    done = job.succeed(datetime.now(UTC))
    store.jobs.save(done, manifest)
    return done


def manifest_of(job: Job, source: Path, **outputs: OutputValue) -> Manifest:
    return Manifest(
        job_id=job.job_id,
        attempt=job.attempt,
        created_at=datetime.now(UTC),
        exit_code=0,
        outputs=outputs,
        streams=(write(source, "stdout", "said\n"), write(source, "stderr", ""), write(source, "exitCode", "0\n")),
    )


def write(source: Path, path: str, text: str, media_type: str = "text/plain") -> OutputFile:
    """Write a file of the layout below ``source`` and return its entry in a manifest."""
    place = source / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return OutputFile(path=path, size=len(text.encode()), sha256=digest, media_type=media_type)
