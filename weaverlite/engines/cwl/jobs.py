"""Our own kinds of the reference runner's jobs: how a command is started, watched and judged.

All commands start through ``run.launch``. The runner has one place where it starts processes, the private function
``cwltool.job._job_popen``; it is replaced once, when this module is loaded (:func:`take_over`), and each job hands it a
:class:`Command` in place of the monitor it expects. A test fails when a release of the runner moves that place.

This module imports the reference runner: it is loaded inside job processes only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import cwltool.job
import psutil
from cwltool.errors import WorkflowException
from cwltool.job import CommandLineJob, JobBase

from weaverlite.engines.cwl.links import settle_links
from weaverlite.engines.cwl.messages import words
from weaverlite.engines.cwl.session import Session

#: Seconds between TERM and KILL for a tool that has exceeded its own time limit.
GRACE = 5.0
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


class Watched(JobBase):
    """To be mixed into jobs: their commands are started by us, and what becomes of them is remembered."""

    #: Whether the command is the client of a container engine.
    in_container = False
    collect_outputs: Any

    def _execute(self, runtime: Any, env: Any, runtimeContext: Any, monitor_function: Any = None) -> None:
        session: Session = runtimeContext.session
        command = Command(self, session)
        self.collect_outputs = partial(_collect, self.collect_outputs, command)
        super()._execute(runtime, env, runtimeContext, command)

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End a tool that takes too long: ask, then kill it and what it started."""
        try:
            tool = psutil.Process(process.pid)
            started = [tool, *tool.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        _signal(started, signal.SIGTERM)
        end = time.monotonic() + GRACE
        # psutil's own wait would take the exit status away from whoever waits for the tool.
        while time.monotonic() < end and any(_is_alive(child) for child in started):
            time.sleep(0.02)
        _signal([child for child in started if _is_alive(child)], signal.SIGKILL)


class HostJob(Watched, CommandLineJob):
    """A command of the host."""

    def _required_env(self) -> dict[str, str]:
        return {"HOME": self.outdir, "TMPDIR": self.tmpdir, "PATH": os.environ.get("PATH", os.defpath)}


class Command:
    """One command of a job: started, waited for, and judged by the tool's own exit codes."""

    def __init__(self, job: Watched, session: Session) -> None:
        self.job = job
        self.session = session
        self.exit_code = 0
        self.failed = False

    def run(
        self,
        arguments: list[str],
        *,
        cwd: str,
        env: dict[str, str],
        paths: tuple[str | None, str | None, str | None],
        timelimit: int | None,
    ) -> int:
        """Start the command and return how it ended, as the runner counts: negative for a signal."""
        stdin_path, stdout_path, stderr_path = paths
        run, step = self.session.run, self.session.step(self.job.name)
        with ExitStack() as stack:
            stdin = stack.enter_context(open(stdin_path, "rb")) if stdin_path else None
            # A stream that the tool sends to a file is that file's: it may be data, and large.
            stdout: Any = open(stdout_path, "wb") if stdout_path else run.report.stream("stdout", step)
            stack.enter_context(stdout)
            stderr: Any = open(stderr_path, "wb") if stderr_path else run.report.stream("stderr", step)
            stack.enter_context(stderr)
            try:
                process = run.launch(
                    arguments,
                    cwd=cwd,
                    env={**env, **run.environment},
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    network=self.job.networkaccess or self.job.in_container,
                    confined=not self.job.in_container,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise self._not_started(arguments[0], error) from error
            status, overtime = self._wait(process, timelimit)
        settle_links(self.session, cwd, self.job)
        last_line = _last_line(stderr_path) if stderr_path else stderr.last_line
        self._judge(status, f"its ToolTimeLimit of {timelimit} s is over" if overtime else "", last_line)
        return status

    def _wait(self, process: subprocess.Popen[bytes], timelimit: int | None) -> tuple[int, bool]:
        """Return the status of the process, and whether it was stopped because its time was over."""
        over = threading.Event()
        timer = None
        if timelimit:

            def stop() -> None:
                over.set()
                self.job.stop(process)

            timer = threading.Timer(timelimit, stop)
            timer.daemon = True
            timer.start()
        status = process.wait()
        if timer is not None:
            timer.cancel()
            timer.join()
        return status, over.is_set()

    def _judge(self, status: int, why: str, last_line: str) -> None:
        self.exit_code = status if status >= 0 else 128 - status
        job = self.job
        failing = status in job.temporaryFailCodes or status in job.permanentFailCodes
        if status in job.successCodes or (status == 0 and not failing):
            return
        self.failed = True
        if status >= 0:
            ended = f"ended with exit code {status}"
        else:
            ended = f"was ended by signal {-status} ({signal.Signals(-status).name})"
        self.fail(f"{self.subject} {ended}{f' ({why})' if why else ''}{f': {last_line}' if last_line else '.'}")

    def _not_started(self, command: str, error: OSError | subprocess.SubprocessError) -> WorkflowException:
        self.failed = True
        if isinstance(error, FileNotFoundError):
            self.exit_code = _NOT_FOUND
            sentence = f"{self.subject} could not start: there is no command {command!r} on this node."
        else:
            self.exit_code = _NOT_EXECUTABLE
            sentence = f"{self.subject} could not start: {command!r}: {getattr(error, 'strerror', None) or error}."
        self.fail(sentence)
        return WorkflowException(sentence)

    def fail(self, sentence: str) -> None:
        self.session.fail(sentence, self.exit_code)

    @property
    def subject(self) -> str:
        return f"Step {self.job.name!r}" if self.session.is_workflow else "The tool"


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _collect(collect: Any, command: Command, outdir: str, rcode: int) -> Any:
    """Collect outputs; of a tool that ended badly only what is there, its own failure is the one that counts."""
    try:
        return collect(outdir, rcode)
    except Exception as error:
        if not command.failed:
            command.fail(f"{command.subject} ended well, but its outputs could not be collected: {words(str(error))}")
        raise


def _last_line(path: str) -> str:
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
        lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines()]
    return next((line[:500] for line in reversed(lines) if line), "")


def _popen(
    commands: list[str],
    stdin_path: str | None,
    stdout_path: str | None,
    stderr_path: str | None,
    env: Any,
    cwd: str,
    make_job_dir: Any,
    job_script_contents: str | None = None,
    timelimit: int | None = None,
    name: str | None = None,
    monitor_function: Any = None,
    default_stdout: Any = None,
    default_stderr: Any = None,
) -> int:
    """Stand where the runner would start a process of its own."""
    if not isinstance(monitor_function, Command):
        raise WorkflowException("the reference runner tried to start a command by itself")
    return monitor_function.run(
        commands, cwd=cwd, env=dict(env), paths=(stdin_path, stdout_path, stderr_path), timelimit=timelimit
    )


def take_over() -> None:
    """Let every command of the reference runner start through here; a second call changes nothing."""
    cwltool.job._job_popen = _popen
