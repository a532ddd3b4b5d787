"""Processes of this host as ``/proc`` shows them: family, marks, and how to end them for certain.

Every process of a job inherits three environment variables. They are how a process is found again when everything that
knew of it has died. A number alone is never trusted with a signal: it may have been given to another process since.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

INSTANCE = "WEAVERLITE_INSTANCE"
JOB = "WEAVERLITE_JOB"
ATTEMPT = "WEAVERLITE_ATTEMPT"

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends (``PR_SET_CHILD_SUBREAPER``)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Be killed when the thread that forked this process ends; end at once if ``parent`` is gone already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


@dataclass(frozen=True, slots=True)
class Marked:
    """A process that carries the marks of an attempt."""

    pid: int
    job_id: str
    attempt: int


def marks(job_id: str, attempt: int, instance: str) -> dict[str, str]:
    """Return the environment variables that mark every process of an attempt."""
    return {INSTANCE: instance, JOB: job_id, ATTEMPT: str(attempt)}


def children(pid: int) -> list[int]:
    """Return the children of a process, ended ones that nobody has waited for included."""
    if not _HAS_CHILDREN:
        return _children_by_scan(pid)
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found.extend(map(int, file.read().split()))
        except OSError:
            continue
    return found


def descendants(pid: int) -> list[int]:
    """Return children, their children and so on; parents come before their children."""
    found = children(pid)
    for each in found:
        found.extend(children(each))
    return found


def is_alive(pid: int) -> bool:
    """Whether the process exists and has not ended."""
    return _state(pid) not in ("", "Z", "X")


def proportional_memory(pid: int) -> int:
    """Return the bytes of a process, shared ones divided among those who share them; zero when it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def resident_memory(pid: int) -> int:
    """Return the resident bytes of a process, shared ones included; zero when it is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def out_of_memory_kills() -> int:
    """Return how many processes the kernel has killed for memory since boot, in any control group; zero if unknown."""
    try:
        with open("/proc/vmstat", "rb") as file:
            for line in file:
                if line.startswith(b"oom_kill "):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def find_marked(instance: str) -> Iterator[Marked]:
    """Yield every living process that carries the marks of an attempt of this instance."""
    for pid in _pids():
        found = _marks_of(pid, instance)
        if found is not None:
            yield found


def kill_marked(instance: str, chosen: Callable[[Marked], bool], seconds: float = 3.0) -> int:
    """Kill the marked processes that are ``chosen``, and what they start meanwhile; return how many it were.

    Returns when none is left, at the latest after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    killed: set[int] = set()
    while True:
        found = [each for each in find_marked(instance) if chosen(each)]
        if not found or time.monotonic() > deadline:
            return len(killed)
        watched = [handle for each in found if (handle := _kill_same(each, instance)) is not None]
        killed.update(each.pid for each in found)
        _wait_ended(watched, deadline)


def _kill_same(process: Marked, instance: str) -> int | None:
    """Kill the process if it is still the one that was found; return a handle that becomes readable when it ended."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return None
    # The handle pins the process: if the marks are there now, they are of the one that gets the signal.
    if _marks_of(process.pid, instance) != process:
        os.close(handle)
        return None
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        os.close(handle)
        return None
    return handle


def _wait_ended(handles: list[int], deadline: float) -> None:
    for handle in handles:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        try:
            poll.poll(1000 * max(0.0, min(0.5, deadline - time.monotonic())))
        finally:
            os.close(handle)


def _marks_of(pid: int, instance: str) -> Marked | None:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
    except OSError:
        return None
    if JOB.encode() not in environment:
        return None
    values = dict(item.split(b"=", 1) for item in environment.split(b"\0") if b"=" in item)
    if values.get(INSTANCE.encode()) != instance.encode():
        return None
    try:
        return Marked(pid, values[JOB.encode()].decode(), int(values[ATTEMPT.encode()]))
    except (KeyError, ValueError):
        return None


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command's name, in parentheses, may hold anything: what follows the last one counts.
            return file.read().rpartition(b")")[2].split()[0].decode()
    except (OSError, IndexError):
        return ""


def _children_by_scan(parent: int) -> list[int]:
    found = []
    for pid in _pids():
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                if int(file.read().rpartition(b")")[2].split()[1]) == parent:
                    found.append(pid)
        except (OSError, IndexError, ValueError):
            continue
    return found


_PAGE = os.sysconf("SC_PAGE_SIZE")
#: Kernels without CONFIG_PROC_CHILDREN do not say who the children of a process are.
_HAS_CHILDREN = os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
