"""Messages between the service and its job processes: a length, then the bytes.

To a job process they are pickled: they come from us. From a job process they are JSON of bounded size, for it runs what
users deployed, and whoever unpickles runs code.
"""

from __future__ import annotations

import json
import pickle
import socket
import struct
from collections.abc import Mapping
from typing import Any

from weaverlite.errors import WorkerLost

Message = Mapping[str, Any]

#: The largest message a job process may send: a manifest of some hundred thousand files.
LIMIT = 64 * 1024**2
_LENGTH = struct.Struct("!I")


def task_frame(task: Any) -> bytes:
    """Return a task as the bytes that go to a job process."""
    body = pickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def report_frame(report: Message) -> bytes:
    """Return a report as the bytes that go to the service.

    :raises ValueError: it is larger than any message may be.
    """
    body = json.dumps(report, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(body) > LIMIT:
        raise ValueError(f"A message of {len(body)} bytes is larger than the {LIMIT} that may be sent.")
    return _LENGTH.pack(len(body)) + body


def receive_task(connection: socket.socket) -> Any:
    """Wait for a task; None when the service is gone."""
    head = _receive(connection, _LENGTH.size)
    body = head and _receive(connection, _LENGTH.unpack(head)[0])
    return pickle.loads(body) if body else None


def _receive(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            return b""
        parts += part
    return bytes(parts)


class Inbox:
    """Puts the reports of one job process together, from bytes as they come."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Return the reports that are complete now.

        :raises WorkerLost: these are no reports.
        """
        self._buffer += data
        found = []
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._buffer, start)
            if size > LIMIT:
                raise WorkerLost(f"The job process sent a message of {size} bytes; {LIMIT} are allowed.")
            end = start + _LENGTH.size + size
            if len(self._buffer) < end:
                break
            found.append(_read(bytes(self._buffer[start + _LENGTH.size : end])))
            start = end
        del self._buffer[:start]
        return found


def _read(body: bytes) -> dict[str, Any]:
    try:
        report = json.loads(body)
        if b"\\u" in body:
            # Escapes can smuggle in half a surrogate pair, which no store takes.
            report = json.loads(json.dumps(report, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as exc:
        raise WorkerLost("The job process sent what is no message.") from exc
    if not isinstance(report, dict) or not isinstance(report.get("kind"), str):
        raise WorkerLost("The job process sent what is no message.")
    return report
