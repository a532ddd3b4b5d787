"""Python functions as processes: those that plugins register under the entry point ``weaverlite.processes``.

A package of this engine is the name of such a function and nothing else, so deploying one runs no new code. The
function runs in the job process itself, which is therefore never used again.
"""

from __future__ import annotations

import contextlib
import ctypes
import difflib
import json
import os
import resource
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from weaverlite.engines.formats import media_type_of_name
from weaverlite.engines.interfaces import Engine, Outcome, Reporter, Run, Stream
from weaverlite.errors import EngineError, Fault, InvalidPackage, StagingError, UnsafeOutput, WeaverLiteError
from weaverlite.models.collection import Collections
from weaverlite.models.exchange import Exchange
from weaverlite.models.function import GROUP, PythonProcess
from weaverlite.models.job import Usage
from weaverlite.models.package import PYTHON_MEDIA_TYPE, Package
from weaverlite.models.process import Description, Process
from weaverlite.models.results import LocalDirectory, LocalFile, LocalValue
from weaverlite.settings import Settings


class PythonEngine(Engine):
    """Runs registered functions: those of the entry points, or the ones given by name."""

    name = "python"
    media_types = frozenset({PYTHON_MEDIA_TYPE})
    is_reusable = False

    def __init__(self, functions: Mapping[str, PythonProcess] | None = None) -> None:
        self._functions = functions

    @classmethod
    def create(cls, settings: Settings) -> PythonEngine:
        """Return the engine; it has no settings."""
        return cls()

    def warm(self) -> None:
        _registered()

    def describe(self, package: Package) -> Description:
        process = self._load(package)
        return Description(
            process_id=process.process_id,
            version=process.version,
            title=process.title,
            description=process.description,
            keywords=process.keywords,
            inputs=process.inputs,
            outputs=process.outputs,
        )

    def run(self, run: Run) -> Outcome:
        process = self._load(run.package)
        context = _FunctionContext(directory=run.directory, report=run.report, run=run)
        before = _usage()
        try:
            with _redirected(run):
                returned = process.function(dict(run.inputs), context)
            outputs = _outputs(process, returned, run)
        except (KeyboardInterrupt, UnsafeOutput):
            raise
        except SystemExit as exit_:
            failure, code = _exit_sentence(exit_)
            return Outcome(exit_code=code, failure=failure, usage=_since(before))
        except BaseException as error:  # a plugin may raise anything; whatever it is, the job fails with its sentence
            run.report.log(traceback.format_exc(), level="debug")
            return Outcome(exit_code=1, failure=_sentence(error), usage=_since(before))
        return Outcome(exit_code=0, outputs=outputs, usage=_since(before))

    def _load(self, package: Package) -> PythonProcess:
        name = _function_name(package.document)
        registered = _registered() if self._functions is None else self._functions
        if name not in registered:
            near = difflib.get_close_matches(name, sorted(registered), 1)
            hint = f": did you mean {near[0]!r}?" if near else f"; they are registered under the entry point {GROUP}"
            raise InvalidPackage(faults=[Fault(f"no function is registered as {name[:100]!r}{hint}", "/function")])
        return _imported(_registered()[name]) if self._functions is None else self._functions[name]


def builtin_processes(at: datetime) -> list[Process]:
    """Return a process for every registered function: immutable, of revision 1, created ``at``."""
    engine = PythonEngine()
    processes = []
    for name in sorted(_registered()):
        package = Package.of(PYTHON_MEDIA_TYPE, {"function": name})
        description = engine.describe(package)
        processes.append(
            Process(
                process_id=description.process_id,
                revision=1,
                version=description.version,
                package=package,
                engine=engine.name,
                description=description,
                created_at=at,
                mutable=False,
            )
        )
    return processes


# ---------------------------------------------------------------- the function of a package


def _function_name(document: Any) -> str:
    if not isinstance(document, Mapping):
        raise InvalidPackage(faults=[Fault("it must be an object with the member 'function'")])
    faults = [
        Fault("there is no such member: a package of a function has 'function' only", f"/{name}")
        for name in document
        if name != "function"
    ]
    name = document.get("function")
    if not isinstance(name, str):
        faults.append(Fault("it must be the name of a registered function", "/function"))
    if faults:
        raise InvalidPackage(faults=faults)
    return str(name)


@cache
def _registered() -> Mapping[str, EntryPoint]:
    # Once for all functions: to look takes 4 ms, at the start of the service and in each job process.
    return {entry.name: entry for entry in reversed(entry_points(group=GROUP))}


def _imported(entry: EntryPoint) -> PythonProcess:
    try:
        process = entry.load()
    except Exception as error:
        raise InvalidPackage(f"The function {entry.name!r} ({entry.value}) cannot be imported: {error}") from error
    if not isinstance(process, PythonProcess):
        raise InvalidPackage(f"{entry.value}, registered as {entry.name!r}, is not a PythonProcess.")
    return process


