"""Get everything together that a job process needs to begin."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from weaverlite.engines.interfaces import Leftovers
from weaverlite.errors import (
    EngineError,
    ExecutionError,
    JobRemoved,
    NestedFailed,
    NoSuchJob,
    OutputLimit,
    StoreError,
    WeaverLiteError,
)
from weaverlite.execution.parts import Limits
from weaverlite.execution.processes import JobProcesses
from weaverlite.execution.record import now
from weaverlite.execution.tasks import RunTask, uploads_of
from weaverlite.execution.workspace import Workspace
from weaverlite.models.job import Job
from weaverlite.models.nested import REMOTE_OUTPUT, Nested, nested_in, stored_result, with_results
from weaverlite.models.options import Resources
from weaverlite.models.process import Process
from weaverlite.stores.interfaces import Store
from weaverlite.transfer.interfaces import Publisher

T = TypeVar("T")

_PAUSE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What every watch of a supervisor works with; times are seconds."""

    store: Store
    processes: JobProcesses
    publisher: Publisher
    instance: str
    directory: Path
    limits: Limits
    heartbeat: float
    lease: float
    grace: float
    leftovers: Sequence[Leftovers]
    host_commands: bool
    process_of: Callable[[str, int], Process]


def prepare(conditions: Conditions, job: Job, limits: Limits, workspace: Workspace) -> RunTask:
    """Read what the job runs and on what, make its workspace, and return the task.

    :raises ExecutionError: the job cannot begin.
    :raises StoreError: the store did not answer while the lease of the claim lasted.
    """
    store = conditions.store
    until = time.monotonic() + conditions.lease - 1.0
    inputs = _patiently(lambda: _with_results(store, job), until)
    process = _patiently(lambda: conditions.process_of(job.process_id, job.process_revision), until)
    uploads = _patiently(lambda: uploads_of(store, inputs), until)
    try:
        workspace.create()
    except OSError as exc:
        raise OutputLimit(f"The worker cannot make the job's directory: {exc.strerror or exc}.") from exc
    asked, needs = job.options.resources, job.needs
    return RunTask(
        job_id=job.job_id,
        attempt=job.attempt,
        owner=job.owner,
        instance=conditions.instance,
        engine=process.engine,
        package=process.package,
        descriptions=process.inputs,
        inputs=inputs,
        uploads=uploads,
        resources=Resources(
            cores=asked.cores or needs.cores or None,
            memory=limits.memory or needs.memory or None,
            disk=limits.disk or needs.disk or None,
        ),
        limits=limits,
        directory=workspace.path,
        created_at=now(),
        host_commands=conditions.host_commands,
    )


def _with_results(store: Store, job: Job) -> Mapping[str, Any]:
    """Return the inputs of the job, with what its nested processes made in their place."""
    inputs = store.jobs.inputs(job.job_id)
    if not any(nested_in(inputs)):
        return inputs

    def result(nested: Nested) -> Any:
        child_id = nested.job_id(job.job_id)
        try:
            manifest = store.jobs.manifest(child_id)
        except (NoSuchJob, JobRemoved) as exc:
            raise NestedFailed.at(nested.pointer, f"its job {child_id} was removed with its results") from exc
        outputs = {} if manifest is None else manifest.outputs
        # The first output that is there, where none was asked for.
        wanted = REMOTE_OUTPUT if nested.is_remote else nested.output
        name = wanted or next((name for name, value in outputs.items() if value is not None), "")
        if outputs.get(name) is None:
            raise NestedFailed.at(nested.pointer, f"it left no output {name!r}".removesuffix(" ''"))
        return stored_result(child_id, outputs[name], nested.fields)

    return with_results(inputs, result)


def _patiently(ask: Callable[[], T], until: float) -> T:
    while True:
        try:
            return ask()
        except StoreError:
            if time.monotonic() + _PAUSE > until:
                raise
            time.sleep(_PAUSE)
        except ExecutionError:
            raise
        except WeaverLiteError as exc:
            raise EngineError(f"The job cannot be started: {exc.detail}") from exc
