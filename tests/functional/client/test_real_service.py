"""The client and the command against the real service, its worker and its job processes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from weaverlite.api import make_app
from weaverlite.cli import main
from weaverlite.cli.common import FORMATS
from weaverlite.client import JobFailed, Notice, ProblemError, TimedOut, WeaverClient
from weaverlite.runtime import Runtime
from weaverlite.settings import Settings
from weaverlite.testing.app import Service, running
from weaverlite.testing.backends import Backends

COMMAND = Path(sys.executable).with_name("weaverlite")
GATHER: dict[str, Any] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": ["sh", "-c", 'echo started; cat "$1" "$2"/*/* > gathered.txt; echo "$4" >&2; exit $3', "sh"],
    "inputs": {
        "text": {"type": "File", "inputBinding": {"position": 1}},
        "folder": {"type": "Directory", "inputBinding": {"position": 2}},
        "code": {"type": "int", "default": 0, "inputBinding": {"position": 3}},
        "word": {"type": "string", "default": "none", "inputBinding": {"position": 4}},
        "numbers": {"type": "float[]", "default": []},
    },
    "outputs": {
        "outputs": {"type": "File", "outputBinding": {"glob": "gathered.txt"}},
        "said": {"type": "stdout"},
    },
    "stdout": "said.txt",
}
SLEEP: dict[str, Any] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": ["sh", "-c", 'i=0; while [ $i -lt $0 ]; do echo "tick $i"; i=$((i+1)); sleep 0.1; done'],
    "inputs": {"ticks": {"type": "int", "inputBinding": {"position": 1}}},
    "outputs": {},
}
LARGE: dict[str, Any] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": ["sh", "-c", "head -c $0 /dev/urandom > large.bin"],
    "inputs": {"size": {"type": "int", "inputBinding": {"position": 1}}},
    "outputs": {"large": {"type": "File", "outputBinding": {"glob": "large.bin"}}},
}


@contextmanager
def front_end(settings: Settings) -> Iterator[str]:
    """Answer requests beside the worker; what is stopped for good with one front end is new with the next."""
    runtime = Runtime.from_settings(settings, worker=False)
    try:
        runtime.prepare()
        with Service(runtime, make_app(runtime)).served() as url:
            yield url
    finally:
        runtime.close()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, backends: Backends) -> Settings:
    return backends.settings_for(tmp_path_factory.mktemp("service"))


@pytest.fixture(scope="module")
def url(settings: Settings) -> Iterator[str]:
    """A worker and a front end on one store."""
    with running(settings.data, settings=settings), front_end(settings) as served:
        with WeaverClient(served) as client:
            for name, package in (("gather", GATHER), ("sleep", SLEEP), ("large", LARGE)):
                client.deploy(name, cwl=package).check()
        yield served


@pytest.fixture
def client(url: str) -> Iterator[WeaverClient]:
    with WeaverClient(url) as found:
        yield found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A job order with a file and a folder beside it."""
    (tmp_path / "folder" / "sub").mkdir(parents=True)
    (tmp_path / "a.txt").write_text("first\n", encoding="utf-8")
    (tmp_path / "folder" / "sub" / "b.txt").write_text("second\n", encoding="utf-8")
    order = {"text": {"class": "File", "path": "a.txt"}, "folder": {"class": "Directory", "path": "folder"}}
    (tmp_path / "inputs.json").write_text(json.dumps(order), encoding="utf-8")
    return tmp_path


