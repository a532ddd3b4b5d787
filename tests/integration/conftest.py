"""A served instance, as a person starts it, and the command, as a person types it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@dataclass
class Service:
    """A running ``weaverlite serve``."""

    url: str
    port: int
    data: Path
    log: Path
    process: subprocess.Popen[bytes]
    environment: dict[str, str]

    def run(self, *arguments: str | Path, status: int | None = 0, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run ``weaverlite`` against this service; ``status`` is the exit code it must have, None: any."""
        environment = {"WEAVERLITE_URL": self.url, **options.pop("env", {})}
        return weaverlite(*arguments, status=status, env=environment, **options)

    def kill(self) -> None:
        """Kill the service process alone, as ``kill -9`` does."""
        self.process.kill()
        self.process.wait()

    def kill_group(self) -> None:
        """Kill the service and whatever stayed in its process group."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds: float = 40) -> int:
        """Stop the service in order; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill_group()
                raise AssertionError(f"the service did not stop within {seconds} s:\n{self.words()}") from None
        return self.process.returncode

    def words(self) -> str:
        """Return the end of what the service said."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]


def weaverlite(
    *arguments: str | Path, status: int | None = 0, env: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run the installed command; its output is text."""
    # What the shell of the tests says about a service is not meant for this one.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEAVERLITE_")}
    done = subprocess.run(
        [BIN / "weaverlite", *arguments],
        env={**inherited, **(env or {})},
        capture_output=True,
        text=True,
        timeout=options.pop("timeout", 120),
        **options,
    )
    if status is not None:
        assert done.returncode == status, f"{done.args} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    directory: Path, *arguments: str, data: Path | None = None, port: int | None = None, **environment: str
) -> Iterator[Service]:
    """Start ``weaverlite serve`` and wait until it is ready; stop it at the end if it still runs."""
    port = port or free_port()
    data = data or directory / "data"
    log = directory / f"service-{port}.log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEAVERLITE_")}
    with log.open("ab") as words:
        process = subprocess.Popen(
            [BIN / "weaverlite", "serve", "--port", str(port), "--data", data, *arguments],
            env={**inherited, **environment},
            stdout=words,
            stderr=words,
            start_new_session=True,
        )
    service = Service(f"http://localhost:{port}", port, data, log, process, environment)
    try:
        until_ready(service)
        yield service
    finally:
        service.stop()


def until_ready(service: Service, seconds: float = 60) -> None:
    """Wait until ``/ready`` answers."""
    deadline = time.monotonic() + seconds
    while True:
        if service.process.poll() is not None:
            raise AssertionError(f"the service ended with {service.process.returncode}:\n{service.words()}")
        try:
            with urllib.request.urlopen(f"{service.url}/ready", timeout=5):
                return
        except OSError as error:
            if time.monotonic() > deadline:
                words = f"the service was not ready within {seconds} s: {error}\n{service.words()}"
                raise AssertionError(words) from None
        time.sleep(0.05)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service on the embedded backends, for all tests of a module."""
    with serving(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts services of one test: ``serve("--concurrency", "2", WEAVERLITE_WORKER_LEASE="4s")``."""
    running: list[Any] = []

    def start(*arguments: str, **options: Any) -> Service:
        context = serving(tmp_path, *arguments, **options)
        started = context.__enter__()
        running.append(context)
        return started

    yield start
    for context in reversed(running):
        context.__exit__(None, None, None)
