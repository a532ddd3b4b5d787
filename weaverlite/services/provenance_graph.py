"""What is known of a job as a W3C PROV document, in every form that PROV has.

Everything has a short name below ``…/jobs/{id}/prov#``, so that it is a valid name in XML, Turtle and PROV-N alike;
where a thing really is, stands in its ``prov:location``. This module is imported when somebody asks for provenance: its
libraries take their time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from prov import model
from prov.serializers.provrdf import ProvRDFSerializer

from weaverlite.models.job import Attempt, Job
from weaverlite.models.nested import nested_in
from weaverlite.models.process import Process
from weaverlite.models.results import Manifest, OutputDirectory, OutputFile
from weaverlite.models.upload import Upload
from weaverlite.ogc import values
from weaverlite.ogc.pointers import pointer_to
from weaverlite.ogc.values import Inline, Qualified, Reference

_SCHEMA = "https://schema.org/"
_RUNS = "http://purl.org/wf4ever/wfprov#"
_TERMS = "http://purl.org/dc/terms/"
_OWN = "urn:weaverlite:provenance:"
_PROV = "http://www.w3.org/ns/prov#"
#: Longer values are told by their digest only.
_LONGEST = 1000
#: Relations of RDF that are said twice, directly and qualified; the library leaves out one of the two.
_SAID_TWICE = {
    "qualifiedAssociation": ("agent", "wasAssociatedWith"),
    "qualifiedDelegation": ("agent", "actedOnBehalfOf"),
    "qualifiedUsage": ("entity", "used"),
    "qualifiedGeneration": ("activity", "wasGeneratedBy"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of a job. ``uploads`` are those that its inputs refer to, by reference."""

    job: Job
    inputs: Mapping[str, Any]
    service: str
    version: str
    #: Of the service, of the job, and of each output and file of it.
    base: str
    process: Process | None = None
    manifest: Manifest | None = None
    uploads: Mapping[str, Upload] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.base}/jobs/{self.job.job_id}"


def document_of(facts: Facts) -> Any:
    """Return the PROV document (a ``ProvDocument``) of a job."""
    return _Graph(facts).build()


def write(document: Any, form: str) -> str:
    """Return the text of a document: ``json``, ``xml``, ``provn``, or what RDF is written in (``turtle`` …)."""
    if form == "provn":
        return str(document.get_provn()) + "\n"
    if form in ("json", "xml"):
        return str(document.serialize(format=form))
    graph = ProvRDFSerializer(document).encode_document(document)
    _complete(graph)
    return str(graph.serialize(format=form))


def _complete(graph: Any) -> None:
    """Let every relation be said directly, and every qualified one name its other end, as PROV-O wants it."""
    from rdflib import URIRef

    for name, (member, direct) in _SAID_TWICE.items():
        end, relation = URIRef(_PROV + member), URIRef(_PROV + direct)
        for subject, node in list(graph.subject_objects(URIRef(_PROV + name))):
            others = list(graph.objects(node, end))
            for other in others:
                graph.add((subject, relation, other))
            if not others:
                # What we write has one agent for each of these.
                for other in list(graph.objects(subject, relation)):
                    graph.add((node, end, other))


