"""Start-up of the CWL engine: what is imported where, and the snapshot of the schemas."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.functional.engines.conftest import CWL, tool
from weaverlite.engines.cwl.engine import CWLEngine
from weaverlite.models.package import CWL_MEDIA_TYPE, Package
from weaverlite.settings import Settings, WorkerSettings
from weaverlite.testing.engines import launch, run_of

RUN = """
import sys, time
from pathlib import Path
from weaverlite.engines.cwl.engine import CWLEngine
engine = CWLEngine(schema_cache=Path(sys.argv[1]))
started = time.process_time()
engine.warm()
from cwltool.process import SCHEMA_CACHE
import os, threading
assert threading.active_count() == 1
assert not [fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}") and int(fd) > 2]
print(time.process_time() - started, *sorted(SCHEMA_CACHE))
"""


def _warm(cache: Path) -> tuple[float, list[str]]:
    """Warm a fresh process; return its seconds of CPU and the versions it knows."""
    done = subprocess.run([sys.executable, "-c", RUN, str(cache)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    seconds, *versions = done.stdout.split()
    return float(seconds), versions


def test_web_processes_load_nothing_of_the_runner() -> None:
    script = (
        "import sys, weaverlite.engines.cwl.engine as e, weaverlite.engines.python, weaverlite.engines.docker\n"
        "from weaverlite.settings import Settings\n"
        "e.CWLEngine.create(Settings())\n"
        "print([name for name in ('cwltool', 'schema_salad', 'ruamel', 'rdflib', 'jsonschema', 'psutil') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_engine_survives_a_pipe() -> None:
    engine = pickle.loads(pickle.dumps(CWLEngine(schema_cache=Path("x"), container_command="docker")))
    assert engine.name == "cwl"


def test_engine_follows_the_settings(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, worker=WorkerSettings(container_engine="none"))
    assert isinstance(CWLEngine.create(settings), CWLEngine)


@pytest.fixture(scope="module")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float, list[str]]:
    """The snapshot that the first start left, its seconds of CPU, and the versions it knew."""
    cache = tmp_path_factory.mktemp("warm") / "made" / "cache"
    seconds, versions = _warm(cache)
    (file,) = cache.iterdir()
    return file, seconds, versions


def test_second_start_reads_the_snapshot(first_start: tuple[Path, float, list[str]]) -> None:
    snapshot, slow, versions = first_start
    assert snapshot.stat().st_mode & 0o077 == 0
    fast, again = _warm(snapshot.parent)
    assert versions == again == ["v1.0", "v1.1", "v1.2", "v1.3.0-dev1"]
    assert fast < slow
    assert list(snapshot.parent.iterdir()) == [snapshot]


@pytest.mark.parametrize("damage", ["cut off", "writable by others"])
def test_snapshot_that_cannot_be_trusted_is_not_used(
    tmp_path: Path, first_start: tuple[Path, float, list[str]], damage: str
) -> None:
    snapshot, _, versions = first_start
    copy = tmp_path / "cache" / snapshot.name
    copy.parent.mkdir()
    if damage == "cut off":
        copy.write_bytes(snapshot.read_bytes()[:1000])
    else:
        copy.write_bytes(b"cos\nsystem\n(S'touch %b'\ntR." % str(tmp_path / "ran").encode())
        copy.chmod(0o666)
    assert _warm(copy.parent)[1] == versions
    assert not (tmp_path / "ran").exists()


def test_unwritable_cache_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert _warm(tmp_path / "file" / "cache")[1]


def test_every_command_starts_through_the_run(cwl: CWL) -> None:
    # One private place of the runner is replaced for this: a release that moves it must fail here.
    started: list[list[str]] = []

    def watching(arguments: list[str], **members: Any) -> subprocess.Popen[bytes]:
        started.append(arguments)
        return launch(arguments, **members)

    run = run_of(Package.of(CWL_MEDIA_TYPE, tool("echo x", outputs={"out": "stdout"})), {}, cwl.place)
    assert cwl.engine.run(replace(run, launch=watching)).failure == ""
    assert started == [["sh", "-c", "echo x"]]
