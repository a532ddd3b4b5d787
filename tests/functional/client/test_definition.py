"""Every call of the client without a socket, each answer checked against the definition of the service."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from weaverlite.client import JobFailed, Notice, WeaverClient
from weaverlite.errors import EngineError
from weaverlite.models.process import InputDescription, OutputDescription
from weaverlite.testing.app import URL, running
from weaverlite.testing.backends import Backends
from weaverlite.testing.instant import InstantContext, InstantProcess

GO = threading.Event()


def write(inputs: Mapping[str, Any], context: InstantContext) -> Mapping[str, Any]:
    context.say(f"writing {inputs['text']}")
    path = context.directory / "größe 100%.txt"
    path.write_text(inputs["text"], encoding="utf-8")
    folder = context.directory / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a b.txt").write_text("deep", encoding="utf-8")
    context.wait(GO)
    if inputs["text"] == "fail":
        raise EngineError("The tool ended with exit code 7.")
    files = [context.directory / name for name in ("one.txt", "two.txt")]
    for file in files:
        file.write_text(file.stem, encoding="utf-8")
    return {"file": path, "folder": folder, "files": files, "count": 3}


PROCESS = InstantProcess(
    process_id="write",
    function=write,
    inputs=(InputDescription(input_id="text", schema={"type": "string"}),),
    outputs=tuple(OutputDescription(output_id=name, schema={}) for name in ("file", "folder", "files", "count")),
)


@pytest.fixture
def client(tmp_path: Path, backends: Backends) -> Iterator[WeaverClient]:
    GO.set()
    directory = tmp_path / "service"
    settings = backends.settings_for(directory)
    with running(directory, PROCESS, settings=settings) as service, service.session() as session:
        yield WeaverClient(URL, session=session)


def test_every_question_is_understood(client: WeaverClient) -> None:
    for call in (client.info, client.version, client.conformance, client.processes, client.jobs):
        call().check()
    client.describe("write").check()
    client.package("echo")
    job = client.execute("write", ["text=hello"], options={"labels": {"by": "me"}, "priority": 5}).check()
    assert client.monitor(job, timeout=30).check()
    for part in (client.status, client.logs, client.history, client.inputs, client.exceptions, client.statistics):
        part(job.job_id[:8]).check()
    client.logs(job, stream="stdout", tail=1, after=1, since="2026-01-31T12:00:00+00:00").check()
    found = client.jobs(status="successful", process_id="write", labels={"by": "me"}).check()
    assert [entry["jobID"] for entry in found.body["jobs"]] == [job.job_id]
    assert client.jobs(labels={"by": "you"}).check().body["jobs"] == []
    client.dismiss(job).check()
    assert client.status(job).code == 410


def test_results_of_every_kind_are_laid_out(client: WeaverClient, tmp_path: Path) -> None:
    job = client.execute("write", {"text": "hello"}).check()
    client.monitor(job).check()
    results = client.results(job, output_dir=tmp_path / "out").check()
    root = tmp_path / "out" / job.job_id
    assert Path(results.body["file"]["path"]).read_text(encoding="utf-8") == "hello"
    assert Path(results.body["file"]["path"]).name == "größe 100%.txt"
    assert (Path(results.body["folder"]["path"]) / "deep" / "a b.txt").read_text(encoding="utf-8") == "deep"
    assert [Path(item["path"]).read_text(encoding="utf-8") for item in results.body["files"]] == ["one", "two"]
    assert results.body["count"] == 3
    assert (root / "stdout").read_text(encoding="utf-8") == "writing hello\n"


def test_failed_job_says_why(client: WeaverClient, tmp_path: Path) -> None:
    job = client.execute("write", {"text": "fail"}).check()
    outcome = client.monitor(job)
    assert isinstance(outcome.error, JobFailed) and "exit code 7" in outcome.message
    results = client.results(job, output_dir=tmp_path / "out")
    assert results.code == 400 and "exit code 7" in results.message and results.directory is not None
    assert (results.directory / "stdout").read_text(encoding="utf-8") == "writing fail\n"


def test_log_is_followed(client: WeaverClient) -> None:
    GO.clear()
    job = client.execute("write", {"text": "hello"}).check()
    notices: list[Notice] = []

    def notify(notice: Notice) -> None:
        notices.append(notice)
        if notice.body.get("message") == "writing hello":
            GO.set()

    assert client.monitor(job, logs=True, timeout=30, notify=notify).check()
    assert [notice.body["message"] for notice in notices if notice.body.get("topic") == "stdout"] == ["writing hello"]


def test_uploads_are_taken(client: WeaverClient, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ü 1.txt").write_text("x", encoding="utf-8")
    assert client.upload(tmp_path / "in" / "ü 1.txt").check().body["name"] == "ü 1.txt"
    assert client.upload(tmp_path / "in").check().body["href"].startswith("vault:")


def test_synchronous_execution_has_its_results(client: WeaverClient) -> None:
    job = client.execute("write", {"text": "hello"}, mode="sync", wait=20).check()
    assert job.status == "successful" and job.body["count"] == 3
