"""What a job says while it runs: the lines of its tools, our own words, its progress.

One thread of the job process reads every pipe that tools write to and sends events to the supervisor in batches. A tool
is never held up for long, whatever it prints and however slow the supervisor is: what waits to be sent is bounded by
the caps of the streams and a cap on our own words.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from pathlib import Path
from typing import Any

from weaverlite.execution.messages import report_frame
from weaverlite.execution.streams import COST, LINE, Pipe, Record, text_of

NAMES = ("stdout", "stderr")

_BATCH_SECONDS = 0.05
_BATCH_BYTES = 64 * 1024
#: Words of our own that one job may say.
_LOG_LINES = 10_000


class Voice:
    """Everything one job says; the :class:`~weaverlite.engines.interfaces.Reporter` of its engine."""

    def __init__(self, connection: socket.socket, directory: Path, head: int, tail: int) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._events: list[list[Any]] = []
        self._size = 0
        self._due: float | None = None
        self._progress: tuple[int, str] | None = None
        self._said = 0
        self._new: list[Pipe] = []
        self._opened: list[Pipe] = []
        self._pending = bytearray()
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._is_closed = False
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._records = {name: Record(name, directory / name, head, tail, self._add) for name in NAMES}

    # ------------------------------------------------------------ Reporter

    def progress(self, percent: int, message: str = "") -> None:
        """Say how far the run is."""
        with self._lock:
            self._progress = (max(0, min(100, int(percent))), text_of(message[:LINE].encode("utf-8", "replace")))
            self._promise()
        self._start()

    def log(self, message: str, level: str = "info") -> None:
        """Say something of our own."""
        for line in message.splitlines() or [""]:
            self._said += 1
            if self._said > _LOG_LINES:
                return
            if self._said == _LOG_LINES:
                line, level = f"More than {_LOG_LINES} messages: the others are not kept.", "warning"
            self._add("service", level, "", text_of(line[:LINE].encode("utf-8", "replace")))
        self._start()

    def stream(self, name: str, step: str = "") -> Pipe:
        """Open a pipe for the output of a tool."""
        pipe = Pipe(self._records[name], step)
        with self._lock:
            self._new.append(pipe)
            self._opened.append(pipe)
        self._start()
        return pipe

    def close(self) -> None:
        """Read what is still in the pipes, finish the files, and send everything. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        for pipe in self._opened:
            pipe.release()
        if self._thread is not None:
            self._is_closing = True
            self._wake()
            self._thread.join()
        for record in self._records.values():
            record.close()
        os.close(self._wake_read)
        end, self._wake_write = self._wake_write, -1
        os.close(end)
        self.flush()

    def flush(self) -> None:
        """Send what was said after the streams were closed."""
        self._pack()
        self._connection.sendall(self._pending)
        self._pending.clear()

    # ------------------------------------------------------------ the thread

    def _start(self) -> None:
        if self._is_closed:
            return
        with self._lock:
            is_new = self._thread is None
            if self._thread is None:
                self._thread = threading.Thread(target=self._pump, name="voice", daemon=True)
                self._thread.start()
        if not is_new:
            self._wake()

    def _wake(self) -> None:
        if self._wake_write >= 0:
            with contextlib.suppress(BlockingIOError):
                os.write(self._wake_write, b"\0")

    def _pump(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            pipes: set[Pipe] = set()
            while not self._is_closing:
                self._welcome(selector, pipes)
                for key, _ in selector.select(self._patience()):
                    if isinstance(key.data, Pipe):
                        if not key.data.read():
                            selector.unregister(key.data.source)
                            pipes.discard(key.data)
                            key.data.end()
                    elif key.fd == self._wake_read:
                        with contextlib.suppress(BlockingIOError):
                            os.read(self._wake_read, 4096)
                for record in self._records.values():
                    record.count()
                if self._size >= _BATCH_BYTES or (self._due is not None and time.monotonic() >= self._due):
                    self._pack()
                self._send(selector)
            self._welcome(selector, pipes)
            for pipe in pipes:
                pipe.drain()
                pipe.end()

    def _welcome(self, selector: selectors.BaseSelector, pipes: set[Pipe]) -> None:
        with self._lock:
            new, self._new = self._new, []
        for pipe in new:
            selector.register(pipe.source, selectors.EVENT_READ, pipe)
            pipes.add(pipe)

    def _patience(self) -> float | None:
        due = self._due
        if due is not None:
            return max(0.0, due - time.monotonic())
        return 1.0 if any(record.is_dropping for record in self._records.values()) else None

    def _promise(self) -> None:
        if self._due is None:
            self._due = time.monotonic() + _BATCH_SECONDS

    def _add(self, topic: str, level: str, step: str, message: str) -> None:
        with self._lock:
            self._events.append([time.time(), topic, level, step, message])
            self._size += len(message) + COST
            self._promise()

    def _pack(self) -> None:
        """Make frames of what was said."""
        with self._lock:
            events, self._events, self._size = self._events, [], 0
            progress, self._progress, self._due = self._progress, None, None
        if events:
            self._pending += report_frame({"kind": "events", "events": events})
        if progress is not None:
            self._pending += report_frame({"kind": "progress", "percent": progress[0], "message": progress[1]})

    def _send(self, selector: selectors.BaseSelector) -> None:
        """Send what the socket takes without waiting, and be woken when it takes more."""
        if self._pending:
            try:
                sent = self._connection.send(self._pending, socket.MSG_DONTWAIT)
            except BlockingIOError:
                sent = 0
            except OSError:
                # The service is gone; until that ends this process too, the tool is read on.
                sent = len(self._pending)
            del self._pending[:sent]
        is_watched = self._connection.fileno() in selector.get_map()
        if self._pending and not is_watched:
            selector.register(self._connection, selectors.EVENT_WRITE)
        elif is_watched and not self._pending:
            selector.unregister(self._connection)
