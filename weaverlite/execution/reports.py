"""What job processes report, read with suspicion: they run what users deployed, and their words end in the store."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from weaverlite.errors import EngineError, WorkerLost
from weaverlite.models.job import Job, JobEvent
from weaverlite.models.results import Manifest

_TOPICS = frozenset({"service", "stdout", "stderr"})
_LEVELS = frozenset({"debug", "info", "warning", "error"})
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_LONGEST_TEXT = 64 * 1024
_LARGEST_PROBLEM = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The report of a run that came to its end, well or not."""

    exit_code: int
    problem: Mapping[str, Any] | None
    manifest: Manifest | None
    cpu_seconds: float
    peak_memory: int | None


def read_ended(job: Job, report: Mapping[str, Any]) -> Ended:
    """Return the report of how a run ended.

    :raises WorkerLost: it is not what a job process of ours sends.
    """
    try:
        manifest = report["manifest"]
        memory = report.get("memory")
        return Ended(
            exit_code=int(report["exit_code"]),
            problem=None if report["failure"] is None else _problem(report["failure"]),
            manifest=None if manifest is None else _manifest(job, manifest),
            cpu_seconds=max(0.0, float(report["cpu"])),
            peak_memory=None if memory is None else max(0, int(memory)),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise WorkerLost("The job process sent a report that cannot be read.") from exc


def events_of(job: Job, report: Mapping[str, Any]) -> list[JobEvent]:
    """Return the events of a report; what is none is left out."""
    found = []
    latest = datetime.now(UTC)
    events = report.get("events")
    for item in events if isinstance(events, list) else ():
        try:
            at, topic, level, step, message = item
            moment = datetime.fromtimestamp(float(at), UTC)
        except (TypeError, ValueError, OverflowError, OSError):
            continue
        if topic in _TOPICS and level in _LEVELS:
            found.append(
                JobEvent(
                    job_id=job.job_id,
                    attempt=job.attempt,
                    at=min(moment, latest),
                    topic=topic,
                    level=level,
                    step=str(step)[:1000],
                    message=str(message)[:_LONGEST_TEXT],
                )
            )
    return found


def started_of(report: Mapping[str, Any]) -> tuple[float, int]:
    """Return the CPU seconds the process had used before, and the kernel's count of kills for memory then.

    :raises WorkerLost: it is not what a job process of ours sends.
    """
    try:
        return float(report["cpu"]), int(report["oom"])
    except (KeyError, TypeError, ValueError) as exc:
        raise WorkerLost("The job process sent a report that cannot be read.") from exc


def progress_of(report: Mapping[str, Any]) -> tuple[int, str]:
    """Return percent and message of a report of progress."""
    percent = report.get("percent")
    return percent if isinstance(percent, int) else 0, str(report.get("message", ""))[:1000]


def _problem(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict) or not isinstance(document.get("detail"), str):
        raise ValueError("no problem document")
    if len(json.dumps(document)) > _LARGEST_PROBLEM:
        return EngineError(document["detail"][:10_000]).problem()
    return document


def _manifest(job: Job, document: Any) -> Manifest:
    manifest = Manifest.from_json(document)
    if (manifest.job_id, manifest.attempt) != (job.job_id, job.attempt):
        raise ValueError("the manifest of another attempt")
    for file in manifest.files():
        parts = file.path.split("/")
        if any(part in ("", ".", "..") for part in parts) or "\0" in file.path:
            raise ValueError("a path that leaves the job's directory")
        if not (isinstance(file.size, int) and file.size >= 0 and _SHA256.match(file.sha256)):
            raise ValueError("a file without size or digest")
        if not isinstance(file.media_type, str):
            raise ValueError("a file without media type")
    return manifest
