"""What the process description of an application package says, over what the package says of itself.

Words replace the package's, everything else narrows it (:mod:`weaverlite.schemas.narrowing`): a description may promise
less than the package can, never more. The rules stand in ``docs/descriptions.rst``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from weaverlite.errors import Fault, InvalidPackage
from weaverlite.models.process import InputDescription, OutputDescription, Process
from weaverlite.ogc.pointers import pointer_to
from weaverlite.schemas import validate, validate_schema
from weaverlite.schemas.forms import takes
from weaverlite.schemas.messages import nearest
from weaverlite.schemas.narrowing import narrow
from weaverlite.services.domains import read_notations, with_numbers

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
    faults = _faults(document)
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
        output_transmission=tuple(document.get("outputTransmission") or process.output_transmission),
    )


def check_overrides(overrides: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with overrides whatever package they are for."""
    return _faults(_in_present_form(overrides)) if overrides else []


def _faults(document: Mapping[str, Any]) -> list[Fault]:
    # The ids and versions may be the package's own, so these are not required here as they are of a whole description.
    return validate("process", {"id": "package", "version": "1.0.0", **document}, _BASE)


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
                name: {"schema": {}, **with_numbers(item)} if isinstance(item, Mapping) else item
                for name, item in ports.items()
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
        by_id[name] = _port(by_id[name], override, pointer, faults)
    return tuple(by_id.values())


def id_of(port: InputDescription | OutputDescription) -> str:
    """Return the id of an input or an output."""
    return port.input_id if isinstance(port, InputDescription) else port.output_id


def _port(port: Port, override: Mapping[str, Any], pointer: str, faults: list[Fault]) -> Port:
    notation = read_notations(override, pointer)
    faults += notation.faults
    schema = port.schema
    optional = not isinstance(port, InputDescription) or port.min_occurs == 0
    items: Mapping[str, Any] = {}
    for where, details in notation.details:
        # What is wrong with another notation is told at the whole of it: its words stand nowhere else.
        schema = _narrowed(schema, details, where, optional, faults, within=False)
    details = override["schema"]
    if details is False:
        faults.append(Fault("is false: no value would be left", pointer_to(pointer, "schema")))
    elif isinstance(details, Mapping):
        where = pointer_to(pointer, "schema")
        if _is_of_all(port, details):
            # The list of all values, as 1.0 lets it be read; ours is the schema of one.
            items, details, where = details, details["items"], pointer_to(where, "items")
        schema = _narrowed(schema, details, where, optional, faults)
    made = replace(
        port,
        schema=schema,
        metadata=_together(port.metadata, notation.metadata, override.get("metadata", ())),
        **_texts(override),
    )
    if isinstance(made, InputDescription) and isinstance(port, InputDescription):
        return _occurrences(made, port, items, override, pointer, faults)
    return made


def _together(*lists: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return all metadata, each once: an edit says again what is there."""
    found: list[Mapping[str, Any]] = []
    for item in (item for listed in lists for item in listed):
        if item not in found:
            found.append(item)
    return tuple(found)


def _narrowed(
    own: Mapping[str, Any],
    details: Mapping[str, Any],
    pointer: str,
    optional: bool,
    faults: list[Fault],
    within: bool = True,
) -> Mapping[str, Any]:
    found = validate_schema(details, pointer)
    schema: Mapping[str, Any] = own
    if not found:
        schema, found = narrow(own, details, pointer, optional=optional)
    faults += found if within else [Fault(fault.message, pointer) for fault in found]
    return schema


def _is_of_all(port: Port, details: Mapping[str, Any]) -> bool:
    """Whether a schema describes the list of all values of an input, and not one of them."""
    if not isinstance(port, InputDescription) or port.max_occurs == 1:
        return False
    is_list = details.get("type") == "array" and isinstance(details.get("items"), Mapping)
    return is_list and not takes(port.schema, "array")


def _occurrences(
    made: InputDescription,
    own: InputDescription,
    items: Mapping[str, Any],
    override: Mapping[str, Any],
    pointer: str,
    faults: list[Fault],
) -> InputDescription:
    """Return the input with its occurrence bounds narrowed, and how its values may be passed."""
    default = "default" in made.schema and "default" not in own.schema
    least = override.get("minOccurs", items.get("minItems", 0 if default else own.min_occurs))
    most = override.get("maxOccurs", items.get("maxItems", "unbounded" if own.max_occurs is None else own.max_occurs))
    if least < own.min_occurs and not default:
        why = f"is {least}, but the package needs {own.min_occurs}: give its input a default, or make it optional there"
        faults.append(Fault(why, pointer_to(pointer, "minOccurs")))
    if own.max_occurs is not None and (most == "unbounded" or most > own.max_occurs):
        why = f"is {most}, but the package takes {own.max_occurs}: make the type of its input a list there"
        faults.append(Fault(why, pointer_to(pointer, "maxOccurs")))
    elif most != "unbounded" and least > most:
        faults.append(Fault(f"is {least}, more than maxOccurs, which is {most}", pointer_to(pointer, "minOccurs")))
    if default and made.is_file:
        where = pointer_to(pointer, "schema", "default")
        faults.append(Fault("is for the package to say: the default of a file is a file of its own", where))
    return replace(
        made,
        min_occurs=least,
        max_occurs=None if most == "unbounded" else most,
        value_passing=tuple(override.get("valuePassing") or own.value_passing),
    )
