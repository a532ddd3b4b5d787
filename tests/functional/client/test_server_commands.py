"""The commands that run a service: serve, work, check and init, as processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from weaverlite.client import WeaverClient
from weaverlite.settings import Settings

COMMAND = Path(sys.executable).with_name("weaverlite")


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(*arguments: object, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": os.environ["PATH"], **environment}
    done = subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60, env=variables)
    assert done.returncode == code, f"{done.args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


@contextmanager
def started(directory: Path, *arguments: object, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command that goes on; it must end with 0 when it is told to."""
    name = str(arguments[0])
    with (directory / f"{name}.log").open("wb") as log:
        # The client's own variables are not settings: a service must start all the same.
        foreign = {"WEAVERLITE_URL": "http://elsewhere", "WEAVERLITE_TOKEN": "t"}
        variables = {"PATH": os.environ["PATH"], **foreign, **environment}
        process = subprocess.Popen([COMMAND, *map(str, arguments)], stdout=log, stderr=log, env=variables)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert code == 0, (directory / f"{name}.log").read_text(encoding="utf-8")


def answering(url: str, process: subprocess.Popen[bytes]) -> WeaverClient:
    client = WeaverClient(url)
    until = time.monotonic() + 30
    while not client.info():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    return client


def test_service_is_set_up_checked_run_and_stopped(tmp_path: Path, port: int) -> None:
    said = run("init", tmp_path / "node").stdout
    ini = tmp_path / "node" / "weaverlite.ini"
    assert str(ini) in said and "weaverlite.server.port = 4001" in ini.read_text(encoding="utf-8")
    assert (tmp_path / "node" / "var" / "results").is_dir()
    assert "settings   ok" in run("check", "--ini", ini).stdout
    with started(tmp_path, "serve", "--ini", ini, "--port", port, "--concurrency", 1) as process:
        client = answering(f"http://localhost:{port}", process)
        job = client.execute("echo", {"stringInput": "hello"}).check()
        assert client.monitor(job, timeout=60)
        assert client.results(job).body["stringInput"] == "hello"
        client.close()
    # Relative to the file, wherever the command was started.
    assert (tmp_path / "node" / "var" / "weaverlite.db").is_file()


def test_front_end_and_worker_run_apart(tmp_path: Path, settings: Settings, port: int) -> None:
    data, shared = tmp_path / "data", settings.to_environ()
    with started(tmp_path, "serve", "--no-worker", "--data", data, "--port", port, **shared) as process:
        client = answering(f"http://localhost:{port}", process)
        job = client.execute("echo", {"stringInput": "hello"}).check()
        assert not client.monitor(job, timeout=1)
        with started(tmp_path, "work", "--data", data, **shared):
            assert client.monitor(job, timeout=60)
        client.close()


def test_settings_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "weaverlite.ini").write_text("mine", encoding="utf-8")
    done = run("init", tmp_path, code=2)
    assert "is there already: it was not touched" in done.stderr and done.stdout == ""
    assert (tmp_path / "weaverlite.ini").read_text(encoding="utf-8") == "mine"


def test_address_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("serve", "--port", taken.getsockname()[1], "--data", tmp_path, code=2)
    assert "it is in use" in done.stderr


@pytest.mark.parametrize("command", ["serve", "work"])
def test_wrong_settings_are_told_before_anything_starts(tmp_path: Path, command: str) -> None:
    done = run(command, "--data", tmp_path / "data", code=2, WEAVERLITE_WORKER_CONCURENCY="4", WEAVERLITE_STORE_URL="x")
    assert "WEAVERLITE_WORKER_CONCURENCY is not a setting. Did you mean WEAVERLITE_WORKER_CONCURRENCY?" in done.stderr
    done = run(command, "--ini", tmp_path / "absent.ini", code=2)
    assert "absent.ini" in done.stderr


@pytest.mark.parametrize("url", ["celery+amqp://127.0.0.1", "celery+redis://127.0.0.1/0?queue=a*"])
@pytest.mark.parametrize("command", [["serve", "--no-worker", "--port", 0], ["work"]], ids=["serve", "work"])
def test_url_that_is_none_of_a_queue_is_told_at_the_start(tmp_path: Path, command: list[object], url: str) -> None:
    done = run(*command, "--data", tmp_path / "data", code=2, WEAVERLITE_QUEUE_URL=url)
    assert "weaverlite.queue.url" in done.stderr and "celery+redis://host:6379/0" in done.stderr


def test_open_address_needs_to_be_meant(tmp_path: Path) -> None:
    done = run("serve", "--host", "0.0.0.0", "--data", tmp_path / "data", code=2)
    assert "trusted_network" in done.stderr
    assert not (tmp_path / "data").exists()


def test_check_says_what_is_wrong_and_what_is_open(tmp_path: Path) -> None:
    data = tmp_path / "data"
    found = json.loads(run("check", "--data", data, "-F", "json").stdout)
    assert found["warnings"] == []
    assert {part["part"]: part["state"] for part in found["parts"]}["store"] == "ok"
    opened = run(
        "check", "--data", data, WEAVERLITE_SERVER_HOST="0.0.0.0", WEAVERLITE_SERVER_TRUSTED_NETWORK="yes"
    ).stdout
    assert "Warning: There is no authentication: whoever reaches 0.0.0.0 port 4001 may execute" in opened
    done = run("check", "--data", data, code=1, WEAVERLITE_SERVER_PROT="80")
    assert "Did you mean WEAVERLITE_SERVER_PORT?" in done.stdout
    (tmp_path / "file").write_text("x", encoding="utf-8")
    done = run("check", "--data", tmp_path / "file" / "below", code=1)
    assert "cannot be made" in done.stdout


def test_broker_that_is_away_is_told(tmp_path: Path, port: int) -> None:
    variables = {"WEAVERLITE_QUEUE_URL": f"celery+redis://127.0.0.1:{port}/0"}
    done = run("check", "--data", tmp_path, code=1, **variables)
    queue = next(line for line in done.stdout.splitlines() if line.startswith("queue"))
    assert "ok" not in queue.split()


def test_packages_of_a_directory_are_there_from_the_start(tmp_path: Path, port: int) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    tool = "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: echo\ninputs: {}\noutputs: {said: stdout}\n"
    (packages / "good.cwl").write_text(tool + "id: good\n")
    (packages / "bad.cwl").write_text(tool + "id: bad\nrequirements: {NoSuch: {}}\n")
    settings = {"WEAVERLITE_PROCESSES_DIR": str(packages), "WEAVERLITE_DATA": str(tmp_path / "var")}
    said = run("check", code=1, **settings).stdout
    assert "package good.cwl  ok" in said and "/requirements/NoSuch" in said
    with started(tmp_path, "serve", "--port", port, "--concurrency", 1, **settings) as process:
        client = answering(f"http://localhost:{port}", process)
        assert client.describe("good").body["version"] == "1.0.0"
        assert not client.describe("bad")
        client.close()
    assert "bad.cwl was not deployed: /requirements/NoSuch" in (tmp_path / "serve.log").read_text(encoding="utf-8")
