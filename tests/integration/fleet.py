"""Services started as an operator starts them, to be killed: one process, or a front end and workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

WEAVERLITE = str(Path(sys.executable).parent / "weaverlite")

#: Recovery is quick, so that the test is: the defaults are ten times as patient.
IMPATIENT = {
    "WEAVERLITE_WORKER_LEASE": "4s",
    "WEAVERLITE_WORKER_HEARTBEAT": "500ms",
    "WEAVERLITE_WORKER_SWEEP": "1s",
    "WEAVERLITE_WORKER_GRACE": "1s",
    "WEAVERLITE_LIMITS_ATTEMPTS": "100",
}


@dataclass
class Member:
    """One process of a fleet, with what is needed to start it again."""

    name: str
    arguments: list[str]
    data: Path
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [WEAVERLITE, *self.arguments],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def restart_if_gone(self) -> bool:
        """Start again if it ended; return whether it had."""
        assert self.process
        if self.process.poll() is None:
            return False
        self.start()
        return True

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@dataclass
class Fleet:
    """Every process of one service; ``marker`` is in the environment of all of them and of their children."""

    url: str
    members: list[Member]
    marker: str
    data: list[Path] = field(default_factory=list)

    def start(self) -> None:
        for member in self.members:
            member.start()
        self.until_ready()

    def until_ready(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{self.url}/ready", timeout=5).status_code == 200:
                    return
            except requests.RequestException:
                pass
            for member in self.members:
                if member.process and member.process.poll() is not None:
                    raise AssertionError(f"{member.name} ended by itself:\n{member.log.read_text()[-3000:]}")
            time.sleep(0.05)
        raise AssertionError(f"{self.url} was not ready within {seconds} s")

    def stop(self) -> None:
        for member in self.members:
            member.stop()


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment a process was started with, empty if it is gone."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.partition("=") for entry in raw.decode(errors="replace").split("\0") if "=" in entry)
    return {name: value for name, _, value in pairs}


def parents() -> dict[int, int]:
    """Return the parent of every process that is not a zombie."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                found[int(entry.name)] = int(fields[1])
    return found


def marked(marker: str, data: list[Path]) -> set[int]:
    """Return the processes that carry the marker, or work in one of the data directories."""
    found = set()
    for pid in parents():
        if pid == os.getpid():
            continue
        if marker in environment_of(pid).values():
            found.add(pid)
            continue
        try:
            here = Path(os.readlink(f"/proc/{pid}/cwd"))
        except OSError:
            continue
        if any(here == root or root in here.parents for root in data):
            found.add(pid)
    return found
