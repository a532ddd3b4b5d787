"""Cuts connections that last too long or move too little, whatever their reader waits for."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque

from weaverlite.errors import StagingError
from weaverlite.transfer.egress import show


class Lifeline:
    """Cuts a connection that lasts too long or moves too little, whatever its reader waits for.

    Timeouts of sockets alone are not enough: each single byte, also one of a header, would begin them anew.
    """

    def __init__(self, *, seconds: float, window: float, minimum_speed: int) -> None:
        self._deadline = time.monotonic() + seconds
        self._window = window
        self._minimum = minimum_speed * window
        self._speed = minimum_speed
        self._total = 0
        self._held: socket.socket | None = None
        self._reason = ""
        self._guard = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="transfer-lifeline", daemon=True)

    def __enter__(self) -> Lifeline:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._held:
            self._held.close()

    def hold(self, connection: socket.socket) -> None:
        """Watch this connection from now on, instead of any before."""
        # A duplicate: TLS takes the socket itself away.
        duplicate = connection.dup()
        with self._guard:
            before, self._held = self._held, duplicate
            if self._reason:
                _shut(duplicate)
        if before:
            before.close()

    def moved(self, count: int) -> None:
        """Say that so many bytes came."""
        self._total += count

    @property
    def is_cut(self) -> bool:
        return bool(self._reason)

    def check(self, url: str) -> None:
        """Return if the connection was not cut.

        :raises StagingError: it was; says why.
        """
        if self._reason:
            raise StagingError(f"{show(url)} {self._reason}.")

    def _watch(self) -> None:
        samples: deque[tuple[float, int]] = deque()
        held = None
        while not self._over.wait(min(1.0, self._window / 8, max(0.01, self._deadline - time.monotonic()))):
            now = time.monotonic()
            if now >= self._deadline:
                return self._cut("took longer than a transfer may take (weaverlite.egress.total_timeout)")
            if self._held is not held or not held:
                # Connecting has a limit of its own; the speed counts from the connection on.
                held = self._held
                samples.clear()
            samples.append((now, self._total))
            while len(samples) > 1 and now - samples[1][0] >= self._window:
                samples.popleft()
            since, total = samples[0]
            if held and now - since >= self._window and self._total - total < self._minimum:
                return self._cut(f"came slower than {self._speed} bytes a second")

    def _cut(self, reason: str) -> None:
        with self._guard:
            self._reason = reason
            if self._held:
                _shut(self._held)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
