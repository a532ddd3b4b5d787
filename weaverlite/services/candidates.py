"""From a deployment to the process that it makes, before anybody stores it.

A package describes itself; what the description beside it says goes before that, by the rules of
:mod:`weaverlite.services.overrides`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from weaverlite.errors import DeploymentRefused, Fault, InvalidPackage
from weaverlite.models.codec import to_json
from weaverlite.models.package import Package
from weaverlite.models.process import (
    VISIBILITIES,
    Description,
    InputDescription,
    OutputDescription,
    Process,
    check_process_id,
)
from weaverlite.ogc.packages import DOCKERIZED_PROFILE, WORKFLOW_PROFILE
from weaverlite.ogc.pointers import pointer_to
from weaverlite.schemas import validate_schema
from weaverlite.services.clock import utc_now
from weaverlite.services.overrides import apply_overrides, check_overrides, id_of
from weaverlite.services.packages import Deployment
from weaverlite.services.steps import Bound, bind_steps
from weaverlite.services.versions import check_version, is_version

#: The name of an engine and what it says of a package. Runs elsewhere: packages are not trusted.
Describe = Callable[[Package], tuple[str, Description]]


class Candidates:
    """Makes processes of deployments. Writes nothing."""

    def __init__(
        self,
        describe: Describe,
        *,
        find: Callable[[str], Process],
        urls: tuple[str, ...] = (),
        host_commands: bool,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """``find`` returns the deployed process of a name, ``urls`` are those under which this service is found.

        ``host_commands`` is whether packages may run commands outside a container.
        """
        self._describe = describe
        self._find = find
        self._urls = urls
        self._host_commands = host_commands
        self._clock = clock

    def process(self, deployment: Deployment, owner: str | None) -> Process:
        """Return the process that a deployment makes, as a first revision.

        :raises InvalidPackage: it cannot be run, or its description does not fit it; all faults at once.
        :raises DeploymentRefused: it does what is not allowed here.
        """
        wrong = _wrong(deployment)
        try:
            bound = bind_steps(deployment.package, self._find, self._urls)
            engine, description = self._describe(bound.package)
        except InvalidPackage as error:
            if not error.faults and not wrong:
                raise
            raise InvalidPackage(faults=[*deployment.located(error.faults), *wrong]) from error
        if wrong:
            raise InvalidPackage(faults=wrong)
        process_id = deployment.process_id or description.process_id
        if not process_id:
            raise InvalidPackage(faults=[Fault("is missing: name the process here, or in the package", "/id")])
        check_process_id(process_id)
        if description.host_commands:
            self._check_host_commands(deployment)
        process = Process(
            process_id=process_id,
            revision=1,
            package=bound.package,
            engine=engine,
            description=description,
            created_at=self._clock(),
            version=description.version if is_version(description.version) else "1.0.0",
            owner=owner,
            deployed=deployment.deployed,
            profile=deployment.profile or _profile(deployment, description),
        )
        process = _overridden(process, deployment)
        process = replace(process, metadata=(*process.metadata, *_step_notes(bound)))
        asked = deployment.overrides.get("version") or description.version
        process = replace(process, asked_version=str(asked) if is_version(str(asked)) else "")
        _check_schemas(process)
        return process

    def _check_host_commands(self, deployment: Deployment) -> None:
        if deployment.profile == DOCKERIZED_PROFILE:
            why = "is that of containers, but the package runs commands on the host: add a DockerRequirement"
            raise InvalidPackage(faults=[Fault(why, f"{deployment.described_at}/deploymentProfile")])
        if not self._host_commands:
            raise DeploymentRefused(
                "The package runs commands on the host, which this service does not allow "
                "(weaverlite.worker.host_commands): add a DockerRequirement."
            )


def _profile(deployment: Deployment, description: Description) -> str:
    """Return the profile that a package has by what it is."""
    if deployment.is_workflow:
        return WORKFLOW_PROFILE
    return "" if description.host_commands else DOCKERIZED_PROFILE


def _step_notes(bound: Bound) -> list[Mapping[str, Any]]:
    """Return which revisions the steps of a workflow were bound to, as metadata of the process."""
    return [{"role": "step", "title": f"step {step} runs {process}"} for step, process in bound.steps]


def _wrong(deployment: Deployment) -> list[Fault]:
    """Return what is wrong with the description whatever package it is for."""
    said, where = deployment.overrides, deployment.described_at
    faults = [*_moved(check_overrides(said), where), *check_version(said.get("version"), f"{where}/version")]
    if said.get("visibility", VISIBILITIES[0]) not in VISIBILITIES:
        faults.append(Fault(f"may be {' or '.join(VISIBILITIES)}", f"{where}/visibility"))
    return faults


def _overridden(process: Process, deployment: Deployment) -> Process:
    """Return the process with what its description says of it."""
    try:
        process = apply_overrides(process, deployment.overrides)
    except InvalidPackage as error:
        raise InvalidPackage(faults=_moved(error.faults, deployment.described_at)) from error
    return replace(process, visibility=deployment.overrides.get("visibility", process.visibility))


def _moved(faults: Sequence[Fault], described_at: str) -> list[Fault]:
    """Return faults of a description with pointers to where it was sent."""
    base = "/processDescription"
    return [
        Fault(fault.message, described_at + fault.pointer.removeprefix(base), fault.location)
        if fault.pointer.startswith(base)
        else fault
        for fault in faults
    ]


def content_of(process: Process) -> object:
    """Return all of a process that a deployment decides, without how it was written."""
    return to_json(
        replace(
            process,
            revision=1,
            since=1,
            version="",
            owner=None,
            deployed=None,
            created_at=datetime.min.replace(tzinfo=UTC),
        )
    )


def _check_schemas(process: Process) -> None:
    """Refuse schemas that inputs could not be held against later."""
    sections: Mapping[str, Sequence[InputDescription | OutputDescription]]
    sections = {"inputs": process.inputs, "outputs": process.outputs}
    found = [
        fault
        for section, ports in sections.items()
        for port in ports
        for fault in validate_schema(port.schema, pointer_to("/processDescription", section, id_of(port), "schema"))
    ]
    if found:
        raise InvalidPackage(faults=found)
