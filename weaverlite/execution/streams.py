"""The output of tools: pipes, the log files they end in, and the lines that are shown live.

What exceeds the caps is counted, not shown: the start is shown as it comes, the end when it has come. A tool that
prints gigabytes costs a read and a write for each quarter of a megabyte, and no memory.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import termios
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from weaverlite.engines.interfaces import Stream
from weaverlite.execution.capped import CappedFile

#: The longest line in one piece.
LINE = 16 * 1024
#: What an event costs besides its text, for the caps: many empty lines are as heavy as few long ones.
COST = 64
_READ = 256 * 1024
_PIPE = 1024 * 1024
_F_SETPIPE_SZ = 1031
#: How long a stream waits for what was written to be read, when something still holds its other end.
_SETTLE = 1.0
#: How much of the last line is told.
_LAST_LINE = 1000
#: The first pause between two counts of what is not shown; each is twice the one before, up to the last.
_COUNT_FIRST, _COUNT_LAST = 2.0, 60.0

#: Take topic, level, step and text of one event.
Add = Callable[[str, str, str, str], None]

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


class Record:
    """One of stdout and stderr of a job: the file of all its tools, and the events made of it."""

    def __init__(self, name: str, path: Path, head: int, tail: int, add: Add) -> None:
        self.name = name
        self.is_dropping = False
        self._path = path
        self._file = CappedFile(path, head, tail)
        self._head, self._tail = head, tail
        self._add = add
        self._spent = 0
        #: Bytes of the file that were shown when dropping began.
        self._shown = 0
        self._steps: set[str] = set()
        self._pause = _COUNT_FIRST
        self._counted_at = 0.0
        self._counted = 0

    def write(self, data: bytes) -> None:
        """Put bytes into the file as they are."""
        self._file.write(data)

    def show(self, lines: list[bytes], step: str, behind: int) -> None:
        """Make events of lines that are in the file; ``behind`` bytes of it are not yet part of a line."""
        if step:
            self._steps.add(step)
        for number, line in enumerate(lines):
            self._spent += len(line) + COST
            if self._spent > self._head:
                left = sum(len(each) + 1 for each in lines[number:])
                self._shown = max(0, self._file.total - left - behind)
                self.is_dropping = True
                self._counted_at = time.monotonic()
                return
            self._add(self.name, "info", step, text_of(line))

    def count(self) -> None:
        """Say from time to time how much is not shown."""
        if not self.is_dropping or time.monotonic() < self._counted_at + self._pause:
            return
        self._counted_at = time.monotonic()
        self._pause = min(2 * self._pause, _COUNT_LAST)
        hidden = self._file.total - self._shown
        if hidden > self._counted:
            self._counted = hidden
            self._add("service", "info", "", f"{self.name} goes on: {hidden} bytes more; the end of it will be shown")

    def close(self) -> None:
        """Finish the file, and show its end."""
        self._file.close()
        if not self.is_dropping:
            return
        hidden = self._file.total - self._shown
        lines = list(self._end_lines(self._path.read_bytes()[-min(hidden, self._tail) :] if self._tail else b""))
        shown = sum(len(line) + 1 for line in lines)
        self._add(self.name, "warning", "", f"… {max(0, hidden - shown)} bytes not shown …")
        for line in lines:
            step, text = self._undress(line)
            self._add(self.name, "info", step, text_of(text))

    def _end_lines(self, end: bytes) -> Iterable[bytes]:
        if len(end) == self._tail:
            # It most likely begins within a line.
            end = end[end.find(b"\n") + 1 :]
        lines = [piece for line in end.removesuffix(b"\n").split(b"\n") for piece in pieces(line)]
        spent = 0
        for number in range(len(lines) - 1, -1, -1):
            spent += len(lines[number]) + COST
            if spent > self._tail:
                return lines[number + 1 :]
        return lines

    def _undress(self, line: bytes) -> tuple[str, bytes]:
        for step in self._steps:
            prefix = prefix_of(step)
            if line.startswith(prefix):
                return step, line[len(prefix) :]
        return "", line


class Pipe:
    """A stream of one tool; its ``fileno()`` is handed to the tool."""

    def __init__(self, record: Record, step: str) -> None:
        self._record = record
        self._step = step
        self.source, self._end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.source, False)
        with contextlib.suppress(OSError):
            # Fewer turns for tools that print much; refused when a user has many large pipes.
            fcntl.fcntl(self._end, _F_SETPIPE_SZ, _PIPE)
        self._rest = b""
        self._latest = b""
        self._is_over = threading.Event()
        self._lock = threading.Lock()

    @property
    def last_line(self) -> str:
        """The last line so far that was not blank."""
        return text_of(self._latest.rstrip().rpartition(b"\n")[2].strip())[:_LAST_LINE]

    def fileno(self) -> int:
        return self._end

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close our end of what tools write to, and wait, briefly, until all of it was read. Idempotent."""
        if not self.release():
            return
        if self._is_over.wait(_SETTLE / 4):
            return
        # Something in the background still has the other end open: enough if the pipe is empty.
        deadline = time.monotonic() + _SETTLE
        while time.monotonic() < deadline and not self._is_over.wait(0.005):
            if not self._waiting():
                return

    def release(self) -> bool:
        """Close our end of what tools write to; False when it was closed before."""
        with self._lock:
            end, self._end = self._end, -1
        if end < 0:
            return False
        os.close(end)
        return True

    # ------------------------------------------------------------ the reading side

    def read(self) -> bool:
        """Read what is there; False when nothing will come any more."""
        try:
            data = os.read(self.source, _READ)
        except BlockingIOError:
            return True
        if data:
            self._take(data)
        return bool(data)

    def drain(self, seconds: float = _SETTLE) -> None:
        """Read what is there until there is nothing, for a bounded time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._waiting() and self.read():
            pass

    def end(self) -> None:
        """Take what came last, a line without its end, and let go."""
        rest, self._rest = self._rest, b""
        if rest and self._step:
            self._record.write(prefix_of(self._step) + rest + b"\n")
        if rest and not self._record.is_dropping:
            self._record.show([rest], self._step, 0)
        os.close(self.source)
        self._is_over.set()

    def _take(self, data: bytes) -> None:
        self._latest = data[-LINE:] if len(data) >= LINE else (self._latest + data)[-LINE:]
        record = self._record
        if not self._step:
            record.write(data)
            if record.is_dropping:
                self._rest = b""
                return
        data = self._rest + data
        cut = data.rfind(b"\n") + 1
        if not cut:
            cut = len(data) // LINE * LINE
        complete, self._rest = data[:cut], data[cut:]
        if not complete:
            return
        complete = complete.removesuffix(b"\n")
        if self._step:
            prefix = prefix_of(self._step)
            record.write(prefix + complete.replace(b"\n", b"\n" + prefix) + b"\n")
        if not record.is_dropping:
            lines = [piece for line in complete.split(b"\n") for piece in pieces(line)]
            record.show(lines, self._step, 0 if self._step else len(self._rest))

    def _waiting(self) -> int:
        number = array.array("i", [0])
        try:
            fcntl.ioctl(self.source, termios.FIONREAD, number)
        except OSError:
            return 0
        return number[0]


def prefix_of(step: str) -> bytes:
    """Return what stands before each line of a workflow's step."""
    return f"[{step}] ".encode("utf-8", "replace")


def pieces(line: bytes) -> list[bytes]:
    """Return a line in pieces that are not too long."""
    if len(line) <= LINE:
        return [line]
    return [line[start : start + LINE] for start in range(0, len(line), LINE)]
