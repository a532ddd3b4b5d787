"""A tool can leave anything; only regular files of the job's own directory get out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.functional.execution.conftest import Worker
from weaverlite.execution.parts import Limits
from weaverlite.ogc.status import StatusCode
from weaverlite.testing.execution import script


@pytest.mark.parametrize(
    "make",
    [
        "ln -s /etc/hostname x",
        "ln -s ../../../../../../etc/hostname x",
        "ln -s /etc d; ln -s d/hostname x",
        "ln -s nowhere x",
        "mkfifo x",
        "mknod x c 1 3 2>/dev/null || mkfifo x",
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"x\")'",
        "mkdir x",
        "ln -s x x",
    ],
)
def test_an_output_that_is_no_regular_file_of_the_job(worker: Worker, make: str) -> None:
    job = worker.run(script(make, {"x": "x"}))
    assert job.status is StatusCode.FAILED
    assert job.failure is not None
    assert job.failure["reason"] == "unsafe-output"
    assert dict(worker.manifest(job).outputs) == {}
    assert worker.left() == []


@pytest.mark.parametrize(
    "make",
    [
        "mkdir d; ln -s /etc d/etc",
        "mkdir d; ln -s /etc/hostname d/x",
        "mkdir d; mkfifo d/x",
        "mkdir d; ln -s . d/again",
        "mkdir d; ln -s .. d/above",
        "ln -s /etc d",
        "touch d",
        "mkdir d; cd d; for i in $(seq 300); do mkdir e; cd e; done",
    ],
)
def test_a_directory_with_something_unsafe_in_it(worker: Worker, make: str) -> None:
    job = worker.run(script(make, {"d": "d/"}))
    assert job.status is StatusCode.FAILED
    assert job.failure is not None
    assert job.failure["reason"] in ("unsafe-output", "execution")
    assert worker.left() == []


def test_a_link_to_a_file_of_the_job_is_followed(worker: Worker) -> None:
    job = worker.run(script("echo inside > a; ln -s a x", {"x": "x"}))
    assert worker.text(job, "outputs/x/x") == "inside\n"


def test_a_file_shared_with_the_host_is_copied(worker: Worker, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.write_text("before")
    job = worker.run(script(f"ln {shared} x", {"x": "x"}))
    shared.write_text("after!")
    assert worker.text(job, "outputs/x/x") == "before"


def test_a_name_that_would_climb_is_made_safe(worker: Worker) -> None:
    job = worker.run(script("printf 1 > \"$(printf 'a\\nb')\"; mkdir d; mv a* d/", {"d": "d/"}))
    assert job.status is StatusCode.SUCCESSFUL
    (file,) = (file.path for file in worker.manifest(job).files() if file.path.startswith("outputs"))
    assert file == "outputs/d/d/ab"


def test_outputs_beyond_the_limit(make_worker: Callable[..., Worker]) -> None:
    worker = make_worker(limits=Limits(disk=1_000_000))
    job = worker.run(script("head -c 2000000 /dev/zero > x", {"x": "x"}))
    assert job.failure is not None
    assert job.failure["reason"] == "output-limit"


def test_unreadable_directories_are_removed_all_the_same(worker: Worker, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("kept")
    job = worker.run(script(f"mkdir -p a/b; touch a/b/c; ln -s {precious} a/link; chmod 000 a/b a"))
    assert job.status is StatusCode.SUCCESSFUL
    assert worker.left() == []
    assert (precious / "file").read_text() == "kept"
