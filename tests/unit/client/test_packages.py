from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from weaverlite.client.errors import InvalidUsage
from weaverlite.client.packages import deployment

CWL = {"cwlVersion": "v1.2", "class": "CommandLineTool", "id": "#main", "baseCommand": "true"}


def test_cwl_without_an_id_is_sent_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "package.cwl"
    path.write_text("cwlVersion: v1.2\nclass: CommandLineTool\nid: '#main'\nbaseCommand: 'true'\n", encoding="utf-8")
    body, media_type, known_id = deployment(cwl=path)
    assert json.loads(body) == CWL
    assert (media_type, known_id) == ("application/cwl+json", "main")


def test_cwl_with_an_id_is_wrapped() -> None:
    body, media_type, known_id = deployment("my-process", cwl=CWL)
    assert json.loads(body) == {
        "processDescription": {"id": "my-process"},
        "executionUnit": {"value": CWL, "mediaType": "application/cwl+json"},
    }
    assert (media_type, known_id) == ("application/ogcapppkg+json", "my-process")


@pytest.mark.parametrize(
    ("description", "named"),
    [
        ({"id": "old", "title": "t"}, {"id": "new", "title": "t"}),
        ({"process": {"id": "old", "version": "1"}}, {"process": {"id": "new", "version": "1"}}),
        (None, {"id": "new"}),
    ],
)
def test_package_takes_the_id_that_is_given(description: Any, named: Any) -> None:
    package = {"executionUnit": {"value": CWL}} | ({"processDescription": description} if description else {})
    body, media_type, known_id = deployment("new", body=package)
    assert json.loads(body)["processDescription"] == named
    assert (media_type, known_id) == ("application/ogcapppkg+json", "new")
    assert deployment(body=package)[2] == ("old" if description else None)


def test_cwl_is_recognised_in_a_body() -> None:
    assert deployment(body=CWL)[1] == "application/cwl+json"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "one of the three"),
        ({"cwl": [], "image": None}, "one of the three"),
        ({"cwl": CWL, "body": CWL}, "one of the three"),
        ({"cwl": CWL, "image": "alpine:3"}, "one of the three"),
        ({"cwl": [CWL, {"class": "Workflow"}]}, "no 'cwlVersion'"),
        ({"image": "alpine:3"}, "no id of its own"),
        ({"image": "alpine:3", "body": {"executionUnit": CWL}}, "says already what is run"),
        ({"cwl": {"class": "Workflow"}}, "no 'cwlVersion'"),
        ({"cwl": "absent.cwl"}, "cannot be read"),
    ],
)
def test_what_cannot_be_deployed_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidUsage, match=words):
        deployment(**options)


def test_several_documents_are_parts_under_the_names_of_their_files(tmp_path: Path) -> None:
    files = [tmp_path / "tool.cwl", tmp_path / "flow.cwl"]
    for path in files:
        path.write_text(json.dumps(CWL), encoding="utf-8")
    body, media_type, known_id = deployment("mine", cwl=files)
    assert media_type.startswith("multipart/mixed; boundary=")
    assert known_id == "mine"
    text = body.decode()
    assert [text.count(name) for name in ('filename="tool.cwl"', 'filename="flow.cwl"', '"id": "mine"')] == [1, 1, 1]
    assert deployment("mine", cwl=files)[0] == body


@pytest.mark.parametrize(
    "described",
    [{"inputs": {}, "title": "T"}, {"processDescription": {"inputs": {}, "title": "T"}}],
)
def test_an_image_may_have_a_description(described: Any) -> None:
    body, media_type, known_id = deployment("mine", image="alpine:3", body=described)
    assert json.loads(body) == {
        "processDescription": {"inputs": {}, "title": "T", "id": "mine"},
        "executionUnit": {"type": "docker", "image": "alpine:3"},
    }
    assert (media_type, known_id) == ("application/ogcapppkg+json", "mine")
