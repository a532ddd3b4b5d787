"""The service's side of job processes: a few kept warm, one job at a time each, and always killable.

A process that is given back clean may be used again, by the same owner only; every other is killed with all it started.
Replacements are forked while nobody waits for them.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weaverlite.errors import BackendError, WorkerLost
from weaverlite.execution import procfs
from weaverlite.execution.messages import Inbox, task_frame

_log = logging.getLogger(__name__)

#: What job processes inherit of the service's environment: nothing that could hold a secret.
_ENVIRONMENT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "XDG_RUNTIME_DIR")
#: Among them: where modules are, and where the engine of containers is.
_PREFIXES = ("LC_", "PYTHON", "SSL_CERT_", "DOCKER_", "CONTAINER_", "COVERAGE_PROCESS")
_RECEIVE = 256 * 1024
#: How long the fork server may take to end everything.
_STOP = 10.0


@dataclass(frozen=True, slots=True)
class Exit:
    """How a job process ended: its exit code, or the signal that killed it; CPU seconds and peak memory of its life.

    ``is_known`` is false when the fork server died with it and nobody can tell.
    """

    code: int | None = None
    signal: int | None = None
    cpu_seconds: float = 0.0
    peak_memory: int = 0
    is_known: bool = True


class JobProcess:
    """One job process. Used by one thread at a time; :meth:`kill` and :meth:`terminate` are safe from any."""

    def __init__(self, server: _Server, ident: int, connection: socket.socket) -> None:
        self._server = server
        self._ident = ident
        self._connection = connection
        self._inbox = Inbox()
        self._ended = threading.Event()
        self.pid: int | None = None
        self.exit: Exit | None = None
        #: Tasks given to it so far, and whose they were; nobody's before the first.
        self.tasks = 0
        self.owner: str | None = None

    def fileno(self) -> int:
        """Readable when there are reports, or when the process has ended."""
        return self._connection.fileno()

    def send(self, task: Any) -> None:
        """Give it a task.

        :raises WorkerLost: it is gone.
        """
        self.tasks += 1
        try:
            self._connection.sendall(task_frame(task))
        except OSError as exc:
            raise WorkerLost("The job process was gone before it got its task.") from exc

    def receive(self) -> list[dict[str, Any]] | None:
        """Return the reports that have come, without waiting; None when none will come any more.

        :raises WorkerLost: it sends what is no report.
        """
        try:
            data = self._connection.recv(_RECEIVE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError:
            return None
        return self._inbox.feed(data) if data else None

    def terminate(self) -> None:
        """Ask its tools to end, and let it start no further one."""
        self._server.request({"terminate": self._ident})

    def kill(self) -> None:
        """Kill it with everything it started, wherever that hides."""
        self._server.request({"kill": self._ident})

    def wait(self, seconds: float) -> Exit | None:
        """Return how it ended, with everything it started, or None if it has not within this time."""
        return self.exit if self._ended.wait(seconds) else None

    def end(self) -> None:
        """Kill it if it lives, and let go of it."""
        if self.exit is None:
            self.kill()
        self._connection.close()

    def _end(self, exit_: Exit) -> None:
        self.exit = exit_
        self._ended.set()


class _Server:
    """One run of the fork server, and the thread that hears its reports."""

    def __init__(self, startup: bytes, instance: str, python: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # Options: no directory of the caller on the path of modules.
            self._process = subprocess.Popen(
                [python, "-P", "-m", "weaverlite.execution.forkserver", str(theirs.fileno())],
                stdin=subprocess.PIPE,
                env=_clean_environment(os.environ, instance),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._control = ours
        self._lock = threading.Lock()
        self._serial = 0
        self._living: dict[int, JobProcess] = {}
        self._is_over = False
        self.ready = threading.Event()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as stdin:
            stdin.write(startup)
        self._thread = threading.Thread(target=self._hear, name="forkserver", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return not self._is_over

    @property
    def pid(self) -> int:
        return self._process.pid

    def spawn(self) -> JobProcess:
        """Return a new job process. It can be given its task at once: it reads it when it has been forked."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs, self._lock:
            self._serial += 1
            process = JobProcess(self, self._serial, ours)
            if self._is_over:
                process._end(Exit(is_known=False))
                return process
            self._living[self._serial] = process
            try:
                socket.send_fds(self._control, [json.dumps({"spawn": self._serial}).encode()], [theirs.fileno()])
            except OSError:
                # The thread that hears its end tells it to every process.
                _log.warning("the fork server does not take requests")
        return process

    def request(self, request: Mapping[str, int]) -> None:
        # A server that is gone has taken its job processes with it.
        with contextlib.suppress(OSError), self._lock:
            if not self._is_over:
                self._control.send(json.dumps(request).encode())

    def stop(self, seconds: float) -> None:
        """End the server; it kills everything it has forked. Returns when that is done, or after this time."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._process.kill()
            self._thread.join(seconds)

    def _hear(self) -> None:
        while True:
            try:
                body = self._control.recv(4096)
            except OSError:
                break
            if not body:
                break
            report = json.loads(body)
            if "ready" in report:
                self.ready.set()
            elif "spawned" in report:
                with self._lock:
                    if process := self._living.get(report["spawned"]):
                        process.pid = report["pid"]
            elif "exited" in report:
                with self._lock:
                    process = self._living.pop(report["exited"], None)
                if process is not None:
                    process._end(_exit_of(report))
        self._process.wait()
        with self._lock:
            self._is_over = True
            left, self._living = list(self._living.values()), {}
            self._control.close()
        for process in left:
            process._end(Exit(is_known=False))


class JobProcesses:
    """The job processes of this service. Safe from any thread; nothing is started before it is needed.

    ``entry`` and ``warm`` name callables as ``module:function``, called once in the fork server: ``warm(payload)``
    loads what all job processes share, ``entry(payload)`` returns the :class:`~weaverlite.execution.parts.Parts` that
    they inherit. Both open no connection and start no thread. ``idle`` processes are kept warm. ``reusable`` are the
    names of engines after whose jobs a process may be used again.
    """

    def __init__(
        self,
        payload: Any,
        *,
        entry: str = "weaverlite.job_process:job_parts",
        warm: str = "weaverlite.job_process:warm",
        instance: str,
        idle: int,
        jobs_per_process: int = 200,
        reusable: frozenset[str] = frozenset(),
        python: str = sys.executable,
    ) -> None:
        self._startup = pickle.dumps({"entry": entry, "warm": warm, "payload": pickle.dumps(payload)})
        self._instance = instance
        self._wanted = idle
        self._jobs_per_process = jobs_per_process
        self._reusable = reusable
        self._python = python
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._idle: list[JobProcess] = []
        self._busy = 0
        self._is_closed = False

    def start(self) -> None:
        """Start the fork server and the warm processes; returns at once, they get ready meanwhile."""
        with self._lock:
            self._fill()

    @property
    def is_ready(self) -> bool:
        """Whether job processes are there at once when they are asked for."""
        server = self._server
        return server is not None and server.is_alive and server.ready.is_set()

    def wait_ready(self, seconds: float) -> bool:
        """Wait until :attr:`is_ready`; False when it is not within this time, or the server has died."""
        deadline = time.monotonic() + seconds
        while not self.is_ready:
            server = self._server
            if server is None or not server.is_alive or time.monotonic() > deadline:
                return False
            server.ready.wait(0.05)
        return True

    @property
    def server_pid(self) -> int | None:
        """The process id of the fork server, None while there is none."""
        server = self._server
        return server.pid if server is not None and server.is_alive else None

    @property
    def idle_pids(self) -> tuple[int, ...]:
        """The process ids of the job processes that wait for a job."""
        with self._lock:
            return tuple(process.pid for process in self._idle if process.pid is not None)

    def acquire(self, owner: str | None, *, fresh: bool = False) -> JobProcess:
        """Return a process for one task of this owner: one that has served only him or nobody, or a new one.

        ``fresh`` asks for one that has served nobody. Give it back with :meth:`release`.

        :raises BackendError: none can be had.
        """
        with self._lock:
            server = self._running_server()
            process = self._pick(owner, fresh) or server.spawn()
            self._busy += 1
            self._fill()
        process.owner = owner
        return process

    def release(self, process: JobProcess, engine: str = "", *, clean: bool) -> None:
        """Take a process back after its task: to be used again if it is clean and may be, else to be ended."""
        with self._lock:
            self._busy -= 1
            may_stay = (
                clean
                and engine in self._reusable
                and process.tasks < self._jobs_per_process
                and process.exit is None
                and not self._is_closed
            )
            retired = [] if may_stay else [process]
            if may_stay:
                self._idle.append(process)
            while len(self._idle) > self._wanted:
                # Of somebody whose jobs are longest ago.
                retired.append(self._idle.pop(0))
        for each in retired:
            each.end()
        with self._lock, contextlib.suppress(BackendError):
            self._fill()

    def close(self) -> None:
        """End every job process. Idempotent."""
        with self._lock:
            self._is_closed = True
            server, self._server = self._server, None
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()
        if server is not None:
            server.stop(_STOP)

    # ------------------------------------------------------------ under the lock

    def _running_server(self) -> _Server:
        if self._is_closed:
            raise BackendError("This service is stopping: it starts no more jobs.")
        if self._server is None or not self._server.is_alive:
            if self._server is not None:
                _log.warning("the fork server has died: starting a new one")
                self._drop_ended()
            try:
                self._server = _Server(self._startup, self._instance, self._python)
            except OSError as exc:
                raise BackendError(f"No process can be started for jobs: {exc}.") from exc
        return self._server

    def _pick(self, owner: str | None, fresh: bool) -> JobProcess | None:
        self._drop_ended()
        # His own first: it may have his packages parsed already. The one used last is the warmest.
        for process in reversed(self._idle):
            if process.tasks and process.owner == owner and not fresh:
                self._idle.remove(process)
                return process
        for process in self._idle:
            if not process.tasks:
                self._idle.remove(process)
                return process
        return None

    def _drop_ended(self) -> None:
        ended = [process for process in self._idle if process.exit is not None]
        self._idle = [process for process in self._idle if process.exit is None]
        for process in ended:
            process.end()

    def _fill(self) -> None:
        server = self._running_server()
        while len(self._idle) + self._busy < self._wanted:
            self._idle.append(server.spawn())


def _clean_environment(environ: Mapping[str, str], instance: str) -> dict[str, str]:
    kept = {
        name: value for name, value in environ.items() if name in _ENVIRONMENT or name.startswith(_PREFIXES)
    }
    return {**kept, procfs.INSTANCE: instance}


def _exit_of(report: Mapping[str, Any]) -> Exit:
    code = os.waitstatus_to_exitcode(report["status"])
    return Exit(
        code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        cpu_seconds=report["cpu"],
        peak_memory=report["memory"],
    )
