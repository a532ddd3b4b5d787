"""From an execute request to an accepted job: inputs, outputs and options against the process and the limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from weaverlite.errors import Fault, InvalidInput, InvalidRequest, NoSuchOutput, ReferenceRefused, Refused
from weaverlite.models.job import Job, new_job_id
from weaverlite.models.nested import nested_in
from weaverlite.models.options import Needs, Options, Resources, Timeouts
from weaverlite.models.process import OutputDescription, Process
from weaverlite.ogc.pointers import pointer_to
from weaverlite.ogc.values import media_type_fits
from weaverlite.schemas.forms import media_types
from weaverlite.schemas.messages import nearest
from weaverlite.services.inputs import Accepted, Kind, accept_inputs
from weaverlite.services.kinds import kinds_of
from weaverlite.services.naming import find_process
from weaverlite.services.nested import NestedRequest
from weaverlite.services.requests import ExecuteRequest
from weaverlite.services.subscribers import unreachable
from weaverlite.settings import ChainingSettings, LimitsSettings
from weaverlite.stores.interfaces import ProcessStore
from weaverlite.transfer.interfaces import Stager

#: What is limited: a size or a time.
T = TypeVar("T", int, timedelta)
#: More faults of one kind are not read by anyone.
_ENOUGH = 200


class Submission:
    """Makes jobs of requests. Writes nothing."""

    def __init__(
        self,
        processes: ProcessStore,
        stagers: Mapping[str, Stager],
        publisher: str,
        limits: LimitsSettings,
        host_commands: bool,
        chaining: ChainingSettings = ChainingSettings(),
    ) -> None:
        self._processes = processes
        self._stagers = stagers
        self._publisher = publisher
        self._limits = limits
        self._host_commands = host_commands
        self._chaining = chaining

    def job(
        self, process_id: str, request: ExecuteRequest, owner: str | None, at: datetime
    ) -> tuple[Job, Mapping[str, Any]]:
        """Return the accepted job and its inputs. Raises as :meth:`weaverlite.services.jobs.Jobs.submit`."""
        process = find_process(self._processes, process_id)
        job, inputs = self.draft(process, request, owner, at)
        return job.accept(at), inputs

    def draft(
        self, process: Process, request: ExecuteRequest, owner: str | None, at: datetime
    ) -> tuple[Job, Mapping[str, Any]]:
        """Return the job as created only, and its inputs. Raises as :meth:`job`."""
        if process.description.host_commands and not self._host_commands:
            raise Refused(
                f"The process {process.process_id!r} runs commands on the host, which this service does not allow "
                "(weaverlite.worker.host_commands): its package needs a DockerRequirement."
            )
        accepted = accept_inputs(process, request.inputs, self._stagers, owner, self._kinds(request, owner, at))
        options = request.options.over(process.description.options)
        self._check(process, request, accepted, options)
        options = self._clamp(options)
        job = Job(
            job_id=new_job_id(),
            process_id=process.process_id,
            process_revision=process.revision,
            created_at=at,
            owner=owner,
            mode=_mode(process, request.mode),
            requested_outputs=request.outputs,
            response=request.response,
            returns=request.returns,
            subscriber=request.subscriber,
            options=options,
            needs=self._needs(process, accepted, options),
            priority=options.priority or 0,
            max_attempts=self._attempts(options),
            queue_deadline=_deadline(at, options.timeouts),
        )
        return (job.held() if any(nested_in(accepted.inputs)) else job), accepted.inputs

    def _kinds(self, request: ExecuteRequest, owner: str | None, at: datetime) -> Mapping[str, Kind]:
        def check(nested: NestedRequest) -> Mapping[str, Any]:
            inner = ExecuteRequest(inputs=nested.inputs, nest=nested.nest, service_url=request.service_url)
            return self.draft(nested.process, inner, owner, at)[1]

        return kinds_of(request, self._chaining, self._processes, self._stagers, check)

    def _check(self, process: Process, request: ExecuteRequest, accepted: Accepted, options: Options) -> None:
        """Raise what describes best all that is wrong."""
        wrong_outputs = _wrong_outputs(process, request.outputs or {})
        wrong_options = [*request.faults, *self._wrong_options(options)]
        # A URI that was no URI is told of already.
        uncalled = unreachable(request.subscriber, self._stagers) if request.subscriber and not request.faults else []
        faults = [*accepted.faults, *wrong_outputs, *wrong_options, *uncalled]
        if not faults:
            return
        if faults == [*accepted.faults, *uncalled] and (accepted.is_refused or not accepted.faults):
            raise ReferenceRefused(faults=faults)
        if accepted.faults:
            raise InvalidInput(faults=faults)
        if wrong_options:
            raise InvalidRequest(faults=faults)
        raise NoSuchOutput(faults=faults)

    def _wrong_options(self, options: Options) -> list[Fault]:
        found = []
        if options.publisher not in (None, self._publisher):
            why = f"there is no publisher {options.publisher!r} here: say {self._publisher!r}"
            found.append(Fault(why, "/options/publisher"))
        for name in ("queue", "execution", "total"):
            if getattr(options.timeouts, name) == timedelta(0):
                found.append(Fault("is no time at all: leave it out for no limit", f"/options/timeouts/{name}"))
        if (options.attempts or 1) > 1 and not options.idempotent:
            found.append(
                Fault(
                    "can only be more than 1 for a job that a second run does no harm to: say so with 'idempotent'",
                    "/options/attempts",
                )
            )
        return found

    def _clamp(self, options: Options) -> Options:
        """Return the options within the limits of the operator."""
        limits, timeouts, resources = self._limits, options.timeouts, options.resources
        return replace(
            options,
            timeouts=Timeouts(
                queue=_within(timeouts.queue, limits.queue_time),
                execution=_within(timeouts.execution, limits.execution_time),
                total=timeouts.total,
            ),
            resources=Resources(
                cores=resources.cores,
                memory=_within(resources.memory, limits.memory),
                disk=_within(resources.disk, limits.disk),
            ),
            keep=_within(options.keep, limits.keep),
        )

    def _attempts(self, options: Options) -> int:
        if not options.idempotent:
            return 1
        return max(1, min(options.attempts or self._limits.attempts, self._limits.attempts or 100))

    def _needs(self, process: Process, accepted: Accepted, options: Options) -> Needs:
        wanted, own = options.resources, process.description.needs
        return Needs(
            engine=process.engine,
            schemes=accepted.schemes,
            publisher=self._publisher,
            cores=wanted.cores or own.cores or 0,
            memory=_need(own.memory if wanted.memory is None else wanted.memory, self._limits.memory),
            disk=_need(own.disk if wanted.disk is None else wanted.disk, self._limits.disk),
        )


def _within(asked: T | None, limit: T) -> T | None:
    """Return what was asked for within the limit, or the limit when nothing was. A limit of zero is none."""
    if asked is None:
        return limit or None
    return min(asked, limit) if limit else asked


def _need(asked: int | None, limit: int) -> int:
    # The operator's limit is what a tool gets in the end: no node needs more for it.
    return min(asked or 0, limit) if limit else asked or 0


def _deadline(at: datetime, timeouts: Timeouts) -> datetime | None:
    waits: list[timedelta] = [item for item in (timeouts.queue, timeouts.total) if item is not None]
    return at + min(waits) if waits else None


def _mode(process: Process, asked: str) -> str:
    """Return how the process is executed: as asked, unless it knows only the other way."""
    other = "async" if asked == "sync" else "sync"
    known = process.job_control_options
    return other if f"{asked}-execute" not in known and f"{other}-execute" in known else asked


def _wrong_outputs(process: Process, outputs: Mapping[str, Any]) -> list[Fault]:
    known = {item.output_id: item for item in process.outputs}
    found: list[Fault] = []
    for name, wanted in outputs.items():
        if len(found) >= _ENOUGH:
            break
        pointer = pointer_to("/outputs", name)
        if name not in known:
            found.append(Fault(f"the process has no output {name!r}{nearest(name, known)}", pointer))
        elif fault := _wrong_format(known[name], wanted, pointer):
            found.append(fault)
    return found


def _wrong_format(output: OutputDescription, wanted: Any, pointer: str) -> Fault | None:
    form = wanted.get("format") if isinstance(wanted, Mapping) else None
    asked = form.get("mediaType") if isinstance(form, Mapping) else None
    offered = media_types(output.schema)
    if not isinstance(asked, str) or not offered or any(media_type_fits(asked, item) for item in offered):
        return None
    return Fault(
        f"is not offered as {asked!r}, only as {', '.join(offered)}: outputs are not converted",
        f"{pointer}/format/mediaType",
    )
