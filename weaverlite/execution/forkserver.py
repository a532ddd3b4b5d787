"""A clean, single-threaded process that forks job processes and cleans up after them.

Started as ``python -m weaverlite.execution.forkserver FD``; ``FD`` is its end of a socket pair. It imports what jobs
need, once, and forks a job process for each request. It is the subreaper of everything a job starts: whatever outlives
its job process, however it hid from the group, becomes a child of this server and is killed. When the service is gone
(its end of the socket closes) the server kills all that is left and ends.

It has no parent-death signal of its own, on purpose: that signal follows the *thread* that started the server, and it
would kill the server before it could clean up. The closed socket tells it as surely.

Requests: ``{"spawn": ID}`` with a socket attached, ``{"terminate": ID}``, ``{"kill": ID}``. Reports:
``{"ready": true}``, ``{"spawned": ID, "pid": …}`` and ``{"exited": ID, "status": …, "cpu": …, "memory": …}`` with a
wait status, CPU seconds and peak bytes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import logging
import os
import pickle
import resource
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from weaverlite.execution import child, procfs

_log = logging.getLogger(__name__)

#: Room for a request with one file descriptor attached.
_REQUEST = 4096
#: How long what a job left is chased before its end is reported all the same (a process may hang in the kernel).
_CHASE = 3.0


class ForkServer:
    """The loop of the server; one thread, no state but the job processes that live."""

    def __init__(self, control: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        self._control = control
        self._serve = serve
        self._pid = os.getpid()
        #: The id of the service for each of our job processes.
        self._living: dict[int, int] = {}
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def run(self) -> None:
        """Serve until the service is gone."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        selector = selectors.DefaultSelector()
        selector.register(self._control, selectors.EVENT_READ)
        selector.register(self._wake_read, selectors.EVENT_READ)
        self._report({"ready": True})
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if self._wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
                self._reap()
            if self._control in ready and not self._obey():
                break
        self._end_all()

    # ------------------------------------------------------------ requests

    def _obey(self) -> bool:
        try:
            body, descriptors, _, _ = socket.recv_fds(self._control, _REQUEST, 1)
        except ConnectionError:
            return False
        if not body:
            return False
        request = json.loads(body)
        if "spawn" in request:
            self._spawn(request["spawn"], descriptors[0])
        elif "terminate" in request:
            self._terminate(request["terminate"])
        elif "kill" in request:
            pid = self._find(request["kill"])
            if pid:
                # Its end makes all it started our children: _reap chases them.
                os.kill(pid, signal.SIGKILL)
        return True

    def _spawn(self, ident: int, descriptor: int) -> None:
        try:
            pid = os.fork()
        except OSError as exc:
            os.close(descriptor)
            _log.error("A job process cannot be started: %s", exc)
            self._report({"exited": ident, "status": 1 << 8, "cpu": 0.0, "memory": 0})
            return
        if pid == 0:
            self._become_job_process(descriptor)
        os.close(descriptor)
        self._living[pid] = ident
        self._report({"spawned": ident, "pid": pid})

    def _become_job_process(self, descriptor: int) -> NoReturn:
        code = 1
        try:
            procfs.die_with(self._pid)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            os.close(self._wake_read)
            os.close(self._wake_write)
            os.setsid()
            procfs.adopt_orphans()
            # A closed connection is how a service lets go of a process it wants no more.
            with contextlib.suppress(ConnectionError):
                self._serve(socket.socket(fileno=descriptor))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stderr.flush()
            os._exit(code)

    def _terminate(self, ident: int) -> None:
        pid = self._find(ident)
        if not pid:
            return
        # First the job process, so that it starts no further tool while its tools are asked to end.
        for each in (pid, *procfs.descendants(pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGTERM)

    def _find(self, ident: int) -> int | None:
        return next((pid for pid, each in self._living.items() if each == ident), None)

    def _report(self, report: dict[str, Any]) -> None:
        # A service that is gone is noticed where requests are read.
        with contextlib.suppress(OSError):
            self._control.send(json.dumps(report).encode())

    # ------------------------------------------------------------ ends

    def _reap(self) -> None:
        ended = []
        while (found := self._wait()) is not None:
            pid, status, usage = found
            ident = self._living.pop(pid, None)
            if ident is not None:
                ended.append((ident, status, usage))
        self._chase(time.monotonic() + _CHASE)
        for ident, status, usage in ended:
            self._report(
                {
                    "exited": ident,
                    "status": status,
                    "cpu": usage.ru_utime + usage.ru_stime,
                    "memory": usage.ru_maxrss * 1024,
                }
            )

    def _wait(self) -> tuple[int, int, resource.struct_rusage] | None:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        return (pid, status, usage) if pid else None

    def _chase(self, deadline: float) -> None:
        """Kill every orphan of an ended job process, until there is none."""
        while True:
            orphans = [pid for pid in procfs.children(self._pid) if pid not in self._living]
            if not orphans or time.monotonic() > deadline:
                return
            self._kill_families(orphans)
            for pid in orphans:
                self._wait_for(pid, deadline)

    def _kill_families(self, orphans: list[int]) -> None:
        family = [*orphans, *(pid for orphan in orphans for pid in procfs.descendants(orphan))]
        groups = set()
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                groups.add(os.getpgid(pid))
        # A group dies at once, also one that forks faster than it can be listed. Ours is not among them: every job
        # process leads a session of its own.
        for group in groups - {os.getpgrp()}:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _wait_for(self, pid: int, deadline: float) -> None:
        while time.monotonic() < deadline:
            try:
                if os.waitpid(pid, os.WNOHANG)[0]:
                    return
            except ChildProcessError:
                return
            time.sleep(0.001)

    def _end_all(self) -> None:
        for pid in self._living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._living.clear()
        self._chase(time.monotonic() + 2 * _CHASE)


def find(name: str) -> Callable[..., Any]:
    """Return the callable that ``module:function`` names."""
    module, _, attribute = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found


def main() -> None:
    """Prepare what jobs need, then serve."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    # Who stops the service stops its jobs in an orderly way first; signals to all processes must not overtake that.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    startup = pickle.load(sys.stdin.buffer)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    procfs.adopt_orphans()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    entry, payload = find(startup["entry"]), pickle.loads(startup["payload"])
    if startup["warm"]:
        find(startup["warm"])(payload)
    # Made once and inherited: to look for plugins takes longer than most jobs.
    parts = entry(payload)
    gc.collect()
    ForkServer(control, lambda connection: child.serve(connection, parts)).run()


if __name__ == "__main__":
    main()
