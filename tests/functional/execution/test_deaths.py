"""Every way a job, its process or the fork server can die, and what is left: nothing but the record."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.functional.execution.conftest import Worker, alive, idempotent, until
from weaverlite.engines.interfaces import Leftovers
from weaverlite.execution.parts import Limits
from weaverlite.models.options import Options, Resources, Timeouts
from weaverlite.ogc.status import StatusCode
from weaverlite.testing.execution import code, script

#: A tool that ignores TERM, and hides a grandchild in a session of its own.
STUBBORN = """
trap '' TERM
setsid sh -c 'trap "" TERM; echo $$ > hidden; sleep 300' &
while [ ! -s hidden ]; do sleep 0.01; done
touch begun
while :; do sleep 0.05; done
"""


def held(worker: Worker) -> int:
    """Return the job process of the one job that runs."""
    until(lambda: worker.supervisor.held, "no job process")
    (pid,) = worker.supervisor.held.values()
    return pid


def test_kill_of_the_job_process_fails_the_job_as_worker_lost(worker: Worker) -> None:
    running = worker.begin(script(STUBBORN))
    running.until_file()
    tools = running.tools()
    assert len(tools) >= 3
    os.kill(held(worker), signal.SIGKILL)
    job = running.wait()
    assert job.status is StatusCode.FAILED
    assert job.failure is not None
    assert job.failure["reason"] == "worker-lost"
    assert "SIGKILL" in job.failure["detail"]
    assert not any(alive(tool) for tool in tools)
    assert worker.left() == []
    assert worker.text(job, "exitCode") == "137\n"
    assert worker.run(script("true")).status is StatusCode.SUCCESSFUL


def test_a_lost_idempotent_job_waits_for_another_attempt(worker: Worker) -> None:
    running = worker.begin(script("touch begun; sleep 300"), **idempotent())
    running.until_file()
    os.kill(held(worker), signal.SIGKILL)
    job = running.wait()
    assert job.status is StatusCode.ACCEPTED
    assert "SIGKILL" in job.message
    assert worker.rung == [job.job_id]
    assert worker.claim(job).attempt == 2


def test_kill_of_the_fork_server_takes_everything_and_a_new_one_starts(worker: Worker) -> None:
    running = worker.begin(script(STUBBORN))
    running.until_file()
    tools = running.tools()
    first = worker.processes.server_pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    job = running.wait()
    assert job.failure is not None
    assert job.failure["reason"] == "worker-lost"
    assert not any(alive(tool) for tool in tools)
    assert worker.run(script("echo again")).status is StatusCode.SUCCESSFUL
    assert worker.processes.server_pid not in (None, first)


def test_kill_of_an_idle_process_harms_no_job(worker: Worker) -> None:
    worker.run(script("true"))
    (pid,) = worker.processes.idle_pids
    os.kill(pid, signal.SIGKILL)
    assert worker.run(script("true")).status is StatusCode.SUCCESSFUL


def test_dismissal_asks_the_tool_to_end_first(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(grace=timedelta(seconds=60))
    running = worker.begin(script("trap 'echo bye; exit 9' TERM; touch begun; while :; do sleep 0.02; done"))
    running.until_file()
    asked = time.monotonic()
    running.dismiss()
    job = running.wait()
    assert time.monotonic() - asked < 30, "the dismissal waited for the grace period"
    assert job.status is StatusCode.DISMISSED
    assert worker.text(job, "stdout") == "bye\n"
    assert worker.text(job, "exitCode") == "9\n"
    assert worker.events(job, "status") == ["running", "dismissed"]


def test_dismissal_at_the_very_start_of_the_tool_is_heard(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(grace=timedelta(seconds=60))
    for number in range(16):
        running = worker.begin(script("exec sleep 300"))
        time.sleep(0.002 * number)
        asked = time.monotonic()
        running.dismiss()
        assert running.wait().status is StatusCode.DISMISSED
        assert time.monotonic() - asked < 30, "the dismissal waited for the grace period"


def test_dismissal_kills_what_ignores_it_and_what_hides(worker: Worker) -> None:
    running = worker.begin(script("echo words; " + STUBBORN))
    running.until_file()
    tools = running.tools()
    hidden = int(running.path("hidden").read_text())
    assert hidden in tools
    running.dismiss()
    job = running.wait()
    assert job.status is StatusCode.DISMISSED
    assert not any(alive(tool) for tool in tools)
    assert worker.left() == []
    assert worker.text(job, "stdout") == "words\n"
    assert worker.text(job, "exitCode") == "137\n"


def test_dismissal_interrupts_code_in_the_job_process(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(grace=timedelta(seconds=60))
    running = worker.begin(
        code("import time\nopen('begun', 'w').close()\ntry:\n  time.sleep(300)\nfinally:\n  run.report.log('cleaned')")
    )
    running.until_file()
    asked = time.monotonic()
    running.dismiss()
    job = running.wait()
    assert time.monotonic() - asked < 30, "the dismissal waited for the grace period"
    assert job.status is StatusCode.DISMISSED
    assert "cleaned" in worker.events(job, "service")


def test_dismissal_before_the_process_is_ready(worker: Worker) -> None:
    (worker.directory / "slow").write_text("1.5")
    running = worker.begin(script("touch ran"))
    until(lambda: worker.supervisor.running, "not watched")
    running.dismiss()
    job = running.wait()
    assert job.status is StatusCode.DISMISSED
    assert worker.left() == []


def test_dismissal_that_meets_the_end_wins_by_the_revision(worker: Worker) -> None:
    # The publisher is the last step before the record: while it works, the dismissal is asked.
    job = worker.claim(worker.accept(script("echo done > a", {"a": "a"})))
    asked = worker.store.jobs.get(job.job_id).ask_dismissal(datetime.now(UTC))
    worker.store.jobs.save(asked)
    worker.supervisor.run(job)
    ended = worker.store.jobs.get(job.job_id)
    assert ended.status is StatusCode.DISMISSED
    assert worker.events(ended, "status")[-1] == "dismissed"


def test_an_attempt_that_was_taken_away_writes_nothing(worker: Worker) -> None:
    running = worker.begin(script("touch begun; sleep 300"), **idempotent(3))
    running.until_file()
    tools = running.tools()
    stored = worker.store.jobs.get(running.job.job_id)
    worker.store.jobs.save(stored.retry(datetime.now(UTC), "silent"))
    job = running.wait()
    assert job.status is StatusCode.ACCEPTED
    assert not any(alive(tool) for tool in tools)
    assert worker.left() == []
    assert worker.store.jobs.manifest(job.job_id) is None


def test_time_limit(worker: Worker) -> None:
    options = Options(timeouts=Timeouts(execution=timedelta(seconds=0.5)))
    job = worker.run(script("echo start; sleep 300"), options=options)
    assert job.failure is not None
    assert job.failure["reason"] == "time-limit"
    assert "0.5 seconds" in job.failure["detail"]
    assert worker.text(job, "stdout") == "start\n"


def test_disk_quota(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(limits=Limits(disk=20 * 1024**2))
    job = worker.run(script("while :; do head -c 5000000 /dev/zero >> big; sleep 0.05; done"))
    assert job.failure is not None
    assert job.failure["reason"] == "output-limit"
    assert worker.left() == []


def test_number_of_files(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(limits=Limits(files=500))
    job = worker.run(script("i=0; while :; do i=$((i+1)); : > f$i; done"))
    assert job.failure is not None
    assert job.failure["reason"] == "output-limit"


def test_a_tool_out_of_memory(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(limits=Limits(memory=256 * 1024**2))
    hog = "python3 -c 'x = bytearray(600 * 1024**2); import time; time.sleep(60)'"
    job = worker.run(script(hog))
    assert job.failure is not None
    assert job.failure["reason"] == "out-of-memory"
    assert worker.run(script("true")).status is StatusCode.SUCCESSFUL


def test_a_tool_that_shares_its_memory_is_out_of_memory_too(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker()
    hog = (
        "python3 -c '\nimport mmap, time\nm = mmap.mmap(-1, 400 * 1024**2)\n"
        "for i in range(0, len(m), 4096): m[i] = 1\ntime.sleep(60)'"
    )
    options = Options(resources=Resources(memory=128 * 1024**2))
    job = worker.run(script(hog), options=options)
    assert job.failure is not None
    assert job.failure["reason"] == "out-of-memory"


def test_code_in_the_job_process_out_of_memory(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(limits=Limits(memory=256 * 1024**2))
    job = worker.run(code("x = bytearray(1024**3)"))
    assert job.failure is not None
    assert job.failure["reason"] == "out-of-memory"
    assert worker.run(code("pass")).status is StatusCode.SUCCESSFUL


def test_a_crash_of_code_in_the_job_process(worker: Worker) -> None:
    job = worker.run(code("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)"))
    assert job.failure is not None
    assert "SIGSEGV" in job.failure["detail"]
    job = worker.run(code("import os\nos._exit(7)"))
    assert job.failure is not None
    assert "exit code 7" in job.failure["detail"]
    assert job.failure["reason"] == "execution"
    assert worker.text(job, "exitCode") == "7\n"


def test_code_that_lies_to_the_service_fails_its_job_only(worker: Worker) -> None:
    lie = (
        "import os, struct\n"
        "for fd in range(3, 30):\n"
        "  try: os.write(fd, struct.pack('!I', 5) + b'lies!')\n"
        "  except OSError: pass"
    )
    job = worker.run(code(lie))
    assert job.status is StatusCode.FAILED
    assert worker.run(script("true")).status is StatusCode.SUCCESSFUL


def test_what_a_successful_job_leaves_running_is_killed(worker: Worker) -> None:
    job = worker.run(script("setsid sleep 300 & setsid sh -c 'sleep 300 & sleep 300' & echo started"))
    assert job.status is StatusCode.SUCCESSFUL
    assert worker.marked() == []
    assert worker.text(job, "stdout") == "started\n"


class Containers(Leftovers):
    """Something of jobs that no process tree shows."""

    def __init__(self) -> None:
        self.removed: list[tuple[str, int]] = []

    def find(self) -> list[tuple[str, int]]:
        return []

    def remove(self, job_id: str, attempt: int) -> None:
        self.removed.append((job_id, attempt))
        raise RuntimeError("the engine of containers does not answer")


def test_containers_of_a_stopped_job_are_removed(make_worker: Callable[..., Worker]) -> None:
    containers = Containers()
    worker = make_worker(leftovers=[containers])
    worker.run(script("true"))
    assert containers.removed == []
    running = worker.begin(script("touch begun; sleep 300"))
    running.until_file()
    running.dismiss()
    job = running.wait()
    assert containers.removed == [(job.job_id, 1)]
    assert job.status is StatusCode.DISMISSED


def test_a_drained_supervisor_fails_what_may_not_run_twice(worker: Worker) -> None:
    once = worker.begin(script("touch begun; sleep 300"))
    twice = worker.begin(script("touch begun; sleep 300"), **idempotent())
    once.until_file()
    twice.until_file()
    worker.supervisor.drain(0.1)
    assert worker.supervisor.running == frozenset()
    failed = once.wait()
    assert failed.failure is not None
    assert failed.failure["reason"] == "worker-lost"
    assert twice.wait().status is StatusCode.ACCEPTED
    late = worker.claim(worker.accept(script("true")))
    worker.supervisor.run(late)
    back = worker.store.jobs.get(late.job_id)
    assert back.status is StatusCode.ACCEPTED
    assert back.attempt == 0


def test_a_drained_supervisor_lets_short_jobs_end(worker: Worker) -> None:
    running = worker.begin(script("touch begun; sleep 0.5"))
    running.until_file()
    worker.supervisor.drain(10)
    assert running.wait().status is StatusCode.SUCCESSFUL


def test_the_end_of_the_service_ends_everything(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker()
    running = worker.begin(script(STUBBORN))
    running.until_file()
    tools = running.tools()
    server = worker.processes.server_pid
    assert server is not None
    worker.processes.close()
    until(lambda: not any(alive(tool) for tool in tools), "tools outlived the service")
    assert not alive(server)
    running.wait()
