"""The body of a deployment: CWL by itself, an OGC application package around it, or several documents.

::

    CWL document                              application/cwl, +json, +yaml
    {"processDescription": {…},               application/ogcapppkg+json, +yaml, application/json, YAML
     "executionUnit": unit | [units]}         units: see weaverlite.services.units
    parts, each one of these                  multipart/mixed, /related, /form-data

The description may be flat or stand in a member ``process``. What comes out is plain JSON, one document: how it was
written does not change the digest of a package. Whether it can be run is for its engine to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from weaverlite.errors import (
    Fault,
    InvalidPackage,
    InvalidRequest,
    ReferenceRefused,
    TooLarge,
    UnsupportedMedia,
    WeaverLiteError,
)
from weaverlite.models.package import CWL_MEDIA_TYPE, Package
from weaverlite.models.process import Deployed, check_process_id
from weaverlite.ogc.negotiation import essence
from weaverlite.ogc.packages import (
    CWL_TYPES,
    DOCKERIZED_PROFILE,
    MULTIPART_TYPES,
    PLAIN_TYPES,
    WORKFLOW_PROFILE,
    profile_of,
)
from weaverlite.schemas.messages import kind_of
from weaverlite.services.bundles import pack
from weaverlite.services.graphs import choose
from weaverlite.services.multipart import Part, read_multipart
from weaverlite.services.notations import DOCUMENT_TYPES, Notation, check_media_type, is_cwl
from weaverlite.services.units import CompileImage, Description, Unit, Units, is_image
from weaverlite.settings import MIB, LimitsSettings
from weaverlite.transfer.interfaces import Stager

#: How long all references of one package may take to fetch, in seconds: somebody waits for the answer.
FETCH_SECONDS = 20.0
_GRAPH = re.compile(r"/\$graph/([0-9]{1,9})(?=/|\Z)")
_NO_DESCRIPTION = Description(document={}, pointer="/processDescription")


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is to be deployed.

    ``process_id`` is the id that the request or the package names; None leaves it to the engine's description.
    ``overrides`` is the process description that came beside the package, unnested, and ``described_at`` where it
    stands. ``place`` is where the package's document stands in the body, ``places`` where each member of its ``$graph``
    does. ``profile`` is the deployment profile asked for, empty if none is.
    """

    process_id: str | None
    package: Package
    deployed: Deployed
    overrides: Mapping[str, Any] = field(default_factory=dict)
    described_at: str = _NO_DESCRIPTION.pointer
    place: str = ""
    places: tuple[str, ...] = ()
    profile: str = ""

    @property
    def is_workflow(self) -> bool:
        """Whether what runs is a workflow."""
        return bool(_main(self.package.document).get("class") == "Workflow")

    def located(self, faults: Sequence[Fault]) -> list[Fault]:
        """Return the faults of the package's document with pointers into the body."""
        return [Fault(fault.message, self._locate(fault.pointer), fault.location) for fault in faults]

    def _locate(self, pointer: str) -> str:
        found = _GRAPH.match(pointer)
        if found and int(found[1]) < len(self.places):
            return self.places[int(found[1])] + pointer[found.end() :]
        return self.place + pointer


class Packages:
    """Reads deployments. Safe from any thread.

    ``stagers`` fetch what a package refers to, ``compile_image`` makes CWL of container images.
    """

    def __init__(
        self,
        stagers: Mapping[str, Stager],
        compile_image: CompileImage,
        limits: LimitsSettings,
        *,
        size_limit: int = 10 * MIB,
    ) -> None:
        self._stagers = stagers
        self._compile_image = compile_image
        self._notation = Notation(limits)
        self._size_limit = size_limit

    def read(
        self,
        body: bytes,
        content_type: str,
        *,
        process_id: str | None = None,
        workflow: str | None = None,
        owner: str | None = None,
    ) -> Deployment:
        """Return what the body deploys, under ``process_id`` if that is given.

        ``workflow`` names one process of a CWL document with several (``$graph``); ``owner`` is who asks.

        :raises UnsupportedMedia, TooLarge: as they say.
        :raises InvalidRequest: the text is not what its media type says, or its id is another than ``process_id``.
        :raises InvalidPackage: it is no package, or one of a kind that is not run here.
        :raises ReferenceRefused: all that is wrong is that policy forbids what it refers to.
        :raises WorkflowNotFound: there is no process ``workflow`` in it.
        """
        bare = check_media_type(content_type)
        if len(body) > self._size_limit:
            raise TooLarge(f"The package is larger than {self._size_limit} bytes.")
        units = Units(
            self._notation,
            self._stagers,
            self._compile_image,
            owner=owner,
            seconds=FETCH_SECONDS,
            size=self._size_limit,
        )
        reading = _Reading(self._notation, units)
        if bare in MULTIPART_TYPES:
            # The boundary is part of the type: without it nobody can read the body again.
            media_type = " ".join(content_type.split())
            reading.take_parts(body, content_type)
        else:
            media_type = bare
            reading.take(self._notation.parse(body, bare), bare)
        return reading.deployment(Deployed(media_type=media_type, body=_text(body)), process_id, workflow)


