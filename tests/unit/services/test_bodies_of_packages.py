"""Deployments of several documents, by reference and of images: what comes out, and how all faults are told."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from weaverlite.engines.images import compile_image
from weaverlite.errors import Fault, InvalidPackage, InvalidRequest, ReferenceRefused, UnsupportedMedia
from weaverlite.ogc.packages import DOCKERIZED_PROFILE, WORKFLOW_PROFILE
from weaverlite.services.packages import Packages
from weaverlite.settings import LimitsSettings
from weaverlite.transfer.data import DataStager
from weaverlite.transfer.interfaces import Stager

TOOL = {"cwlVersion": "v1.2", "class": "CommandLineTool", "id": "tool", "inputs": {}, "outputs": {"o": "stdout"}}
FLOW = {
    "cwlVersion": "v1.2",
    "class": "Workflow",
    "id": "flow",
    "inputs": {},
    "outputs": {},
    "steps": {"s": {"run": "tool.cwl", "in": {}, "out": ["o"]}},
}
CWL_JSON = "application/cwl+json"
PACKAGE = "application/ogcapppkg+json"


class NoWhere(Stager):
    """Policy forbids whatever it is."""

    schemes = frozenset({"http"})

    def check(self, reference):
        raise ReferenceRefused(f"{reference.href} is not for us")

    def fetch(self, reference, destination, limits):
        raise AssertionError("it was refused")


def read(document, media_type=PACKAGE, **more):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    stagers = {"data": DataStager(), "http": NoWhere()}
    return Packages(stagers, compile_image, LimitsSettings(), size_limit=100_000).read(body, media_type, **more)


def parts(*items, kind="mixed", more=""):
    lines = []
    for headers, content in items:
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        lines.append(f"--B\r\n{head}\r\n".encode() + text + b"\r\n")
    return b"".join(lines) + b"--B--\r\n", f"multipart/{kind}; boundary=B{more}"


def named(name, media_type=CWL_JSON):
    return {"Content-Type": media_type, "Content-Disposition": f'attachment; filename="{name}"'}


def data_url(document):
    return "data:application/json," + quote(json.dumps(document))


def names_of(deployment):
    return {item["id"] for item in deployment.package.document["$graph"]}


# ---------------------------------------------------------------- several documents


@pytest.mark.parametrize("kind", ["mixed", "related", "form-data"])
def test_parts_that_name_each_other_are_one_package(kind):
    body, media_type = parts((named("tool.cwl"), TOOL), (named("flow.cwl"), FLOW), kind=kind)
    found = read(body, media_type)
    assert found.process_id == "flow"
    assert names_of(found) == {"main", "tool"}
    assert (found.deployed.media_type, found.deployed.body.encode()) == (media_type, body)


def test_units_that_name_each_other_are_one_package():
    units = [{"value": TOOL, "mediaType": CWL_JSON, "title": "tool.cwl"}, FLOW]
    assert names_of(read({"executionUnit": units})) == {"main", "tool"}


def test_the_description_is_a_part_too():
    description = {"processDescription": {"id": "mine", "title": "T"}}
    for beside in (description, description["processDescription"]):
        body, media_type = parts((named("d.json", "application/json"), beside), ({}, TOOL))
        found = read(body, media_type)
        assert (found.process_id, found.overrides) == ("mine", {"id": "mine", "title": "T"})
        assert found.package.document == TOOL


def test_a_package_refers_to_parts_beside_it():
    package = {"processDescription": {"id": "mine"}, "executionUnit": {"href": "cid:tool@e", "type": "application/cwl"}}
    headers = {"Content-Type": "application/cwl+yaml", "Content-ID": "<tool@e>"}
    body, media_type = parts((headers, TOOL), ({"Content-Type": PACKAGE}, package), kind="related")
    found = read(body, media_type)
    assert found.package.document == TOOL
    assert found.place == "/parts/0"


def test_the_start_of_related_parts_runs():
    other = {**TOOL, "id": "other"}
    items = (({"Content-ID": "<a>"}, TOOL), ({"Content-ID": "<b>"}, other))
    body, media_type = parts(*items, kind="related")
    with pytest.raises(InvalidPackage, match="name one of tool, other"):
        read(body, media_type)
    assert read(body, media_type, workflow="tool").process_id == "tool"
    body, media_type = parts(*items, kind="related", more='; start="<b>"')
    assert read(body, media_type).process_id == "other"


def test_a_file_without_id_is_called_by_its_name():
    tool = {name: item for name, item in TOOL.items() if name != "id"}
    body, media_type = parts((named("cat.cwl"), tool))
    assert read(body, media_type).process_id == "cat"


def test_faults_of_a_package_stand_where_they_were_sent():
    body, media_type = parts((named("tool.cwl"), TOOL), (named("flow.cwl"), FLOW))
    found = read(body, media_type)
    places = {item["id"]: index for index, item in enumerate(found.package.document["$graph"])}
    fault = Fault("x", f"/$graph/{places['main']}/steps/s")
    assert found.located([fault])[0].pointer == "/parts/1/steps/s"
    nested = read({"executionUnit": [{"value": TOOL}]})
    assert nested.located([Fault("x", "/inputs/a")])[0].pointer == "/executionUnit/0/value/inputs/a"


@pytest.mark.parametrize(
    ("items", "error", "pointer"),
    [
        ((({}, b"a: ["), ({}, b"[1"), ({}, TOOL)), InvalidRequest, ["/parts/0", "/parts/1"]),
        ((({}, b"\xff"), ({}, TOOL)), InvalidRequest, ["/parts/0"]),
        ((({}, b"a: 1\na: 2"), ({}, TOOL)), InvalidRequest, ["/parts/0"]),
        ((({}, b"a: !!python/name:os.system x"), ({}, TOOL)), InvalidRequest, ["/parts/0"]),
        ((({}, {"id": "a"}), ({}, {"id": "b"}), ({}, TOOL)), InvalidRequest, ["/parts/1"]),
        ((({}, {"id": "a"}),), InvalidPackage, [""]),
        ((({}, [1]), ({}, TOOL)), InvalidRequest, ["/parts/0"]),
        ((({}, {"image": "a:1"}), ({}, TOOL)), InvalidPackage, ["/parts/0"]),
        ((({}, {"image": "A B"}),), InvalidPackage, ["/parts/0/image"]),
        ((({}, {"processDescription": 3}), ({}, TOOL)), InvalidPackage, ["/parts/0/processDescription"]),
    ],
)
def test_what_is_wrong_with_a_part_names_the_part(items, error, pointer):
    with pytest.raises(error) as caught:
        read(*parts(*items))
    assert [fault.pointer for fault in caught.value.faults] == pointer


def test_a_part_of_another_kind_is_refused():
    with pytest.raises(UnsupportedMedia, match="/parts/1"):
        read(*parts((named("tool.cwl"), TOOL), ({"Content-Type": "image/png"}, b"x")))


# ---------------------------------------------------------------- references


def test_a_unit_is_fetched_by_its_reference():
    found = read({"executionUnit": {"href": data_url(TOOL), "type": "application/cwl"}})
    assert found.package == read(TOOL, CWL_JSON).package
    assert found.process_id == "tool"
    assert "href" in found.deployed.body


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ({"href": data_url({"a": 1})}, "not a CWL document"),
        ({"href": data_url([])}, "not a CWL document"),
        ({"href": "data:,a:%20["}, "not YAML"),
        ({"href": "data:,%FF%FE"}, "not UTF-8"),
        ({"href": "data:;base64,A"}, "base64"),
    ],
)
def test_what_a_reference_leads_to_is_told(unit, words):
    with pytest.raises(InvalidPackage, match=words) as caught:
        read({"executionUnit": [unit]})
    assert [fault.pointer for fault in caught.value.faults] == ["/executionUnit/0/href"]


def test_a_reference_that_policy_forbids_is_refused():
    with pytest.raises(ReferenceRefused, match="not for us"):
        read({"executionUnit": {"href": "http://10.0.0.1/a.cwl"}})
    with pytest.raises(InvalidPackage) as caught:
        read({"processDescription": {"id": 3}, "executionUnit": {"href": "http://10.0.0.1/a.cwl"}})
    assert [fault.pointer for fault in caught.value.faults] == ["/executionUnit/href", "/processDescription/id"]


def test_what_was_fetched_makes_nothing_be_fetched():
    nested = {"executionUnit": {"href": data_url(TOOL)}}
    with pytest.raises(InvalidPackage, match="not a CWL document"):
        read({"executionUnit": {"href": data_url(nested)}})
    with pytest.raises(InvalidPackage, match="around another one"):
        read({"executionUnit": {"value": {"href": data_url(TOOL)}}})


# ---------------------------------------------------------------- images and profiles


def test_an_image_is_compiled():
    found = read({"processDescription": {"id": "mine"}, "executionUnit": {"type": "docker", "image": "alpine:3"}})
    assert found.package.document["requirements"]["DockerRequirement"] == {"dockerPull": "alpine:3"}
    found = read({"processDescription": {"id": "mine"}, "executionUnit": [{"value": {"image": "alpine:3"}}]})
    assert found.package.document["class"] == "CommandLineTool"


@pytest.mark.parametrize(
    ("profile", "unit"),
    [
        (DOCKERIZED_PROFILE, {"type": "docker", "image": "alpine:3"}),
        (DOCKERIZED_PROFILE.replace("http:", "https:"), TOOL),
        ("workflow", FLOW),
    ],
)
def test_a_profile_that_fits_is_taken(profile, unit):
    for package in (
        {"processDescription": {"deploymentProfile": profile}, "executionUnit": unit},
        {"processDescription": {"process": {}, "deploymentProfile": profile}, "executionUnit": unit},
        {"deploymentProfileName": profile, "executionUnit": unit},
    ):
        found = read(package)
        assert found.profile.endswith(profile.rpartition("/")[2])
        assert found.overrides == {}


@pytest.mark.parametrize(
    ("profile", "unit"),
    [
        (WORKFLOW_PROFILE, TOOL),
        (WORKFLOW_PROFILE, {"type": "docker", "image": "alpine:3"}),
        (DOCKERIZED_PROFILE + "x", TOOL),
        (3, TOOL),
    ],
)
def test_a_profile_that_does_not_fit_is_refused(profile, unit):
    with pytest.raises(InvalidPackage) as caught:
        read({"processDescription": {"deploymentProfile": profile}, "executionUnit": unit})
    assert [fault.pointer for fault in caught.value.faults] == ["/processDescription/deploymentProfile"]
