"""The application behind gunicorn, from a PasteDeploy file."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests

INI = """\
[app:main]
use = egg:weaverlite#main
weaverlite.data = {data}
weaverlite.worker.concurrency = 1

[server:main]
use = egg:gunicorn#main
"""


@pytest.fixture
def gunicorn(tmp_path):
    """Start gunicorn with so many workers; give its URL."""
    started = []

    def start(workers):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        ini = tmp_path / "weaverlite.ini"
        ini.write_text(INI.format(data=tmp_path / "data"))
        command = [sys.executable, "-m", "gunicorn", "--paste", str(ini), "--bind", f"127.0.0.1:{port}"]
        command += ["--workers", str(workers), "--threads", "4", "--graceful-timeout", "5", "--no-control-socket"]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path, env={**os.environ})
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                requests.get(f"{url}/health", timeout=5)
                return url
            except requests.ConnectionError:
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.1)
        raise AssertionError((tmp_path / "log").read_text())

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_one_process_with_threads_runs_jobs(gunicorn):
    url = gunicorn(1)
    body = {"inputs": {"stringInput": "hello"}, "outputs": {"stringInput": {}}}
    answer = requests.post(f"{url}/processes/echo/execution", json=body, timeout=60)
    assert (answer.status_code, answer.text) == (200, "hello")
    job = next(item for item in requests.get(f"{url}/jobs", timeout=5).json()["jobs"])
    logs = requests.get(f"{url}/jobs/{job['jobID']}/logs?follow=true&f=text", timeout=30)
    assert "successful" in logs.text


def test_followers_end_with_the_server(gunicorn):
    url = gunicorn(1)
    body = {"inputs": {"stringInput": "hello", "pause": 20}}
    job = requests.post(f"{url}/processes/echo/execution", json=body, headers={"Prefer": "respond-async"}, timeout=60)
    logs = requests.get(f"{job.headers['Location']}/logs?follow=true&f=text", stream=True, timeout=30)
    lines = logs.iter_lines(chunk_size=1)
    assert next(lines).endswith(b"accepted")
    began = time.monotonic()
    gunicorn.end()
    assert time.monotonic() - began < 20
    logs.close()


def test_several_processes_are_refused_while_the_queue_is_embedded(gunicorn):
    url = gunicorn(2)
    answer = requests.get(f"{url}/processes", timeout=30)
    assert answer.status_code == 503
    assert "weaverlite.queue.url" in answer.json()["detail"]
