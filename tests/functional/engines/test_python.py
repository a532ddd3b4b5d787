"""Python functions as processes: what they print, return and raise, and the echo process."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from weaverlite.engines.interfaces import Outcome
from weaverlite.engines.python import PythonEngine, builtin_processes
from weaverlite.errors import InvalidPackage, UnsafeOutput
from weaverlite.models.function import Context, PythonProcess
from weaverlite.models.package import PYTHON_MEDIA_TYPE, Package
from weaverlite.models.process import OutputDescription
from weaverlite.models.results import LocalDirectory, LocalFile
from weaverlite.testing.engines import Heard, run_of

ECHO = Package.of(PYTHON_MEDIA_TYPE, {"function": "echo"})
OUT = (OutputDescription(output_id="out", schema={}),)


class Python:
    """Functions in, outcomes out."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.heard = Heard(place)

    def run(self, function: Callable[[Mapping[str, Any], Context], Any], **members: Any) -> Outcome:
        engine = PythonEngine({"f": PythonProcess(process_id="f", function=function, outputs=OUT)})
        run = run_of(Package.of(PYTHON_MEDIA_TYPE, {"function": "f"}), {}, self.place, **members)
        assert isinstance(run.report, Heard)
        self.heard = run.report
        return engine.run(run)


@pytest.fixture
def python(tmp_path: Path) -> Python:
    return Python(tmp_path)


def test_prints_of_all_kinds_are_the_jobs_streams(python: Python, capfd: pytest.CaptureFixture[str]) -> None:
    def speak(inputs: Mapping[str, Any], context: Context) -> dict[str, Any]:
        print("python")
        print("python error", file=sys.stderr)
        os.write(1, b"descriptor\n")
        ctypes.CDLL(None).puts(b"library")
        subprocess.run(["echo", "child"], check=True)
        return {}

    assert python.run(speak).failure == ""
    assert sorted(python.heard.text("stdout").split()) == ["child", "descriptor", "library", "python"]
    assert python.heard.text("stderr") == "python error\n"
    print("still here")
    assert capfd.readouterr() == ("still here\n", "")


def test_function_works_in_its_directory(python: Python) -> None:
    def look(inputs: Mapping[str, Any], context: Context) -> dict[str, Any]:
        assert Path.cwd() == context.directory.resolve()
        context.progress(40, "nearly half")
        context.log("a word", "warning")
        return {"out": {"mark": os.environ["WEAVERLITE_JOB"]}}

    outcome = python.run(look, environment={"WEAVERLITE_JOB": "job-1"})
    assert outcome.outputs == {"out": {"mark": "job-1"}}
    assert python.heard.steps == [(40, "nearly half")]
    assert python.heard.said == [("warning", "a word")]
    assert "WEAVERLITE_JOB" not in os.environ


def test_paths_become_files_and_directories(python: Python) -> None:
    def write(inputs: Mapping[str, Any], context: Context) -> dict[str, Any]:
        Path("a.csv").write_text("1")
        (context.directory / "d" / "e").mkdir(parents=True)
        return {"out": [Path("a.csv"), context.directory / "d"]}

    file, directory = python.run(write).outputs["out"]
    assert isinstance(file, LocalFile)
    assert (file.name, file.media_type, file.path.read_text()) == ("a.csv", "text/csv", "1")
    assert isinstance(directory, LocalDirectory)
    assert directory.name == "d"


@pytest.mark.parametrize("path", ["/etc/hostname", "../outside.txt", "link"])
def test_path_outside_is_no_output(python: Python, path: str) -> None:
    def leak(inputs: Mapping[str, Any], context: Context) -> dict[str, Any]:
        (context.directory.parent / "outside.txt").write_text("")
        Path("link").symlink_to("/etc/hostname")
        return {"out": Path(path)}

    with pytest.raises(UnsafeOutput, match="'out'"):
        python.run(leak)


def _raise(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda inputs, context: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda inputs, context: _raise(MemoryError()), "MemoryError"),
        (lambda inputs, context: sys.exit("told so"), "told so"),
        (lambda inputs, context: sys.exit(0), "ended its process"),
        (lambda inputs, context: None, "it returned NoneType"),
        (lambda inputs, context: {"other": 1}, "does not declare: other"),
        (lambda inputs, context: {"out": object()}, "no JSON form"),
        (lambda inputs, context: {"out": float("nan")}, "no JSON form"),
        (lambda inputs, context: {"out": Path("missing.txt")}, "does not exist"),
    ],
)
def test_what_goes_wrong_is_a_sentence(python: Python, function: Any, words: str) -> None:
    outcome = python.run(function)
    assert outcome.exit_code == 1
    assert words in outcome.failure
    assert "Traceback" not in outcome.failure
    assert str(python.place) not in outcome.failure


def test_traceback_is_for_who_debugs(python: Python) -> None:
    python.run(lambda inputs, context: 1 / 0)
    assert [level for level, message in python.heard.said if "Traceback" in message] == ["debug"]


def test_unknown_function_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidPackage, match="did you mean 'echo'"):
        PythonEngine().describe(Package.of(PYTHON_MEDIA_TYPE, {"function": "ecco"}))


def test_registered_functions_are_processes() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    processes = builtin_processes(at)
    echo = next(process for process in processes if process.process_id == "echo")
    assert (echo.engine, echo.mutable, echo.revision, echo.created_at) == ("python", False, 1, at)
    assert echo.package == ECHO
    assert builtin_processes(at) == processes


def test_echo_gives_back_what_it_got(tmp_path: Path) -> None:
    inputs = {
        "stringInput": "text ü",
        "doubleInput": 1.5,
        "arrayInput": [1, 2],
        "objectInput": {"a": [None, True]},
        "boundingBoxInput": {"bbox": [1, 2, 3, 4]},
    }
    outcome = PythonEngine().run(run_of(ECHO, inputs, tmp_path))
    assert (outcome.failure, outcome.outputs) == ("", inputs)


def test_echo_pauses_for_real(tmp_path: Path) -> None:
    run = run_of(ECHO, {"stringInput": "x", "pause": 0.3}, tmp_path)
    assert isinstance(run.report, Heard)
    began = time.monotonic()
    assert PythonEngine().run(run).outputs["pause"] == 0.3
    assert time.monotonic() - began >= 0.3
    assert run.report.steps
