"""Calls about processes."""

from __future__ import annotations

from weaverlite.client.calls.common import Calls, process_path
from weaverlite.client.errors import InvalidUsage
from weaverlite.client.operation import OperationResult
from weaverlite.client.packages import Source, deployment
from weaverlite.client.paging import collect_pages


class ProcessCalls(Calls):
    """Processes: listed, described, deployed, removed."""

    def processes(self, *, limit: int | None = None) -> OperationResult:
        """Return the list of processes, all pages of it or the first ``limit`` entries."""
        return collect_pages(self._connection, "/processes", "processes", {}, limit)

    def describe(self, process_id: str) -> OperationResult:
        """Return the description of a process."""
        return self._connection.call("GET", process_path(process_id))

    def package(self, process_id: str) -> OperationResult:
        """Return the package of a process as it was deployed."""
        headers = {"Accept": "application/cwl+json, application/json;q=0.9, */*;q=0.8"}
        return self._connection.call("GET", f"{process_path(process_id)}/package", headers=headers)

    def deploy(
        self,
        process_id: str | None = None,
        *,
        cwl: Source | None = None,
        body: Source | None = None,
        workflow: str | None = None,
        replace: bool = False,
    ) -> OperationResult:
        """Deploy a CWL document, or the body of an OGC application package: a path (JSON or YAML) or the document.

        :param workflow: which workflow of the document to deploy.
        :param replace: replace the process of this id.
        :raises InvalidUsage: the document cannot be read.
        """
        data, media_type, known_id = deployment(process_id, cwl=cwl, body=body)
        params = {"w": workflow} if workflow else None
        if replace and not known_id:
            raise InvalidUsage("To replace a process its id must be known: give it.")
        method, target = ("PUT", process_path(known_id or "")) if replace else ("POST", "/processes")
        return self._connection.call(method, target, data=data, params=params, headers={"Content-Type": media_type})

    def undeploy(self, process_id: str) -> OperationResult:
        """Remove a process."""
        return self._connection.call("DELETE", process_path(process_id))
