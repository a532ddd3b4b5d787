"""Edits of descriptions: what they change, how much that is, and what they may not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from weaverlite.errors import InvalidRequest
from weaverlite.models.package import Package
from weaverlite.models.process import Description, InputDescription, Process
from weaverlite.services.edits import edited
from weaverlite.services.versions import MINOR, PATCH

PROCESS = Process(
    process_id="tool",
    revision=1,
    package=Package.of("x", {}),
    engine="cwl",
    description=Description(
        title="Old",
        keywords=("a",),
        inputs=(InputDescription(input_id="file", schema={"type": "string"}, title="File"),),
    ),
    created_at=datetime(2024, 1, 1, tzinfo=UTC),
    visibility="private",
)


@pytest.mark.parametrize(
    ("patch", "level"),
    [
        ({}, None),
        ({"title": "Old", "visibility": "private"}, None),
        ({"title": "New"}, PATCH),
        ({"version": "7"}, PATCH),
        ({"inputs": {"file": {"title": "New"}}}, PATCH),
        ({"visibility": "public"}, MINOR),
        ({"visibility": None}, MINOR),
        ({"title": "New", "jobControlOptions": ["async-execute"]}, MINOR),
        ({"outputTransmission": ["value"]}, MINOR),
    ],
)
def test_the_number_that_grows_says_how_much_changed(patch, level):
    assert edited(PROCESS, patch)[1] == level


def test_members_are_replaced_and_null_removes_them():
    found, _ = edited(PROCESS, {"description": "What it does", "keywords": ["b", "c"], "metadata": [{"title": "x"}]})
    assert (found.description.title, found.description.description) == ("Old", "What it does")
    assert (found.description.keywords, found.metadata) == (("b", "c"), ({"title": "x"},))
    found, _ = edited(PROCESS, {"title": None, "keywords": None, "jobControlOptions": None})
    assert (found.title, found.description.keywords) == ("tool", ())
    assert found.job_control_options == PROCESS.job_control_options
    found, _ = edited(PROCESS, {"inputs": {"file": {"title": None, "description": "d"}}})
    assert (found.inputs[0].title, found.inputs[0].description) == ("", "d")
    assert found.inputs[0].schema == {"type": "string"}


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ([], ""),
        ({"id": "other"}, "/id"),
        ({"title": 3}, "/title"),
        ({"version": "a b"}, "/version"),
        ({"visibility": "secret"}, "/visibility"),
        ({"jobControlOptions": []}, "/jobControlOptions"),
        ({"jobControlOptions": ["fly"]}, "/jobControlOptions/0"),
        ({"inputs": {"file": {"schema": {}}}}, "/inputs/file/schema"),
        ({"inputs": {"flie": {"title": "x"}}}, "/inputs/flie"),
    ],
)
def test_what_cannot_be_edited_is_refused(patch, pointer):
    with pytest.raises(InvalidRequest) as caught:
        edited(PROCESS, patch)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]


def test_all_faults_are_told_at_once():
    with pytest.raises(InvalidRequest) as caught:
        edited(PROCESS, {"title": 3, "version": "a b", "x": 1})
    assert {fault.pointer for fault in caught.value.faults} == {"/title", "/version", "/x"}
