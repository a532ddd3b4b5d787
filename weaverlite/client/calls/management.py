"""Calls about jobs that are made first and started later, and about what jobs are made of."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from weaverlite.client.calls.common import Seconds, key_header, prefer
from weaverlite.client.calls.execution import ExecutionCalls
from weaverlite.client.coercion import InputType, input_types
from weaverlite.client.documents import read_document
from weaverlite.client.errors import ClientError, InvalidUsage
from weaverlite.client.jobs import JobReference, handle_of, refusal
from weaverlite.client.operation import JobHandle, OperationResult
from weaverlite.client.packages import Source

#: The id that a package is described under, to learn what its inputs are. Nothing is stored.
_ASKED = "what-are-your-inputs"


class ManagementCalls(ExecutionCalls):
    """Jobs: made, changed, started."""

    def create_job(
        self,
        process_id: str | None = None,
        inputs: Any = None,
        *,
        cwl: Source | None = None,
        title: str | None = None,
        description: str | None = None,
        outputs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        response: str | None = None,
        subscriber: Mapping[str, str] | None = None,
        start: bool = False,
        wait: Seconds | None = None,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> JobHandle:
        """Make a job of a process, or of a package that is only for it; local files are uploaded.

        :param inputs: as :meth:`execute` takes them. What is missing may be given by :meth:`update_job`.
        :param cwl: a CWL document or an application package in place of a process: a path (JSON or YAML) or itself.
        :param start: accept the job at once; else it waits for :meth:`start_job`. ``wait`` then waits for its end.
        :param dry_run: store nothing; the result is what would be run, or all that is wrong.
        :param idempotency_key: repeated with the same key and the same body, the call makes no second job.
        :raises InvalidUsage: neither a process nor a package is given, or both, or something cannot be read.
        """
        if (process_id is None) == (cwl is None):
            raise InvalidUsage("A job is made of a process (-p) or of a package (--cwl): give one of them.")
        body: dict[str, Any] = {"process": process_id} if cwl is None else _package(cwl)
        describe = self._describer(process_id) if process_id is not None else self._describer_of(body)
        try:
            members = self._members(
                inputs,
                describe,
                options=options,
                outputs=outputs,
                response=response,
                subscriber=subscriber,
                title=title,
                description=description,
            )
        except InvalidUsage:
            raise
        except ClientError as exc:
            return JobHandle(**vars(refusal(exc)))
        body.update(members)
        if not start:
            body["status"] = "create"
        params = {name: "true" for name, is_set in (("start", start), ("dryRun", dry_run)) if is_set}
        waits, silence = self._patience(wait if start else None)
        answer = self._connection.call(
            "POST",
            "/jobs",
            document=body,
            params=params,
            headers={**prefer(waits), **key_header(idempotency_key)},
            silence=silence,
        )
        return handle_of(answer)

    def update_job(
        self,
        job_id: JobReference,
        inputs: Any = None,
        *,
        process_id: str | None = None,
        title: str | None = None,
        description: str | None = None,
        outputs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        response: str | None = None,
        subscriber: Mapping[str, str] | None = None,
    ) -> OperationResult:
        """Change a job that was not started: inputs, outputs and options by their names, the rest as a whole.

        An input that is None is taken away. :raises InvalidUsage: nothing is given, or something cannot be read.
        """
        try:
            body = self._members(
                inputs,
                self._describer_for(job_id, process_id),
                options=options,
                outputs=outputs,
                response=response,
                subscriber=subscriber,
                title=title,
                description=description,
                process=process_id,
            )
        except InvalidUsage:
            raise
        except ClientError as exc:
            return refusal(exc)
        if not body:
            raise InvalidUsage("Nothing is to be changed: give inputs, outputs, options or a title.")
        headers = {"Content-Type": "application/merge-patch+json"}
        return self._of_job(job_id, method="PATCH", document=body, headers=headers)

    def start_job(self, job_id: JobReference, *, wait: Seconds | None = None) -> JobHandle:
        """Start a job that was made before; with ``wait`` the answer comes at its end, or then."""
        waits, silence = self._patience(wait)
        return handle_of(
            self._of_job(job_id, "results", method="POST", document={}, headers=prefer(waits), silence=silence)
        )

    trigger_job = start_job

    def definition(self, job_id: JobReference) -> OperationResult:
        """Return the body that a job was made of."""
        return self._of_job(job_id, "definition")

    # ------------------------------------------------------------ inner

    def _members(
        self, inputs: Any, describe: Callable[[], Mapping[str, InputType]], *, process: str | None = None, **given: Any
    ) -> dict[str, Any]:
        """Return the members of a definition that are given: what is not is left as it is, inputs too.

        :raises ClientError: the service refuses, or something cannot be read.
        """
        body = self._body(inputs, describe, **given)
        body.pop("process", None)
        if not body["inputs"]:
            del body["inputs"]
        return body if process is None else {**body, "process": process}

    def _describer_of(self, package: Mapping[str, Any]) -> Callable[[], Mapping[str, InputType]]:
        def describe() -> Mapping[str, InputType]:
            return input_types(self.deploy(_ASKED, body=package, dry_run=True).check().body)

        return describe

    def _describer_for(self, job_id: JobReference, process_id: str | None) -> Callable[[], Mapping[str, InputType]]:
        def describe() -> Mapping[str, InputType]:
            if process_id is not None:
                return self._describer(process_id)()
            found = self.definition(job_id).check().body
            if isinstance(found, Mapping) and "executionUnit" in found:
                return self._describer_of({name: found[name] for name in _PACKAGE if name in found})()
            return self._describer(str(self._of_job(job_id).check().body["processID"]))()

        return describe


_PACKAGE = ("processDescription", "executionUnit")


def _package(source: Source) -> dict[str, Any]:
    """Return the members of a definition that bring a package."""
    document = dict(source) if isinstance(source, Mapping) else read_document(os.fspath(source))
    if not isinstance(document, Mapping):
        raise InvalidUsage(f"The package must be a mapping, not {type(document).__name__}.")
    if "executionUnit" in document:
        return {name: document[name] for name in _PACKAGE if name in document}
    if "cwlVersion" not in document:
        raise InvalidUsage("The package is neither a CWL document ('cwlVersion') nor an application package.")
    return {"executionUnit": dict(document)}
