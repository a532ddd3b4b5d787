"""The body that a job is made of: what to run, and how.

::

    {"process": id or URI, "inputs": …}                       application/json
    {"executionUnit": CWL, "processDescription": …, "inputs": …}
    {"process": package or CWL, "inputs": …}
    CWL document                                              application/cwl, +json, +yaml; its inputs come by PATCH
    a package in one part or more, {"inputs": …} in another   multipart/form-data, related, mixed

Whatever it came as, it is kept as one JSON body that means the same, so that it can be shown and sent again.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn
from urllib.parse import unquote

from weaverlite import schemas
from weaverlite.errors import Fault, InvalidRequest
from weaverlite.ogc.negotiation import JSON, essence
from weaverlite.ogc.packages import CWL, CWL_JSON, CWL_YAML, PACKAGE, PACKAGE_JSON, PACKAGE_YAML, PLAIN_TYPES
from weaverlite.schemas.messages import kind_of
from weaverlite.schemas.text import parse_json, parse_text
from weaverlite.services import multipart
from weaverlite.services.multipart import Part
from weaverlite.services.notations import is_cwl
from weaverlite.services.requests import ExecuteRequest, parse_execute

_CWL = (CWL, CWL_JSON, CWL_YAML)
_PACKAGES = (PACKAGE, PACKAGE_JSON, PACKAGE_YAML)
#: The media types of bodies that jobs are made of, without parameters.
MEDIA_TYPES = (JSON, *_CWL, *_PACKAGES, *multipart.MEDIA_TYPES)
#: The members that are about the job itself; all others are those of an execution.
_OWN = ("process", "processDescription", "executionUnit", "title", "description", "status")
#: The headers of a part by which others name it.
_NAMING = ("content-id", "content-location", "content-disposition")
#: Members of a definition that a change alters one by one.
_MERGED = ("inputs", "outputs", "options")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageBody:
    """A package as a body of its own, what a deployment of it would send; and where it stood in the body of the job."""

    body: bytes
    media_type: str
    pointer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a job is made of.

    ``document`` is the JSON body; ``package`` is there when the body brings its own; ``faults`` is what is wrong with
    the members that are not those of an execution.
    """

    document: Mapping[str, Any]
    package: PackageBody | None = None
    faults: tuple[Fault, ...] = field(default=())

    @property
    def process(self) -> str | None:
        """The id or URI of the process, None when it is not named."""
        found = self.document.get("process")
        return found if isinstance(found, str) and found else None

    @property
    def waits(self) -> bool:
        """Whether the body itself says that the job is to wait for its start."""
        return "status" in self.document

    def tagged(self, tags: Sequence[str]) -> Definition:
        """Return the definition with more tags among its options, where changes of the job find them."""
        options = self.document.get("options", {})
        own = options.get("tags", []) if isinstance(options, Mapping) else None
        if not tags or not isinstance(own, list):
            # Who says nonsense is told so, whatever else is said.
            return self
        added = [tag for tag in dict.fromkeys(tags) if tag not in own]
        return replace(self, document={**self.document, "options": {**options, "tags": [*own, *added]}})

    def text(self, name: str) -> str:
        """Return the title or the description, empty when there is none."""
        found = self.document.get(name)
        return found if isinstance(found, str) else ""

    def request(self, base: str = "") -> ExecuteRequest:
        """Return the execution that the body asks for; its faults are those of the whole body.

        ``base`` is the URL under which the client knows this service.
        """
        rest = {name: item for name, item in self.document.items() if name not in _OWN}
        request = parse_execute(rest, "async", base)
        return replace(request, faults=(*self.faults, *request.faults))


def definition_of(document: Any) -> Definition:
    """Return the definition that a JSON body is.

    :raises InvalidRequest: it is no object, or names nothing to run.
    """
    if not isinstance(document, Mapping):
        _refuse(f"is {kind_of(document)}; expected is an object with 'process' and 'inputs'")
    if is_cwl(document):
        # A whole CWL document: its 'inputs' are declarations, not values.
        whole = PackageBody(body=_write(document), media_type=CWL_JSON)
        return Definition(document={"executionUnit": document}, package=whole)
    own = {name: document[name] for name in _OWN if name in document}
    faults = tuple(schemas.validate("jobDefinition", own))
    process = document.get("process")
    package: PackageBody | None = None
    if isinstance(process, Mapping):
        kind = CWL_JSON if is_cwl(process) else PACKAGE_JSON
        package = PackageBody(body=_write(process), media_type=kind, pointer="/process")
        if "executionUnit" in document:
            faults += (Fault("is a second package beside 'process': send one of them", "/executionUnit"),)
    elif "executionUnit" in document:
        unit = {name: document[name] for name in ("processDescription", "executionUnit") if name in document}
        package = PackageBody(body=_write(unit), media_type=PACKAGE_JSON)
        if "process" in document:
            faults += (Fault("is beside a package: name a process or send a package", "/process"),)
    elif process is None:
        hint = "name a process of this service, or send a package as 'executionUnit'"
        faults += (Fault(f"is missing: {hint}", "/process"),)
    return Definition(document=document, package=package, faults=faults)


def parse_definition(body: bytes, content_type: str) -> Definition:
    """Return the definition that a body of one of :data:`MEDIA_TYPES` is.

    :raises InvalidRequest: it cannot be read, or names nothing to run.
    """
    bare = essence(content_type)
    if bare in multipart.MEDIA_TYPES:
        return _of_parts(body, content_type)
    if bare in _CWL:
        unit = {"executionUnit": _unit(body, bare)}
        return Definition(document=unit, package=PackageBody(body=body, media_type=bare))
    if bare in _PACKAGES:
        return definition_of(_read(body, bare))
    return definition_of(parse_json(body))


