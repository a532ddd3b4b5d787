"""Jobs as rows of SQLite: what of a record stands in columns, so that it can be searched."""

from __future__ import annotations

from weaverlite.models.codec import write_time
from weaverlite.models.job import Job
from weaverlite.stores.records import storable, storable_or_none, write_owner, write_transition

INSERT = """
    INSERT INTO jobs (job_id, owner, created_at, process_id, priority, needs, revision, status, attempt, queue_deadline,
        expires_at, updated_at, beat_at, progress, message, document, started_at, finished_at, seconds, callback_at)
    VALUES (:job_id, :owner, :created_at, :process_id, :priority, :needs, :revision, :status, :attempt, :queue_deadline,
        :expires_at, :updated_at, :beat_at, :progress, :message, :document, :started_at, :finished_at, :seconds,
        :callback_at)
"""
# Only columns that a transition can change: SQLite rewrites every index over a column it is told to set. A worker may
# have beaten between the read this save is made of and now; while the job goes on running its news is kept.
SAVE = """
    UPDATE jobs SET revision = :revision, status = :status, attempt = :attempt, needs = :needs,
        queue_deadline = :queue_deadline, expires_at = :expires_at, updated_at = :updated_at,
        beat_at = max(coalesce(beat_at, :beat_at), :beat_at),
        progress = CASE WHEN status = 'running' AND :status = 'running' THEN progress ELSE :progress END,
        message = :message, document = :document, started_at = :started_at, finished_at = :finished_at,
        seconds = :seconds, callback_at = :callback_at
    WHERE job_id = :job_id AND revision = :revision - 1
    RETURNING number
"""
#: What else can change of a job that waits to be started by its owner.
EDIT = "UPDATE jobs SET priority = :priority, process_id = :process_id WHERE job_id = :job_id"
TAG = "INSERT INTO tags (name, value, created_at, job_id, owner, process_id, status) VALUES (?, ?, ?, ?, ?, ?, ?)"
KEY = "INSERT INTO keys (owner, key, job_id, digest) VALUES (?, ?, ?, ?)"

Row = dict[str, object]


def row(job: Job) -> Row:
    """Return every column of a job, by name."""
    return {
        "job_id": storable(job.job_id),
        "owner": storable_or_none(job.owner),
        "created_at": write_time(job.created_at),
        "process_id": storable(job.process_id),
        "priority": job.priority,
        **write_transition(job),
    }


def tags(job: Job) -> list[tuple[object, ...]]:
    """Return the rows of a job's labels."""
    owner = storable_or_none(job.owner)
    return [
        (
            storable(name),
            storable(value),
            write_time(job.created_at),
            storable(job.job_id),
            owner,
            storable(job.process_id),
            str(job.status),
        )
        for name, value in job.options.labels.items()
    ]


def key(job: Job) -> tuple[str, str, str, str] | None:
    """Return the row of a job's idempotency key, None when it has none."""
    if job.idempotency_key is None:
        return None
    name = storable(job.idempotency_key)
    return write_owner(job.owner), name, storable(job.job_id), job.request_digest or ""
