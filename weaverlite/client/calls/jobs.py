"""Calls about jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from weaverlite.client.calls.common import Calls, Seconds, key_header, prefer, seconds_of
from weaverlite.client.errors import ClientError, InvalidUsage
from weaverlite.client.jobs import JobReference, failed, handle_of, judge, refusal
from weaverlite.client.logs import follow_logs
from weaverlite.client.monitor import WAIT, Notice, Watch
from weaverlite.client.operation import JobHandle, OperationResult
from weaverlite.client.paging import collect_pages


class JobCalls(Calls):
    """Jobs: listed, watched, followed, dismissed."""

    def jobs(
        self,
        *,
        status: str | None = None,
        process_id: str | None = None,
        labels: Mapping[str, str] | None = None,
        tags: Sequence[str] = (),
        since: str | None = None,
        sort: str | None = None,
        detail: bool = True,
        limit: int = 100,
    ) -> OperationResult:
        """Return the newest jobs, ``limit`` at most.

        :param status: a state, or several with commas; ``process_id`` likewise.
        :param tags: only jobs that have all of these.
        :param since: only jobs created at this time (RFC 3339) or later.
        :param sort: ``created``, ``started``, ``finished``, ``process`` or ``status``; with ``-`` before it the other
            way round.
        :param detail: False for the ids of the jobs alone.
        """
        found = [f"{name}={value}" for name, value in (labels or {}).items()]
        params = {
            "status": status,
            "processID": process_id,
            "label": found or None,
            "tags": ",".join(tags) or None,
            "datetime": None if since is None else f"{since}/..",
            "sort": sort,
            "detail": None if detail else "false",
        }
        return collect_pages(self._connection, "/jobs", "jobs", params, limit)

    def status(self, job_id: JobReference, *, wait: Seconds | None = None) -> OperationResult:
        """Return the status of a job.

        :param wait: how long the service may wait for its end before it answers; no longer than it allows.
        """
        waits, silence = self._patience(wait)
        return self._of_job(job_id, headers=prefer(waits), silence=silence)

    def rerun(
        self, job_id: JobReference, *, same_revision: bool = False, idempotency_key: str | None = None
    ) -> JobHandle:
        """Run a job once more: a new job of the same inputs, outputs and options.

        :param same_revision: on the revision of the process that the job ran, not on the latest.
        :param idempotency_key: under which the call may be repeated without making another job.
        """
        return handle_of(
            self._of_job(
                job_id,
                "rerun",
                {"revision": "same"} if same_revision else None,
                method="POST",
                headers=key_header(idempotency_key),
            )
        )

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

    def dismiss_all(self, job_ids: Sequence[JobReference]) -> OperationResult:
        """Dismiss several jobs at once; ``body["outcomes"]`` tells what became of each.

        The result is a success also when some could not be dismissed.
        """
        try:
            names = [unquote(self.job_url(job_id).rpartition("/")[2]) for job_id in job_ids]
        except InvalidUsage:
            raise
        except ClientError as exc:
            return refusal(exc)
        return self._connection.call("DELETE", "/jobs", document={"jobs": list(dict.fromkeys(names))})

    def watch(
        self, job_id: JobReference, *, timeout: Seconds | None = None, logs: bool = False, wait: Seconds = WAIT
    ) -> Watch:
        """Return the notices of a job, to be iterated until it has ended; see :class:`Watch`."""
        return Watch(
            self._connection,
            self.job_url(job_id),
            timeout=None if timeout is None else seconds_of(timeout),
            wait=timedelta(seconds=seconds_of(wait)),
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
