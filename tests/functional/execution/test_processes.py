"""The pool of job processes and the fork server behind it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.functional.execution.conftest import Worker, alive, until
from weaverlite.errors import BackendError
from weaverlite.execution import procfs
from weaverlite.ogc.status import StatusCode
from weaverlite.testing.execution import code, script


def pid_of(worker: Worker, package: object = None, **members: object) -> int:
    """Return the process that ran a job, as its tool sees it."""
    job = worker.run(script("ps -o ppid= -p $$ 2>/dev/null || cut -d' ' -f4 /proc/$$/stat"), **members)
    return int(worker.text(job, "stdout"))


def test_a_clean_process_is_used_again(worker: Worker) -> None:
    assert pid_of(worker) == pid_of(worker)


def test_a_process_never_serves_two_owners(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(idle=2)
    alice = pid_of(worker, owner="alice")
    bob = pid_of(worker, owner="bob")
    nobody = pid_of(worker)
    assert len({alice, bob, nobody}) == 3


def test_a_process_is_replaced_after_its_number_of_jobs(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(jobs_per_process=2)
    pids = [pid_of(worker) for _ in range(5)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_a_process_that_ran_code_itself_is_not_used_again(worker: Worker) -> None:
    first = worker.run(code("import os; print(os.getpid()); outputs['pid'] = os.getpid()"))
    second = worker.run(code("import os; outputs['pid'] = os.getpid()"))
    pids = [worker.manifest(job).outputs["pid"] for job in (first, second)]
    assert pids[0] != pids[1]
    until(lambda: not any(alive(pid) for pid in pids), "a retired process lives")


def test_a_process_is_not_used_again_after_a_kill(worker: Worker) -> None:
    running = worker.begin(script("cut -d' ' -f4 /proc/$$/stat > parent; touch begun; sleep 300"))
    running.until_file()
    parent = int(running.path("parent").read_text())
    running.dismiss()
    running.wait()
    assert not alive(parent)
    assert pid_of(worker) != parent


def test_warm_processes_wait_and_are_refilled(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(idle=2)
    worker.processes.start()
    assert worker.processes.wait_ready(20)
    until(lambda: len(worker.processes.idle_pids) == 2, "not filled")
    worker.run(code("pass"))
    until(lambda: len(worker.processes.idle_pids) == 2, "not refilled")


def test_nothing_is_started_before_it_is_needed(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker()
    assert worker.processes.server_pid is None
    assert not worker.processes.is_ready


def test_no_process_is_had_after_the_end(worker: Worker) -> None:
    worker.processes.close()
    worker.processes.close()
    with pytest.raises(BackendError):
        worker.processes.acquire(None)


def test_an_entry_that_does_not_work_fails_jobs_with_a_sentence(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker()
    (worker.directory / "slow").write_text("not a number")
    job = worker.run(script("true"))
    assert job.status is StatusCode.FAILED
    assert job.failure is not None
    assert "end before they begin" in job.failure["detail"]


def test_job_processes_see_nothing_of_the_service(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEAVERLITE_STORE_URL", "mongodb://user:secret@host/db")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy")
    job = worker.run(
        code(
            "import os\noutputs['env'] = dict(os.environ)\n"
            "outputs['fds'] = [os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if int(n) > 2 "
            "and os.path.exists(f'/proc/self/fd/{n}')]"
        )
    )
    outputs = worker.manifest(job).outputs
    assert not {"WEAVERLITE_STORE_URL", "AWS_SECRET_ACCESS_KEY", "HTTP_PROXY"} & set(outputs["env"])
    assert outputs["env"]["WEAVERLITE_INSTANCE"] == worker.instance
    assert not any("store.db" in target for target in outputs["fds"])


def test_tools_carry_the_marks_of_their_attempt(worker: Worker) -> None:
    running = worker.begin(script("touch begun; sleep 300"))
    running.until_file()
    assert {(each.job_id, each.attempt) for each in worker.marked()} == {(running.job.job_id, 1)}
    running.dismiss()
    running.wait()


def test_many_jobs_at_once(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(idle=4)
    jobs = [worker.claim(worker.accept(script(f"echo {number}"))) for number in range(24)]
    threads = [threading.Thread(target=worker.supervisor.run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    ended = [worker.store.jobs.get(job.job_id) for job in jobs]
    assert {job.status for job in ended} == {StatusCode.SUCCESSFUL}
    assert [worker.text(job, "stdout") for job in ended] == [f"{number}\n" for number in range(24)]
    assert len(worker.processes.idle_pids) <= 4


SERVICE = """
import sys, time
from weaverlite.execution.processes import JobProcesses
from weaverlite.execution.tasks import RunTask
from weaverlite.execution.parts import Limits
from weaverlite.execution.workspace import Workspace
from weaverlite.models.options import Resources
from weaverlite.testing.execution import script
from datetime import UTC, datetime
from pathlib import Path
directory, instance = Path(sys.argv[1]), sys.argv[2]
processes = JobProcesses(str(directory), entry="weaverlite.testing.execution:job_parts",
                         warm="weaverlite.testing.execution:warm", instance=instance, idle=1)
workspace = Workspace.of(directory, "job", 1)
workspace.create()
processes.acquire(None).send(RunTask(
    job_id="job", attempt=1, owner=None, instance=instance, engine="script",
    package=script("setsid sh -c 'sleep 300' & touch begun; sleep 300"), descriptions=(), inputs={}, uploads=(),
    resources=Resources(), limits=Limits(), directory=workspace.path, created_at=datetime.now(UTC), host_commands=True))
time.sleep(300)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_everything_ends_with_a_service_that_is_killed(tmp_path: Path, number: int) -> None:
    instance = f"service-{tmp_path.name}-{os.getpid()}"
    service = subprocess.Popen([sys.executable, "-c", SERVICE, str(tmp_path), instance])
    begun = tmp_path / "job" / "1" / "work" / "begun"
    until(begun.exists, "the job did not begin")
    until(lambda: len(list(procfs.find_marked(instance))) >= 3, "the job did not fork")
    processes = [pid for pid in procfs.descendants(service.pid)]
    service.send_signal(number)
    service.wait(10)
    until(lambda: not any(alive(pid) for pid in processes), "something outlived the service")
    assert list(procfs.find_marked(instance)) == []


def test_a_stopped_fork_server_does_not_hang_the_end(worker: Worker) -> None:
    worker.run(script("true"))
    server = worker.processes.server_pid
    assert server is not None
    os.kill(server, signal.SIGSTOP)
    began = time.monotonic()
    worker.processes.close()
    assert time.monotonic() - began < 25
    assert not alive(server)