class _Reading:
    """What one request holds, as far as it was read."""

    def __init__(self, notation: Notation, units: Units) -> None:
        self._notation, self._units = notation, units
        self._found: list[Unit] = []
        self._start: Unit | None = None
        self._described: Description | None = None

    # ------------------------------------------------------------ the body

    def take(self, document: Any, media_type: str) -> None:
        """Take the body that is one document."""
        if not isinstance(document, Mapping):
            why = f"is {kind_of(document)}; expected is a CWL document or an application package, an object"
            raise InvalidPackage(faults=[Fault(why)])
        if media_type in CWL_TYPES or (media_type in PLAIN_TYPES and is_cwl(document)):
            if not is_cwl(document):
                raise InvalidPackage(faults=[Fault("is not a CWL document: it has neither 'cwlVersion' nor 'class'")])
            self._found.append(Unit(document=document, pointer=""))
            return
        if "executionUnit" not in document:
            shown = ", ".join(sorted(map(str, document))[:10]) or "nothing"
            why = "is missing: an application package is made of 'processDescription' and 'executionUnit'"
            self._fault(f"{why}; this one has {shown}", "/executionUnit")
        self._describe(document, "")
        if "executionUnit" in document:
            self._found += self._units.read(document["executionUnit"], self._description, "/executionUnit")

    def take_parts(self, body: bytes, content_type: str) -> None:
        """Take the body that is several documents: CWL, and at most one package or description."""
        multipart = read_multipart(body, content_type)
        package: tuple[Mapping[str, Any], str] | None = None
        images: list[tuple[Mapping[str, Any], str]] = []
        faults: list[Fault] = []
        for part in multipart.parts:
            try:
                document = self._part(part)
            except InvalidRequest as error:
                faults += [Fault(fault.message, part.pointer) for fault in error.faults]
                continue
            if is_cwl(document):
                unit = Unit(document=document, pointer=part.pointer, names=part.names)
                self._found.append(unit)
                if multipart.start and part.content_id == multipart.start:
                    self._start = unit
            elif is_image(document):
                images.append((document, part.pointer))
            elif package is not None:
                faults.append(Fault("is a second description: one deployment has one process", part.pointer))
            else:
                package = document, part.pointer
        if faults:
            raise InvalidRequest(faults=faults)
        if package is not None:
            self._take_package(*package)
        for image, pointer in images:
            self._found += self._units.read(image, self._description, pointer)
        if not self._found and not self._units.faults:
            self._fault("has no execution unit among its parts: send a CWL document in one of them", "")

    def _part(self, part: Part) -> Mapping[str, Any]:
        bare = essence(part.media_type)
        if bare in ("", "application/octet-stream", "text/plain"):
            # What forms call a file whose type they do not know.
            bare = "application/yaml"
        if bare not in DOCUMENT_TYPES:
            raise UnsupportedMedia(f"The part {part.pointer} is {bare!r}: send CWL or an application package in each.")
        document = self._notation.parse(part.body, bare)
        if not isinstance(document, Mapping):
            raise InvalidRequest(faults=[Fault(f"is {kind_of(document)}; expected is an object")])
        return document

    def _take_package(self, document: Mapping[str, Any], pointer: str) -> None:
        if "executionUnit" in document or "processDescription" in document:
            self._describe(document, pointer)
        else:
            self._described = Description(document=document, pointer=pointer)
        if "executionUnit" in document:
            read = self._units.read(
                document["executionUnit"], self._description, f"{pointer}/executionUnit", self._found
            )
            self._found += [unit for unit in read if unit not in self._found]

    # ------------------------------------------------------------ the description

    @property
    def _description(self) -> Description:
        return self._described or _NO_DESCRIPTION

    def _describe(self, document: Mapping[str, Any], pointer: str) -> None:
        """Take the process description of an application package, wherever it stands in it."""
        pointer = f"{pointer}/processDescription"
        found = document.get("processDescription", {})
        if not isinstance(found, Mapping):
            self._fault(f"is {kind_of(found)}; expected is a process description, an object", pointer)
            return
        if isinstance(found.get("process"), Mapping):
            # What stands beside the nested description (jobControlOptions, in some releases of the standard) counts.
            beside = {name: item for name, item in found.items() if name != "process"}
            found, pointer = {**beside, **found["process"]}, f"{pointer}/process"
        for name in ("deploymentProfile", "deploymentProfileName"):
            if name in document:
                found = {"deploymentProfile": document[name], **found}
        self._described = Description(document=found, pointer=pointer)

    # ------------------------------------------------------------ the end

    def deployment(self, deployed: Deployed, asked: str | None, workflow: str | None) -> Deployment:
        """Return what was read as one deployment. Raises as :meth:`Packages.read`."""
        faults, described = self._units.faults, self._description
        self._check_images()
        process_id = self._process_id(asked)
        profile = self._profile()
        if faults:
            if len(faults) == self._units.refused:
                raise ReferenceRefused(faults=faults)
            raise InvalidPackage(faults=faults)
        if len(self._found) == 1:
            unit = self._found[0]
            place = unit.pointer
            chosen = choose(unit.document, workflow, place)
            own = chosen.name or _stem(unit)
        else:
            packed = pack(self._found, self._start)
            if workflow is None and len(packed.roots) != 1:
                why = f"has several processes that could be meant: name one of {', '.join(packed.roots[:10])} with ?w="
                raise InvalidPackage(faults=[Fault(why)])
            place = ""
            chosen = choose(packed.document, workflow or packed.roots[0], place, packed.places)
            own = None if chosen.name in packed.nameless else chosen.name
        if profile == WORKFLOW_PROFILE and _main(chosen.document).get("class") != "Workflow":
            why = "is that of workflows, which the execution unit is none of"
            raise InvalidPackage(faults=[Fault(why, f"{described.pointer}/deploymentProfile")])
        return Deployment(
            process_id=process_id or own,
            package=Package.of(CWL_MEDIA_TYPE, chosen.document),
            deployed=deployed,
            overrides=_without_profile(described.document),
            described_at=described.pointer,
            place=place,
            places=chosen.places,
            profile=profile,
        )

    def _fault(self, message: str, pointer: str) -> None:
        self._units.faults.append(Fault(message, pointer))

    def _check_images(self) -> None:
        if len(self._found) > 1:
            for unit in self._found:
                if unit.is_image:
                    why = "is a container image beside other units: deploy it by itself, or name it in their CWL"
                    self._fault(why, unit.pointer)

    def _process_id(self, asked: str | None) -> str | None:
        """Return the id that the request or the description names."""
        said = self._description.document.get("id")
        pointer = f"{self._description.pointer}/id"
        if said is None:
            return asked
        if not isinstance(said, str):
            self._fault(f"is {kind_of(said)}; expected is a string", pointer)
            return asked
        if asked is not None and asked != said:
            why = f"is {said[:140]!r}, but the request is about the process {asked!r}: an id cannot be changed"
            raise InvalidRequest(faults=[Fault(why, pointer), *self._units.faults])
        try:
            return check_process_id(said, pointer=pointer)
        except InvalidRequest as error:
            if not self._units.faults:
                raise
            self._units.faults += error.faults
        return None

    def _profile(self) -> str:
        said = self._description.document.get("deploymentProfile")
        if said is None:
            return ""
        pointer = f"{self._description.pointer}/deploymentProfile"
        profile = profile_of(said) if isinstance(said, str) else None
        if profile is None:
            known = f"{DOCKERIZED_PROFILE} or {WORKFLOW_PROFILE}"
            self._fault(f"is {kind_of(said)}, which is not run here: it may be {known}", pointer)
        elif profile != DOCKERIZED_PROFILE and any(unit.is_image for unit in self._found):
            self._fault(f"is another than that of container images, {DOCKERIZED_PROFILE}", pointer)
        return profile or ""


def _stem(unit: Unit) -> str | None:
    """Return the name of the file of a document that has none itself, where it can be the id of a process."""
    for name in unit.names:
        stem = name.rpartition("/")[2].partition("?")[0].rpartition(".cwl")[0]
        try:
            return check_process_id(stem)
        except WeaverLiteError:
            continue
    return None


def _main(document: Mapping[str, Any]) -> Mapping[str, Any]:
    processes = document.get("$graph", [document])
    return next((item for item in processes if str(item.get("id")).rpartition("#")[2] == "main"), processes[0])


def _without_profile(description: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in description.items() if not name.startswith("deploymentProfile")}


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest(faults=[Fault("is not UTF-8 text: send binary parts as base64")]) from None
