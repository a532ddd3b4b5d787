"""Processes: list, description, deployment, replacement, removal."""

from __future__ import annotations

import json

import pytest

from weaverlite.ogc import exceptions
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import find, read_links

TOOL = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "sort-lines",
    "label": "Sorts lines",
    "baseCommand": "sort",
    "inputs": {
        "text": {"type": "File", "format": "iana:text/plain", "inputBinding": {"position": 1}},
        "reverse": {"type": "boolean?", "inputBinding": {"prefix": "-r"}},
        "sizes": {"type": "int[]", "default": [1]},
    },
    "outputs": {"sorted": {"type": "stdout"}},
    "stdout": "sorted.txt",
    "$namespaces": {"iana": "https://www.iana.org/assignments/media-types/"},
}
CWL_JSON = "application/cwl+json"


def package(process_id, **members):
    unit = {"value": {**TOOL, **members}, "mediaType": CWL_JSON}
    return {"processDescription": {"id": process_id}, "executionUnit": unit}


@pytest.fixture
def deploy(http, base):
    """Deploy a package under an id; everything deployed is undeployed at the end."""
    made = []

    def post(document, media_type="application/ogcapppkg+json", query=""):
        body = document if isinstance(document, str | bytes) else json.dumps(document)
        answer = http.post(f"{base}/processes{query}", data=body, headers={"Content-Type": media_type})
        if answer.status_code == 201:
            made.append(answer.headers["Location"])
        return answer

    yield post
    for location in made:
        http.delete(location)


def test_processes_are_listed_page_by_page(http, base):
    found, href = [], f"{base}/processes?limit=2"
    while href:
        page = http.get(href).json()
        assert len(page["processes"]) <= 2
        found += [item["id"] for item in page["processes"]]
        following = find(read_links(page), rel.NEXT)
        href = following and following.href
    assert {"echo", "shout", "report"} <= set(found)
    assert found == sorted(found)


def test_every_summary_says_whether_it_can_be_changed(http, base):
    for item in http.get(f"{base}/processes?limit=100").json()["processes"]:
        assert item["mutable"] is False
        assert find(read_links(item), rel.SELF).href == f"{base}/processes/{item['id']}"
        assert find(read_links(item), rel.EXECUTE).href == f"{base}/processes/{item['id']}/execution"


def test_the_description_fits_both_versions(http, base):
    document = http.get(f"{base}/processes/echo").json()
    assert document["version"]
    assert next(iter(document["inputs"])) == "stringInput"
    assert document["inputs"]["stringInput"] | {"minOccurs": 1, "maxOccurs": 1} == document["inputs"]["stringInput"]
    assert document["inputs"]["pause"]["minOccurs"] == 0
    assert all("schema" in item for item in (*document["inputs"].values(), *document["outputs"].values()))
    assert set(document["jobControlOptions"]) == {"sync-execute", "async-execute", "dismiss"}
    assert find(read_links(document), rel.PROFILE).href == rel.PROCESS_PROFILE


def test_an_unknown_process_is_told(http, base):
    for answer in (
        http.get(f"{base}/processes/nothing"),
        http.get(f"{base}/processes/echo?revision=99"),
        http.get(f"{base}/processes/nothing/package"),
        http.delete(f"{base}/processes/nothing"),
        http.put(f"{base}/processes/nothing", data=json.dumps(TOOL), headers={"Content-Type": CWL_JSON}),
    ):
        assert answer.status_code == 404
        assert answer.json()["type"] == exceptions.NO_SUCH_PROCESS


# ---------------------------------------------------------------- deploy


def test_a_process_is_deployed_replaced_and_undeployed(http, base, deploy):
    answer = deploy(package("sort"))
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{base}/processes/sort"
    assert (answer.json()["id"], answer.json()["mutable"]) == ("sort", True)
    described = http.get(f"{base}/processes/sort").json()
    assert described["inputs"]["text"]["x-cwl-type"] == "File"
    assert described["inputs"]["text"]["valuePassing"] == ["byReference", "byValue"]
    assert described["inputs"]["sizes"]["valuePassing"] == ["byValue", "byReference"]
    put = http.put(
        f"{base}/processes/sort",
        data=json.dumps(package("sort", label="Sorts again")),
        headers={"Content-Type": "application/ogcapppkg+json"},
    )
    assert (put.status_code, put.content) == (204, b"")
    assert http.get(f"{base}/processes/sort").json()["revision"] == 2
    assert http.get(f"{base}/processes/sort?revision=1").json()["revision"] == 1
    assert http.delete(f"{base}/processes/sort").status_code == 204
    assert http.get(f"{base}/processes/sort").status_code == 404


