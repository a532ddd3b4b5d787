"""A service of our own to measure: started as a user starts it, stopped at the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

BIN = Path(sys.executable).parent


class Service:
    """A running ``weaverlite serve``: its URL, its process and its data directory."""

    def __init__(self, url: str, process: subprocess.Popen[bytes], data: Path, ready_after: float) -> None:
        self.url = url
        self.process = process
        self.data = data
        #: Seconds from start until ``/ready`` answered.
        self.ready_after = ready_after


@contextmanager
def running(data: Path, *arguments: str, **environment: str) -> Iterator[Service]:
    """Start the service on a free port with its data in ``data``; stop it at the end."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(BIN / "weaverlite"), "serve", "--port", str(port), "--data", str(data), *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield Service(url, process, data, _until_ready(url, process, began))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def deploy(url: str, process_id: str, document: dict[str, object]) -> None:
    """Deploy a CWL document."""
    reply = requests.post(
        f"{url}/processes",
        json={
            "processDescription": {"id": process_id},
            "executionUnit": {"value": document, "mediaType": "application/cwl+json"},
        },
        headers={"Content-Type": "application/ogcapppkg+json"},
        timeout=60,
    )
    reply.raise_for_status()


def _until_ready(url: str, process: subprocess.Popen[bytes], began: float) -> float:
    while time.perf_counter() - began < 60:
        if process.poll() is not None:
            raise SystemExit(f"the service ended with {process.returncode} before it was ready")
        try:
            if requests.get(f"{url}/ready", timeout=5).status_code == 200:
                return time.perf_counter() - began
        except requests.ConnectionError:
            time.sleep(0.005)
    raise SystemExit("the service was not ready within a minute")
