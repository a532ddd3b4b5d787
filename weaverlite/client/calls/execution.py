"""Calls that execute a process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from weaverlite.client.calls.common import Seconds, check_returns, process_path, seconds_of
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
        returns: str | None = None,
        references: Sequence[str] = (),
        dry_run: bool = False,
        idempotency_key: str | None = None,
        tags: Sequence[str] = (),
    ) -> JobHandle:
        """Execute a process: local files are uploaded, then the job is submitted.

        :param inputs: a mapping, an OGC execute body, Weaver's list, a CWL job order, the path of such a document, or a
            list of ``name=value`` texts as the command line takes them. ``pathlib.Path`` values are local files.
        :param mode: ``async``; ``sync`` to wait for the results, for ``wait`` at most; ``auto`` for what the service
            does by default.
        :param returns: ``minimal`` for files as links, ``representation`` for everything inline.
        :param references: outputs wanted as links; the others come as well unless ``outputs`` says otherwise.
        :param dry_run: execute nothing; the result is what would be run, or all that is wrong.
        :param idempotency_key: under which the call may be repeated without making another job.
        :param tags: words to find the job by.
        :raises InvalidUsage: the inputs cannot be read, or name local files that are not there.
        """
        if mode not in ("async", "sync", "auto"):
            raise InvalidUsage(f"{mode!r} is not a mode of execution: use async, sync or auto.")
        check_returns(returns)
        try:
            request = read_inputs(inputs, self._describer(process_id))
            if any(True for _ in local_files(request.inputs)):
                request.inputs = replace_files(request.inputs, Uploader(self._connection).put)
            if references:
                outputs = self._with_references(process_id, outputs or request.members.get("outputs"), references)
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
        if returns is not None:
            prefer.append(f"return={returns}")
        headers = {"Prefer": ", ".join(prefer)} if prefer else {}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        answer = self._connection.call(
            "POST",
            f"{process_path(process_id)}/execution",
            document=body,
            params={"dryRun": "true" if dry_run else None, "tags": ",".join(tags) or None},
            headers=headers,
            silence=self._connection.timeout + (seconds_of(wait) if wait is not None else 0),
        )
        return handle_of(answer)

    def _with_references(self, process_id: str, outputs: Any, references: Sequence[str]) -> dict[str, Any]:
        """Return the outputs to ask for when some are wanted as links: those named, or all of the process."""
        known = outputs or self.describe(process_id).check().body.get("outputs")
        wanted = {name: dict(outputs[name]) if outputs else {} for name in known or ()}
        for name in references:
            wanted[name] = {**wanted.get(name, {}), "transmissionMode": "reference"}
        return wanted

    def _describer(self, process_id: str) -> Callable[[], Mapping[str, InputType]]:
        return lambda: input_types(self.describe(process_id).check().body)
