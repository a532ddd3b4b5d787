"""A log file of bounded size: its start and its end are kept, what lies between is counted.

While it is written the file holds the start; the end circles in a file beside it, so that nothing is lost when the
writer is killed: :func:`settle` puts both together, whoever is left to do it.
"""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

_HEADER = struct.Struct("<QQ")


class CappedFile:
    """Writes a log file, keeping the first ``head`` and the last ``tail`` bytes. Never raises for a full disk."""

    def __init__(self, path: Path, head: int, tail: int) -> None:
        self._path = path
        self._head = head
        self._tail = tail
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._ring: int | None = None
        #: Bytes given to be written so far.
        self.total = 0

    def write(self, data: bytes) -> None:
        """Append ``data``, or let it push older bytes out."""
        room = max(0, self._head - self.total)
        self.total += len(data)
        if room:
            self._put(self._file, data[:room])
            data = data[room:]
        if data:
            self._circle(data)

    def close(self) -> None:
        """Finish the file."""
        os.close(self._file)
        if self._ring is not None:
            os.close(self._ring)
        settle(self._path)

    def _circle(self, data: bytes) -> None:
        if self._ring is None:
            self._ring = os.open(ring_of(self._path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        beyond = self.total - self._head
        kept = data[-self._tail :] if self._tail else b""
        at = (beyond - len(kept)) % self._tail if self._tail else 0
        with contextlib.suppress(OSError):
            os.pwrite(self._ring, kept[: self._tail - at], _HEADER.size + at)
            if len(kept) > self._tail - at:
                os.pwrite(self._ring, kept[self._tail - at :], _HEADER.size)
            # Last: what the header counts is there.
            os.pwrite(self._ring, _HEADER.pack(beyond, self._tail), 0)

    def _put(self, file: int, data: bytes) -> None:
        view = memoryview(data)
        # A disk that is full must not stop the tool whose words these are; quota and collection will tell.
        with contextlib.suppress(OSError):
            while view:
                view = view[os.write(file, view) :]


def ring_of(path: Path) -> Path:
    """Return where the end of the log file ``path`` circles while it is written."""
    return path.with_name(f".{path.name}.tail")


def settle(path: Path) -> int:
    """Put the end of a log file behind its start; return the bytes dropped between. Idempotent."""
    ring = ring_of(path)
    try:
        with ring.open("rb") as file:
            beyond, size = map(int, _HEADER.unpack(file.read(_HEADER.size)))
            kept = file.read(size)
    except FileNotFoundError:
        return 0
    except struct.error:
        # Killed between opening and writing.
        ring.unlink(missing_ok=True)
        return 0
    dropped = max(0, beyond - size)
    if dropped:
        at = beyond % size if size else 0
        kept = kept[at:] + kept[:at]
        # The tail begins with a whole line where there is one.
        cut = kept.find(b"\n", 0, 4096) + 1
        dropped += cut
        kept = f"\n… {dropped} bytes dropped …\n".encode() + kept[cut:]
    with contextlib.suppress(OSError), path.open("ab") as file:
        file.write(kept)
    ring.unlink(missing_ok=True)
    return dropped
