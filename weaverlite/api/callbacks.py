"""What subscribers of jobs are sent: the documents that they would get if they asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaverlite.api.represent import status_info
from weaverlite.api.urls import Urls
from weaverlite.errors import ResultNotAvailable
from weaverlite.models.job import Job
from weaverlite.ogc.status import StatusCode
from weaverlite.runtime import Runtime
from weaverlite.services.deliveries import Compose


def composer(runtime: Runtime) -> Compose:
    """Return what makes the messages.

    18-062r2, /req/callback/job-callback: the results document once the job is successful. Before, and when it ends
    otherwise, its status.
    """

    def compose(job: Job, status: StatusCode) -> Mapping[str, Any]:
        urls = Urls(job.subscriber.service_url if job.subscriber else "")
        if status is not StatusCode.SUCCESSFUL:
            return status_info(job, urls)
        try:
            return runtime.results.document(job.job_id, job.owner, urls)
        except ResultNotAvailable:
            # No output was asked for.
            return {}

    return compose