# ---------------------------------------------------------------- parts


def _of_parts(body: bytes, content_type: str) -> Definition:
    """Return the definition in parts: one says how to execute, the others are the package."""
    request: Mapping[str, Any] = {}
    found: Part | None = None
    packages: list[Part] = []
    for part in multipart.read_parts(body, content_type):
        document = _request_part(part)
        if document is None:
            packages.append(part)
        elif found is not None:
            _refuse(f"says how to execute, as {found.pointer} does: send one part with the inputs", part.pointer)
        else:
            found, request = part, document
    if not packages:
        if found is None:
            _refuse("has no part to run: send a CWL document in one part and {\"inputs\": …} in another")
        return definition_of(request)
    for name in ("process", "processDescription", "executionUnit"):
        if name in request:
            _refuse(f"has '{name}' beside a package in another part: send one of them", found.pointer if found else "")
    units = [_unit(part.body, part.media_type, part.pointer) for part in packages]
    described = units[0] if "executionUnit" in units[0] else {"executionUnit": units[0]}
    if len(units) == 1:
        return definition_of({**described, **request})
    definition = definition_of({"executionUnit": units, **request})
    # They belong together by the names of their parts, which JSON has no place for.
    return replace(definition, package=_joined(packages))


def _request_part(part: Part) -> Mapping[str, Any] | None:
    """Return what a part says of the execution, or None when it is a package."""
    bare = part.media_type.lower()
    if bare not in PLAIN_TYPES and not (bare in ("", "text/plain") and part.field == "inputs"):
        return None
    document = _read(part.body, bare or JSON, part.pointer)
    if not isinstance(document, Mapping):
        _refuse(f"is {kind_of(document)}; expected is an object with 'inputs'", part.pointer)
    if is_cwl(document) or ("executionUnit" in document and part.field != "inputs"):
        return None
    if part.field == "inputs" and not isinstance(document.get("inputs"), Mapping):
        return {"inputs": document}
    return document


def _joined(parts: Sequence[Part]) -> PackageBody:
    """Return some of the parts as a body of their own."""
    boundary = uuid.uuid4().hex
    written = []
    for part in parts:
        named = [(name, value) for name, value in part.headers if name.lower() in _NAMING]
        written.append(([("Content-Type", part.media_type or CWL), *named], part.body))
    body = multipart.write_parts(written, boundary)
    return PackageBody(body=body, media_type=f'multipart/related; boundary="{boundary}"')


# ---------------------------------------------------------------- changes


def changed(definition: Mapping[str, Any], change: Any) -> dict[str, Any]:
    """Return the definition with a change in it: inputs, outputs and options by their names, the rest as a whole.

    :raises InvalidRequest: the change is none; all that is wrong with it.
    """
    if faults := schemas.validate("jobPatch", change):
        raise InvalidRequest(faults=faults)
    found = dict(definition)
    if "process" in change:
        # The process takes the place of a package, too.
        found = {name: item for name, item in found.items() if name not in ("processDescription", "executionUnit")}
    for name, item in change.items():
        if name in _MERGED and item is not None:
            before = found.get(name)
            merged = {**(before if isinstance(before, Mapping) else {}), **item}
            found[name] = {key: value for key, value in merged.items() if value is not None}
        elif item is None:
            found.pop(name, None)
        else:
            found[name] = item
    return found


def process_name(reference: str, base: str) -> str:
    """Return the name of the process that an id, a path or a URI of this service means.

    :raises InvalidRequest: it is the URI of something else.
    """
    path = reference.strip()
    if "://" in path:
        if not path.startswith(f"{base.rstrip('/')}/"):
            why = f"is {reference[:200]!r}, which is not of this service: its processes are {base}/processes/…"
            raise InvalidRequest(faults=[Fault(why, "/process")])
        path = path[len(base.rstrip("/")) :]
    path = path.strip("/").removeprefix("processes/").removesuffix("/execution")
    if not path or "/" in path or "?" in path:
        why = f"is {reference[:200]!r}, which names no process: give its id, or its URI {base}/processes/…"
        raise InvalidRequest(faults=[Fault(why, "/process")])
    return unquote(path)


# ---------------------------------------------------------------- reading


def _unit(body: bytes, media_type: str, pointer: str = "") -> Mapping[str, Any]:
    """Return a package as it stands in JSON: itself, or its text with the media type."""
    if media_type.lower().endswith("json"):
        document = _read(body, media_type, pointer)
        if not isinstance(document, Mapping):
            _refuse(f"is {kind_of(document)}; expected is a CWL document or an application package", pointer)
        return document
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        _refuse("is not UTF-8 text", pointer)
    if media_type.lower() in _PACKAGES:
        document = _read(body, media_type, pointer)
        return document if isinstance(document, Mapping) else {"executionUnit": document}
    return {"value": text, "mediaType": media_type or CWL}


def _read(body: bytes, media_type: str, pointer: str = "") -> Any:
    try:
        return parse_json(body) if media_type.lower().endswith("json") else parse_text(body)
    except InvalidRequest as error:
        if not pointer:
            raise
        raise InvalidRequest(faults=[replace(fault, pointer=pointer) for fault in error.faults]) from error


def _write(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _refuse(message: str, pointer: str = "") -> NoReturn:
    raise InvalidRequest(faults=[Fault(message, pointer)])
