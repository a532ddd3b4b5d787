"""The body of a deployment: CWL by itself, or an OGC application package around it.

::

    CWL document                              application/cwl, +json, +yaml
    {"processDescription": {…},               application/ogcapppkg+json, +yaml, application/json, YAML
     "executionUnit": CWL | {"value": CWL, "mediaType": …} | {"unit": CWL} | [one of these]}

The description may be flat or stand in a member ``process``. What comes out is plain JSON: how it was written does not
change the digest of a package. Whether it can be run is for its engine to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from weaverlite.errors import Fault, InvalidPackage, InvalidRequest, TooLarge, UnsupportedMedia
from weaverlite.models.package import CWL_MEDIA_TYPE, Package
from weaverlite.models.process import Deployed, check_process_id
from weaverlite.schemas.messages import kind_of
from weaverlite.schemas.text import parse_json, parse_text
from weaverlite.services.graphs import choose
from weaverlite.settings import MIB, LimitsSettings

_CWL = frozenset({"application/cwl", "application/cwl+json", "application/cwl+yaml"})
_PACKAGE = frozenset({"application/ogcapppkg", "application/ogcapppkg+json", "application/ogcapppkg+yaml"})
_EITHER = frozenset({"application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
#: The media types a deployment may have, without parameters.
MEDIA_TYPES = _CWL | _PACKAGE | _EITHER


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is to be deployed.

    ``process_id`` is the id that the request or the package names; None leaves it to the engine's description.
    ``overrides`` is the process description that came beside the package, unnested.
    """

    process_id: str | None
    package: Package
    deployed: Deployed
    overrides: Mapping[str, Any] = field(default_factory=dict)


def check_media_type(media_type: str) -> str:
    """Return the media type without parameters, in lower case.

    :raises UnsupportedMedia: nothing of this type can be deployed.
    """
    bare = media_type.partition(";")[0].strip().lower()
    if bare not in MEDIA_TYPES:
        raise UnsupportedMedia(
            f"A process cannot be deployed from {bare or 'a body without media type'!r}: send CWL as "
            "application/cwl+json or application/cwl+yaml, or an application package as application/ogcapppkg+json."
        )
    return bare


def parse_deployment(
    body: bytes,
    media_type: str,
    *,
    process_id: str | None = None,
    workflow: str | None = None,
    limits: LimitsSettings,
    size_limit: int = 10 * MIB,
) -> Deployment:
    """Return what the body deploys, under ``process_id`` if that is given.

    ``workflow`` names one process of a CWL document with several (``$graph``).

    :raises UnsupportedMedia, TooLarge: as they say.
    :raises InvalidRequest: the text is not what its media type says, or its id is another than ``process_id``.
    :raises InvalidPackage: it is no package, or one of a kind that is not run here.
    :raises WorkflowNotFound: there is no process ``workflow`` in it.
    """
    bare = check_media_type(media_type)
    if len(body) > size_limit:
        raise TooLarge(f"The package is larger than {size_limit} bytes.")
    reading = _Reading(limits)
    document = reading.parse(body, bare)
    if not isinstance(document, Mapping):
        _refuse(f"is {kind_of(document)}; expected is a CWL document or an application package, an object", "")
    if bare in _CWL or (bare in _EITHER and _is_cwl(document)):
        description: Mapping[str, Any] = {}
        unit, pointer = document, ""
    else:
        description = _description(document)
        unit, pointer = reading.unit(document)
    if not _is_cwl(unit):
        _refuse("is not a CWL document: it has neither 'cwlVersion' nor 'class'", pointer)
    chosen = choose(unit, workflow, pointer)
    return Deployment(
        process_id=_process_id(process_id, description, chosen.name),
        package=Package.of(CWL_MEDIA_TYPE, chosen.document),
        deployed=Deployed(media_type=bare, body=body.decode("utf-8-sig")),
        overrides=description,
    )


def _refuse(message: str, pointer: str) -> NoReturn:
    raise InvalidPackage(faults=[Fault(message, pointer)])


def _is_cwl(document: Mapping[str, Any]) -> bool:
    return "cwlVersion" in document or "$graph" in document or isinstance(document.get("class"), str)