# ---------------------------------------------------------------- around the call


@dataclass(frozen=True, slots=True)
class _FunctionContext:
    directory: Path
    report: Reporter
    run: Run

    @property
    def collections(self) -> Collections:
        if self.run.collections is None:
            raise StagingError("Collections cannot be read here.")
        return self.run.collections

    @property
    def exchange(self) -> Exchange:
        if self.run.exchange is None:
            raise StagingError("Processes of other servers cannot be executed here.")
        return self.run.exchange

    def progress(self, percent: int, message: str = "") -> None:
        self.report.progress(max(0, min(100, int(percent))), message)

    def log(self, message: str, level: str = "info") -> None:
        self.report.log(message, level)

    def fetch(self, href: str, media_type: str = "") -> LocalFile:
        if self.run.fetch is None:
            raise StagingError("Nothing can be fetched here.")
        return self.run.fetch(href, media_type, Path(tempfile.mkdtemp(prefix="fetched-", dir=self.directory)))


@contextlib.contextmanager
def _redirected(run: Run) -> Iterator[None]:
    """Let the function work in its directory, with what it and its libraries print going to the job's streams.

    The descriptors themselves are replaced, so that prints of C libraries and of child processes arrive too.
    """
    directory, environment = os.getcwd(), dict(os.environ)
    with run.report.stream("stdout") as stdout, run.report.stream("stderr") as stderr:
        with _descriptor(1, stdout, "stdout"), _descriptor(2, stderr, "stderr"):
            os.chdir(run.directory)
            os.environ.update(run.environment)
            try:
                yield
            finally:
                os.environ.clear()
                os.environ.update(environment)
                os.chdir(directory)


@contextlib.contextmanager
def _descriptor(number: int, stream: Stream, name: str) -> Iterator[None]:
    kept_file, kept_descriptor = getattr(sys, name), os.dup(number)
    kept_file.flush()
    os.dup2(stream.fileno(), number)
    with open(os.dup(number), "w", encoding="utf-8", errors="backslashreplace", buffering=1) as replacement:
        setattr(sys, name, replacement)
        try:
            yield
        finally:
            setattr(sys, name, kept_file)
            # What C code printed lies in a buffer of its library, which would empty it into the wrong place later.
            ctypes.CDLL(None).fflush(None)
            os.dup2(kept_descriptor, number)
            os.close(kept_descriptor)


def _outputs(process: PythonProcess, returned: Any, run: Run) -> dict[str, LocalValue]:
    if not isinstance(returned, Mapping):
        raise EngineError(f"it returned {type(returned).__name__} in place of a mapping of outputs")
    declared = {output.output_id for output in process.outputs}
    if unknown := sorted(str(name) for name in returned if name not in declared):
        raise EngineError(f"it returned outputs that it does not declare: {', '.join(unknown)}")
    return {name: _output(name, value, run) for name, value in returned.items()}


def _output(name: str, value: Any, run: Run) -> LocalValue:
    if isinstance(value, Path):
        return _local(name, value, run)
    if isinstance(value, LocalFile | LocalDirectory):
        return value
    if isinstance(value, Mapping):
        return {str(key): _output(name, item, run) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_output(name, item, run) for item in value]
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise EngineError(f"its output {name!r} has no JSON form: {error}") from error
    return value


def _local(name: str, path: Path, run: Run) -> LocalValue:
    real = Path(os.path.realpath(run.directory / path))
    if not real.is_relative_to(os.path.realpath(run.directory)):
        raise UnsafeOutput(
            f"The output {name!r} lies outside the job's directory: a function may only return files below it."
        )
    if real.is_dir():
        return LocalDirectory(path=real, name=path.name)
    if not real.is_file():
        raise EngineError(f"its output {name!r} is the file {path}, which does not exist")
    return LocalFile(path=real, name=path.name, media_type=media_type_of_name(path.name))


def _sentence(error: BaseException) -> str:
    said = str(error).strip() or "it gave no reason"
    if isinstance(error, WeaverLiteError):
        return f"The function failed: {error.detail}"
    return f"The function failed with {type(error).__name__}: {said}"


def _exit_sentence(exit_: SystemExit) -> tuple[str, int]:
    """Return what an early exit means, and its code: a function has no business to exit, even with 0."""
    code = exit_.code if isinstance(exit_.code, int) and 0 < exit_.code < 256 else 1
    said = f": {exit_.code}" if isinstance(exit_.code, str) else ""
    return f"The function ended its process in place of returning{said}", code


def _usage() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _since(before: float) -> Usage:
    return Usage(
        cpu_seconds=_usage() - before,
        peak_memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )
