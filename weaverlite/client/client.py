"""The Python client of WeaverLite, and of other services that follow OGC API - Processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

import requests

from weaverlite.client.coercion import InputType, input_types
from weaverlite.client.connection import Connection, segment
from weaverlite.client.download import Download, download_job
from weaverlite.client.errors import ClientError, InvalidUsage, JobFailed, ProblemError
from weaverlite.client.inputs import local_files, read_inputs, replace_files
from weaverlite.client.jobs import JobReference, failed, handle_of, judge, locate_job, refusal
from weaverlite.client.logs import follow_logs
from weaverlite.client.monitor import WAIT, Notice, Watch
from weaverlite.client.operation import JobHandle, OperationResult
from weaverlite.client.packages import Source, deployment
from weaverlite.client.paging import collect_pages
from weaverlite.client.uploads import Uploader, upload
from weaverlite.ogc.units import parse_duration

Seconds = int | float | str | timedelta


class WeaverClient:
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
        self._connection = Connection(
            url or os.environ.get("WEAVERLITE_URL"),
            headers=headers,
            token=token or os.environ.get("WEAVERLITE_TOKEN"),
            timeout=_seconds(timeout),
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

    # ---------------------------------------------------------------- the service

    def info(self) -> OperationResult:
        """Return the landing page."""
        return self._connection.call("GET", "/")

    def version(self) -> OperationResult:
        """Return the versions of the service's parts."""
        return self._connection.call("GET", "/versions")

    def conformance(self) -> OperationResult:
        """Return the conformance classes the service declares."""
        return self._connection.call("GET", "/conformance")

    # ---------------------------------------------------------------- processes

    def processes(self, *, limit: int | None = None) -> OperationResult:
        """Return the list of processes, all pages of it or the first ``limit`` entries."""
        return collect_pages(self._connection, "/processes", "processes", {}, limit)

    def describe(self, process_id: str) -> OperationResult:
        """Return the description of a process."""
        return self._connection.call("GET", _process(process_id))

    def package(self, process_id: str) -> OperationResult:
        """Return the package of a process as it was deployed."""
        headers = {"Accept": "application/cwl+json, application/json;q=0.9, */*;q=0.8"}
        return self._connection.call("GET", f"{_process(process_id)}/package", headers=headers)

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
        method, target = ("PUT", _process(known_id or "")) if replace else ("POST", "/processes")
        return self._connection.call(method, target, data=data, params=params, headers={"Content-Type": media_type})

    def undeploy(self, process_id: str) -> OperationResult:
        """Remove a process."""
        return self._connection.call("DELETE", _process(process_id))

    # ---------------------------------------------------------------- execution

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
            prefer.append(f"wait={max(1, round(_seconds(wait)))}")
        answer = self._connection.call(
            "POST",
            f"{_process(process_id)}/execution",
            document=body,
            headers={"Prefer": ", ".join(prefer)} if prefer else {},
            silence=self._connection.timeout + (_seconds(wait) if wait is not None else 0),
        )
        return handle_of(answer)

    def _describer(self, process_id: str) -> Callable[[], Mapping[str, InputType]]:
        return lambda: input_types(self.describe(process_id).check().body)

    # ---------------------------------------------------------------- jobs

    def jobs(
        self,
        *,
        status: str | None = None,
        process_id: str | None = None,
        labels: Mapping[str, str] | None = None,
        limit: int = 100,
    ) -> OperationResult:
        """Return the newest jobs, ``limit`` at most."""
        found = [f"{name}={value}" for name, value in (labels or {}).items()]
        params = {"status": status, "processID": process_id, "label": found or None}
        return collect_pages(self._connection, "/jobs", "jobs", params, limit)

    def status(self, job_id: JobReference) -> OperationResult:
        """Return the status of a job."""
        return self._of_job(job_id)

    def logs(
        self,
        job_id: JobReference,
        *,
        stream: str | None = None,
        tail: int | None = None,
        after: int | None = None,
        since: str | None = None,
    ) -> OperationResult:
        """Return the log events of a job so far.

        :param stream: one of ``stdout``, ``stderr``, ``service`` and ``status``.
        :param tail: the last so many events.
        :param after: the events that follow this number; ``since`` those from this time on.
        """
        params = {"f": "json", "stream": stream, "tail": tail, "after": after, "since": since}
        return self._of_job(job_id, "logs", params)

    def follow(
        self, job_id: JobReference, *, stream: str | None = None, tail: int | None = None, since: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the log events of a job as they happen, until it has ended.

        :raises ClientError: the service refuses, or is gone for good.
        """
        yield from follow_logs(self._connection, self.job_url(job_id), stream=stream, tail=tail, since=since)

    def history(self, job_id: JobReference) -> OperationResult:
        """Return the attempts of a job and the states it went through."""
        return self._of_job(job_id, "history")

    def inputs(self, job_id: JobReference) -> OperationResult:
        """Return what a job was submitted with."""
        return self._of_job(job_id, "inputs")

    def exceptions(self, job_id: JobReference) -> OperationResult:
        """Return why a job failed."""
        return self._of_job(job_id, "exceptions")

    def statistics(self, job_id: JobReference) -> OperationResult:
        """Return the times, memory and output sizes of a job."""
        return self._of_job(job_id, "statistics")

    def dismiss(self, job_id: JobReference) -> OperationResult:
        """Stop a job, or remove one that has ended together with its results."""
        return self._of_job(job_id, method="DELETE")

    def watch(
        self, job_id: JobReference, *, timeout: Seconds | None = None, logs: bool = False, wait: Seconds = WAIT
    ) -> Watch:
        """Return the notices of a job, to be iterated until it has ended; see :class:`Watch`."""
        return Watch(
            self._connection,
            self.job_url(job_id),
            timeout=None if timeout is None else _seconds(timeout),
            wait=timedelta(seconds=_seconds(wait)),
            logs=logs,
            reached=isinstance(job_id, JobHandle) and job_id.success,
        )

    def monitor(
        self,
        job_id: JobReference,
        *,
        timeout: Seconds | None = None,
        logs: bool = False,
        notify: Callable[[Notice], None] | None = None,
    ) -> OperationResult:
        """Wait until a job has ended; the result is true when it was successful. Its body is the last status.

        :param timeout: longest wait; None waits without limit.
        :param notify: called with every notice; log events are among them when ``logs`` is set.
        """
        try:
            watch = self.watch(job_id, timeout=timeout, logs=logs)
        except InvalidUsage:
            raise
        except ClientError as exc:
            return refusal(exc)
        try:
            for notice in watch:
                if notify is not None:
                    notify(notice)
        except InvalidUsage:
            raise
        except ClientError as exc:
            return failed(watch.answer, exc)
        return judge(watch.answer)

    def results(
        self,
        job_id: JobReference,
        *,
        output_dir: str | os.PathLike[str] | None = None,
        download: bool = False,
        overwrite: bool = False,
        progress: bool = False,
    ) -> Download:
        """Return the results of a job; with ``output_dir`` (or ``download``, to the current directory) fetch its files.

        A file output is ``{"href": …, "type": …}``, with its ``path`` on this disk once it was fetched. What a failed
        or dismissed job left is fetched too; the result is false then, and has a ``directory``.

        :param overwrite: replace files that are there already and differ.
        :param progress: show a bar on stderr.
        :raises InvalidUsage: such files are there, or the directory cannot be used.
        """
        try:
            job_url = self.job_url(job_id)
        except InvalidUsage:
            raise
        except ClientError as exc:
            return Download(**vars(refusal(exc)))
        answer = self._connection.call("GET", f"{job_url}/results")
        ended_badly: JobFailed | None = None
        if not answer.success:
            ended_badly = self._why_it_failed(job_url, answer)
            if ended_badly is not None:
                answer = failed(answer, ended_badly)
        result = Download(**vars(answer))
        if not (output_dir is not None or download) or not (answer.success or ended_badly):
            return result
        document = answer.body if answer.success else None
        try:
            result.directory, result.body = download_job(
                self._connection,
                job_url,
                unquote(job_url.rpartition("/")[2]),
                document,
                Path(output_dir or "."),
                overwrite=overwrite,
                progress=progress,
            )
        except InvalidUsage:
            raise
        except ClientError as exc:
            result.success, result.message, result.error = False, str(exc), exc
        return result

    def _why_it_failed(self, job_url: str, refusal: OperationResult) -> JobFailed | None:
        """Return the failure of the job if that is why there are no results, None when it is something else."""
        if not isinstance(refusal.error, ProblemError) or refusal.error.is_not_ready:
            return None
        judged = judge(self._connection.call("GET", job_url))
        if not isinstance(judged.error, JobFailed):
            return None
        return JobFailed(str(refusal.error), judged.error.status)

    def job_url(self, job_id: JobReference) -> str:
        """Return the URL of a job.

        :raises InvalidUsage: the beginning of an id fits several jobs.
        """
        return locate_job(self._connection, job_id)

    def _of_job(
        self, job_id: JobReference, part: str = "", params: Mapping[str, Any] | None = None, method: str = "GET"
    ) -> OperationResult:
        try:
            url = self.job_url(job_id)
        except InvalidUsage:
            raise
        except ClientError as exc:
            return refusal(exc)
        return self._connection.call(method, f"{url}/{part}" if part else url, params=params)


def _process(process_id: str) -> str:
    if not process_id or process_id.strip(".") == "":
        raise InvalidUsage("The id of the process is missing.")
    return f"/processes/{segment(process_id)}"


def _seconds(value: Seconds) -> float:
    try:
        return value.total_seconds() if isinstance(value, timedelta) else parse_duration(value).total_seconds()
    except ValueError as exc:
        raise InvalidUsage(f"{exc}.") from exc


__all__ = ["WeaverClient"]
