"""Calls about processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
        """Return the CWL of a process; of one that has none, what was deployed."""
        headers = {"Accept": "application/cwl+json, application/json;q=0.9, */*;q=0.8"}
        return self._connection.call("GET", f"{process_path(process_id)}/package", headers=headers)

    def deploy(
        self,
        process_id: str | None = None,
        *,
        cwl: Source | Sequence[Source] | None = None,
        body: Source | None = None,
        image: str | None = None,
        workflow: str | None = None,
        replace: bool = False,
        dry_run: bool = False,
    ) -> OperationResult:
        """Deploy CWL, or the body of an OGC application package: each a path (JSON or YAML) or the document.

        :param cwl: one document, or several that name each other by their file names.
        :param image: a container image to run; ``body`` may describe its inputs and outputs.
        :param workflow: which workflow of the document to deploy.
        :param replace: replace the process of this id.
        :param dry_run: change nothing; the result is the description that would come, or all that is wrong.
        :raises InvalidUsage: the document cannot be read.
        """
        data, media_type, known_id = deployment(process_id, cwl=cwl, body=body, image=image)
        params = {**({"w": workflow} if workflow else {}), **({"dryRun": "true"} if dry_run else {})}
        if replace and not known_id:
            raise InvalidUsage("To replace a process its id must be known: give it.")
        method, target = ("PUT", process_path(known_id or "")) if replace else ("POST", "/processes")
        return self._connection.call(method, target, data=data, params=params, headers={"Content-Type": media_type})

    def revisions(self, process_id: str, *, limit: int | None = None) -> OperationResult:
        """Return the revisions of a process, newest first: all, or the first ``limit``."""
        return collect_pages(self._connection, f"{process_path(process_id)}/revisions", "revisions", {}, limit)

    def update(self, process_id: str, changes: Mapping[str, Any]) -> OperationResult:
        """Edit the description of a process: ``title``, ``description``, ``keywords``, ``version``, ``visibility`` …

        A member that is None is removed.
        """
        headers = {"Content-Type": "application/merge-patch+json"}
        return self._connection.call("PATCH", process_path(process_id), document=dict(changes), headers=headers)

    def undeploy(self, process_id: str) -> OperationResult:
        """Remove a process."""
        return self._connection.call("DELETE", process_path(process_id))
