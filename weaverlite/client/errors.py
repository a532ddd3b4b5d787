"""What can go wrong for a client, as one tree.

::

    ClientError
      InvalidUsage      what was asked cannot be done; nothing was sent
      Unreachable       the service does not answer, or its answer broke off
      TimedOut          the time that was given is over
      ProblemError      the service refused: type, title, detail, status, faults
      JobFailed         the job that was waited for failed or was dismissed: status
      TransferFailed    a file arrived damaged, or cannot be written

Calls of the client return these as ``OperationResult.error``; only ``InvalidUsage`` is raised. The class docstring is
the default message.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from weaverlite.ogc import exceptions as types


class ClientError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or "").partition("\n")[0])


class InvalidUsage(ClientError, ValueError):
    """What was asked cannot be done."""


class Unreachable(ClientError):
    """The service does not answer."""


class TimedOut(ClientError):
    """The time is over."""


class TransferFailed(ClientError):
    """A transfer failed."""


class JobFailed(ClientError):
    """The job did not succeed."""

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status


class ProblemError(ClientError):
    """The service refused.

    Built from a problem document (RFC 9457), or from what another service sent in its place.
    """

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        self.status = status
        self.type = _text(document.get("type")) or types.BLANK
        self.title = _text(document.get("title"))
        self.detail = _text(document.get("detail")) or _text(document.get("description"))
        faults = document.get("errors")
        self.faults: tuple[Mapping[str, Any], ...] = (
            tuple(fault for fault in faults if isinstance(fault, Mapping)) if isinstance(faults, list) else ()
        )
        super().__init__(self.detail or self.title or f"The service answered {status}.")

    @property
    def is_not_ready(self) -> bool:
        """Whether the service says that the job has not ended yet.

        By the type alone: some services say it with 404, others with 400. The scheme of the type differs among them.
        """
        return self.type.rpartition("/")[2] == types.RESULT_NOT_READY.rpartition("/")[2]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


__all__ = [
    "ClientError",
    "InvalidUsage",
    "JobFailed",
    "ProblemError",
    "TimedOut",
    "TransferFailed",
    "Unreachable",
]
