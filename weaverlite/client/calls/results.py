"""Calls about the results of jobs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from weaverlite.client.calls.common import Calls, check_returns
from weaverlite.client.download import Download, download_job
from weaverlite.client.errors import ClientError, InvalidUsage, JobFailed, ProblemError
from weaverlite.client.fetch import fetch_archive
from weaverlite.client.jobs import JobReference, failed, judge, refusal
from weaverlite.client.operation import OperationResult
from weaverlite.ogc.negotiation import FORMATS


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
        outputs: Sequence[str] = (),
        returns: str | None = None,
    ) -> Download:
        """Return the results of a job; with ``output_dir`` (or ``download``, to the current directory) fetch its files.

        A file output is ``{"href": …, "type": …}``, with its ``path`` on this disk once it was fetched. What a failed
        or dismissed job left is fetched too; the result is false then, and has a ``directory``.

        :param overwrite: replace files that are there already and differ.
        :param progress: show a bar on stderr.
        :param outputs: only these, in the document; downloads are whole.
        :param returns: ``representation`` for files inside the document, ``minimal`` for links.
        :raises InvalidUsage: such files are there, or the directory cannot be used.
        """
        check_returns(returns)
        try:
            job_url = self.job_url(job_id)
        except InvalidUsage:
            raise
        except ClientError as exc:
            return Download(**vars(refusal(exc)))
        answer = self._connection.call(
            "GET",
            f"{job_url}/results",
            params={"outputs": ",".join(outputs)} if outputs else None,
            headers={"Prefer": f"return={returns}"} if returns else None,
        )
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

    def archive(
        self,
        job_id: JobReference,
        path: str | os.PathLike[str],
        *,
        form: str = "zip",
        outputs: Sequence[str] = (),
        overwrite: bool = False,
        progress: bool = False,
    ) -> OperationResult:
        """Fetch all results of a job, or those of ``outputs``, as one file: an archive in the one layout.

        The body of the result has the ``path`` and the ``size`` of the file.

        :param form: ``zip`` or ``tar``.
        :raises InvalidUsage: the file is there already.
        """
        if form not in ("zip", "tar"):
            raise InvalidUsage(f"{form!r} is no form of an archive: use zip or tar.")
        target = Path(path).expanduser()
        params = {"f": form, **({"outputs": ",".join(outputs)} if outputs else {})}
        try:
            url = f"{self.job_url(job_id)}/results"
            size = fetch_archive(
                self._connection, url, params, FORMATS[form], target, overwrite=overwrite, progress=progress
            )
        except InvalidUsage:
            raise
        except ClientError as exc:
            return refusal(exc)
        return OperationResult(success=True, code=200, body={"path": str(target), "size": size}, url=url)

    def _why_it_failed(self, job_url: str, refusal: OperationResult) -> JobFailed | None:
        """Return the failure of the job if that is why there are no results, None when it is something else."""
        if not isinstance(refusal.error, ProblemError) or refusal.error.is_not_ready:
            return None
        judged = judge(self._connection.call("GET", job_url))
        if not isinstance(judged.error, JobFailed):
            return None
        return JobFailed(str(refusal.error), judged.error.status)
