"""What the process description of an application package says, over what the package says of itself.

The rules stand in :mod:`weaverlite.services.processes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from weaverlite.errors import Fault, InvalidPackage
from weaverlite.models.process import InputDescription, OutputDescription, Process
from weaverlite.schemas import validate
from weaverlite.schemas.messages import nearest, pointer_to

_BASE = "/processDescription"
_TEXTS = ("title", "description", "keywords")

Port = TypeVar("Port", InputDescription, OutputDescription)


def apply_overrides(process: Process, overrides: Mapping[str, Any]) -> Process:
    """Return the process with the overrides over its package's description.

    :raises InvalidPackage: they do not fit it; all faults at once.
    """
    if not overrides:
        return process
    document = _in_present_form(overrides)
    # The ids and versions may be the package's own, so these are not required here as they are of a whole description.
    faults = validate("process", {"id": process.process_id, "version": process.version, **document}, _BASE)
    if faults:
        raise InvalidPackage(faults=faults)
    inputs = _ports(process.inputs, document.get("inputs", {}), "inputs", faults)
    outputs = _ports(process.outputs, document.get("outputs", {}), "outputs", faults)
    if faults:
        raise InvalidPackage(faults=faults)
    description = replace(process.description, inputs=inputs, outputs=outputs, **_texts(document))
    return replace(
        process,
        description=description,
        version=document.get("version") or process.version,
        metadata=tuple(document.get("metadata", process.metadata)),
        job_control_options=tuple(document.get("jobControlOptions") or process.job_control_options),
    )


def _in_present_form(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the overrides with inputs and outputs as mappings, where an older form has lists of members with ids."""
    document = dict(overrides)
    for section in ("inputs", "outputs"):
        ports = document.get(section)
        if isinstance(ports, list):
            ports = {str(item.get("id", index)): item for index, item in enumerate(ports) if isinstance(item, Mapping)}
        if isinstance(ports, Mapping):
            # A description of a port without schema only adds words; the schema is the package's.
            ports = {
                name: {"schema": {}, **item} if isinstance(item, Mapping) else item for name, item in ports.items()
            }
            document[section] = ports
    return document


def _texts(document: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: document[name] for name in _TEXTS if name in document}
    return {**found, "keywords": tuple(found["keywords"])} if "keywords" in found else found


def _ports(
    ports: Sequence[Port], overrides: Mapping[str, Mapping[str, Any]], section: str, faults: list[Fault]
) -> tuple[Port, ...]:
    by_id = {id_of(port): port for port in ports}
    for name, override in overrides.items():
        pointer = pointer_to(_BASE, section, name)
        if name not in by_id:
            faults.append(Fault(f"the package has no {section[:-1]} {name!r}{nearest(name, by_id)}", pointer))
            continue
        port = by_id[name]
        schema = _schema(port.schema, override["schema"], pointer_to(pointer, "schema"), faults)
        by_id[name] = replace(port, schema=schema, **_texts(override))
    return tuple(by_id.values())


def id_of(port: InputDescription | OutputDescription) -> str:
    """Return the id of an input or an output."""
    return port.input_id if isinstance(port, InputDescription) else port.output_id


def _schema(own: Mapping[str, Any], details: Any, pointer: str, faults: list[Fault]) -> Mapping[str, Any]:
    if not isinstance(details, Mapping):
        return own
    if "type" in own and details.get("type", own["type"]) != own["type"]:
        faults.append(
            Fault(f"is {details['type']!r}, but the package takes {own['type']!r}", pointer_to(pointer, "type"))
        )
    return {**own, **details}
