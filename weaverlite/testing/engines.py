"""What an engine must do, as a suite of tests, and what tests hand to engines.

To test an engine of your own derive from :class:`EngineContract` and answer its questions::

    class TestMyEngine(EngineContract):
        engine = MyEngine()
        echo = {...}       # a package whose output "text" is its input "text", a string
        fail = {...}       # one without inputs that fails, after it said "this went wrong" on stderr
        speak = {...}      # one without inputs that prints "to stdout" and "to stderr"
        write = {...}      # one without inputs that makes a file "made.txt" with "made\\n" in it, as its output "file"
        copy = {...}       # one whose output "file" is a file with the content of its input file "file"
        nonsense = [({...}, "/where/the/fault/is"), …]
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar

import pytest

from weaverlite.engines.interfaces import Engine, Outcome, Run
from weaverlite.errors import EngineError, InvalidPackage
from weaverlite.models.package import Package
from weaverlite.models.results import LocalDirectory, LocalFile

# ---------------------------------------------------------------- what is handed to engines


class HeardStream:
    """A :class:`~weaverlite.engines.interfaces.Stream` into a file, read when it is left."""

    def __init__(self, heard: Heard, name: str, step: str) -> None:
        self._heard, self._name, self._step = heard, name, step
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=heard.directory)
        self._text = ""

    @property
    def last_line(self) -> str:
        lines = [line.strip() for line in self._text.splitlines() if line.strip()]
        return lines[-1][:500] if lines else ""

    def fileno(self) -> int:
        return self._file.fileno()

    def __enter__(self) -> HeardStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.seek(0)
        self._text = self._file.read().decode("utf-8", "replace")
        self._file.close()
        self._heard.spoken.append((self._name, self._step, self._text))


@dataclass
class Heard:
    """A :class:`~weaverlite.engines.interfaces.Reporter` that remembers. Streams are kept below ``directory``."""

    directory: Path
    steps: list[tuple[int, str]] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    spoken: list[tuple[str, str, str]] = field(default_factory=list)

    def progress(self, percent: int, message: str = "") -> None:
        self.steps.append((percent, message))

    def log(self, message: str, level: str = "info") -> None:
        self.said.append((level, message))

    def stream(self, name: str, step: str = "") -> HeardStream:
        return HeardStream(self, name, step)

    def text(self, name: str, step: str | None = None) -> str:
        """Return what went to a stream, of one step or of all."""
        return "".join(text for kind, of, text in self.spoken if kind == name and step in (None, of))


def launch(
    arguments: list[str],
    *,
    cwd: str | Path,
    env: Mapping[str, str],
    stdin: Any = None,
    stdout: Any = None,
    stderr: Any = None,
    network: bool = False,
    confined: bool = True,
) -> subprocess.Popen[bytes]:
    """Start a tool without any confinement."""
    return subprocess.Popen(
        arguments,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=stdout,
        stderr=stderr,
    )


def run_of(package: Package, inputs: Mapping[str, Any], place: Path, **members: Any) -> Run:
    """Return a run of the package in a new directory below ``place``; its reporter is a :class:`Heard`."""
    place.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=place))
    (directory / "heard").mkdir()
    (directory / "run").mkdir()
    return Run(
        package=package,
        inputs=inputs,
        directory=directory / "run",
        report=Heard(directory / "heard"),
        launch=launch,
        **members,
    )


# ---------------------------------------------------------------- the suite


class EngineContract:
    """What every engine promises. See the module for what a class has to answer."""

    engine: ClassVar[Engine]
    echo: ClassVar[Any]
    fail: ClassVar[Any]
    speak: ClassVar[Any]
    write: ClassVar[Any]
    copy: ClassVar[Any]
    nonsense: ClassVar[list[tuple[Any, str]]]

    def package(self, document: Any) -> Package:
        return Package.of(min(self.engine.media_types), document)

    def run(self, document: Any, place: Path, inputs: Mapping[str, Any] | None = None) -> tuple[Outcome, Heard]:
        run = run_of(self.package(document), inputs or {}, place)
        assert isinstance(run.report, Heard)
        return self.engine.run(run), run.report

    def test_names_itself_and_what_it_takes(self) -> None:
        assert self.engine.name
        assert self.engine.media_types

    def test_description_tells_inputs_and_outputs(self) -> None:
        description = self.engine.describe(self.package(self.echo))
        assert "text" in [item.input_id for item in description.inputs]
        assert "text" in [item.output_id for item in description.outputs]
        text = next(item for item in description.inputs if item.input_id == "text")
        assert text.schema["type"] == "string"
        assert not text.is_file

    def test_description_tells_files(self) -> None:
        description = self.engine.describe(self.package(self.copy))
        (file,) = description.inputs
        assert file.input_id == "file"
        assert file.is_file

    def test_description_is_repeatable(self) -> None:
        package = self.package(self.echo)
        assert self.engine.describe(package) == self.engine.describe(package)

    def test_nonsense_is_refused_with_pointers(self) -> None:
        assert self.nonsense
        for document, pointer in self.nonsense:
            with pytest.raises(InvalidPackage) as refused:
                self.engine.describe(self.package(document))
            assert pointer in [fault.pointer for fault in refused.value.faults], (document, refused.value.faults)
            assert all(fault.message for fault in refused.value.faults)

    def test_no_document_is_too_odd(self) -> None:
        deep: Any = {}
        for _ in range(3000):
            deep = {"inputs": deep}
        documents: tuple[Any, ...] = (None, True, 5, "text", [], {}, [[]], {"inputs": 3}, {"": ""}, deep)
        for document in documents:
            try:
                self.engine.describe(Package(media_type="", document=document, digest=f"sha256:{id(document)}"))
            except InvalidPackage as refused:
                assert refused.detail

    def test_run_gives_outputs(self, tmp_path: Path) -> None:
        outcome, _ = self.run(self.echo, tmp_path, {"text": "grüße\n“quoted” 😵"})
        assert outcome.failure == ""
        assert outcome.exit_code == 0
        assert outcome.outputs["text"] == "grüße\n“quoted” 😵"
        json.dumps(outcome.outputs["text"])

    def test_same_package_runs_again_in_the_process(self, tmp_path: Path) -> None:
        for text in ("first", "second", "first"):
            outcome, _ = self.run(self.echo, tmp_path, {"text": text})
            assert (outcome.failure, outcome.outputs["text"]) == ("", text)

    def test_failing_tool_is_an_outcome(self, tmp_path: Path) -> None:
        outcome, heard = self.run(self.fail, tmp_path)
        assert outcome.failure
        assert outcome.exit_code != 0
        assert "this went wrong" in outcome.failure
        assert str(tmp_path) not in outcome.failure

    def test_package_runs_after_a_failure(self, tmp_path: Path) -> None:
        self.run(self.fail, tmp_path)
        outcome, _ = self.run(self.echo, tmp_path, {"text": "after"})
        assert outcome.outputs["text"] == "after"

    def test_streams_are_delivered(self, tmp_path: Path) -> None:
        outcome, heard = self.run(self.speak, tmp_path)
        assert outcome.failure == ""
        assert heard.text("stdout") == "to stdout\n"
        assert heard.text("stderr") == "to stderr\n"

    def test_own_streams_of_the_process_stay_quiet(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        for document in (self.speak, self.fail):
            self.run(document, tmp_path)
        assert capfd.readouterr() == ("", "")

    def test_file_output_lies_in_the_directory(self, tmp_path: Path) -> None:
        run = run_of(self.package(self.write), {}, tmp_path)
        file = self.engine.run(run).outputs["file"]
        assert isinstance(file, LocalFile)
        assert file.name == "made.txt"
        assert file.media_type == "text/plain"
        assert file.path.is_file() and not file.path.is_symlink()
        assert file.path.is_relative_to(run.directory.resolve())
        assert file.path.read_text() == "made\n"

    def test_file_input_is_read_and_left_alone(self, tmp_path: Path) -> None:
        given = tmp_path / "a name with spaces é.txt"
        given.write_bytes(b"content\n")
        given.chmod(0o444)
        file = LocalFile(path=given, name=given.name, media_type="text/plain")
        outcome, _ = self.run(self.copy, tmp_path / "job", {"file": file})
        assert outcome.failure == ""
        made = outcome.outputs["file"]
        assert isinstance(made, LocalFile)
        assert made.path.read_bytes() == b"content\n"
        assert given.read_bytes() == b"content\n"

    def test_nothing_is_written_elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("here", "tmp", "home"):
            (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / "here")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
        monkeypatch.setattr(tempfile, "tempdir", None)
        for document in (self.write, self.speak, self.fail):
            self.run(document, tmp_path / "job")
        assert [path for name in ("here", "tmp", "home") for path in (tmp_path / name).rglob("*")] == []
        assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "home", "job", "tmp"]

    def test_process_is_as_before(self, tmp_path: Path) -> None:
        before = os.getcwd(), dict(os.environ)
        for document in (self.speak, self.fail):
            self.run(document, tmp_path)
        assert (os.getcwd(), dict(os.environ)) == before

    def test_marks_reach_every_tool(self, tmp_path: Path) -> None:
        marks = {"WEAVERLITE_JOB": "the-job", "WEAVERLITE_ATTEMPT": "3"}
        seen: list[Mapping[str, str]] = []

        def watching(arguments: list[str], **members: Any) -> subprocess.Popen[bytes]:
            seen.append(members["env"])
            return launch(arguments, **members)

        run = run_of(self.package(self.speak), {}, tmp_path, environment=marks)
        watched = Run(
            package=run.package,
            inputs={},
            directory=run.directory,
            report=run.report,
            launch=watching,
            environment=marks,
        )
        assert self.engine.run(watched).failure == ""
        assert all(marks.items() <= environment.items() for environment in seen)

    def test_only_given_values_count_as_files(self, tmp_path: Path) -> None:
        claim = {"class": "File", "location": "file:///etc/hostname", "path": "/etc/hostname"}
        try:
            outcome, _ = self.run(self.copy, tmp_path, {"file": claim})
        except EngineError as refused:
            assert refused.detail
        else:
            assert not any(isinstance(value, LocalFile | LocalDirectory) for value in outcome.outputs.values())
