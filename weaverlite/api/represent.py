"""Models to the JSON that OGC API - Processes names, with links. Nothing here asks a store: values in, documents out.

Members without a value are left out, never null: OGC's schemas refuse nulls.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from weaverlite.api.urls import Urls
from weaverlite.models.codec import write_time
from weaverlite.models.job import Attempt, Job, JobEvent
from weaverlite.models.process import InputDescription, OutputDescription, Process
from weaverlite.models.results import Manifest
from weaverlite.models.upload import Upload
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import Link
from weaverlite.ogc.negotiation import HTML, JSON
from weaverlite.ogc.status import StatusCode
from weaverlite.schemas.dialect import to_openapi30
from weaverlite.services.jobs import Dismissal

Document = dict[str, Any]


# ---------------------------------------------------------------- processes


def process_summary(process: Process, urls: Urls) -> Document:
    """Return the entry of a process in the list of processes."""
    return _summary(process, urls.process(process.process_id))


def process_revision(process: Process, urls: Urls) -> Document:
    """Return the entry of a revision in the list of revisions."""
    return {
        **_summary(process, urls.process(f"{process.process_id}:{process.version}")),
        "revision": process.revision,
        "created": write_time(process.created_at),
    }


def process_description(process: Process, urls: Urls, name: str = "") -> Document:
    """Return the whole description, valid for both versions of the standard; ``name`` is what was asked for."""
    href, latest = urls.process(name or process.process_id), urls.process(process.process_id)
    found = [
        *rel.representations(href, "This description"),
        Link(f"{href}/execution", rel.EXECUTE, JSON, "Execute the process"),
        Link(rel.PROCESS_PROFILE, rel.PROFILE),
        Link(urls.landing(), rel.SERVICE, JSON, "The service"),
        Link(f"{urls.base}/processes", rel.UP, JSON, "All processes"),
        Link(f"{latest}/revisions", rel.VERSION_HISTORY, JSON, "Revisions of the process"),
    ]
    if href != latest:
        found.append(Link(latest, rel.LATEST_VERSION, JSON, "The latest revision"))
    if process.deployed:
        found.append(Link(f"{href}/package", rel.RELATED, process.deployed.media_type, "What was deployed"))
    return {
        **_process(process),
        "revision": process.revision,
        "created": write_time(process.created_at),
        "visibility": process.visibility,
        **({"deploymentProfile": process.profile} if process.profile else {}),
        "inputs": {item.input_id: _input(item) for item in process.inputs},
        "outputs": {item.output_id: _output(item) for item in process.outputs},
        "links": [link.to_json() for link in found],
    }


def _summary(process: Process, href: str) -> Document:
    return {
        **_process(process),
        "links": [
            *(link.to_json() for link in rel.representations(href, "Description of the process")),
            Link(href, rel.PROCESS, JSON, "Description of the process").to_json(),
            Link(f"{href}/execution", rel.EXECUTE, JSON, "Execute the process").to_json(),
        ],
    }


def _process(process: Process) -> Document:
    document: Document = {"id": process.process_id, "title": process.title, "version": process.version}
    if process.description.description:
        document["description"] = process.description.description
    if process.description.keywords:
        document["keywords"] = list(process.description.keywords)
    if process.metadata:
        document["metadata"] = [dict(item) for item in process.metadata]
    document["mutable"] = process.mutable
    document["jobControlOptions"] = list(process.job_control_options)
    document["outputTransmission"] = list(process.output_transmission)
    return document


def _input(item: InputDescription) -> Document:
    document = _described(item)
    document["minOccurs"] = item.min_occurs
    document["maxOccurs"] = "unbounded" if item.max_occurs is None else item.max_occurs
    # The way that is usual for the input comes first.
    document["valuePassing"] = sorted(item.value_passing, reverse=not item.is_file)
    document["schema"] = to_openapi30(item.schema)
    return document


def _output(item: OutputDescription) -> Document:
    return {**_described(item), "schema": to_openapi30(item.schema)}


def _described(item: InputDescription | OutputDescription) -> Document:
    document: Document = {}
    if item.title:
        document["title"] = item.title
    if item.description:
        document["description"] = item.description
    if item.keywords:
        document["keywords"] = list(item.keywords)
    if item.metadata:
        document["metadata"] = [dict(entry) for entry in item.metadata]
    if item.type_name:
        document["x-cwl-type"] = item.type_name
    return document


# ---------------------------------------------------------------- jobs


def status_info(job: Job, urls: Urls) -> Document:
    """Return the status of a job, with the members of both versions of the standard."""
    href = f"{urls.base}/jobs/{job.job_id}"
    document: Document = {
        "id": job.job_id,
        "jobID": job.job_id,
        "processID": job.process_id,
        "type": "process",
        "processingEntityType": "ogc-api-processes",
        "status": job.status.value,
        "message": job.message,
        "progress": job.progress,
        "created": write_time(job.created_at),
    }
    if job.started_at:
        document["started"] = write_time(job.started_at)
    if job.finished_at:
        document["finished"] = write_time(job.finished_at)
    if job.updated_at:
        document["updated"] = write_time(job.updated_at)
    if title := job.title or job.options.name:
        document["title"] = title
    if job.description:
        document["description"] = job.description
    if job.options.labels:
        document["labels"] = dict(job.options.labels)
        if tags := [name for name, value in job.options.labels.items() if not value]:
            document["tags"] = tags
    if job.attempts:
        document["attempt"] = len(job.attempts)
    if job.parent_id:
        document["parent"] = job.parent_id
    if job.failure:
        document["exception"] = job.failure
    if job.expires_at:
        document["expirationDate"] = write_time(job.expires_at)
    document["links"] = [
        {"href": href, "rel": "self", "type": JSON, "title": "Status of the job"},
        {"href": f"{href}?f=html", "rel": "alternate", "type": HTML, "title": "Status of the job, as HTML"},
        {"href": href, "rel": "monitor", "type": JSON, "title": "Status of the job"},
        {"href": f"{href}/logs", "rel": rel.LOG, "type": JSON, "title": "Events and output lines"},
        {"href": f"{href}/inputs", "rel": rel.INPUTS, "type": JSON, "title": "What it was made with"},
        {"href": f"{urls.base}/jobs", "rel": rel.UP, "type": JSON, "title": "All jobs"},
    ]
    if job.parent_id:
        parent = urls.job(job.parent_id)
        document["links"].append({"href": parent, "rel": rel.RELATED, "type": JSON, "title": "The job it serves"})
    if job.status is StatusCode.SUCCESSFUL:
        document["links"].append({"href": f"{href}/results", "rel": rel.RESULTS, "type": JSON, "title": "Results"})
    elif job.status is StatusCode.FAILED:
        document["links"].append(
            {"href": f"{href}/exceptions", "rel": rel.EXCEPTIONS, "type": JSON, "title": "Why it failed"}
        )
    return document


def hints(job: Job, poll_after: float, left: float | None, at: datetime) -> Document:
    """Return when it is worth to ask for the status of a job again, and when the job may have ended, in seconds from
    ``at``. A job that has ended has neither."""
    if job.is_terminal:
        return {}
    document = {"nextPoll": write_time(at + timedelta(seconds=poll_after))}
    if left is not None:
        document["estimatedCompletion"] = write_time(at + timedelta(seconds=left))
    return document


def dismissal(item: Dismissal) -> Document:
    """Return what became of one of several jobs that were to be dismissed."""
    if isinstance(item.outcome, Job):
        is_done = item.outcome.status is StatusCode.DISMISSED
        return {
            "jobID": item.job_id,
            "code": 200 if is_done else 202,
            "status": item.outcome.status.value,
            "message": item.outcome.message,
        }
    problem = item.outcome.problem()
    return {"jobID": item.job_id, "code": problem["status"], "exception": problem}


def history(job: Job, events: Iterable[JobEvent]) -> Document:
    """Return the attempts of a job and the events of its state."""
    return {
        "jobID": job.job_id,
        "attempts": [_attempt(attempt) for attempt in job.attempts],
        "events": [event(item) for item in events],
    }


def _attempt(attempt: Attempt) -> Document:
    document = {
        "number": attempt.number,
        "worker": attempt.worker,
        "started": write_time(attempt.started_at),
        "finished": attempt.finished_at and write_time(attempt.finished_at),
        "exitCode": attempt.exit_code,
        "ended": attempt.ended,
        "cpuSeconds": attempt.usage.cpu_seconds,
        "peakMemory": attempt.usage.peak_memory,
    }
    return {name: value for name, value in document.items() if value is not None}


def statistics(job: Job, manifest: Manifest | None, at: datetime) -> Document:
    """Return what a job took, as far as it is known; of a job that has not ended, until now."""
    usages = [attempt.usage for attempt in job.attempts]
    cpu = [usage.cpu_seconds for usage in usages if usage.cpu_seconds is not None]
    memory = [usage.peak_memory for usage in usages if usage.peak_memory is not None]
    accepted = job.accepted_at or job.created_at
    queued = ((job.started_at or job.finished_at or at) - accepted).total_seconds()
    document: Document = {"jobID": job.job_id, "attempts": len(job.attempts), "queuedSeconds": max(0.0, queued)}
    if job.started_at:
        document["runSeconds"] = max(0.0, ((job.finished_at or at) - job.started_at).total_seconds())
    if cpu:
        document["cpuSeconds"] = sum(cpu)
    if memory:
        document["peakMemory"] = max(memory)
    if manifest:
        files = [file for file in manifest.files() if file not in manifest.streams]
        document["outputFiles"] = len(files)
        document["outputBytes"] = sum(file.size for file in files)
    return document


def event(item: JobEvent) -> Document:
    """Return one event of a job."""
    document = {
        "seq": item.seq,
        "time": write_time(item.at),
        "attempt": item.attempt,
        "level": item.level,
        "topic": item.topic,
        "message": item.message,
    }
    if item.step:
        document["step"] = item.step
    return document


# ---------------------------------------------------------------- uploads


def upload(item: Upload) -> Document:
    """Return an upload, with the reference that executions use."""
    return {
        "id": item.upload_id,
        "href": f"vault:{item.upload_id}",
        "name": item.name,
        "type": item.media_type,
        "size": item.size,
        "sha256": item.sha256,
        "created": write_time(item.created_at),
        "expires": write_time(item.expires_at),
    }