class _Graph:
    """Builds the document of one job."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._document = model.ProvDocument()
        add = self._document.add_namespace
        self._here = add("job", f"{facts.url}/prov#")
        self._schema, self._own = add("schema", _SCHEMA), add("wl", _OWN)
        self._runs, self._terms = add("wfprov", _RUNS), add("dcterms", _TERMS)
        self._job = self._here["job"]
        #: The jobs of nested processes, by where these stand.
        self._children = {item.pointer: item.job_id(facts.job.job_id) for item in nested_in(facts.inputs)}

    def build(self) -> Any:
        self._add_job()
        service = self._add_service()
        for attempt in self._facts.job.attempts:
            self._add_attempt(attempt, service)
        for name, value in self._facts.inputs.items():
            self._add_input(name, _local("input", name), value, pointer_to("/inputs", name))
        manifest = self._facts.manifest
        if manifest:
            for stream in manifest.streams:
                self._add_made(_local("stream", stream.name), self._file(stream), stream.name, manifest.created_at)
            for name, value in manifest.outputs.items():
                self._add_output(name, _local("output", name), value, manifest.created_at)
        return self._document

    # ------------------------------------------------------------ who and when

    def _add_job(self) -> None:
        job = self._facts.job
        told = {
            "prov:type": self._runs["ProcessRun"],
            "prov:label": job.title or job.options.name or job.job_id,
            "prov:location": model.Identifier(self._facts.url),
            self._schema["identifier"]: job.job_id,
            self._own["status"]: job.status.value,
            self._own["mode"]: job.mode,
            self._own["created"]: job.created_at,
            self._own["accepted"]: job.accepted_at,
        }
        self._document.activity(self._job, job.started_at, job.finished_at, _given(told))

    def _add_service(self) -> Any:
        facts, plan = self._facts, None
        told = {
            "prov:type": model.PROV["SoftwareAgent"],
            "prov:label": facts.service,
            "prov:location": model.Identifier(facts.base),
            self._schema["softwareVersion"]: facts.version,
        }
        service = self._document.agent(self._here["service"], _given(told))
        if facts.process:
            plan = self._add_plan(facts.process)
        self._document.wasAssociatedWith(self._job, service, plan)
        if facts.job.owner is not None:
            owner = self._document.agent(self._here["owner"], {"prov:label": facts.job.owner})
            self._document.actedOnBehalfOf(service, owner, self._job)
        return service

    def _add_plan(self, process: Process) -> Any:
        told = {
            "prov:type": model.PROV["Plan"],
            "prov:label": process.title,
            "prov:location": model.Identifier(f"{self._facts.base}/processes/{process.process_id}"),
            self._schema["identifier"]: process.process_id,
            self._schema["version"]: process.version,
            self._own["revision"]: _whole(process.revision),
            self._schema["encodingFormat"]: process.package.media_type,
            self._schema["sha256"]: process.package.digest.removeprefix("sha256:"),
        }
        return self._document.entity(self._here["process"], _given(told))

    def _add_attempt(self, attempt: Attempt, service: Any) -> None:
        name = self._here[f"attempt-{attempt.number}"]
        told = {
            "prov:label": f"attempt {attempt.number}",
            self._terms["isPartOf"]: self._job,
            self._own["ended"]: attempt.ended,
            self._own["exitCode"]: None if attempt.exit_code is None else _whole(attempt.exit_code),
            self._own["cpuSeconds"]: None if attempt.usage.cpu_seconds is None else _decimal(attempt.usage.cpu_seconds),
            self._own["peakMemory"]: None if attempt.usage.peak_memory is None else _whole(attempt.usage.peak_memory),
        }
        self._document.activity(name, attempt.started_at, attempt.finished_at, _given(told))
        self._document.wasInformedBy(name, self._job)
        worker = self._here[_local("worker", attempt.worker)]
        if not self._document.get_record(worker):
            self._document.agent(worker, {"prov:type": model.PROV["SoftwareAgent"], "prov:label": attempt.worker})
            self._document.actedOnBehalfOf(worker, service)
        self._document.wasAssociatedWith(name, worker)

    # ------------------------------------------------------------ what went in

    def _add_input(self, role: str, local: str, value: Any, pointer: str) -> None:
        if isinstance(value, list):
            for number, item in enumerate(value):
                self._add_input(role, f"{local}.{number}", item, f"{pointer}/{number}")
            return
        child = self._children.get(pointer)
        told = {} if child else self._input(value)
        entity = self._document.entity(self._here[local], _given({"prov:label": role, **told}))
        if child:
            self._document.wasGeneratedBy(entity, self._child(local, child))
        self._document.used(self._job, entity, self._facts.job.started_at, other_attributes={"prov:role": role})

    def _child(self, local: str, job_id: str) -> Any:
        """Return the job of a nested process, by the name that it has in its own document."""
        url = f"{self._facts.base}/jobs/{job_id}"
        name = self._document.add_namespace(f"of-{local}", f"{url}/prov#")["job"]
        activity = self._document.activity(name, other_attributes={"prov:location": model.Identifier(url)})
        self._document.wasInformedBy(self._job, activity)
        return activity

    def _input(self, value: Any) -> dict[Any, Any]:
        try:
            found = values.parse(value)
        except ValueError:
            found = Inline(value)
        if isinstance(found, Reference):
            return self._reference(found)
        if not isinstance(found, Qualified):
            return self._literal(found.value)
        told = self._literal(found.value)
        if isinstance(found.value, str) and values.is_binary(found.encoding):
            # The digest is that of the file, not of how it was written down.
            content = values.decode_base64(found.value)
            told = {self._schema["sha256"]: hashlib.sha256(content).hexdigest()}
            told[self._schema["contentSize"]] = _whole(len(content))
        return {**told, self._schema["encodingFormat"]: found.media_type or None}

    def _reference(self, found: Reference) -> dict[Any, Any]:
        told: dict[Any, Any] = {
            "prov:location": model.Identifier(found.href),
            self._schema["encodingFormat"]: found.media_type or None,
        }
        if upload := self._facts.uploads.get(found.href):
            told[self._schema["name"]] = upload.name
            told[self._schema["sha256"]] = upload.sha256
            told[self._schema["contentSize"]] = _whole(upload.size)
            told[self._schema["encodingFormat"]] = found.media_type or upload.media_type
        return told

    def _literal(self, value: Any) -> dict[Any, Any]:
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
        content = text.encode("utf-8", "surrogatepass")
        shown = _shown(value, text)
        told: dict[Any, Any] = {self._schema["sha256"]: hashlib.sha256(content).hexdigest()}
        if len(text) <= _LONGEST:
            told["prov:value"] = shown
        return told

    # ------------------------------------------------------------ what came out

    def _add_output(self, role: str, local: str, value: Any, at: datetime) -> None:
        if isinstance(value, OutputFile):
            self._add_made(local, self._file(value), role, at)
            for number, item in enumerate(value.secondary):
                self._add_output(role, f"{local}.secondary.{number}", item, at)
        elif isinstance(value, OutputDirectory):
            told = {"prov:type": model.PROV["Collection"], self._schema["name"]: value.path.rpartition("/")[2]}
            directory = self._add_made(local, told, role, at)
            for number, item in enumerate(value.files):
                file = self._add_made(f"{local}.{number}", self._file(item), role, at)
                self._document.hadMember(directory, file)
        elif isinstance(value, list | tuple):
            for number, item in enumerate(value):
                self._add_output(role, f"{local}.{number}", item, at)
        elif isinstance(value, Mapping) and any(True for _ in _files(value)):
            for number, item in enumerate(value.values()):
                self._add_output(role, f"{local}.{number}", item, at)
        else:
            self._add_made(local, self._literal(value), role, at)

    def _add_made(self, local: str, told: Mapping[Any, Any], role: str, at: datetime) -> Any:
        entity = self._document.entity(self._here[local], _given({"prov:label": role, **told}))
        self._document.wasGeneratedBy(entity, self._job, at, other_attributes={"prov:role": role})
        return entity

    def _file(self, file: OutputFile) -> dict[Any, Any]:
        return {
            "prov:location": model.Identifier(f"{self._facts.url}/{quote(file.path)}"),
            self._schema["name"]: file.name,
            self._schema["sha256"]: file.sha256,
            self._schema["contentSize"]: _whole(file.size),
            self._schema["encodingFormat"]: file.media_type,
        }


def _files(value: Any) -> Iterator[Any]:
    if isinstance(value, OutputFile | OutputDirectory):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _files(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _files(item)


def _given(told: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return what is known, with texts that every form can hold."""
    return {name: _plain(value) for name, value in told.items() if value is not None and value != ""}


def _plain(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, model.Identifier):
        return _UNWRITABLE.sub("\ufffd", value)
    return value


#: What XML has no way to write.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _shown(value: Any, text: str) -> Any:
    """Return a value as PROV has it: what JSON alone has a word for is its text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _whole(value)
    return _decimal(value) if isinstance(value, float) else _plain(text)


def _whole(number: int) -> Any:
    # The library would call it xsd:int, which ends at two thousand million.
    return model.Literal(str(number), model.XSD["integer"])


def _decimal(number: float) -> Any:
    # As text: each form would round a double in its own way.
    return model.Literal(format(Decimal(repr(number)), "f"), model.XSD["decimal"])


def _local(kind: str, name: str) -> str:
    """Return a name that is one in every form; a dot in it divides, and comes from nowhere else."""
    return f"{kind}-" + re.sub(r"[^A-Za-z0-9_-]", lambda found: f"_x{ord(found[0]):x}_", name)