def _description(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the process description of an application package, wherever it stands in it."""
    if "executionUnit" not in document:
        shown = ", ".join(sorted(map(str, document))[:10]) or "nothing"
        why = "is missing: an application package is made of 'processDescription' and 'executionUnit'"
        _refuse(f"{why}; this one has {shown}", "/executionUnit")
    found = document.get("processDescription", {})
    if isinstance(found, Mapping) and isinstance(found.get("process"), Mapping):
        # What stands beside the nested description (jobControlOptions, in some releases of the standard) counts too.
        found = {**{name: item for name, item in found.items() if name != "process"}, **found["process"]}
    if not isinstance(found, Mapping):
        _refuse(f"is {kind_of(found)}; expected is a process description, an object", "/processDescription")
    return found


def _process_id(asked: str | None, description: Mapping[str, Any], own: str | None) -> str | None:
    """Return the id of the process, by who has most to say."""
    said = description.get("id")
    if said is not None and not isinstance(said, str):
        _refuse(f"is {kind_of(said)}; expected is a string", "/processDescription/id")
    if asked is not None and said is not None and asked != said:
        why = f"is {said!r}, but the request is about the process {asked!r}: an id cannot be changed"
        raise InvalidRequest(faults=[Fault(why, "/processDescription/id")])
    if said is not None:
        return check_process_id(said, pointer="/processDescription/id")
    return asked or own


class _Reading:
    """Reads text within the limits of packages."""

    def __init__(self, limits: LimitsSettings) -> None:
        self._depth, self._nodes = limits.package_depth, limits.package_nodes

    def parse(self, body: bytes | str, media_type: str) -> Any:
        if media_type.endswith("json"):
            return parse_json(body, depth=self._depth, nodes=self._nodes)
        # What is JSON among the YAML is read as JSON, with its own strictness.
        return parse_text(body, depth=self._depth, nodes=self._nodes)

    def unit(self, document: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
        """Return the CWL document of an application package, and where it stands."""
        unit, pointer = document["executionUnit"], "/executionUnit"
        if isinstance(unit, list):
            if len(unit) != 1:
                why = "send exactly one, several CWL processes as one '$graph'"
                _refuse(f"is a list of {len(unit)} units; {why}", pointer)
            unit, pointer = unit[0], f"{pointer}/0"
        if not isinstance(unit, Mapping):
            _refuse(f"is {kind_of(unit)}; expected is a CWL document or {{\"value\": …, \"mediaType\": …}}", pointer)
        if _is_cwl(unit):
            return unit, pointer
        if "value" in unit or "unit" in unit:
            name = "value" if "value" in unit else "unit"
            return self._value(unit, name, f"{pointer}/{name}"), f"{pointer}/{name}"
        self._refuse_unit(unit, pointer)

    def _value(self, unit: Mapping[str, Any], name: str, pointer: str) -> Mapping[str, Any]:
        media_type = unit.get("mediaType") or unit.get("type") or "application/cwl"
        bare = media_type.partition(";")[0].strip().lower() if isinstance(media_type, str) else ""
        if bare not in _CWL | _EITHER:
            where = pointer.removesuffix(name) + "mediaType"
            _refuse(f"is {media_type!r}; execution units are CWL here, application/cwl+json", where)
        value = unit[name]
        if isinstance(value, str):
            try:
                value = self.parse(value, bare)
            except InvalidRequest as error:
                raise InvalidPackage(faults=[Fault(fault.message, pointer) for fault in error.faults]) from error
        if not isinstance(value, Mapping):
            _refuse(f"is {kind_of(value)}; expected is a CWL document, an object or its text", pointer)
        return value

    @staticmethod
    def _refuse_unit(unit: Mapping[str, Any], pointer: str) -> NoReturn:
        by_value = '{"value": …, "mediaType": "application/cwl+json"}'
        if "href" in unit:
            why = f"is a reference, which this service does not fetch: send the CWL document itself as {by_value}"
            _refuse(why, f"{pointer}/href")
        if "image" in unit or unit.get("type") in ("docker", "oci"):
            image = str(unit.get("image") or "IMAGE")[:200]
            requirement = f'{{"class": "DockerRequirement", "dockerPull": "{image}"}}'
            why = "is a bare container image, which this service does not run by itself: send a CWL CommandLineTool"
            _refuse(f"{why} with the requirement {requirement} and its baseCommand, inputs and outputs", pointer)
        _refuse(f"is no execution unit: send a CWL document, by itself or as {by_value}", pointer)
