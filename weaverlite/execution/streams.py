"""What a job says while it runs: the output of its tools, our own words, its progress.

One thread of the job process reads every pipe that tools write to, keeps the log files, and sends events to the
supervisor in batches. A tool is never held up for long, whatever it prints and however slow the supervisor is: what
exceeds the caps is counted, not sent, and memory stays the same.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import re
import selectors
import socket
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from weaverlite.execution.capped import CappedFile
from weaverlite.execution.messages import report_frame

NAMES = ("stdout", "stderr")

#: The longest line in one piece.
LINE = 16 * 1024
#: What an event costs besides its text, for the caps: many empty lines are as heavy as few long ones.
_COST = 64
_READ = 256 * 1024
_PIPE = 1024 * 1024
_BATCH_SECONDS = 0.05
_BATCH_BYTES = 64 * 1024
#: Words of our own that one job may say.
_LOG_LINES = 10_000
_F_SETPIPE_SZ = 1031

#: Control characters are shown, not obeyed: a log is read in terminals and browsers.
_HARMLESS = {number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160)) if number != 9}


def text_of(line: bytes) -> str:
    """Return a line of a tool as text that does no harm to whoever shows it."""
    text = line.decode("utf-8", "replace")
    if text.isprintable():
        return text
    # A progress bar rewrites its line: what a terminal would show in the end is kept.
    text = text.rstrip("\r")
    return text[text.rfind("\r") + 1 :].translate(_HARMLESS)


class Voice:
    """Everything one job says; the :class:`~weaverlite.engines.interfaces.Reporter` of its engine."""

    def __init__(self, connection: socket.socket, directory: Path, head: int, tail: int) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._events: list[list[Any]] = []
        self._size = 0
        self._progress: tuple[int, str] | None = None
        self._said = 0
        self._new: list[_Pipe] = []
        self._pending = bytearray()
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._records = {
            name: _Record(name, CappedFile(directory / name, head, tail), head, tail, self._add) for name in NAMES
        }

    # ------------------------------------------------------------ Reporter

    def progress(self, percent: int, message: str = "") -> None:
        """Say how far the run is."""
        with self._lock:
            self._progress = (max(0, min(100, int(percent))), str(message)[:LINE])
        self._start()

    def log(self, message: str, level: str = "info") -> None:
        """Say something of our own."""
        self._said += 1
        if self._said > _LOG_LINES:
            return
        if self._said == _LOG_LINES:
            message, level = f"More than {_LOG_LINES} messages: the others are not kept.", "warning"
        for line in str(message).splitlines() or [""]:
            self._add("service", level, "", text_of(line[:LINE].encode("utf-8", "replace")))
        self._start()

    def stream(self, name: str, step: str = "") -> _Pipe:
        """Open a pipe for the output of a tool."""
        pipe = _Pipe(self._records[name], step, self._wake)
        with self._lock:
            self._new.append(pipe)
        self._start()
        self._wake()
        return pipe

    def close(self) -> None:
        """Read what is still in the pipes, finish the files, and send everything."""
        if self._thread is not None:
            self._is_closing = True
            self._wake()
            self._thread.join()
        for record in self._records.values():
            record.close()
        self._pack()
        self._connection.sendall(self._pending)
        self._pending.clear()
        os.close(self._wake_read)
        os.close(self._wake_write)

    # ------------------------------------------------------------ the thread

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._pump, name="voice", daemon=True)
                self._thread.start()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._wake_write, b"\0")

    def _pump(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            pipes: set[_Pipe] = set()
            while not self._is_closing or self._new:
                self._welcome(selector, pipes)
                for key, _ in selector.select(self._patience()):
                    if isinstance(key.data, _Pipe):
                        if not key.data.read():
                            selector.unregister(key.data.source)
                            pipes.discard(key.data)
                            key.data.end()
                    elif key.fd == self._wake_read:
                        with contextlib.suppress(BlockingIOError):
                            os.read(self._wake_read, 4096)
                for record in self._records.values():
                    record.count()
                self._pack()
                self._send(selector)
            for pipe in pipes:
                pipe.drain()
                pipe.end()

    def _welcome(self, selector: selectors.BaseSelector, pipes: set[_Pipe]) -> None:
        with self._lock:
            new, self._new = self._new, []
        for pipe in new:
            selector.register(pipe.source, selectors.EVENT_READ, pipe)
            pipes.add(pipe)

    def _patience(self) -> float | None:
        if self._events or self._progress:
            return _BATCH_SECONDS
        return 1.0 if any(record.is_dropping for record in self._records.values()) else None

    def _add(self, topic: str, level: str, step: str, message: str) -> None:
        with self._lock:
            self._events.append([time.time(), topic, level, step, message])
            self._size += len(message) + _COST

    def _pack(self) -> None:
        """Make frames of what was said."""
        while True:
            with self._lock:
                size = 0
                for number, event in enumerate(self._events):  # noqa: B007 - the number is used after the loop
                    size += len(event[4]) + _COST
                    if size > _BATCH_BYTES:
                        break
                else:
                    number = len(self._events)
                batch, self._events = self._events[: number + 1], self._events[number + 1 :]
                progress, self._progress = self._progress, None
            if batch:
                self._pending += report_frame({"kind": "events", "events": batch})
            if progress is not None:
                self._pending += report_frame({"kind": "progress", "percent": progress[0], "message": progress[1]})
            if not batch:
                return

    def _send(self, selector: selectors.BaseSelector) -> None:
        """Send what the socket takes without waiting, and be woken when it takes more."""
        if self._pending:
            with contextlib.suppress(BlockingIOError):
                sent = self._connection.send(self._pending, socket.MSG_DONTWAIT)
                del self._pending[:sent]
        is_watched = self._connection.fileno() in selector.get_map()
        if self._pending and not is_watched:
            selector.register(self._connection, selectors.EVENT_WRITE)
        elif is_watched and not self._pending:
            selector.unregister(self._connection)
