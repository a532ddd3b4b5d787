"""Edits of a process description: what a merge patch (RFC 7396) makes of a process, and how much that changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weaverlite.errors import Fault, InvalidPackage, InvalidRequest
from weaverlite.models.process import CONTROL_OPTIONS, TRANSMISSIONS, VISIBILITIES, Process
from weaverlite.schemas import validate
from weaverlite.schemas.messages import kind_of
from weaverlite.services.overrides import apply_overrides
from weaverlite.services.versions import MINOR, PATCH, check_version

_BASE = "/processDescription"
_PORTS = ("inputs", "outputs")


def edited(process: Process, patch: Any) -> tuple[Process, int | None]:
    """Return the process after the patch, and which number of its version grows: None when nothing changes.

    :raises InvalidRequest: the patch is not valid; all faults at once.
    """
    if not isinstance(patch, Mapping):
        raise InvalidRequest(faults=[Fault(f"is {kind_of(patch)}; expected is an object")])
    if faults := [*validate("processPatch", patch), *check_version(patch.get("version"), "/version")]:
        raise InvalidRequest(faults=faults)
    found = _words(process, patch)
    found = replace(
        found,
        visibility=patch.get("visibility", process.visibility) or VISIBILITIES[0],
        job_control_options=tuple(patch.get("jobControlOptions", process.job_control_options) or CONTROL_OPTIONS),
        output_transmission=tuple(patch.get("outputTransmission", process.output_transmission) or TRANSMISSIONS),
    )
    if found == process and not patch.get("version"):
        return process, None
    return found, PATCH if _decisive(found) == _decisive(process) else MINOR


def _decisive(process: Process) -> tuple[object, ...]:
    """Return what decides how, and by whom, a process is executed."""
    return process.visibility, process.job_control_options, process.output_transmission


def _words(process: Process, patch: Mapping[str, Any]) -> Process:
    description = replace(
        process.description,
        title=_text(patch, "title", process.description.title),
        description=_text(patch, "description", process.description.description),
        keywords=tuple(patch.get("keywords", process.description.keywords) or ()),
    )
    process = replace(
        process, description=description, metadata=tuple(patch.get("metadata", process.metadata) or ())
    )
    ports = {section: _ports(patch[section]) for section in _PORTS if patch.get(section)}
    if not ports:
        return process
    try:
        return apply_overrides(process, ports)
    except InvalidPackage as error:
        moved = [Fault(fault.message, fault.pointer.removeprefix(_BASE)) for fault in error.faults]
        raise InvalidRequest(faults=moved) from error


def _ports(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the descriptions of inputs or outputs with nothing in place of null, which means just that."""
    empty: Mapping[str, Any] = {"title": "", "description": "", "keywords": [], "metadata": []}
    return {
        name: {member: empty[member] if value is None else value for member, value in port.items()}
        for name, port in section.items()
        if port is not None
    }


def _text(patch: Mapping[str, Any], name: str, present: str) -> str:
    return str(patch.get(name, present) or "")
