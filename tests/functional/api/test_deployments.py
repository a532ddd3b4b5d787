"""Deployment through HTTP in all its forms: parts, references, images, dry runs, versions, edits, packages."""

from __future__ import annotations

import json
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.listening import listening
from weaverlite.ogc import exceptions
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import find, read_links
from weaverlite.settings import EgressSettings, ServerSettings
from weaverlite.testing.app import URL, running

from .conftest import ended, submit

CWL_JSON, CWL_YAML, PACKAGE = "application/cwl+json", "application/cwl+yaml", "application/ogcapppkg+json"
MERGE_PATCH = "application/merge-patch+json"
SAY = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "say",
    "baseCommand": ["echo", "one"],
    "inputs": {"word": {"type": "string", "default": "x", "inputBinding": {"position": 1}}},
    "outputs": {"said": {"type": "stdout"}},
    "stdout": "said.txt",
}
FLOW = {
    "cwlVersion": "v1.2",
    "class": "Workflow",
    "id": "twice",
    "inputs": {"word": "string"},
    "outputs": {"said": {"type": "File", "outputSource": "#twice/s/said"}},
    "steps": {"s": {"run": "say.cwl", "in": {"word": "word"}, "out": ["said"]}},
}


def tool(process_id, **more):
    return {**SAY, "id": process_id, **more}


def wrapped(process_id, unit, **description):
    return {"processDescription": {"id": process_id, **description}, "executionUnit": unit}


def parts(*documents, kind="mixed"):
    lines = [
        f'--B\r\nContent-Type: {CWL_JSON}\r\nContent-Disposition: attachment; filename="{name}"\r\n\r\n'
        f"{json.dumps(document)}\r\n"
        for name, document in documents
    ]
    return "".join(lines) + "--B--\r\n", f"multipart/{kind}; boundary=B"


@pytest.fixture(scope="module")
def service(tmp_path_factory, backends):
    directory = tmp_path_factory.mktemp("deployments")
    sections = {
        "egress": EgressSettings(allow_private=("127.0.0.0/8",)),
        "server": ServerSettings(port=0, held_threads=8, threads=12, body_limit=200_000),
    }
    with running(directory, settings=replace(backends.settings_for(directory), **sections)) as started:
        yield started


