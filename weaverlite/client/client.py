"""The Python client of WeaverLite, and of other services that follow OGC API - Processes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import requests

from weaverlite.client.calls.common import Seconds, seconds_of
from weaverlite.client.calls.jobs import JobCalls
from weaverlite.client.calls.management import ManagementCalls
from weaverlite.client.calls.provenance import ProvenanceCalls
from weaverlite.client.calls.results import ResultCalls
from weaverlite.client.calls.service import ServiceCalls
from weaverlite.client.connection import Connection
from weaverlite.client.errors import InvalidUsage


class WeaverClient(ServiceCalls, ManagementCalls, JobCalls, ProvenanceCalls, ResultCalls):
    """Calls of one service. Each returns an :class:`OperationResult`, which is true when the call succeeded.

    Refusals of the service and failures of the network are in the result; only :class:`InvalidUsage` is raised, for
    what cannot be sent at all. ``url`` and ``token`` (sent as bearer token) are taken from ``WEAVERLITE_URL`` and
    ``WEAVERLITE_TOKEN`` when they are not given.

    :param headers: sent with every request to the service, never to another host.
    :param timeout: longest silence of the service.
    :param ca_file: certificates of the authorities to trust; ``verify=False`` trusts everyone.
    :param session: a session of the caller's, with his adapters.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        timeout: Seconds = 60,
        ca_file: str | os.PathLike[str] | None = None,
        verify: bool = True,
        session: requests.Session | None = None,
    ) -> None:
        silence = seconds_of(timeout)
        if not silence:
            raise InvalidUsage("A timeout of 0 leaves no time to answer: give a longer one.")
        self._connection = Connection(
            url or os.environ.get("WEAVERLITE_URL"),
            headers=headers,
            token=token or os.environ.get("WEAVERLITE_TOKEN"),
            timeout=silence,
            ca_file=os.fspath(ca_file) if ca_file is not None else None,
            verify=verify,
            session=session,
        )

    @property
    def url(self) -> str:
        """The URL of the service, empty when it is not known."""
        return self._connection.url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()


__all__ = ["WeaverClient"]
