"""Packages are described in processes of their own, within limits."""

from __future__ import annotations

import pytest

from tests.functional.execution.conftest import Worker
from weaverlite.errors import BackendError, InvalidPackage, UnsupportedMedia
from weaverlite.execution.describer import Describer
from weaverlite.models.package import Package
from weaverlite.testing.execution import CODE, code, script


def test_a_package_is_described_by_the_engine_of_its_type(worker: Worker) -> None:
    engine, description = Describer(worker.processes)(script("true"))
    assert engine == "script"
    assert description.process_id == "test"
    assert description.host_commands


def test_faults_of_a_package_come_back(worker: Worker) -> None:
    with pytest.raises(InvalidPackage) as caught:
        Describer(worker.processes).describe(Package.of(CODE, {}))
    assert [fault.pointer for fault in caught.value.faults] == ["/code"]


def test_an_unknown_type_is_unsupported(worker: Worker) -> None:
    with pytest.raises(UnsupportedMedia, match="text/plain"):
        Describer(worker.processes).describe(Package.of("text/plain", {}))


@pytest.mark.parametrize(
    ("describe", "why"),
    [
        ("while True: pass", "killed|longer"),
        ("import time; time.sleep(60)", "longer than 1 seconds"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed"),
        ("bytearray(2 * 1024**3)", "too large"),
        ("def f(): f()\nf()", "too large or too deep"),
        ("raise KeyError('x')", "KeyError"),
    ],
)
def test_a_package_that_harms_its_reader_is_invalid(worker: Worker, describe: str, why: str) -> None:
    describer = Describer(worker.processes, seconds=1, memory=1024**3)
    with pytest.raises(InvalidPackage, match=why):
        describer.describe(code("pass", describe=describe))
    assert describer.describe(script("true"))[0] == "script"


def test_no_description_when_no_process_can_be_had(worker: Worker) -> None:
    (worker.directory / "slow").write_text("no number")
    with pytest.raises(BackendError, match="Try again"):
        Describer(worker.processes).describe(script("true"))
