"""Whatever is killed, whenever: every job that was accepted ends exactly once, and nothing is left behind."""

from __future__ import annotations

import collections
import os
import random
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.fleet import IMPATIENT, Fleet, Member, environment_of, marked, parents
from weaverlite.testing.backends import ServerBackends

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

JOBS = 200
LEAST_HITS = 50
ENDS = ("successful", "failed", "dismissed")
#: Has a line said at the end of the run, under the name ``note``.
Say = Callable[[str, object], None]
TOOL = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": ["sh", "-c", 'sleep 0.4; echo "$0"'],
    "inputs": {"text": {"type": "string", "inputBinding": {"position": 1}}},
    "outputs": {"said": {"type": "stdout"}},
    "stdout": "said.txt",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def embedded(tmp_path: Path) -> Fleet:
    port, marker = free_port(), f"kill-{uuid.uuid4()}"
    data = tmp_path / "data"
    serve = Member(
        "service",
        ["serve", "--port", str(port), "--data", str(data), "--concurrency", "4"],
        data,
        {**IMPATIENT, "LC_WEAVERLITE_TEST": marker},
        tmp_path / "service.log",
    )
    return Fleet(f"http://127.0.0.1:{port}", [serve], marker, [data])


@pytest.fixture
def distributed(tmp_path: Path, redis_url: str, mongodb_url: str) -> Iterator[Fleet]:
    backends = ServerBackends(mongodb_url, redis_url)
    shared = backends.settings_for(tmp_path / "shared")
    port, marker = free_port(), f"kill-{uuid.uuid4()}"
    data = tmp_path / "data"
    common = {
        **IMPATIENT,
        "LC_WEAVERLITE_TEST": marker,
        "WEAVERLITE_STORE_URL": shared.store.url,
        "WEAVERLITE_QUEUE_URL": shared.queue.url,
        "WEAVERLITE_PUBLISH_DIRECTORY": str(shared.results_directory),
        "WEAVERLITE_VAULT_DIRECTORY": str(shared.vault_directory),
    }
    front = Member(
        "front end",
        ["serve", "--no-worker", "--port", str(port), "--data", str(data / "front")],
        data / "front",
        common,
        tmp_path / "front.log",
    )
    workers = [
        Member(
            f"worker {number}",
            ["work", "--data", str(data / f"worker{number}"), "--concurrency", "2"],
            data / f"worker{number}",
            common,
            tmp_path / f"worker{number}.log",
        )
        for number in (1, 2)
    ]
    yield Fleet(f"http://127.0.0.1:{port}", [front, *workers], marker, [data, tmp_path / "shared"])
    backends.clean()


def test_killed_service_and_job_processes_lose_no_job(embedded: Fleet, record_property: Say) -> None:
    run_and_kill(embedded, record_property)


@pytest.mark.redis
@pytest.mark.mongodb
def test_killed_front_end_and_workers_of_a_fleet_lose_no_job(distributed: Fleet, record_property: Say) -> None:
    run_and_kill(distributed, record_property)


def run_and_kill(fleet: Fleet, say: Say) -> None:
    seed = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1 << 30)
    fleet.start()
    hits: collections.Counter[str] = collections.Counter()
    try:
        for process_id, idempotent in (("again", True), ("once", False)):
            deploy(fleet.url, process_id, idempotent)
        killer = Killer(fleet, random.Random(seed))
        jobs = Submitter(fleet.url, lambda: sum(killer.hits.values()) >= LEAST_HITS)
        jobs.start()
        while jobs.is_alive():
            killer.strike()
            time.sleep(killer.pause())
            killer.revive()
        jobs.join()
        killer.revive()
        fleet.until_ready()
        hits = killer.hits
        ended = until_ended(fleet, jobs.accepted, seconds=120)
        outcomes = [
            judge(fleet.url, job_id, text, process_id, ended[job_id]) for job_id, process_id, text in jobs.accepted
        ]
        assert len(jobs.accepted) >= JOBS
        until_clean(fleet)
    finally:
        fleet.stop()
        say("note", f"seed {seed}; kills that hit a process holding a job: {sum(hits.values())} – {dict(hits)}")
    assert not marked(fleet.marker, fleet.data), "processes outlived the service"
    say("note", f"outcomes of {len(outcomes)} jobs: {dict(collections.Counter(outcomes))}")
    assert sum(hits.values()) >= LEAST_HITS


def deploy(url: str, process_id: str, idempotent: bool) -> None:
    options = {"class": "weaverlite:Options", "idempotent": True, "attempts": 100} if idempotent else {}
    document = {**TOOL, "$namespaces": {"weaverlite": "https://weaverlite.org/cwl#"}}
    if options:
        document["hints"] = [options]
    reply = requests.post(
        f"{url}/processes",
        json={
            "processDescription": {"id": process_id},
            "executionUnit": {"value": document, "mediaType": "application/cwl+json"},
        },
        headers={"Content-Type": "application/ogcapppkg+json"},
        timeout=60,
    )
    assert reply.status_code == 201, reply.text


class Submitter(threading.Thread):
    """Submits jobs one after the other until they are enough, and keeps the ledger of those answered 201."""

    def __init__(self, url: str, enough: Callable[[], bool]) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.enough = enough
        self.accepted: list[tuple[str, str, str]] = []

    def run(self) -> None:
        number = 0
        while len(self.accepted) < JOBS or (len(self.accepted) < 3 * JOBS and not self.enough()):
            number += 1
            process_id, text = random.choice(("again", "once")), f"text-{number}"
            try:
                reply = requests.post(
                    f"{self.url}/processes/{process_id}/execution",
                    json={"inputs": {"text": text}},
                    headers={"Prefer": "respond-async"},
                    timeout=10,
                )
            except requests.RequestException:
                # No answer: nobody was promised anything.
                time.sleep(0.1)
                continue
            if reply.status_code == 201:
                self.accepted.append((reply.json()["jobID"], process_id, text))
            else:
                assert reply.status_code == 503, reply.text
            time.sleep(0.12)


