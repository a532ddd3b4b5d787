"""Calls about the results of jobs."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

from weaverlite.client.calls.common import Calls
from weaverlite.client.download import Download, download_job
from weaverlite.client.errors import ClientError, InvalidUsage, JobFailed, ProblemError
from weaverlite.client.jobs import JobReference, failed, judge, refusal
from weaverlite.client.operation import OperationResult


class ResultCalls(Calls):
    """Results: shown and downloaded."""

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