@pytest.fixture(scope="module")
def web():
    """A server of CWL files: the tool at /say.cwl, much at /large.cwl, nothing elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            bodies = {"/say.cwl": json.dumps(tool("fetched")).encode(), "/large.cwl": b"a" * 300_000}
            body = bodies.get(self.path, b"")
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url


@pytest.fixture
def send(http):
    """Send a body to a path; what was deployed is undeployed at the end."""
    made = []

    def request(body, media_type=CWL_JSON, path="/processes", method="POST"):
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        answer = http.request(method, URL + path, data=data, headers={"Content-Type": media_type})
        if answer.status_code == 201:
            made.append(answer.headers["Location"])
        return answer

    yield request
    for location in made:
        http.delete(location)


def faults(answer):
    return {fault["pointer"]: fault["message"] for fault in answer.json()["errors"]}


def said(http, name):
    """Execute a process and return what it said."""
    answer = http.post(f"{URL}/processes/{name}/execution", json={"inputs": {"word": "hi"}})
    assert answer.status_code == 200, answer.text
    return answer.text


# ---------------------------------------------------------------- forms


def test_documents_that_name_each_other_are_deployed_as_one(http, send):
    body, media_type = parts(("say.cwl", SAY), ("twice.cwl", FLOW))
    answer = send(body, media_type)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{URL}/processes/twice"
    assert said(http, "twice") == "one hi\n"
    assert http.get(f"{URL}/processes/say").status_code == 404
    package = http.get(f"{URL}/processes/twice/package")
    assert (package.headers["Content-Type"], package.text) == (media_type, body)
    packed = http.get(f"{URL}/processes/twice/package", headers={"Accept": CWL_JSON}).json()
    assert {item["id"] for item in packed["$graph"]} == {"main", "say"}


def test_nothing_is_left_when_one_part_fails(http, send):
    body, media_type = parts(("say.cwl", tool("say", requirements={"NoSuch": {}})), ("twice.cwl", FLOW))
    answer = send(body, media_type)
    assert answer.status_code == 422
    assert list(faults(answer)) == ["/parts/0/requirements/NoSuch"]
    listed = http.get(f"{URL}/processes?limit=100").json()["processes"]
    assert not {"say", "twice"} & {item["id"] for item in listed}


@pytest.mark.parametrize("form", [{"type": "application/cwl"}, {}])
def test_a_unit_by_reference_is_fetched(http, send, web, form):
    # As acceptance suites send it: without a description, the id is that of the CWL.
    answer = send({"executionUnit": {"href": f"{web}/say.cwl", **form}}, PACKAGE)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{URL}/processes/fetched"
    assert http.get(f"{URL}/processes/fetched/package").json() == {"executionUnit": {"href": f"{web}/say.cwl", **form}}


@pytest.mark.parametrize(
    ("href", "status", "words"),
    [
        ("{web}/nothing.cwl", 422, "404"),
        ("{web}/large.cwl", 422, "larger than"),
        ("gopher://e.org/a", 422, "scheme"),
        ("file:///etc/passwd", 403, "file_roots"),
        ("http://10.0.0.1/a.cwl", 403, "allow_private"),
        ("http://", 422, ""),
    ],
)
def test_what_cannot_be_fetched_is_refused_with_its_place(send, web, href, status, words):
    answer = send(wrapped("remote", {"href": href.format(web=web)}), PACKAGE)
    assert answer.status_code == status, answer.text
    assert list(faults(answer)) == ["/executionUnit/href"]
    assert words in faults(answer)["/executionUnit/href"]


def test_an_image_is_deployed_replaced_and_described(http, send):
    unit = {"type": "docker", "image": "docker://e.org/maths:1", "config": {"memoryMax": 2, "jobTimeout": 60}}
    schema = {"oneOf": [{"type": "string", "contentEncoding": "base64", "contentMediaType": f"image/{name}"}
                        for name in ("tiff", "png")]}  # fmt: skip
    body = wrapped(
        "maths",
        unit,
        version="1.0.0",
        additionalParameters=[{"name": "entry-point", "value": "x"}],
        deploymentProfile="http://www.opengis.net/profiles/eoc/dockerizedApplication",
        inputs={
            "images": {"maxOccurs": 9, "schema": schema, "additionalParameters": [{"name": "a", "value": "b"}]},
            "kind": {"schema": {"type": "string", "default": "float", "enum": ["int", "int", "float"]}},
            "ram": {"schema": {"type": "integer", "default": 128, "nullable": True}},
        },
        outputs={"image": {"title": "Result", "schema": schema}},
    )
    assert send(body, PACKAGE).status_code == 201
    assert send(body, PACKAGE).status_code == 409
    # The version it repeats is not asked for again.
    assert [send(body, PACKAGE, "/processes/maths", "PUT").status_code for _ in range(2)] == [204, 204]
    described = http.get(f"{URL}/processes/maths").json()
    assert described["version"] == "3.0.0"
    assert described["deploymentProfile"] == body["processDescription"]["deploymentProfile"]
    assert described["inputs"]["images"]["x-cwl-type"] == "File[]"
    assert described["inputs"]["ram"]["minOccurs"] == 0
    assert described["outputs"]["image"]["title"] == "Result"
    assert http.get(f"{URL}/processes/maths/package").json() == body
    compiled = http.get(f"{URL}/processes/maths/package", headers={"Accept": CWL_JSON}).json()
    assert compiled["requirements"]["DockerRequirement"] == {"dockerPull": "e.org/maths:1"}


def test_all_that_is_wrong_with_a_package_is_told_at_once(send):
    body = wrapped("a b", [{"image": "A B"}, 3, {"href": 7}], deploymentProfile="x")
    answer = send(body, PACKAGE)
    assert answer.status_code == 422
    assert set(faults(answer)) == {
        "/executionUnit/0/image",
        "/executionUnit/1",
        "/executionUnit/2/href",
        "/processDescription/id",
        "/processDescription/deploymentProfile",
    }


@pytest.mark.parametrize(
    ("body", "media_type", "status", "pointer"),
    [
        (b"--B\r\n\r\n{}", "multipart/mixed; boundary=B", 400, ""),
        (b"--B\r\n\r\na: 1\r\n--B--", "multipart/mixed", 400, "Content-Type"),
        (b"--B\r\n\r\n\xff\xfe\r\n--B--", "multipart/mixed; boundary=B", 400, "/parts/0"),
        (b'--B\r\n\r\n{"a": 1, "a": 2}\r\n--B--', "multipart/mixed; boundary=B", 400, "/parts/0"),
        (b"--B\r\n\r\n&a [*a]\r\n--B--", "multipart/form-data; boundary=B", 400, "/parts/0"),
        (b"--B\r\nContent-Type: image/png\r\n\r\nx\r\n--B--", "multipart/mixed; boundary=B", 415, None),
        (b'{"executionUnit": {"value": "a: !!python/name:os.system x"}}', PACKAGE, 422, "/executionUnit/value"),
        (b'{"processDescription": {"version": "a b"}, "executionUnit": %s}' % json.dumps(SAY).encode(), PACKAGE, 422,
         "/processDescription/version"),
        (b'{"processDescription": {"process": {"visibility": "x"}}, "executionUnit": %s}' % json.dumps(SAY).encode(),
         PACKAGE, 422, "/processDescription/process/visibility"),
        (b" " * 200_001, CWL_JSON, 413, None),
    ],
)  # fmt: skip
def test_a_bad_body_is_refused_with_its_place(send, body, media_type, status, pointer):
    answer = send(body, media_type)
    assert answer.status_code == status, answer.text
    if pointer is not None:
        assert list(faults(answer)) == [pointer]


def test_a_schema_is_never_fetched(send, web):
    body = wrapped("remote", SAY, inputs={"word": {"schema": {"$ref": f"{web}/say.cwl"}}})
    answer = send(body, PACKAGE)
    assert answer.status_code == 422
    assert all(pointer.startswith("/processDescription/inputs/word") for pointer in faults(answer))


# ---------------------------------------------------------------- dry runs


def test_a_dry_run_describes_what_would_come_and_does_nothing(http, send):
    answer = send(wrapped("dry", SAY, title="Dry"), PACKAGE, "/processes?dryRun=true")
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["title"], answer.json()["version"]) == ("dry", "Dry", "1.0.0")
    assert list(answer.json()["inputs"]) == ["word"]
    assert http.get(f"{URL}/processes/dry").status_code == 404
    send(tool("dry"))
    assert send(tool("dry"), path="/processes?dryRun=true").status_code == 409
    answer = send(tool("dry", label="New"), path="/processes/dry?dryRun=true", method="PUT")
    assert (answer.status_code, answer.json()["title"], answer.json()["version"]) == (200, "New", "2.0.0")
    assert http.get(f"{URL}/processes/dry").json()["revision"] == 1


def test_a_dry_run_tells_every_fault(send):
    bad = tool("bad", requirements={"NoSuch": {}}, outputs={"o": {"type": "File", "location": 1}}, cwlVersion="v9")
    package = wrapped("bad", {"value": bad}, title=3, visibility="x")
    answer = send(package, PACKAGE, "/processes?dryRun=true")
    assert answer.status_code == 422
    assert {
        "/executionUnit/value/requirements/NoSuch",
        "/executionUnit/value/cwlVersion",
        "/processDescription/title",
        "/processDescription/visibility",
    } <= set(faults(answer))


# ---------------------------------------------------------------- what comes first


@pytest.mark.parametrize("path", ["", "/null", "/echo"])
@pytest.mark.parametrize("body", [b"", b"class: Workflow"])
def test_the_media_type_comes_first(send, path, body):
    answer = send(body, "text/plain", f"/processes{path}", "PUT" if path else "POST")
    assert answer.status_code == 415
    assert answer.json()["type"] == exceptions.UNSUPPORTED_MEDIA_TYPE


def test_what_there_is_comes_before_what_is_sent(send):
    assert send(b"{", path="/processes/nothing", method="PUT").json()["type"] == exceptions.NO_SUCH_PROCESS
    assert send(b"{", path="/processes/echo", method="PUT").json()["type"] == exceptions.IMMUTABLE_PROCESS
    assert send({"title": "x"}, MERGE_PATCH, "/processes/echo", "PATCH").json()["type"] == exceptions.IMMUTABLE_PROCESS


def test_a_clash_says_where_the_other_one_is(send):
    send(tool("there"))
    for process_id, status in (("there", 409), ("echo", 403)):
        answer = send(tool(process_id))
        assert answer.status_code == status
        assert answer.headers["Location"] == f"{URL}/processes/{process_id}"


# ---------------------------------------------------------------- revisions


def test_every_revision_has_a_name_and_stays(http, send):
    send(tool("grown", label="First"))
    send(tool("grown", label="Second", baseCommand=["echo", "two"]), path="/processes/grown", method="PUT")
    patched = send({"title": "Third", "keywords": ["k"]}, MERGE_PATCH, "/processes/grown", "PATCH")
    assert patched.status_code == 200
    assert (patched.json()["version"], patched.headers["Location"]) == ("2.0.1", f"{URL}/processes/grown:2.0.1")
    minor = send({"jobControlOptions": ["sync-execute", "async-execute"]}, MERGE_PATCH, "/processes/grown", "PATCH")
    assert minor.json()["version"] == "2.1.0"
    titles = {version: http.get(f"{URL}/processes/grown:{version}").json()["title"]
              for version in ("1.0.0", "2.0.0", "2.0.1", "2.1.0")}  # fmt: skip
    assert list(titles.values()) == ["First", "Second", "Third", "Third"]
    assert said(http, "grown:1.0.0") == "one hi\n"
    assert said(http, "grown") == "two hi\n"
    old = http.get(f"{URL}/processes/grown:1.0.0").json()
    assert find(read_links(old), rel.SELF).href == f"{URL}/processes/grown:1.0.0"
    assert find(read_links(old), rel.LATEST_VERSION).href == f"{URL}/processes/grown"
    assert find(read_links(old), rel.EXECUTE).href == f"{URL}/processes/grown:1.0.0/execution"
    assert http.get(f"{URL}/processes/grown:1.0.0/package").json()["label"] == "First"
    assert http.get(f"{URL}/processes/grown/package").json()["label"] == "Second"
    unknown = http.get(f"{URL}/processes/grown:1.0")
    assert (unknown.status_code, unknown.json()["type"]) == (404, exceptions.NO_SUCH_PROCESS)


def test_revisions_are_listed_page_by_page(http, send):
    send(tool("listed"))
    for number in range(4):
        send({"title": f"Number {number}"}, MERGE_PATCH, "/processes/listed", "PATCH")
    found, href = [], f"{URL}/processes/listed/revisions?limit=2"
    while href:
        page = http.get(href).json()
        assert 1 <= len(page["revisions"]) <= 2
        found += [(item["version"], find(read_links(item), rel.SELF).href) for item in page["revisions"]]
        following = find(read_links(page), rel.NEXT)
        href = following and following.href
    versions = ["1.0.4", "1.0.3", "1.0.2", "1.0.1", "1.0.0"]
    assert found == [(version, f"{URL}/processes/listed:{version}") for version in versions]
    assert http.get(f"{URL}/processes/nothing/revisions").status_code == 404
    assert http.get(f"{URL}/processes/listed/revisions?before=0").status_code == 400


def test_a_new_deployment_begins_anew(http, send):
    send(tool("anew", label="Old"))
    http.delete(f"{URL}/processes/anew")
    assert http.get(f"{URL}/processes/anew:1.0.0").status_code == 404
    assert http.get(f"{URL}/processes/anew/revisions").status_code == 404
    send(tool("anew", label="New"))
    assert http.get(f"{URL}/processes/anew:1.0.0").json()["title"] == "New"
    assert len(http.get(f"{URL}/processes/anew/revisions").json()["revisions"]) == 1


def test_a_version_that_is_asked_for_must_grow(http, send):
    send(wrapped("asked", SAY, version="1.4"), PACKAGE)
    assert send(wrapped("asked", SAY, version="1.5.0"), PACKAGE, "/processes/asked", "PUT").status_code == 204
    assert http.get(f"{URL}/processes/asked").json()["version"] == "1.5.0"
    for version in ("1.4", "0.1"):
        answer = send(wrapped("asked", SAY, version=version), PACKAGE, "/processes/asked", "PUT")
        assert (answer.status_code, "let it grow" in answer.json()["detail"]) == (409, True)
    assert send({"version": "1.0.0"}, MERGE_PATCH, "/processes/asked", "PATCH").status_code == 409
    assert send({"version": "7.0.0"}, "application/json", "/processes/asked", "PATCH").json()["version"] == "7.0.0"


def test_only_the_latest_revision_is_changed(http, send):
    send(tool("latest"))
    first = f"{URL}/processes/latest:1.0.0"
    assert send(tool("latest", label="2"), path="/processes/latest:1.0.0", method="PUT").status_code == 204
    assert send(tool("latest"), path="/processes/latest:1.0.0", method="PUT").status_code == 409
    assert send({"title": "x"}, MERGE_PATCH, "/processes/latest:1.0.0", "PATCH").status_code == 409
    assert http.delete(first).status_code == 409
    assert http.delete(f"{URL}/processes/latest:2.0.0").status_code == 409
    assert http.delete(f"{URL}/processes/latest:9.0.0").status_code == 404
    assert http.get(first).status_code == 200


def test_the_only_revision_is_undeployed_by_its_name(http, send):
    send(tool("only"))
    assert http.delete(f"{URL}/processes/only:1.0.0").status_code == 204
    assert http.get(f"{URL}/processes/only").status_code == 404


def test_a_job_keeps_the_revision_it_was_accepted_with(http, send, tmp_path):
    # It waits for a file that appears only after the process was replaced.
    wait = tool("kept", baseCommand=["sh", "-c", 'until [ -e "$0" ]; do sleep 0.1; done; echo first'])
    send(wait)
    job = submit(http, "kept", word=str(tmp_path / "go"))
    send(tool("kept", baseCommand=["echo", "second"]), path="/processes/kept", method="PUT")
    http.delete(f"{URL}/processes/kept")
    (tmp_path / "go").touch()
    assert ended(http, job)["status"] == "successful"
    assert http.get(f"{job}/results/said").text == "first\n"


# ---------------------------------------------------------------- edits and the list


def test_an_edit_that_changes_nothing_adds_nothing(http, send):
    send(tool("same", label="Same"))
    for patch in ({}, {"title": "Same"}):
        assert send(patch, MERGE_PATCH, "/processes/same", "PATCH").json()["version"] == "1.0.0"
    assert http.get(f"{URL}/processes/same").json()["revision"] == 1


@pytest.mark.parametrize(
    ("patch", "pointers"),
    [
        (b"{", [""]),
        (b'{"title": "a", "title": "b"}', [""]),
        ([], [""]),
        ({"id": "other", "executionUnit": {}}, ["/executionUnit", "/id"]),
        ({"title": 3, "visibility": "secret"}, ["/title", "/visibility"]),
        ({"inputs": {"word": {"schema": {}}}}, ["/inputs/word/schema"]),
    ],
)
def test_what_cannot_be_edited_is_refused(send, patch, pointers):
    send(tool("edited"))
    answer = send(patch, MERGE_PATCH, "/processes/edited", "PATCH")
    assert answer.status_code == 400
    assert sorted(faults(answer)) == pointers
    assert send({}, "text/plain", "/processes/edited", "PATCH").status_code == 415


def test_a_private_process_is_used_but_not_listed(http, send):
    send(wrapped("secret", SAY, visibility="private"), PACKAGE)
    names = [item["id"] for item in http.get(f"{URL}/processes?limit=100").json()["processes"]]
    assert "secret" not in names
    assert http.get(f"{URL}/processes/secret").json()["visibility"] == "private"
    send({"visibility": "public"}, MERGE_PATCH, "/processes/secret", "PATCH")
    names = [item["id"] for item in http.get(f"{URL}/processes?limit=100").json()["processes"]]
    assert "secret" in names


def test_the_list_is_paged_both_ways_and_says_of_each_process_what_it_must(http, send):
    for name in ("a1", "a2", "a3"):
        send(tool(name))
    first = http.get(f"{URL}/processes?limit=2").json()
    assert [item["id"] for item in first["processes"]] == ["a1", "a2"]
    assert find(read_links(first), rel.PREV) is None
    second = http.get(find(read_links(first), rel.NEXT).href).json()
    assert second["processes"][0]["id"] == "a3"
    assert http.get(find(read_links(second), rel.PREV).href).json()["processes"] == first["processes"]
    for item in (*first["processes"], *second["processes"]):
        assert isinstance(item["mutable"], bool)
        assert {"id", "version", "jobControlOptions", "outputTransmission"} <= set(item)
        assert {rel.SELF, rel.ALTERNATE, rel.EXECUTE} <= {link.rel for link in read_links(item)}


# ---------------------------------------------------------------- packages


def test_a_package_is_had_in_the_form_that_is_asked_for(http, send):
    send(json.dumps(tool("forms")), CWL_YAML)
    where = f"{URL}/processes/forms/package"
    assert http.get(where).headers["Content-Type"] == CWL_YAML
    for media_type in (CWL_JSON, "application/json"):
        answer = http.get(where, headers={"Accept": media_type})
        assert (answer.headers["Content-Type"], answer.json()) == (media_type, tool("forms"))
    assert http.get(f"{where}?f=json").json() == tool("forms")
    assert http.get(f"{where}?f=yaml").text.startswith("cwlVersion: v1.2\n")
    assert http.get(where, headers={"Accept": PACKAGE}).status_code == 406
    assert http.get(where, headers={"Accept": "image/png"}).status_code == 406


def test_a_package_comes_back_as_a_package(http, send):
    body = wrapped("boxed", {"value": SAY, "mediaType": CWL_JSON}, title="Boxed")
    send(body, PACKAGE)
    where = f"{URL}/processes/boxed/package"
    answer = http.get(where)
    assert (answer.headers["Content-Type"], answer.json()) == (PACKAGE, body)
    assert http.get(where, headers={"Accept": "application/json"}).json() == body
    assert http.get(where, headers={"Accept": "application/ogcapppkg+yaml"}).text.startswith("processDescription:\n")
    assert http.get(where, headers={"Accept": CWL_JSON}).json() == SAY