class Killer:
    """Kills processes at random with SIGKILL, and says what each kill hit."""

    def __init__(self, fleet: Fleet, chance: random.Random) -> None:
        self.fleet = fleet
        self.chance = chance
        self.hits: collections.Counter[str] = collections.Counter()

    def pause(self) -> float:
        return self.chance.uniform(0.1, 0.5)

    def strike(self) -> None:
        tree = parents()
        tools = {pid for pid in tree if "WEAVERLITE_JOB" in environment_of(pid) and self.belongs(pid, tree)}
        if not tools:
            return
        tool = self.chance.choice(sorted(tools))
        chain = [tool]
        while (above := tree.get(chain[-1])) and above in tree and above > 1 and above != os.getpid():
            chain.append(above)
        services = {member.pid: member.name for member in self.fleet.members}
        names = {}
        for pid in chain:
            if pid in services:
                names[pid] = services[pid]
                break
            names[pid] = "tool" if pid in tools else "job process or fork server"
        target = self.chance.choices(sorted(names), weights=[1 if pid in services else 2 for pid in sorted(names)])[0]
        try:
            os.kill(target, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.hits[names[target]] += 1
        if self.chance.random() < 0.05:
            for member in self.fleet.members:
                if member.process and member.process.poll() is None:
                    member.process.kill()
            self.hits["everything at once"] += 1

    def belongs(self, pid: int, tree: dict[int, int]) -> bool:
        services = {member.pid for member in self.fleet.members}
        while pid in tree and pid > 1:
            if pid in services:
                return True
            pid = tree[pid]
        return False

    def revive(self) -> None:
        for member in self.fleet.members:
            assert member.process
            if member.process.poll() is not None:
                member.process.wait()
                member.restart_if_gone()


def until_ended(fleet: Fleet, accepted: list[tuple[str, str, str]], seconds: float) -> dict[str, dict[str, Any]]:
    ended: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for job_id, _, _ in accepted:
            if job_id in ended:
                continue
            reply = requests.get(f"{fleet.url}/jobs/{job_id}", timeout=10)
            assert reply.status_code == 200, f"job {job_id} was lost: {reply.status_code} {reply.text}"
            if reply.json()["status"] in ENDS:
                ended[job_id] = reply.json()
        if len(ended) == len(accepted):
            return ended
        time.sleep(0.2)
    missing = {job_id for job_id, _, _ in accepted} - set(ended)
    raise AssertionError(f"{len(missing)} jobs did not end: {sorted(missing)[:5]}")


def judge(url: str, job_id: str, text: str, process_id: str, status: dict[str, Any]) -> str:
    """Return how a job ended, after checking that it ended once, rightly, and never spoke again."""
    history = requests.get(f"{url}/jobs/{job_id}/history", timeout=10).json()
    numbers = [attempt["number"] for attempt in history["attempts"]]
    assert numbers == sorted(set(numbers)), history
    ended = [attempt["ended"] for attempt in history["attempts"]]
    # Attempts before the last one lost their worker; the last one ended as the record says, and it ended once. A worker
    # killed right after it recorded the end cannot say so any more: then the stream of events lacks it.
    assert all(reason == "worker-lost" for reason in ended[:-1]), history
    assert ended[-1] == (status["exception"]["reason"] if "exception" in status else status["status"]), history
    ends = [event for event in history["events"] if event["message"].split(":")[0] in ENDS]
    assert len(ends) <= 1, f"job {job_id} ended {len(ends)} times: {history}"
    again = requests.get(f"{url}/jobs/{job_id}", timeout=10).json()
    assert again["updated"] == status["updated"], "a job changed after its end"
    if status["status"] == "successful":
        document = requests.get(f"{url}/jobs/{job_id}/results", timeout=10).json()
        assert requests.get(document["said"]["href"], timeout=10).text == f"{text}\n"
        return f"{process_id}: successful"
    assert status["status"] == "failed", status
    reason = status["exception"]["reason"]
    # A killed tool is a tool that failed; a killed worker is no reason to fail for a process that may run again.
    assert reason in ({"execution"} if process_id == "again" else {"execution", "worker-lost"}), status
    return f"{process_id}: failed, {reason}"


def until_clean(fleet: Fleet, seconds: float = 60) -> None:
    """Wait until nothing of a job is left but its results: no process, other than idle ones, and no directory."""
    deadline = time.monotonic() + seconds
    left: set[int] = set()
    directories: list[Path] = []
    while time.monotonic() < deadline:
        tree = parents()
        services = {member.pid for member in fleet.members}

        def is_ours(pid: int) -> bool:
            while pid in tree and pid > 1:
                if pid in services:
                    return True
                pid = tree[pid]
            return False

        everything = marked(fleet.marker, fleet.data)
        left = {pid for pid in everything if not is_ours(pid) or "WEAVERLITE_JOB" in environment_of(pid)}
        names = ("work/*/*", "results/.*")
        directories = [entry for data in fleet.data for name in names for entry in data.rglob(name)]
        if not left and not directories:
            return
        time.sleep(0.5)
    assert not directories, f"directories were left behind: {directories[:5]}"
    pids = ",".join(map(str, left))
    listing = subprocess.run(["ps", "-o", "pid,ppid,args", "-p", pids], capture_output=True, text=True)
    raise AssertionError(f"orphans were left:\n{listing.stdout}")
