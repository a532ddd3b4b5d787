"""What jobs print: live, capped, harmless, and without any weight for the service."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

from tests.functional.execution.conftest import Worker, until
from weaverlite.execution.parts import Limits
from weaverlite.ogc.status import StatusCode
from weaverlite.testing.execution import script

KIB = 1024


def test_lines_are_there_while_the_job_runs(worker: Worker) -> None:
    running = worker.begin(script("echo first; while [ ! -e go ]; do sleep 0.02; done; echo last"))
    until(lambda: worker.events(running.job, "stdout") == ["first"], "the line did not come")
    assert worker.store.jobs.get(running.job.job_id).status is StatusCode.RUNNING
    running.path("go").touch()
    job = running.wait()
    assert worker.events(job, "stdout") == ["first", "last"]


def test_gigabytes_are_capped_and_cost_no_memory(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(limits=Limits(log_head=256 * KIB, log_tail=256 * KIB))
    worker.run(script("true"))
    running = worker.begin(script("yes some text | head -c 1500000000; echo the end; touch begun; sleep 0.5"))
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    before = {process.pid: process.memory_info().rss for process in processes}
    began = time.monotonic()
    most = 0
    while not running.path("begun").exists():
        assert time.monotonic() - began < 60, "the tool was held up"
        for process in processes:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                most = max(most, process.memory_info().rss - before[process.pid])
        time.sleep(0.05)
    job = running.wait()
    assert job.status is StatusCode.SUCCESSFUL
    assert most < 16 * 1024 * KIB
    text = worker.text(job, "stdout")
    assert len(text) < 520 * KIB
    assert "bytes dropped" in text
    assert text.startswith("some text\n")
    assert text.endswith("the end\n")
    lines = worker.events(job, "stdout")
    assert lines[0] == "some text"
    assert lines[-1] == "the end"
    assert sum("bytes not shown" in line for line in lines) == 1
    assert sum(len(line) + 64 for line in lines) < 600 * KIB


def test_a_line_without_end_is_split(worker: Worker) -> None:
    job = worker.run(script("head -c 50000 /dev/zero | tr '\\0' x"))
    assert [len(line) for line in worker.events(job, "stdout")] == [16384, 16384, 16384, 848]
    assert len(worker.text(job, "stdout")) == 50000


def test_control_characters_and_bad_bytes_do_no_harm(worker: Worker) -> None:
    job = worker.run(script(r"printf 'a\033[31mb\000c\377d\n10%%\r100%%\r\n'"))
    assert worker.events(job, "stdout") == ["a\\x1b[31mb\\x00c\ufffdd", "100%"]


def test_a_tool_that_stays_in_the_background_does_not_hold_the_job(worker: Worker) -> None:
    began = time.monotonic()
    job = worker.run(script("sleep 300 & echo done"))
    assert job.status is StatusCode.SUCCESSFUL
    assert time.monotonic() - began < 60
    assert worker.events(job, "stdout") == ["done"]


def test_the_end_of_long_output_survives_a_kill(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(limits=Limits(log_head=KIB, log_tail=KIB))
    running = worker.begin(script("trap '' TERM; seq 1 100000; touch begun; while :; do sleep 0.1; done"))
    running.until_file()
    until(lambda: worker.supervisor.running, "gone")
    time.sleep(0.2)
    running.dismiss()
    job = running.wait()
    text = worker.text(job, "stdout")
    assert text.startswith("1\n2\n")
    assert text.endswith("99999\n100000\n")
    assert len(text) < 3 * KIB
