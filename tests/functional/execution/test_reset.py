"""What a job may leave in a process that is used again, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.execution.conftest import Worker, alive
from weaverlite.ogc.status import StatusCode
from weaverlite.testing.execution import careless

LOOK = """
import locale, logging, os, signal, sys
umask = os.umask(0); os.umask(umask)
outputs['state'] = [
    os.getcwd().endswith('/work'), sorted(os.environ), umask, len(sys.path), str(signal.getsignal(signal.SIGUSR1)),
    locale.setlocale(locale.LC_ALL), len(logging.getLogger('cwltool').handlers), logging.getLogger('cwltool').level,
    logging.root.level, sys.getrecursionlimit(), sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
]
outputs['pid'] = os.getpid()
"""


def outputs(worker: Worker, text: str) -> Any:
    job = worker.run(careless(text))
    assert job.status is StatusCode.SUCCESSFUL, job.failure
    return worker.manifest(job).outputs


@pytest.mark.parametrize(
    "harm",
    [
        "import os; os.environ['X'] = '1'; del os.environ['PATH']",
        "import os; os.umask(0o077)",
        "import sys; sys.path.insert(0, '/tmp')",
        "import sys; sys.setrecursionlimit(5000); sys.stdout = None",
        "import signal; signal.signal(signal.SIGUSR1, lambda *_: None); signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])",
        "import logging; l = logging.getLogger('cwltool'); l.addHandler(logging.StreamHandler()); l.setLevel(10)",
        "import logging; logging.basicConfig(level=logging.DEBUG); logging.disable(50)",
        "import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8')",
        "import signal; signal.setitimer(signal.ITIMER_REAL, 100)",
        "import threading; t = threading.Thread(target=print); t.start()",
        "import subprocess; subprocess.Popen(['true']).returncode = 0",
    ],
)
def test_what_can_be_put_back_is_put_back(worker: Worker, harm: str) -> None:
    before = outputs(worker, LOOK)
    outputs(worker, harm)
    after = outputs(worker, LOOK)
    assert after == before


@pytest.mark.parametrize(
    "harm",
    [
        "import builtins, os; builtins.kept = open(os.devnull)",
        "import os; os.dup2(os.open(os.devnull, os.O_WRONLY), 2)",
        "import threading, time; threading.Thread(target=time.sleep, args=(100,), daemon=True).start()",
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))",
    ],
)
def test_what_cannot_be_put_back_retires_the_process(worker: Worker, harm: str) -> None:
    before = outputs(worker, LOOK)
    outputs(worker, harm)
    after = outputs(worker, LOOK)
    assert after["state"] == before["state"]
    assert after["pid"] != before["pid"]


def test_an_unexpected_error_retires_the_process(worker: Worker) -> None:
    before = outputs(worker, LOOK)
    assert worker.run(careless("raise RuntimeError")).status is StatusCode.FAILED
    assert outputs(worker, LOOK)["pid"] != before["pid"]


def test_children_that_a_job_leaves_are_killed_and_the_process_used_again(worker: Worker) -> None:
    before = outputs(worker, LOOK)
    child = outputs(worker, "import os, time\npid = os.fork()\nif not pid: time.sleep(100)\noutputs['pid'] = pid")
    assert not alive(child["pid"])
    assert outputs(worker, LOOK)["pid"] == before["pid"]
