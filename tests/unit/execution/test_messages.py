"""Messages between service and job processes, and the suspicion with which reports are read."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from weaverlite.errors import WorkerLost
from weaverlite.execution import messages
from weaverlite.execution.messages import Inbox, report_frame
from weaverlite.execution.reports import events_of, read_ended
from weaverlite.models.job import Attempt, Job
from weaverlite.models.results import Manifest, OutputFile

NOW = datetime(2030, 1, 1, tzinfo=UTC)
JOB = Job(
    job_id="j",
    process_id="p",
    process_revision=1,
    created_at=NOW,
    attempts=(Attempt(number=1, worker="w", started_at=NOW),),
)
FILE = OutputFile(path="outputs/a/b", size=1, sha256="0" * 64, media_type="text/plain")
MANIFEST = Manifest(job_id="j", attempt=1, created_at=NOW, outputs={"a": FILE})
ENDED: dict[str, Any] = {"kind": "ended", "exit_code": 0, "failure": None, "manifest": MANIFEST.to_json(), "cpu": 0.1}


def test_reports_come_in_any_pieces() -> None:
    frames = b"".join(report_frame({"kind": "n", "n": n, "text": "é" * n}) for n in range(50))
    for size in (1, 3, 7, 1000, len(frames)):
        inbox = Inbox()
        found = [r for start in range(0, len(frames), size) for r in inbox.feed(frames[start : start + size])]
        assert [report["n"] for report in found] == list(range(50))


@pytest.mark.parametrize("body", [b"", b"lies!", b"[]", b'"x"', b'{"no": "kind"}', b'{"kind": 3}', b"[" * 100_000])
def test_what_is_no_report_is_refused(body: bytes) -> None:
    with pytest.raises(WorkerLost):
        Inbox().feed(struct.pack("!I", len(body)) + body)


def test_a_report_that_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(WorkerLost, match="are allowed"):
        Inbox().feed(struct.pack("!I", messages.LIMIT + 1))


def test_half_a_surrogate_pair_never_arrives() -> None:
    (sent,) = Inbox().feed(report_frame({"kind": "x", "text": "a\udc80b"}))
    body = json.dumps({"kind": "x", "text": "a\udc80b"}).encode()
    (forged,) = Inbox().feed(struct.pack("!I", len(body)) + body)
    assert sent["text"] == forged["text"] == "a?b"


def test_an_honest_report_is_read() -> None:
    ended = read_ended(JOB, ENDED)
    assert ended.manifest == MANIFEST
    assert ended.problem is None


def forged(**file: Any) -> dict[str, Any]:
    document = replace(MANIFEST, outputs={"a": replace(FILE, **file)}).to_json()
    return {**ENDED, "manifest": document}


@pytest.mark.parametrize(
    "report",
    [
        {"kind": "ended"},
        {**ENDED, "exit_code": "x"},
        {**ENDED, "failure": "text"},
        {**ENDED, "failure": {"detail": 3}},
        {**ENDED, "manifest": []},
        {**ENDED, "manifest": {**MANIFEST.to_json(), "jobID": "other"}},
        {**ENDED, "manifest": {**MANIFEST.to_json(), "attempt": 2}},
        forged(path="../../etc/passwd"),
        forged(path="/etc/passwd"),
        forged(path="outputs//a"),
        forged(path="outputs/\0"),
        forged(size=-1),
        forged(size="many"),
        forged(sha256="short"),
        forged(media_type=3),
    ],
)
def test_a_forged_report_is_refused(report: dict[str, Any]) -> None:
    with pytest.raises(WorkerLost):
        read_ended(JOB, report)


def test_a_huge_problem_is_cut() -> None:
    problem = {"detail": "x" * 20_000, "more": "y" * 500_000}
    found = read_ended(JOB, {**ENDED, "failure": problem}).problem
    assert found is not None
    assert len(json.dumps(found)) < 20_000


def test_events_that_are_none_are_left_out() -> None:
    good = [NOW.timestamp(), "stdout", "info", "step", "text"]
    events: list[Any] = [good, None, [], [1], ["x", *good[1:]], [1e300, *good[1:]], [0, "status", "info", "", "forged"]]
    (event,) = events_of(JOB, {"kind": "events", "events": events})
    assert (event.message, event.step, event.attempt) == ("text", "step", 1)
    assert event.at <= datetime.now(UTC)
    assert events_of(JOB, {"kind": "events", "events": "none"}) == []
