"""Calls that execute a process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from weaverlite.client.calls.common import Seconds, process_path, seconds_of
from weaverlite.client.calls.processes import ProcessCalls
from weaverlite.client.coercion import InputType, input_types
from weaverlite.client.errors import ClientError, InvalidUsage
from weaverlite.client.inputs import local_files, read_inputs, replace_files
from weaverlite.client.jobs import handle_of, refusal
from weaverlite.client.operation import JobHandle, OperationResult
from weaverlite.client.uploads import Uploader, upload


class ExecutionCalls(ProcessCalls):
    """Uploads and executions."""

    def upload(self, path: str | os.PathLike[str], *, media_type: str | None = None) -> OperationResult:
        """Send a file or a directory to the service; ``body["href"]`` names it in inputs.

        :raises InvalidUsage: there is no such file.
        """
        found = Path(path).expanduser()
        if not (found.is_file() or found.is_dir()):
            raise InvalidUsage(f"There is no file or directory {found}.")
        try:
            return upload(self._connection, found, media_type=media_type)
        except InvalidUsage:
            raise
        except ClientError as exc:
            return refusal(exc)

    def execute(
        self,
        process_id: str,
        inputs: Any = None,
        *,
        outputs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        response: str | None = None,
        subscriber: Mapping[str, str] | None = None,
        mode: str = "async",
        wait: Seconds | None = None,
    ) -> JobHandle:
        """Execute a process: local files are uploaded, then the job is submitted.

        :param inputs: a mapping, an OGC execute body, Weaver's list, a CWL job order, the path of such a document, or a
            list of ``name=value`` texts as the command line takes them. ``pathlib.Path`` values are local files.
        :param mode: ``async``; or ``sync`` to wait for the results, for ``wait`` at most.
        :raises InvalidUsage: the inputs cannot be read, or name local files that are not there.
        """
        if mode not in ("async", "sync"):
            raise InvalidUsage(f"{mode!r} is not a mode of execution: use async or sync.")
        try:
            request = read_inputs(inputs, self._describer(process_id))
            if any(True for _ in local_files(request.inputs)):
                request.inputs = replace_files(request.inputs, Uploader(self._connection).put)
        except InvalidUsage:
            raise
        except ClientError as exc:
            return JobHandle(**vars(refusal(exc)))
        given = {"outputs": outputs, "response": response, "subscriber": subscriber}
        body = {**request.members, "inputs": request.inputs}
        body.update({key: value for key, value in given.items() if value is not None})
        body.pop("mode", None)
        if options:
            body["options"] = {**body.get("options", {}), **options}
        prefer = ["respond-async"] if mode == "async" else []
        if wait is not None:
            prefer.append(f"wait={max(1, round(seconds_of(wait)))}")
        answer = self._connection.call(
            "POST",
            f"{process_path(process_id)}/execution",
            document=body,
            headers={"Prefer": ", ".join(prefer)} if prefer else {},
            silence=self._connection.timeout + (seconds_of(wait) if wait is not None else 0),
        )
        return handle_of(answer)

    def _describer(self, process_id: str) -> Callable[[], Mapping[str, InputType]]:
        return lambda: input_types(self.describe(process_id).check().body)
