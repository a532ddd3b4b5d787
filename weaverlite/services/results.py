"""The shape of results: a function of what is stored of a job, and of what was asked for.

Everything comes from the manifest; files are only opened to be sent. URLs are made by whoever knows them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from weaverlite.errors import JobDismissed, JobFailed, NoSuchOutput, ResultNotAvailable, ResultNotReady
from weaverlite.models.job import Job
from weaverlite.models.results import Manifest, OutputFile, OutputValue
from weaverlite.ogc.status import StatusCode
from weaverlite.schemas.messages import nearest
from weaverlite.services.ownership import own_job
from weaverlite.services.shapes import Links, Passing, Shapes, media_type_of
from weaverlite.stores.interfaces import Store
from weaverlite.transfer.interfaces import Publisher

#: More unknown names are not read by anyone.
_ENOUGH = 50


@dataclass(frozen=True, slots=True)
class Output:
    """One output as it was left: JSON, a file, a directory, or a list or an object with some of these.

    ``media_type`` is what it is sent as by itself: a file's own, ``text/plain`` for a string, JSON for the rest.
    """

    output_id: str
    value: OutputValue
    media_type: str


class Results:
    """Answers with what jobs left."""

    def __init__(self, store: Store, publisher: Publisher, *, not_ready_status: int = 404) -> None:
        """``not_ready_status`` is what a job that has not ended answers, 404 or 400."""
        self._store = store
        self._publisher = publisher
        self._not_ready_status = not_ready_status

    # ------------------------------------------------------------ outputs

    def document(
        self,
        job_id: str,
        owner: str | None,
        links: Links,
        outputs: Collection[str] | None = None,
        *,
        passing: Passing = Passing(),
    ) -> dict[str, Any]:
        """Return the results document: the outputs that were requested, or those named in ``outputs``.

        With a ``passing`` by value it may contain :class:`Inlined` files, which only a writer of documents can send.

        :raises ResultNotReady: the job has not ended.
        :raises JobFailed, JobDismissed: it ended otherwise.
        :raises NoSuchOutput: the process has no such output.
        :raises ResultNotAvailable: none was requested, or one of ``outputs`` was not.
        """
        return {
            found.output_id: self.shape(job_id, found.value, links, found.output_id, passing=passing)
            for found in self.outputs(job_id, owner, outputs)
        }

    def shape(
        self,
        job_id: str,
        value: OutputValue,
        links: Links,
        output_id: str = "",
        index: int | None = None,
        *,
        passing: Passing = Passing(),
    ) -> Any:
        """Return one value as it stands in the results document."""
        shapes = Shapes(job_id, links, partial(self.url, job_id), partial(self.open, job_id), passing)
        return shapes.shape(value, output_id, index)

    def outputs(
        self, job_id: str, owner: str | None, outputs: Collection[str] | None = None
    ) -> tuple[Output, ...]:
        """Return the outputs as :meth:`document` does, for answers that are not that document."""
        job = self._successful(job_id, owner)
        if job.requested_outputs is not None and not job.requested_outputs:
            raise ResultNotAvailable("The job was run without asking for any output.")
        self._check_requested(job, *(outputs or ()))
        values = self._manifest(job).outputs
        wanted = job.requested_outputs if outputs is None else outputs
        return tuple(
            Output(output_id, value, media_type_of(value))
            for output_id, value in self._ordered(job, values)
            if value is not None and (wanted is None or output_id in wanted)
        )

    def output(self, job_id: str, owner: str | None, output_id: str, index: int | None = None) -> Output:
        """Return one output, or item ``index`` of one that is a list. Raises as :meth:`document`."""
        job = self._successful(job_id, owner)
        self._check_requested(job, output_id)
        value = self._manifest(job).outputs.get(output_id)
        if value is None:
            raise ResultNotAvailable(f"The job has ended without a value for the output {output_id!r}.")
        if index is not None:
            if not isinstance(value, list | tuple) or not 0 <= index < len(value):
                raise ResultNotAvailable(f"The output {output_id!r} has no item {index}.")
            value = value[index]
        return Output(output_id, value, media_type_of(value))

    # ------------------------------------------------------------ files

    def manifest(self, job_id: str, owner: str | None) -> Manifest:
        """Return what the job left, also one that failed or was dismissed.

        :raises ResultNotReady: it has not ended.
        :raises ResultNotAvailable: it has ended and left nothing.
        """
        return self._manifest(self._job(job_id, owner))

    def file(self, job_id: str, owner: str | None, path: str) -> OutputFile:
        """Return the file of this path in the layout, streams included. Raises as :meth:`manifest`."""
        found = self.manifest(job_id, owner).find(path)
        if found is None:
            raise ResultNotAvailable(f"The job has left no file {path!r}.")
        return found

    def open(self, job_id: str, file: OutputFile) -> BinaryIO:
        """Return the bytes of a file of the job's manifest; seekable.

        :raises ResultNotAvailable: they are not there any more.
        """
        return self._publisher.open(job_id, file)

    def url(self, job_id: str, file: OutputFile) -> str | None:
        """Return where the file is published, or None when this service serves it."""
        return self._publisher.link(job_id, file)

    # ------------------------------------------------------------ inner

    def _job(self, job_id: str, owner: str | None) -> Job:
        return own_job(self._store.jobs, job_id, owner)

    def _successful(self, job_id: str, owner: str | None) -> Job:
        job = self._job(job_id, owner)
        if job.status is StatusCode.FAILED:
            raise JobFailed.of(job.failure or {})
        if job.status is StatusCode.DISMISSED:
            raise JobDismissed
        if job.status is not StatusCode.SUCCESSFUL:
            raise self._not_ready(job)
        return job

    def _not_ready(self, job: Job) -> ResultNotReady:
        error = ResultNotReady(f"The results are not ready: the job is {job.status}. Wait until it has ended.")
        error.status = self._not_ready_status
        return error

    def _manifest(self, job: Job) -> Manifest:
        found = self._store.jobs.manifest(job.job_id)
        if found is None:
            if job.is_terminal:
                raise ResultNotAvailable("The job has ended and left no files.")
            raise self._not_ready(job)
        return found

    def _check_requested(self, job: Job, *output_ids: str) -> None:
        unasked = [name for name in output_ids if job.requested_outputs is None or name not in job.requested_outputs]
        if not unasked:
            return
        known = [item.output_id for item in self._store.processes.get(job.process_id, job.process_revision).outputs]
        if missing := [name for name in unasked if name not in known]:
            raise NoSuchOutput(
                "; ".join(f"The process has no output {name!r}{nearest(name, known)}" for name in missing[:_ENOUGH])
            )
        if job.requested_outputs is not None:
            named = ", ".join(repr(name) for name in unasked)
            raise ResultNotAvailable(f"The job was run without asking for the output {named}.")

    def _ordered(self, job: Job, values: Mapping[str, OutputValue]) -> list[tuple[str, OutputValue]]:
        """Return the outputs in the order of the process: manifests of some stores are sorted by name."""
        if len(values) < 2:
            return list(values.items())
        outputs = self._store.processes.get(job.process_id, job.process_revision).outputs
        place = {item.output_id: number for number, item in enumerate(outputs)}
        return sorted(values.items(), key=lambda item: place.get(item[0], len(place)))
