"""The application behind gunicorn, from a PasteDeploy file."""

from __future__ import annotations

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
weaverlite.worker.drain = 1s

[server:main]
use = egg:gunicorn#main
"""


class Gunicorn:
    """A gunicorn with so many workers."""

    def __init__(self, directory, workers):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        ini, self.log = directory / "weaverlite.ini", directory / "log"
        ini.write_text(INI.format(data=directory / "data"))
        command = [sys.executable, "-m", "gunicorn", "--paste", str(ini), "--bind", f"127.0.0.1:{port}"]
        command += ["--workers", str(workers), "--threads", "4", "--graceful-timeout", "30", "--no-control-socket"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)

    def wait(self):
        for _ in range(300):
            try:
                requests.get(f"{self.url}/health", timeout=5)
                return self
            except requests.ConnectionError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.log.read_text()


@pytest.fixture
def gunicorn(tmp_path):
    """Start one; it ends with the test."""
    started = []

    def start(workers):
        started.append(Gunicorn(tmp_path, workers))
        return started[-1].wait()

    yield start
    for one in started:
        one.end()


def test_one_process_with_threads_runs_jobs(gunicorn):
    server = gunicorn(1)
    url = server.url
    body = {"inputs": {"stringInput": "hello"}, "outputs": {"stringInput": {}}}
    answer = requests.post(f"{url}/processes/echo/execution", json=body, timeout=60)
    assert (answer.status_code, answer.text) == (200, "hello")
    job = next(item for item in requests.get(f"{url}/jobs", timeout=5).json()["jobs"])
    logs = requests.get(f"{url}/jobs/{job['jobID']}/logs?follow=true&f=text", timeout=30)
    assert "successful" in logs.text


def test_followers_end_with_the_server(gunicorn):
    server = gunicorn(1)
    url = server.url
    body = {"inputs": {"stringInput": "hello", "pause": 20}}
    job = requests.post(f"{url}/processes/echo/execution", json=body, headers={"Prefer": "respond-async"}, timeout=60)
    logs = requests.get(f"{job.headers['Location']}/logs?follow=true&f=text", stream=True, timeout=30)
    lines = logs.iter_lines(chunk_size=1)
    assert next(lines).endswith(b"accepted")
    began = time.monotonic()
    server.end()
    assert time.monotonic() - began < 20
    logs.close()


def test_several_processes_are_refused_while_the_queue_is_embedded(gunicorn):
    url = gunicorn(2).url
    answer = requests.get(f"{url}/processes", timeout=30)
    assert answer.status_code == 503
    assert "weaverlite.queue.url" in answer.json()["detail"]
