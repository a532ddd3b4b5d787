"""The states of a job as OGC API - Processes names them, and their projections to other vocabularies."""

from __future__ import annotations

from enum import StrEnum


class StatusCode(StrEnum):
    """State of a job (18-062r2, ``statusCode.yaml``; ``created`` is of Part 4)."""

    CREATED = "created"
    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"

    @property
    def is_terminal(self) -> bool:
        """Whether a job in this state never changes again."""
        return self in TERMINAL

    @property
    def wps(self) -> str:
        """The same state in the words of WPS 2.0."""
        return _WPS[self]

    @property
    def openeo(self) -> str:
        """The same state in the words of the openEO API."""
        return _OPENEO[self]


TERMINAL = frozenset({StatusCode.SUCCESSFUL, StatusCode.FAILED, StatusCode.DISMISSED})

_WPS = {
    StatusCode.CREATED: "Accepted",
    StatusCode.ACCEPTED: "Accepted",
    StatusCode.RUNNING: "Running",
    StatusCode.SUCCESSFUL: "Succeeded",
    StatusCode.FAILED: "Failed",
    StatusCode.DISMISSED: "Dismissed",
}

_OPENEO = {
    StatusCode.CREATED: "created",
    StatusCode.ACCEPTED: "queued",
    StatusCode.RUNNING: "running",
    StatusCode.SUCCESSFUL: "finished",
    StatusCode.FAILED: "error",
    StatusCode.DISMISSED: "canceled",
}
