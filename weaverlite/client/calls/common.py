"""What every call stands on: the connection to the service, and the ways to name a process, a job and a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from weaverlite.client.connection import Connection, segment
from weaverlite.client.errors import ClientError, InvalidUsage
from weaverlite.client.jobs import JobReference, locate_job, refusal
from weaverlite.client.operation import OperationResult
from weaverlite.ogc.units import parse_duration

Seconds = int | float | str | timedelta


class Calls:
    """The connection, and calls about one job."""

    _connection: Connection

    def job_url(self, job_id: JobReference) -> str:
        """Return the URL of a job.

        :raises InvalidUsage: the beginning of an id fits several jobs.
        """
        return locate_job(self._connection, job_id)

    def _of_job(
        self,
        job_id: JobReference,
        part: str = "",
        params: Mapping[str, Any] | None = None,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        document: Any = None,
        silence: float | None = None,
    ) -> OperationResult:
        try:
            url = self.job_url(job_id)
        except InvalidUsage:
            raise
        except ClientError as exc:
            return refusal(exc)
        target = f"{url}/{part}" if part else url
        return self._connection.call(
            method, target, params=params, headers=headers, document=document, silence=silence
        )

    def _patience(self, wait: Seconds | None) -> tuple[list[str], float]:
        """Return the preferences that ask to wait so long, and how long the service may be silent then.

        :raises InvalidUsage: ``wait`` is no time.
        """
        if wait is None:
            return [], self._connection.timeout
        seconds = seconds_of(wait)
        return [f"wait={max(1, round(seconds))}"], self._connection.timeout + seconds


def prefer(preferences: Sequence[str]) -> dict[str, str]:
    """Return the header of these preferences, none of it when there are none."""
    return {"Prefer": ", ".join(preferences)} if preferences else {}


def key_header(idempotency_key: str | None) -> dict[str, str]:
    """Return the header of the key under which a call may be repeated.

    :raises InvalidUsage: the key is empty: a server would take it for none.
    """
    if idempotency_key is None:
        return {}
    if not idempotency_key.strip():
        raise InvalidUsage("The idempotency key is empty: give one, or leave it away.")
    return {"Idempotency-Key": idempotency_key}


def process_path(process_id: str) -> str:
    """Return the path of a process.

    :raises InvalidUsage: the id is missing.
    """
    if not process_id or process_id.strip(".") == "":
        raise InvalidUsage("The id of the process is missing.")
    return f"/processes/{segment(process_id)}"


def check_returns(returns: str | None) -> None:
    """Check the preference ``return``.

    :raises InvalidUsage: it is none that there is.
    """
    if returns not in (None, "minimal", "representation"):
        raise InvalidUsage(f"{returns!r} is no way to return results: use minimal or representation.")


def seconds_of(value: Seconds) -> float:
    """Return a time in seconds.

    :raises InvalidUsage: it is none.
    """
    try:
        return value.total_seconds() if isinstance(value, timedelta) else parse_duration(value).total_seconds()
    except ValueError as exc:
        raise InvalidUsage(f"{exc}.") from exc
