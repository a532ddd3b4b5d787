"""Calls that execute a process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from weaverlite.client.calls.common import Seconds, check_returns, key_header, prefer, process_path
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
        :param references: outputs wanted as links; the others come as well unless ``outputs`` says otherwise. Results
            come as a document then, unless ``response`` says otherwise.
        :param dry_run: execute nothing; the result is what would be run, or all that is wrong.
        :param idempotency_key: under which the call may be repeated without making another job.
        :param tags: words to find the job by.
        :raises InvalidUsage: the inputs cannot be read, or name local files that are not there.
        """
        if mode not in ("async", "sync", "auto"):
            raise InvalidUsage(f"{mode!r} is not a mode of execution: use async, sync or auto.")
        check_returns(returns)
        key = key_header(idempotency_key)
        try:
            body = self._body(
                inputs,
                self._describer(process_id),
                options=options,
                outputs=outputs,
                response=response,
                subscriber=subscriber,
            )
            if references:
                body["outputs"] = self._with_references(process_id, body.get("outputs"), references)
                # Else outputs by value come in parts beside them, which is no document.
                body.setdefault("response", "document")
        except InvalidUsage:
            raise
        except ClientError as exc:
            return JobHandle(**vars(refusal(exc)))
        waits, silence = self._patience(wait)
        preferences = ["respond-async"] if mode == "async" else []
        preferences += waits
        if returns is not None:
            preferences.append(f"return={returns}")
        answer = self._connection.call(
            "POST",
            f"{process_path(process_id)}/execution",
            document=body,
            params={"dryRun": "true" if dry_run else None, "tags": ",".join(tags) or None},
            headers={**prefer(preferences), **key},
            silence=silence,
        )
        return handle_of(answer)

    def _body(
        self,
        inputs: Any,
        describe: Callable[[], Mapping[str, InputType]],
        *,
        options: Mapping[str, Any] | None = None,
        **given: Any,
    ) -> dict[str, Any]:
        """Return the body of an execution: inputs, what came in one document with them, and what is ``given`` beside.

        Local files are uploaded.

        :raises ClientError: the service refuses, or something cannot be read.
        """
        request = read_inputs(inputs, describe)
        if any(True for _ in local_files(request.inputs)):
            request.inputs = replace_files(request.inputs, Uploader(self._connection).put)
        body = {**request.members, "inputs": request.inputs}
        body.pop("mode", None)
        body.update({name: value for name, value in given.items() if value is not None})
        if options:
            body["options"] = {**body.get("options", {}), **options}
        return body

    def _with_references(self, process_id: str, outputs: Any, references: Sequence[str]) -> dict[str, Any]:
        """Return the outputs to ask for when some are wanted as links: those named, or all of the process."""
        known = outputs or self.describe(process_id).check().body.get("outputs")
        wanted = {name: dict(outputs[name]) if outputs else {} for name in known or ()}
        for name in references:
            wanted[name] = {**wanted.get(name, {}), "transmissionMode": "reference"}
        return wanted

    def _describer(self, process_id: str) -> Callable[[], Mapping[str, InputType]]:
        return lambda: input_types(self.describe(process_id).check().body)
