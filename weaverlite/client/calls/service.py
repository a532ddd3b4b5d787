"""Calls about the service itself."""

from __future__ import annotations

from weaverlite.client.calls.common import Calls
from weaverlite.client.operation import OperationResult


class ServiceCalls(Calls):
    """What the service says of itself."""

    def info(self) -> OperationResult:
        """Return the landing page."""
        return self._connection.call("GET", "/")

    def version(self) -> OperationResult:
        """Return the versions of the service's parts."""
        return self._connection.call("GET", "/versions")

    def conformance(self, category: str | None = None) -> OperationResult:
        """Return the conformance classes the service declares.

        ``category`` asks our own servers for what stands in them: ``req``, ``rec``, ``per``, or ``all``.
        """
        params = {"category": category} if category else None
        return self._connection.call("GET", "/conformance", params=params)
