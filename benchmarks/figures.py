"""The figures, one function each: measures, and returns rows for the table."""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from benchmarks import tree
from benchmarks.service import BIN, deploy, free_port, running
from weaverlite.client import WeaverClient

#: What is run: no container, no expression, a fresh input each time, an output that holds it.
TRIVIAL = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": ["echo"],
    "inputs": {"text": {"type": "string", "inputBinding": {"position": 1}}},
    "outputs": {"said": {"type": "stdout"}},
    "stdout": "said.txt",
}

LARGE = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": ["head", "-c"],
    "arguments": [{"position": 2, "valueFrom": "/dev/urandom"}],
    "inputs": {"size": {"type": "int", "inputBinding": {"position": 1}}},
    "outputs": {"bytes": {"type": "stdout"}},
    "stdout": "bytes.bin",
}


@dataclass(frozen=True)
class Row:
    """One line of the table: ``least`` and ``aim`` are words, ``beside`` is what the figure was measured against."""

    figure: str
    value: str
    beside: str
    least: str
    aim: str
    data: dict[str, float]


def turnaround(scratch: Path, pairs: int) -> list[Row]:
    """POST async until the client sees ``successful``, and CPU of the tree, against bare cwltool, pair by pair."""
    tool = scratch / "tool.cwl"
    tool.write_text(json.dumps(TRIVIAL))
    ours, theirs, our_cpu, their_cpu = [], [], [], []
    with running(scratch / "turnaround") as service:
        deploy(service.url, "trivial", TRIVIAL)
        client = WeaverClient(url=service.url)
        for number in range(4):
            _one_job(client, f"warm-{number}")
        for number in range(pairs):
            text = f"pair-{number}-{time.time_ns()}"
            wall, cpu = _bare_cwltool(tool, text, scratch / f"bare-{number}")
            theirs.append(wall)
            their_cpu.append(cpu)
            before = tree.cpu_seconds(service.process.pid)
            # CPU is counted in ticks of 10 ms: several jobs a sample, one of them timed.
            ours.append(_one_job(client, text))
            for extra in range(9):
                _one_job(client, f"{text}-{extra}")
            time.sleep(0.05)
            our_cpu.append((tree.cpu_seconds(service.process.pid) - before) / 10)
    wall_ratio = statistics.median(theirs[i] / ours[i] for i in range(pairs))
    cpu_ratio = statistics.median(their_cpu) / max(statistics.median(our_cpu), 1e-6)
    return [
        Row(
            "POST → successful, trivial CWL tool",
            f"{statistics.median(ours) * 1000:.1f} ms = 1/{wall_ratio:.0f}",
            f"cwltool {statistics.median(theirs) * 1000:.0f} ms",
            "1/25",
            "1/60",
            {"seconds": statistics.median(ours), "cwltool_seconds": statistics.median(theirs), "ratio": wall_ratio},
        ),
        Row(
            "CPU of the process tree a job",
            f"{statistics.median(our_cpu) * 1000:.1f} ms = 1/{cpu_ratio:.0f}",
            f"cwltool {statistics.median(their_cpu) * 1000:.0f} ms",
            "1/20",
            "1/60",
            {
                "seconds": statistics.median(our_cpu),
                "cwltool_seconds": statistics.median(their_cpu),
                "ratio": cpu_ratio,
            },
        ),
    ]


