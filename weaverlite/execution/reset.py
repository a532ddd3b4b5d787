"""Give a job process back as it was before a job, and tell whether that worked.

What can be put back is put back; what cannot (a thread, an open file, a child, a lowered limit) makes the process
*dirty*: it is retired. Nothing here is a defence against hostile code, which never runs in a job process that is used
again; it is a defence against forgetful code.
"""

from __future__ import annotations

import contextlib
import locale
import logging
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

from weaverlite.execution import procfs

#: How long children that have ended may take to be seen as such, and threads to end.
_GRACE = 0.02
#: How long a killed child may take to be gone; one that hangs in the kernel is left to the fork server.
_STUCK = 5.0
_SIGNALS = tuple(each for each in signal.valid_signals() if each not in (signal.SIGKILL, signal.SIGSTOP))
_LIMITS = tuple(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))


@dataclass(frozen=True, slots=True)
class _Logger:
    level: int
    handlers: tuple[logging.Handler, ...]
    propagate: bool
    disabled: bool


class Baseline:
    """What a job process is like before its first job."""

    def __init__(self) -> None:
        self._directory = os.getcwd()
        self._environment = dict(os.environ)
        self._umask = _umask()
        self._path = list(sys.path)
        self._handlers = _handlers()
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._locale = locale.setlocale(locale.LC_ALL)
        self._limits = _limits()
        self._recursion = sys.getrecursionlimit()
        self._logging_disabled = logging.root.manager.disable
        self._loggers = _loggers()
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._files = _files()
        self._threads = _threads()

    def restore(self) -> str:
        """Put everything back; return what could not be, in a few words, or the empty text."""
        self._put_back()
        end_children(_GRACE, kill=False)
        return self._find_dirt()

    def _put_back(self) -> None:
        with contextlib.suppress(OSError):
            os.chdir(self._directory)
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        os.umask(self._umask)
        if sys.path != self._path:
            sys.path[:] = self._path
        signal.setitimer(signal.ITIMER_REAL, 0)
        if _handlers() != self._handlers:
            for number, handler in self._handlers.items():
                if signal.getsignal(number) != handler:
                    signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        if locale.setlocale(locale.LC_ALL) != self._locale:
            locale.setlocale(locale.LC_ALL, self._locale)
        sys.setrecursionlimit(self._recursion)
        sys.stdin, sys.stdout, sys.stderr = self._streams
        logging.disable(self._logging_disabled)
        self._put_loggers_back()

    def _put_loggers_back(self) -> None:
        for name, found in _loggers().items():
            wanted = self._loggers.get(name, _Logger(logging.NOTSET, (), True, False))
            if found != wanted:
                logger = logging.getLogger(name) if name else logging.root
                logger.handlers[:] = wanted.handlers
                logger.setLevel(wanted.level)
                logger.propagate, logger.disabled = wanted.propagate, wanted.disabled

    def _find_dirt(self) -> str:
        if procfs.children(os.getpid()):
            return "a child process is left"
        if _limits() != self._limits:
            return "a resource limit was changed"
        deadline = time.monotonic() + _GRACE
        while _threads() > self._threads:
            if time.monotonic() > deadline:
                return "a thread is left"
            time.sleep(0.001)
        files = _files()
        if files != self._files:
            changed = sorted(number for number, _ in files.items() ^ self._files.items())
            return f"open files have changed: {', '.join(map(str, dict.fromkeys(changed)))}"
        return ""


def end_children(grace: float, *, kill: bool) -> int:
    """Wait for children that have ended, and kill the others after ``grace`` seconds if asked; return how many."""
    killed = 0
    deadline = time.monotonic() + grace
    last = deadline + _STUCK
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return killed
        if time.monotonic() > deadline:
            if not kill or time.monotonic() > last:
                return killed
            # Each round kills the parents that are left; their children then become ours.
            for pid in procfs.children(os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        time.sleep(0.001)


def _umask() -> int:
    umask = os.umask(0o022)
    os.umask(umask)
    return umask


def _handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in _SIGNALS}


def _limits() -> dict[int, tuple[int, int]]:
    return {limit: resource.getrlimit(limit) for limit in _LIMITS}


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))


def _loggers() -> dict[str, _Logger]:
    found: dict[str, _Logger] = {"": _logger(logging.root)}
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger):
            found[name] = _logger(logger)
    return found


def _logger(logger: logging.Logger) -> _Logger:
    return _Logger(logger.level, tuple(logger.handlers), logger.propagate, logger.disabled)


def _files() -> dict[int, tuple[int, int, int]]:
    """Return what each open file descriptor points to."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        # The descriptor that lists the directory is gone by now.
        with contextlib.suppress(OSError):
            status = os.fstat(int(name))
            found[int(name)] = (status.st_dev, status.st_ino, status.st_mode)
    return found