def test_what_was_deployed_comes_back_as_it_came(http, base, deploy):
    body = "# a comment\n" + json.dumps(TOOL, indent=1)
    assert deploy(body, "application/cwl+yaml").status_code == 201
    answer = http.get(f"{base}/processes/sort-lines/package")
    assert answer.text == body
    assert answer.headers["Content-Type"] == "application/cwl+yaml"


def test_the_same_id_is_deployed_once(deploy):
    assert deploy(package("once")).status_code == 201
    answer = deploy(package("once"))
    assert answer.status_code == 409
    assert answer.json()["type"] == exceptions.DUPLICATED_PROCESS


def test_a_built_in_process_cannot_be_changed(http, base, deploy):
    put = http.put(f"{base}/processes/echo", data=json.dumps(TOOL | {"id": "echo"}), headers={"Content-Type": CWL_JSON})
    for answer in (
        http.delete(f"{base}/processes/echo"),
        put,
        deploy(package("echo")),
        http.get(f"{base}/processes/echo/package"),
    ):
        assert answer.status_code == 403
        assert answer.json()["type"] == exceptions.IMMUTABLE_PROCESS


@pytest.mark.parametrize("process_id", ["", "/null", "/echo", "/sort"])
@pytest.mark.parametrize("body", [b"", b"class: CommandLineTool"])
def test_the_media_type_is_looked_at_before_anything_else(http, base, process_id, body):
    send = http.put if process_id else http.post
    answer = send(f"{base}/processes{process_id}", data=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert answer.json()["type"] == exceptions.UNSUPPORTED_MEDIA_TYPE


@pytest.mark.parametrize(
    ("body", "media_type", "statuses"),
    [
        (b"{", CWL_JSON, {400}),
        (b"[1, 2", "application/cwl+yaml", {400}),
        (b"\xff\xfe\x00", "application/cwl", {400}),
        (b"", CWL_JSON, {400}),
        (b"{}", "application/ogcapppkg+json", {400, 422}),
        (b'{"class": "CommandLineTool"}', CWL_JSON, {400, 422}),
        (json.dumps({**TOOL, "requirements": {"NoSuchRequirement": {}}}).encode(), CWL_JSON, {422}),
        (json.dumps({name: TOOL[name] for name in TOOL if name != "id"}).encode(), CWL_JSON, {400, 422}),
        (json.dumps({**TOOL, "inputs": {"a": "NoSuchType"}}).encode(), CWL_JSON, {422}),
        (b"[" * 10_000 + b"]" * 10_000, CWL_JSON, {400}),
        (b"a: &a [1,1]\nb: &b [*a,*a]\n" + b"c: [*b,*b]\n", "application/cwl+yaml", {400, 422}),
        (b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
            b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % ((n, n) + (n - 1,) * 8) for n in range(98, 106)
        ), "application/cwl+yaml", {400, 422}),
        (b"class: !!python/object/apply:os.system ['id']", "application/cwl+yaml", {400}),
    ],
)
def test_a_package_that_is_none_is_refused_with_its_faults(deploy, body, media_type, statuses):
    answer = deploy(body, media_type)
    assert answer.status_code in statuses, answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize("process_id", ["../x", "a/b", "a b", "", ".hidden", "x" * 200, "ünïcode", "a\x00"])
def test_an_id_that_cannot_be_one_is_refused(deploy, process_id):
    assert deploy(package(process_id)).status_code in (400, 422)


def test_another_workflow_than_there_is_is_told(deploy):
    tool = {name: TOOL[name] for name in ("class", "baseCommand", "outputs", "stdout")}
    graph = {"cwlVersion": "v1.2", "$graph": [{**tool, "id": name, "inputs": {}} for name in ("one", "two")]}
    answer = deploy(json.dumps(graph), CWL_JSON, "?w=three")
    assert answer.status_code == 400
    assert answer.json()["type"] == exceptions.WORKFLOW_NOT_FOUND
    assert deploy(json.dumps(graph), CWL_JSON, "?w=two").json()["id"] == "two"