def throughput(scratch: Path, jobs: int) -> list[Row]:
    """Trivial CWL jobs a second, sustained, with the client on the same cores."""
    with running(scratch / "throughput") as service:
        deploy(service.url, "trivial", TRIVIAL)
        _one_job(WeaverClient(url=service.url), "warm")
        numbers = iter(range(jobs))
        lock, failures = threading.Lock(), []

        def submit() -> None:
            client = WeaverClient(url=service.url)
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                try:
                    _one_job(client, f"job-{number}", check=number % 50 == 0)
                except Exception as error:  # the benchmark reports whatever went wrong
                    failures.append(error)
                    return

        threads = [threading.Thread(target=submit) for _ in range(6)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        if failures:
            raise SystemExit(f"a job failed under load: {failures[0]!r}")
    rate = jobs / seconds
    return [Row(f"trivial CWL jobs a second over {jobs}", f"{rate:.0f}/s", "", "60/s", "150/s", {"per_second": rate})]


def help_page(repeats: int) -> list[Row]:
    """``weaverlite --help`` against an interpreter that imports click."""
    ours, theirs = [], []
    for _ in range(repeats):
        theirs.append(_wall([sys.executable, "-c", "import click"]))
        ours.append(_wall([str(BIN / "weaverlite"), "--help"]))
    ratio = statistics.median(ours) / statistics.median(theirs)
    return [
        Row(
            "weaverlite --help",
            f"{statistics.median(ours) * 1000:.0f} ms = {ratio:.2f} ×",
            f"import click {statistics.median(theirs) * 1000:.0f} ms",
            "2.5 ×",
            "1.5 ×",
            {"seconds": statistics.median(ours), "ratio": ratio},
        )
    ]


def start(scratch: Path, repeats: int) -> list[Row]:
    """``weaverlite serve`` until ``/ready`` answers, on a new data directory each time."""
    seconds = []
    for number in range(repeats):
        with running(scratch / f"start-{number}") as service:
            seconds.append(service.ready_after)
    median = statistics.median(seconds)
    return [Row("serve until /ready", f"{median:.2f} s", "", "2 s", "0.8 s", {"seconds": median})]


def memory(scratch: Path) -> list[Row]:
    """PSS of the web process, of an idle job process and of the idle tree, after some jobs."""
    with running(scratch / "memory") as service:
        deploy(service.url, "trivial", TRIVIAL)
        client = WeaverClient(url=service.url)
        for number in range(20):
            _one_job(client, f"warm-{number}")
        time.sleep(2)
        sizes = {pid: tree.pss(pid) for pid in tree.descendants(service.process.pid)}
    web = sizes.pop(service.process.pid)
    total = web + sum(sizes.values())
    # The fork server is the parent of the job processes; the largest process that is neither is a job process.
    largest = max(sizes.values(), default=0)
    return [
        Row("PSS of the web process", _mib(web), "", "90 MiB", "65 MiB", {"bytes": web}),
        Row("PSS of the largest job or fork process", _mib(largest), "", "40 MiB", "25 MiB", {"bytes": largest}),
        Row(f"PSS of the idle tree of {len(sizes) + 1}", _mib(total), "", "200 MiB", "130 MiB", {"bytes": total}),
    ]


def listing(scratch: Path, jobs: int) -> list[Row]:
    """GET /jobs?limit=100 over every tenth page of a store with many jobs."""
    data = scratch / "listing"
    _fill(data, jobs)
    seconds = []
    with running(data) as service, requests.Session() as session:
        url: str | None = f"{service.url}/jobs?limit=100"
        pages = 0
        while url:
            began = time.perf_counter()
            page = session.get(url, timeout=60)
            seconds.append(time.perf_counter() - began)
            pages += 1
            url = next((link["href"] for link in page.json()["links"] if link["rel"] == "next"), None)
    ordered = sorted(seconds)
    p95 = ordered[int(len(ordered) * 0.95)]
    first, last = statistics.median(seconds[:20]), statistics.median(seconds[-20:])
    return [
        Row(
            f"GET /jobs?limit=100 with {jobs} jobs, {pages} pages, p95",
            f"{p95 * 1000:.1f} ms",
            f"first pages {first * 1000:.1f} ms, last {last * 1000:.1f} ms",
            "50 ms, flat",
            "10 ms",
            {"p95": p95, "first": first, "last": last},
        )
    ]


def download(scratch: Path, size: int) -> list[Row]:
    """One large result over loopback, against nginx beside it where there is one."""
    with running(scratch / "download") as service:
        deploy(service.url, "large", LARGE)
        client = WeaverClient(url=service.url)
        job = client.execute("large", inputs={"size": size})
        client.monitor(job, timeout=300)
        href = client.results(job_id=job.job_id).body["bytes"]["href"]
        source = next((service.data).rglob("results/*/outputs/bytes/bytes.bin"))
        before = tree.pss(service.process.pid)
        peak = before
        with _nginx(scratch, source.parent) as nginx:
            ours, theirs = [], []
            for _ in range(5):
                ours.append(_fetch(href, size))
                peak = max(peak, tree.pss(service.process.pid))
                if nginx:
                    theirs.append(_fetch(f"{nginx}/{source.name}", size))
    rate = size / statistics.median(ours)
    beside = ""
    data = {"bytes_per_second": rate, "growth": float(peak - before)}
    if theirs:
        nginx_rate = size / statistics.median(theirs)
        data["ratio"] = rate / nginx_rate
        beside = f"nginx {nginx_rate / 1e9:.2f} GB/s: {rate / nginx_rate:.2f} ×; web PSS +{_mib(peak - before)}"
    return [Row(f"download of {size >> 20} MiB", f"{rate / 1e9:.2f} GB/s", beside, "1 GB/s", "0.8 × nginx", data)]


# ---------------------------------------------------------------- inner


def _one_job(client: WeaverClient, text: str, check: bool = True) -> float:
    began = time.perf_counter()
    job = client.execute("trivial", inputs={"text": text})
    status = client.monitor(job, timeout=60)
    seconds = time.perf_counter() - began
    if status.body["status"] != "successful":
        raise RuntimeError(status.body)
    if check:
        href = client.results(job_id=job.job_id).body["said"]["href"]
        if requests.get(href, timeout=60).text != f"{text}\n":
            raise RuntimeError(f"{href} does not hold {text!r}")
    return seconds


def _bare_cwltool(tool: Path, text: str, out: Path) -> tuple[float, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        [str(BIN / "cwltool"), "--outdir", str(out), str(tool), "--text", text],
        check=True,
        capture_output=True,
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if (out / "said.txt").read_text() != f"{text}\n":
        raise RuntimeError("cwltool gave another output")
    shutil.rmtree(out)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _wall(arguments: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(arguments, check=True, capture_output=True)
    return time.perf_counter() - began


def _mib(size: int) -> str:
    return f"{size / tree.MIB:.0f} MiB"


def _fill(data: Path, jobs: int) -> None:
    """Store ended jobs through the store's own interface."""
    from concurrent.futures import ThreadPoolExecutor

    from weaverlite.models.job import Job, new_job_id
    from weaverlite.runtime import Runtime
    from weaverlite.settings import Settings, StoreSettings

    data.mkdir(parents=True)
    runtime = Runtime.from_settings(Settings(data=data, store=StoreSettings(synchronous="NORMAL")))
    store = runtime.store
    store.migrate()
    start_of_all = datetime.now(UTC) - timedelta(seconds=jobs)

    def add(number: int) -> None:
        at = start_of_all + timedelta(seconds=number)
        job = Job(job_id=new_job_id(), process_id=f"process-{number % 7}", process_revision=1, created_at=at).accept(at)
        store.jobs.add(job, {"text": str(number)})

    with ThreadPoolExecutor(32) as threads:
        for _ in threads.map(add, range(jobs)):
            pass
    # Ended, so that no worker takes them.
    from weaverlite.models.queries import JobQuery

    cursor = None
    with ThreadPoolExecutor(32) as threads:
        while True:
            page = store.jobs.find(JobQuery(limit=1000, cursor=cursor))
            for _ in threads.map(lambda job: store.jobs.save(job.dismiss(job.created_at)), page.items):
                pass
            cursor = page.next_cursor
            if cursor is None:
                break
    runtime.close()


def _fetch(url: str, size: int) -> float:
    """Return the seconds curl needs: a client in C, so that the server is what is measured."""
    found = subprocess.run(
        ["curl", "-s", "-o", os.devnull, "-w", "%{time_total} %{size_download}", url],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, received = found.stdout.split()
    if int(float(received)) != size:
        raise RuntimeError(f"{url} gave {received} bytes of {size}")
    return float(seconds)


@contextmanager
def _nginx(scratch: Path, root: Path) -> Iterator[str | None]:
    command = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not command:
        yield None
        return
    port = free_port()
    prefix = Path(tempfile.mkdtemp(prefix="nginx-"))
    os.chmod(prefix, 0o755)
    config = prefix / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(
        f"{user} daemon off; pid {prefix}/pid; error_log {prefix}/error.log;\n"
        "events {}\n"
        f"http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n"
    )
    process = subprocess.Popen([command, "-p", str(prefix), "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(prefix)


def as_json(rows: list[Row]) -> list[dict[str, object]]:
    """Return the rows for the JSON file."""
    return [asdict(row) for row in rows]
