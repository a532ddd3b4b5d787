"""Whatever a job was given and has left can be told in every form of PROV."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree
from prov.model import ProvDocument
from rdflib import Graph

from weaverlite.models.job import Attempt, Job, Usage
from weaverlite.models.options import Options
from weaverlite.models.package import Package
from weaverlite.models.process import Description, Process
from weaverlite.models.results import Manifest, OutputDirectory, OutputFile
from weaverlite.ogc.status import StatusCode
from weaverlite.services.provenance_graph import Facts, document_of, write

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
SHA = "ab" * 32


def file(path, size=3, **more):
    return OutputFile(path=path, size=size, sha256=SHA, media_type="text/csv", **more)


def facts(*, inputs=None, outputs=None, **members):
    job = Job(
        **{
            "job_id": "5e1f3a52-6c3b-4d8a-9f6e-1b0c7d2a4e90",
            "process_id": "p",
            "process_revision": 2,
            "created_at": AT,
            "accepted_at": AT,
            "started_at": AT,
            "finished_at": AT + timedelta(seconds=2),
            "status": StatusCode.SUCCESSFUL,
            "owner": "ada & <bob>",
            "attempts": (
                Attempt(number=1, worker="w.1", started_at=AT, finished_at=AT, ended="worker-lost"),
                Attempt(number=2, worker="w.2", started_at=AT, exit_code=0, usage=Usage(cpu_seconds=0.1)),
            ),
            **members,
        }
    )
    process = Process(
        process_id="p",
        revision=2,
        package=Package.of("application/cwl+json", {}),
        engine="cwl",
        description=Description(title="A \x00 process \ud800"),
        created_at=AT,
    )
    manifest = Manifest(job_id=job.job_id, attempt=2, created_at=AT, outputs=outputs or {}, streams=(file("stdout"),))
    return Facts(
        job=job,
        inputs=inputs or {},
        service="S",
        version="1",
        base="https://host/w",
        process=process,
        manifest=manifest,
    )


def as_json(found):
    return json.loads(write(document_of(found), "json"))


EVERYTHING = facts(
    inputs={
        "text": "é \x00 \ud800",
        "whole": 2**40,
        "real": 0.1,
        "tiny": 1e-9,
        "yes": True,
        "nothing": None,
        "list": [1, "a", {"value": {"a": 1}}],
        "long": "x" * 100_000,
        "inline": {"value": "a,b", "mediaType": "text/csv"},
        "binary": {"value": base64.b64encode(b"bytes").decode(), "mediaType": "image/png", "encoding": "base64"},
        "there": {"href": "https://other/ä b?x=1&y=2", "type": "text/plain"},
        "größe 100%": {"bbox": [1, 2, 3, 4]},
    },
    outputs={
        "file": file("outputs/file/a (1), b.csv", 2**40, secondary=(file("outputs/file/a.idx"),)),
        "folder": OutputDirectory(path="outputs/folder/maps", files=(file("outputs/folder/maps/x"),)),
        "many": [file("outputs/many/0/a"), file("outputs/many/1/a")],
        "record": {"one": file("outputs/record/a"), "two": 2},
        "number": 3.5,
        "object": {"a": [1, None]},
    },
)


@pytest.mark.parametrize("form", ["turtle", "nt", "json-ld"])
def test_everything_is_told_in_every_form_of_rdf(form):
    graph = Graph().parse(data=write(document_of(EVERYTHING), form), format=form)
    named = {str(subject).rpartition("#")[2] for subject in graph.subjects()}
    assert {"job", "attempt-1", "attempt-2", "service", "owner", "process"} <= named
    assert {"input-list.2", "output-folder.0", "output-many.1", "output-file.secondary.0"} <= named


def test_everything_is_told_in_json_and_xml_alike():
    document = document_of(EVERYTHING)
    text = write(document, "xml")
    assert etree.fromstring(text.encode()) is not None
    as_json = write(document, "json")
    assert ProvDocument.deserialize(content=text, format="xml") == ProvDocument.deserialize(content=as_json)


def test_everything_is_told_in_the_notation():
    text = write(document_of(EVERYTHING), "provn")
    assert text.startswith("document\n")
    assert text.endswith("endDocument\n")
    assert "actedOnBehalfOf(job:service, job:owner, job:job)" in text


def test_names_are_valid_in_every_form():
    document = as_json(EVERYTHING)
    names = [name.partition(":")[2] for kind in ("entity", "activity", "agent") for name in document[kind]]
    assert len(names) == len(set(names))
    for name in names:
        # An NCName, of ASCII letters.
        assert name.replace("-", "").replace("_", "").replace(".", "").isalnum()
        assert name.isascii()
        assert name[0].isalpha()


def test_digests_are_those_of_the_content():
    entities = as_json(EVERYTHING)["entity"]
    assert entities["job:input-binary"]["schema:sha256"] == hashlib.sha256(b"bytes").hexdigest()
    assert entities["job:input-inline"]["schema:sha256"] == hashlib.sha256(b"a,b").hexdigest()
    assert entities["job:input-long"]["schema:sha256"] == hashlib.sha256(b"x" * 100_000).hexdigest()
    assert "prov:value" not in entities["job:input-long"]
    assert entities["job:output-file"]["schema:sha256"] == SHA
    assert entities["job:output-number"]["prov:value"] == {"$": "3.5", "type": "xsd:decimal"}


def test_large_numbers_are_whole_ones():
    document = as_json(EVERYTHING)
    assert document["entity"]["job:output-file"]["schema:contentSize"] == {"$": str(2**40), "type": "xsd:integer"}
    assert document["entity"]["job:input-whole"]["prov:value"] == {"$": str(2**40), "type": "xsd:integer"}
    assert document["entity"]["job:input-tiny"]["prov:value"]["$"] == "0.000000001"


def test_each_worker_is_named_once_and_each_attempt_is_its():
    found = facts(attempts=tuple(Attempt(number=number, worker="w", started_at=AT) for number in (1, 2)))
    document = as_json(found)
    assert {"job:worker-w", "job:service", "job:owner"} == set(document["agent"])
    pairs = {(item["prov:activity"], item["prov:agent"]) for item in document["wasAssociatedWith"].values()}
    assert {("job:attempt-1", "job:worker-w"), ("job:attempt-2", "job:worker-w")} < pairs
    assert len(document["actedOnBehalfOf"]) == 2


def test_a_job_that_has_nothing_yet_is_told_too():
    found = facts(attempts=(), owner=None, started_at=None, finished_at=None, options=Options(name="named"))
    document = as_json(replace(found, manifest=None, process=None))
    assert "entity" not in document
    assert document["activity"]["job:job"]["prov:label"] == "named"
