"""Jobs that bring their own package, and where results come from: real tools, through HTTP."""

from __future__ import annotations

import hashlib
import json
import warnings

import pytest

from tests.functional.tools import SORT
from weaverlite.testing.app import URL, running

from .conftest import ended

SORT_YAML = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: sort
inputs: {text: {type: File, inputBinding: {position: 1}}}
outputs: {sorted: {type: stdout}}
stdout: sorted.txt
"""
INPUTS = {"text": {"value": "b\na\n", "mediaType": "text/plain"}}
RUN = {"Prefer": "wait=60"}


@pytest.fixture(scope="module")
def service(tmp_path_factory, backends):
    directory = tmp_path_factory.mktemp("adhoc")
    with running(directory, settings=backends.settings_for(directory)) as started:
        yield started


def multipart(*parts, subtype="related"):
    """Return the body and the headers of parts: media type, headers and bytes each."""
    lines = b""
    for media_type, headers, body in parts:
        lines += b"--limit\r\nContent-Type: " + media_type.encode() + b"\r\n"
        lines += b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items())
        lines += b"\r\n" + (body if isinstance(body, bytes) else json.dumps(body).encode()) + b"\r\n"
    return {"data": lines + b"--limit--\r\n", "headers": {"Content-Type": f"multipart/{subtype}; boundary=limit"}}


def post(http, *, data=None, document=None, headers=None, prefer=RUN):
    if document is not None:
        data, headers = json.dumps(document), {"Content-Type": "application/json"}
    return http.post(f"{URL}/jobs", data=data, headers={**(headers or {}), **prefer})


def check_sorted(http, answer):
    """Check that the job of an answer sorted its text; return its URL."""
    assert answer.status_code == 201, answer.text
    job = answer.headers["Location"]
    status = ended(http, job)
    assert status["status"] == "successful", status
    assert http.get(f"{job}/results/sorted").text == "a\nb\n"
    return job


BODIES = {
    "unit": {"document": {"executionUnit": SORT, "inputs": INPUTS}},
    "unit-text": {
        "document": {"executionUnit": {"value": SORT_YAML, "mediaType": "application/cwl+yaml"}, "inputs": INPUTS}
    },
    "process": {"document": {"process": SORT, "inputs": INPUTS, "title": "By value"}},
    "package": {"document": {"process": {"executionUnit": SORT}, "inputs": INPUTS}},
    "related": multipart(
        ("application/cwl+yaml", {"Content-ID": "<tool>"}, SORT_YAML.encode()),
        ("application/json", {}, {"inputs": INPUTS}),
    ),
    "form": multipart(
        ("application/json", {"Content-Disposition": 'form-data; name="inputs"'}, INPUTS),
        ("application/cwl+json", {"Content-Disposition": 'form-data; name="cwl"; filename="sort.cwl"'}, SORT),
        subtype="form-data",
    ),
}


@pytest.mark.parametrize("form", sorted(BODIES))
def test_a_package_comes_with_its_inputs(http, form):
    job = check_sorted(http, post(http, **BODIES[form]))
    assert http.delete(job).status_code == 200


def test_the_process_of_such_a_job_is_nobody_elses(http, service):
    job = check_sorted(http, post(http, **BODIES["unit"]))
    process_id = http.get(job).json()["processID"]
    assert process_id.startswith("adhoc-")
    assert http.get(f"{URL}/processes/{process_id}").status_code == 404
    assert process_id not in {item["id"] for item in http.get(f"{URL}/processes?limit=1000").json()["processes"]}
    assert http.post(f"{URL}/jobs", json={"process": process_id}).status_code == 404
    found = http.get(f"{URL}/jobs?processID={process_id}").json()["jobs"]
    assert [item["jobID"] for item in found] == [job.rpartition("/")[2]]
    assert service.runtime.store.processes.get(process_id, 1).visibility == "private"


def test_the_process_goes_with_the_last_job(http, service):
    store = service.runtime.store.processes
    job = check_sorted(http, post(http, **BODIES["unit"]))
    process_id = http.get(job).json()["processID"]
    again = http.post(f"{job}/rerun")
    assert again.status_code == 201, again.text
    check_sorted(http, again)
    assert http.delete(job).status_code == 200
    assert store.get(process_id, 1)
    assert http.delete(again.headers["Location"]).status_code == 200
    assert store.next_revision(process_id) == 1


def test_such_a_job_may_wait_for_its_inputs(http):
    headers = {"Content-Type": "application/cwl+yaml"}
    answer = post(http, data=SORT_YAML.encode(), headers=headers, prefer={})
    assert answer.json()["status"] == "created"
    job = answer.headers["Location"]
    assert http.get(f"{job}/definition").json() == {
        "executionUnit": {"value": SORT_YAML, "mediaType": "application/cwl+yaml"}
    }
    assert [item["pointer"] for item in http.post(f"{job}/results").json()["errors"]] == ["/inputs/text"]
    assert http.patch(job, json={"inputs": INPUTS}).status_code == 200
    assert http.post(f"{job}/results", headers=RUN).status_code == 200
    assert ended(http, job)["status"] == "successful"
    assert http.get(f"{job}/results/sorted").text == "a\nb\n"


def test_the_definition_can_be_sent_again(http):
    job = check_sorted(http, post(http, **BODIES["related"]))
    document = http.get(f"{job}/definition").json()
    assert document["inputs"] == INPUTS
    check_sorted(http, post(http, document=document))


def test_a_change_may_put_a_deployed_process_in_place_of_the_package(http, service):
    job = post(http, document={"executionUnit": SORT}, prefer={}).headers["Location"]
    process_id = http.get(job).json()["processID"]
    answer = http.patch(job, json={"process": "echo"})
    assert (answer.status_code, answer.json()["processID"]) == (200, "echo")
    assert http.get(f"{job}/definition").json() == {"process": "echo"}
    assert service.runtime.store.processes.next_revision(process_id) == 1


def test_a_dry_run_of_a_package_stores_nothing(http):
    before = [item["jobID"] for item in http.get(f"{URL}/jobs?limit=10000").json()["jobs"]]
    answer = http.post(f"{URL}/jobs?dryRun=true", json={"executionUnit": SORT, "inputs": INPUTS})
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"] == {"sorted": {}}
    assert [item["jobID"] for item in http.get(f"{URL}/jobs?limit=10000").json()["jobs"]] == before


def test_a_package_that_cannot_be_run_is_refused_where_it_stands(http):
    broken = {**SORT, "requirements": {"NoSuchRequirement": {}}}
    for document, place in (({"executionUnit": broken}, "/executionUnit"), ({"process": broken}, "/process")):
        answer = post(http, document=document)
        assert answer.status_code in (400, 422), answer.text
        assert all(fault["pointer"].startswith(place) for fault in answer.json()["errors"]), answer.json()


def test_the_inputs_of_a_package_are_held_against_it(http):
    answer = post(http, document={"executionUnit": SORT, "inputs": {"text": 5, "more": 1}})
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/inputs/text", "/inputs/more"]


JSON_PART = ("application/json", {}, {"inputs": INPUTS})
CWL_PART = ("application/cwl+json", {}, SORT)


@pytest.mark.parametrize(
    "parts",
    [
        (JSON_PART,),
        (JSON_PART, JSON_PART, CWL_PART),
        (("application/json", {}, {"process": "echo"}), CWL_PART),
        (("application/json", {}, b"{"), CWL_PART),
        (("application/json", {}, b"[1]"), CWL_PART),
        (JSON_PART, ("application/cwl+json", {}, b'{"cwlVersion": "\xff"}')),
        (JSON_PART, ("application/cwl+yaml", {}, b"\xff")),
        (JSON_PART, ("application/octet-stream", {}, b"\x00\x01")),
    ],
    ids=["no-package", "twice", "process-too", "no-json", "list", "no-utf8", "no-utf8-yaml", "bytes"],
)
def test_parts_that_make_no_definition_are_refused(http, parts):
    answer = post(http, **multipart(*parts))
    assert 400 <= answer.status_code < 500, answer.text


def test_a_multipart_body_that_is_not_whole_is_refused(http):
    whole = multipart(CWL_PART, JSON_PART)
    for data in (whole["data"][:-20], b"", b"--limit\r\n"):
        assert post(http, data=data, headers=whole["headers"]).status_code == 400
    assert post(http, data=whole["data"], headers={"Content-Type": "multipart/related"}).status_code == 400


def test_a_nested_process_is_run_when_the_job_is_started(http):
    nested = {"process": "echo", "inputs": {"stringInput": "deep"}, "outputs": {"stringInput": {}}}
    document = {"process": "echo", "inputs": {"stringInput": nested}, "outputs": {"stringInput": {}}}
    job = post(http, document=document, prefer={}).headers["Location"]
    assert http.patch(job, json={"title": "Nested"}).status_code == 200
    assert http.post(f"{job}/results").status_code == 200
    status = ended(http, job)
    assert (status["status"], status["title"]) == ("successful", "Nested")
    assert http.get(f"{job}/results?f=json").json() == {"stringInput": "deep"}
    provenance = http.get(f"{job}/prov").json()
    generated = {item["prov:entity"]: item["prov:activity"] for item in provenance["wasGeneratedBy"].values()}
    prefix = generated["job:input-stringInput"].partition(":")[0]
    child = provenance["prefix"][prefix].removesuffix("/prov#")
    assert child != job
    assert http.get(child).json()["status"] == "successful"
    assert provenance["wasInformedBy"]


# ---------------------------------------------------------------- provenance


FORMS = {
    "json": "application/json",
    "jsonld": "application/ld+json",
    "turtle": "text/turtle",
    "nt": "application/n-triples",
    "provn": "text/provenance-notation",
    "xml": "application/xml",
}


@pytest.fixture(scope="module")
def traced(service):
    """The URL of a job with an upload as input."""
    with service.session() as http:
        kept = http.post(f"{URL}/vault?name=t.txt", data=b"b\na\n", headers={"Content-Type": "text/plain"}).json()
        inputs = {"text": {"href": kept["href"], "type": "text/plain"}}
        return check_sorted(http, post(http, document={"process": SORT, "inputs": inputs, "title": "Träced"}))


def as_prov(text, form):
    from prov.model import ProvDocument

    return ProvDocument.deserialize(content=text, format=form)


def as_graph(text, form):
    from rdflib import Graph
    from rdflib.compare import to_canonical_graph

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return set(to_canonical_graph(Graph().parse(data=text, format=form)))


def test_provenance_tells_where_results_come_from(http, traced):
    answer = http.get(f"{traced}/prov")
    assert answer.headers["Content-Type"] == "application/json"
    document = answer.json()
    digest = hashlib.sha256(b"b\na\n").hexdigest()
    activity = document["activity"]["job:job"]
    assert activity["prov:label"] == "Träced"
    assert {"prov:startTime", "prov:endTime"} <= set(activity)
    assert document["entity"]["job:input-text"]["schema:sha256"] == digest
    made = document["entity"]["job:output-sorted"]
    assert made["schema:sha256"] == hashlib.sha256(b"a\nb\n").hexdigest()
    assert made["prov:location"]["$"] == f"{traced}/outputs/sorted/sorted.txt"
    assert http.get(made["prov:location"]["$"]).content == b"a\nb\n"
    used, *_ = document["used"].values()
    assert (used["prov:activity"], used["prov:entity"], used["prov:role"]) == ("job:job", "job:input-text", "text")
    roles = {item["prov:entity"]: item["prov:role"] for item in document["wasGeneratedBy"].values()}
    assert roles["job:output-sorted"] == "sorted"
    assert {"job:process", "job:stream-exitCode"} <= set(document["entity"])
    assert len(document["entity"]["job:process"]["schema:sha256"]) == 64
    assert {"job:service"} < set(document["agent"])
    plans = [item.get("prov:plan") for item in document["wasAssociatedWith"].values()]
    assert "job:process" in plans


@pytest.mark.parametrize("name", sorted(FORMS))
def test_every_form_is_had_by_header_and_by_parameter(http, traced, name):
    by_name = http.get(f"{traced}/prov?f={name}")
    by_type = http.get(f"{traced}/prov", headers={"Accept": FORMS[name]})
    for answer in (by_name, by_type):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].removesuffix("; charset=utf-8") == FORMS[name]
        assert answer.content


def test_the_forms_of_the_library_say_the_same(http, traced):
    document = as_prov(http.get(f"{traced}/prov").text, "json")
    assert as_prov(http.get(f"{traced}/prov?f=xml").text, "xml") == document
    from prov.model import ProvDocument

    # PROV-N is only written by the library: what it writes of the same document is what we send.
    sent = http.get(f"{traced}/prov?f=provn").text
    assert sorted(sent.splitlines()) == sorted((document.get_provn() + "\n").splitlines())
    assert isinstance(document, ProvDocument)


def test_the_forms_of_rdf_say_the_same(http, traced):
    graphs = {
        name: as_graph(http.get(f"{traced}/prov?f={name}").text, form)
        for name, form in (("turtle", "turtle"), ("nt", "nt"), ("jsonld", "json-ld"))
    }
    assert graphs["turtle"] == graphs["nt"] == graphs["jsonld"]
    named = {str(subject).rpartition("#")[2] for subject, _, _ in graphs["nt"]}
    assert {"job", "service", "process", "input-text", "output-sorted"} <= named
    prov = "http://www.w3.org/ns/prov#"
    nodes = [node for _, name, node in graphs["nt"] if str(name) == f"{prov}qualifiedAssociation"]
    agents = {subject for subject, name, _ in graphs["nt"] if str(name) == f"{prov}agent"}
    assert nodes and agents >= set(nodes)
    # The relations of the JSON are all there, directly.
    document = http.get(f"{traced}/prov").json()
    ends = {"used": ("activity", "entity"), "wasGeneratedBy": ("entity", "activity")}
    for name, (first, second) in {**ends, "wasAssociatedWith": ("activity", "agent")}.items():
        said = {(item[f"prov:{first}"], item[f"prov:{second}"]) for item in document[name].values()}
        found = {
            tuple(f"job:{str(end).rpartition('#')[2]}" for end in (subject, other))
            for subject, predicate, other in graphs["nt"]
            if str(predicate) == prov + name
        }
        assert found == said


def test_the_xml_form_is_well_formed(http, traced):
    from lxml import etree

    root = etree.fromstring(http.get(f"{traced}/prov?f=xml").content)
    assert etree.QName(root).localname == "document"


def test_a_form_that_is_none_of_provenance_is_not_acceptable(http, traced):
    assert http.get(f"{traced}/prov", headers={"Accept": "image/png"}).status_code == 406
    assert http.get(f"{traced}/prov?f=sse").status_code == 406


def test_a_job_that_waits_has_a_provenance_too(http):
    job = post(http, document={"process": "echo"}, prefer={}).headers["Location"]
    document = http.get(f"{job}/prov").json()
    assert "wasGeneratedBy" not in document
    assert document["activity"]["job:job"]["wl:status"] == "created"


@pytest.mark.parametrize("part", ["definition", "inputs", "prov"])
def test_what_is_known_of_a_job_is_also_a_page(http, traced, part):
    answer = http.get(f"{traced}/{part}", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