def command(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, f"{done.args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def test_files_and_folders_go_in_and_come_out(client: WeaverClient, data: Path) -> None:
    job = client.execute("gather", data / "inputs.json").check()
    assert client.monitor(job, timeout=60).check()
    results = client.results(job_id=job.job_id, output_dir=data / "out").check()
    root = data / "out" / job.job_id
    assert results.directory == root
    # An output that is called "outputs" has no folder of its own.
    assert Path(results.body["outputs"]["path"]) == root / "outputs" / "gathered.txt"
    assert (root / "outputs" / "gathered.txt").read_text(encoding="utf-8") == "first\nsecond\n"
    assert (root / "outputs" / "said" / "said.txt").read_text(encoding="utf-8") == "started\n"
    assert (root / "exitCode").read_text(encoding="utf-8").strip() == "0"
    assert {path.name for path in root.iterdir()} == {
        *("exitCode", "stdout", "stderr", "manifest.json", "results.json", "outputs")
    }


def test_one_command_submits_follows_and_downloads(url: str, data: Path) -> None:
    done = command(
        *("execute", "-u", url, "-p", "gather", "-I", data / "inputs.json", "-I", "word=spoken"),
        *("-I", f"folder=@{data / 'folder'}", "-I", "numbers=1;2.5", "--monitor", "-oD", data / "out"),
    )
    root = Path(done.stdout.splitlines()[-1])
    assert root.parent == data / "out"
    assert (root / "stderr").read_text(encoding="utf-8") == "spoken\n"
    job_id = root.name
    assert json.loads(command("inputs", "-u", url, "-j", job_id[:6]).stdout)["inputs"]["numbers"] == [1, 2.5]
    assert json.loads(command("statistics", "-j", f"{url}/jobs/{job_id}").stdout)["attempts"] == 1
    assert "spoken" in command("logs", "-u", url, "-j", job_id, "-F", "table", "--stream", "stderr").stdout


def test_failed_job_leaves_what_it_said(url: str, data: Path) -> None:
    arguments = ("-u", url, "-p", "gather", "-I", data / "inputs.json", "-I", "code=3", "-I", "word=oh")
    done = command("execute", *arguments, "--monitor", "-oD", data / "out", code=1)
    root = Path(done.stdout.splitlines()[-1])
    assert (root / "exitCode").read_text(encoding="utf-8").strip() == "3"
    assert (root / "stderr").read_text(encoding="utf-8") == "oh\n"
    assert "3" in done.stderr
    shown = command("results", "-u", url, "-j", root.name, code=1)
    assert shown.stdout == "" and shown.stderr.startswith("Error: ")
    assert json.loads(command("exceptions", "-u", url, "-j", root.name).stdout)["exceptions"]
    command("monitor", "-u", url, "-j", root.name, code=1)
    assert isinstance(WeaverClient(url).results(root.name).error, JobFailed)


def test_every_fault_of_the_inputs_is_told_at_once(url: str, data: Path) -> None:
    done = command("execute", "-u", url, "-p", "gather", "-I", "code=many", "-I", "nmubers=1", code=3)
    assert done.stdout == ""
    assert all(pointer in done.stderr for pointer in ("/inputs/code", "/inputs/nmubers", "text", "folder"))


def test_text_for_a_file_is_refused_with_the_hint(url: str) -> None:
    assert "-I text=@a.txt" in command("execute", "-u", url, "-p", "gather", "-I", "text=a.txt", code=2).stderr


def test_job_that_runs_is_followed_and_dismissed(client: WeaverClient, url: str, tmp_path: Path) -> None:
    job = client.execute("sleep", {"ticks": 1000}).check()
    notices: list[Notice] = []

    def notify(notice: Notice) -> None:
        notices.append(notice)
        if notice.body.get("message") == "tick 3":
            assert client.dismiss(job).check().body["status"] == "dismissed"

    result = client.monitor(job, timeout=60, logs=True, notify=notify)
    assert isinstance(result.error, JobFailed) and result.error.status == "dismissed"
    told = [notice.body["message"] for notice in notices if notice.body.get("topic") == "stdout"]
    assert told[:4] == ["tick 0", "tick 1", "tick 2", "tick 3"]
    done = command("results", "-u", url, "-j", job.job_id, "-oD", tmp_path, code=1)
    assert "tick 0\n" in (Path(done.stdout.strip()) / "stdout").read_text(encoding="utf-8")


def test_jobs_are_tagged_repeated_and_dismissed_together(client: WeaverClient, url: str) -> None:
    word, key = f"nightly-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    job, again = (client.execute("sleep", {"ticks": 0}, tags=[word], idempotency_key=key).check() for _ in range(2))
    assert job.job_id == again.job_id
    other = client.execute("sleep", {"ticks": 1}, tags=[word], idempotency_key=key)
    assert isinstance(other.error, ProblemError) and other.code == 422
    assert client.monitor(job, timeout=60).success
    assert client.status(job, wait=1).check().body["status"] == "successful"
    rerun = client.rerun(job, same_revision=True).check()
    assert rerun.job_id != job.job_id
    assert client.monitor(rerun, timeout=60).success
    options = ("-u", url, "--tag", word, "--since", "2h", "--sort", "created", "--status", "successful,failed")
    listed = json.loads(command("jobs", *options, "--process", "sleep", "--limit", "5").stdout)["jobs"]
    assert [item["jobID"] for item in listed] == [job.job_id, rerun.job_id]
    assert client.jobs(tags=[word], detail=False).check().body["jobs"] == [rerun.job_id, job.job_id]
    third = command("rerun", "-u", url, "-j", job.job_id, "--idempotency-key", uuid.uuid4().hex)
    repeated = json.loads(third.stdout)["jobID"]
    assert json.loads(command("status", "-u", url, "-j", repeated, "--wait", "20s").stdout)["status"] == "successful"
    named = [part for name in (job.job_id, rerun.job_id, repeated) for part in ("-j", name)]
    outcomes = json.loads(command("dismiss", "-u", url, *named).stdout)["outcomes"]
    assert [item["code"] for item in outcomes] == [200, 200, 200]
    assert "3 of 3" in command("dismiss", "-u", url, *named, code=3).stderr


def test_results_before_the_end_are_not_ready(client: WeaverClient, url: str) -> None:
    job = client.execute("sleep", {"ticks": 1000}).check()
    try:
        refused = client.results(job_id=job.job_id)
        assert isinstance(refused.error, ProblemError) and refused.error.is_not_ready and refused.code == 404
        done = command("results", "-u", url, "-j", job.job_id, code=4)
        assert done.stdout == "" and done.stderr.startswith("Error: The results are not ready: the job is ")
        assert isinstance(client.monitor(job, timeout=0.3).error, TimedOut)
        command("monitor", "-u", url, "-j", job.job_id, "--timeout", "300ms", code=4)
    finally:
        client.dismiss(job).check()


def test_log_is_followed_while_the_job_runs(client: WeaverClient) -> None:
    job = client.execute("sleep", {"ticks": 10}).check()
    began = time.monotonic()
    times = [time.monotonic() - began for event in client.follow(job) if event["topic"] == "stdout"]
    assert len(times) == 10 and times[-1] - times[0] > 0.5


def test_unknown_names_are_refused(client: WeaverClient, url: str) -> None:
    unknown = "0b6f3c1e-5d1f-4c5a-9f5e-2f6a3c9d7e10"
    assert client.status(job_id=unknown).code == 404
    assert client.describe("absent").code == 404
    assert client.undeploy("echo").code == 403
    assert client.deploy("gather", cwl=GATHER).code == 409
    for arguments in (("status", "-j", unknown), ("execute", "-p", "absent"), ("undeploy", "-p", "echo")):
        done = command(*arguments, "-u", url, code=3)
        assert done.stdout == "" and done.stderr.startswith("Error: ")


def test_front_end_that_restarts_in_the_middle_of_a_monitor_is_taken_up_again(url: str, settings: Settings) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = replace(settings, server=replace(settings.server, port=port))
    notices: list[Notice] = []
    outcome: list[Any] = []
    lost, seen = threading.Event(), threading.Event()

    def notify(notice: Notice) -> None:
        notices.append(notice)
        if notice.body.get("message") == "tick 2":
            seen.set()
        if notice.kind == "lost":
            lost.set()

    with front_end(settings) as other:
        client = WeaverClient(other, timeout=5)
        job = client.execute("sleep", {"ticks": 60}).check()
        thread = threading.Thread(
            target=lambda: outcome.append(client.monitor(job, timeout=60, logs=True, notify=notify))
        )
        thread.start()
        assert seen.wait(30)
    assert lost.wait(30)
    with front_end(settings):
        thread.join(60)
    client.close()
    assert outcome and outcome[0], outcome
    told = [notice.body["message"] for notice in notices if notice.body.get("topic") == "stdout"]
    assert told == [f"tick {number}" for number in range(60)]


def test_large_file_goes_up_and_down_and_is_resumed(client: WeaverClient, tmp_path: Path) -> None:
    job = client.execute("large", {"size": 30_000_000}).check()
    assert client.monitor(job, timeout=60).check()
    manifest = client._connection.call("GET", f"{client.job_url(job)}/manifest").check().body
    entry = manifest["outputs"]["large"]["file"]
    first = client.results(job, output_dir=tmp_path).check()
    assert first.directory is not None
    whole = first.directory / entry["path"]
    content = whole.read_bytes()
    assert len(content) == entry["size"] == 30_000_000
    # As if the first download had been interrupted.
    whole.unlink()
    whole.with_name("large.bin.part").write_bytes(content[:20_000_000])
    client.results(job, output_dir=tmp_path).check()
    assert whole.read_bytes() == content
    assert not whole.with_name("large.bin.part").exists()
    assert client.upload(whole).check().body["sha256"] == entry["sha256"]


def test_processes_are_replaced_and_removed(url: str, tmp_path: Path) -> None:
    (tmp_path / "package.cwl").write_text(json.dumps(SLEEP), encoding="utf-8")
    deployed = command("deploy", "-u", url, "-p", "mine", "--cwl", tmp_path / "package.cwl")
    assert json.loads(deployed.stdout)["id"] == "mine"
    command("deploy", "-u", url, "-p", "mine", "--cwl", tmp_path / "package.cwl", code=3)
    command("deploy", "-u", url, "-p", "mine", "--cwl", tmp_path / "package.cwl", "--replace")
    assert "ticks" in json.loads(command("describe", "-u", url, "-p", "mine").stdout)["inputs"]
    assert "baseCommand" in command("package", "-u", url, "-p", "mine").stdout
    assert "mine" in command("processes", "-u", url, "-F", "table").stdout
    command("undeploy", "-u", url, "-p", "mine")
    command("describe", "-u", url, "-p", "mine", code=3)


@pytest.mark.parametrize("name", ["info", "version", "conformance", "processes", "jobs"])
def test_service_answers_every_question(url: str, name: str) -> None:
    WeaverClient(url=url).execute("echo", inputs={"stringInput": "there is a job to list"}).check()
    for form in FORMATS:
        result = CliRunner().invoke(main, [name, "-u", url, "-F", form])
        assert result.exit_code == 0 and result.stdout, result.output


def test_settings_of_the_shell_name_the_service(url: str) -> None:
    environment = {"PATH": os.environ["PATH"], "WEAVERLITE_URL": url}
    done = subprocess.run([COMMAND, "info"], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and json.loads(done.stdout)["title"] == "WeaverLite"
