"""Jobs, processes and the like for tests: complete, alike, and different where a test says so."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from weaverlite.models.job import Job, JobEvent
from weaverlite.models.options import Needs, Offer, Options
from weaverlite.models.package import PYTHON_MEDIA_TYPE, Package
from weaverlite.models.process import Deployed, Description, InputDescription, OutputDescription, Process
from weaverlite.models.results import Manifest, OutputFile
from weaverlite.models.upload import Upload

#: When everything begins in tests.
START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

OFFER = Offer(
    worker="worker-1",
    engines=frozenset({"instant"}),
    schemes=frozenset({"data", "https"}),
    publishers=frozenset({"local"}),
    cores=4.0,
    memory=8 * 1024**3,
    disk=100 * 1024**3,
)


def after(seconds: float) -> datetime:
    """Return the time ``seconds`` after the start."""
    return START + timedelta(seconds=seconds)


def accepted(seconds: float = 0, *, labels: dict[str, str] | None = None, **members: Any) -> Job:
    """Return a new job accepted at that time, not stored."""
    at = after(seconds)
    job = Job(
        **{
            "job_id": str(uuid.uuid4()),
            "process_id": "echo",
            "process_revision": 1,
            "created_at": at,
            "options": Options(labels=labels or {}),
            "needs": Needs(engine="instant"),
            **members,
        }
    )
    return job.accept(at)


def manifest_of(job: Job, seconds: float = 0, **outputs: Any) -> Manifest:
    """Return a manifest of the job's present attempt with a stream, a file and what is given."""
    return Manifest(
        job_id=job.job_id,
        attempt=job.attempt,
        created_at=after(seconds),
        exit_code=0,
        outputs={
            "table": OutputFile(path="outputs/table/a.csv", size=3, sha256="0f", media_type="text/csv"),
            **outputs,
        },
        streams=(OutputFile(path="stdout", size=1, sha256="0a", media_type="text/plain"),),
    )


def said(job: Job, *messages: str, topic: str = "stdout", seconds: float = 0) -> list[JobEvent]:
    """Return events of the job's present attempt, one for each message."""
    return [
        JobEvent(job_id=job.job_id, attempt=job.attempt, at=after(seconds), topic=topic, message=message)
        for message in messages
    ]


def process(process_id: str = "echo", revision: int = 1, **members: Any) -> Process:
    """Return a revision of a process, not stored."""
    return Process(
        **{
            "process_id": process_id,
            "revision": revision,
            "package": Package.of(PYTHON_MEDIA_TYPE, {"function": "echo", "revision": revision}),
            "engine": "instant",
            "description": Description(
                process_id=process_id,
                title=f"{process_id} {revision}",
                keywords=("a", "b"),
                inputs=(InputDescription(input_id="x", schema={"type": "integer", "minimum": 0}, max_occurs=None),),
                outputs=(OutputDescription(output_id="y", schema={"type": "string"}),),
            ),
            "created_at": after(revision),
            "deployed": Deployed(media_type="application/json", body="{}"),
            **members,
        }
    )


def upload(seconds: float = 0, **members: Any) -> Upload:
    """Return the record of an upload that expires ``seconds`` after the start."""
    return Upload(
        **{
            "upload_id": str(uuid.uuid4()),
            "name": "données.csv",
            "media_type": "text/csv",
            "size": 5,
            "sha256": "ab",
            "created_at": START,
            "expires_at": after(seconds),
            "owner": "ada",
            **members,
        }
    )
