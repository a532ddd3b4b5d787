"""What jobs are made of, in every form it comes in."""

from __future__ import annotations

import json

import pytest

from weaverlite.errors import InvalidRequest
from weaverlite.services.definitions import changed, definition_of, parse_definition, process_name

BASE = "https://host/weaver"
CWL = {"cwlVersion": "v1.2", "class": "CommandLineTool", "inputs": {"a": "int"}}
YAML = b"cwlVersion: v1.2\nclass: CommandLineTool\n"


def parts(*found):
    lines = b"".join(b"--x\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n" for head, body in found)
    return parse_definition(lines + b"--x--\r\n", "multipart/related; boundary=x")


def test_a_process_is_named_with_what_it_is_given():
    definition = parse_definition(b'{"process": "p", "inputs": {"a": 1}, "title": "T"}', "application/json")
    assert (definition.process, definition.package, definition.faults) == ("p", None, ())
    assert definition.text("title") == "T"
    assert definition.request().inputs == {"a": 1}
    assert not definition.waits


def test_the_word_that_a_job_waits_is_in_the_body():
    assert definition_of({"process": "p", "status": "create"}).waits


@pytest.mark.parametrize("media_type", ["application/cwl+json", "application/json"])
def test_a_cwl_document_is_a_package_whose_inputs_are_not_values(media_type):
    definition = parse_definition(json.dumps(CWL).encode(), media_type)
    assert definition.document == {"executionUnit": CWL}
    assert definition.request().inputs == {}
    assert definition.package.media_type == "application/cwl+json"
    assert json.loads(definition.package.body) == CWL


def test_cwl_in_yaml_is_kept_as_its_text():
    definition = parse_definition(YAML, "application/cwl+yaml")
    assert definition.document == {"executionUnit": {"value": YAML.decode(), "mediaType": "application/cwl+yaml"}}
    assert definition.package.body == YAML


@pytest.mark.parametrize(
    ("document", "media_type", "pointer"),
    [
        ({"executionUnit": CWL, "inputs": {"a": 1}}, "application/ogcapppkg+json", ""),
        ({"process": CWL, "inputs": {"a": 1}}, "application/cwl+json", "/process"),
        ({"process": {"executionUnit": CWL}, "inputs": {"a": 1}}, "application/ogcapppkg+json", "/process"),
    ],
    ids=["unit", "cwl", "package"],
)
def test_a_package_stands_beside_its_inputs(document, media_type, pointer):
    definition = definition_of(document)
    assert (definition.package.media_type, definition.package.pointer) == (media_type, pointer)
    assert "inputs" not in json.loads(definition.package.body) or media_type == "application/cwl+json"
    assert definition.document == document
    assert definition.request().inputs == {"a": 1}


def test_parts_are_a_package_and_what_it_is_given():
    definition = parts(
        ("Content-Type: application/cwl+yaml", YAML), ("Content-Type: application/json", b'{"inputs": {"a": 1}}')
    )
    unit = {"value": YAML.decode(), "mediaType": "application/cwl+yaml"}
    assert definition.document == {"executionUnit": unit, "inputs": {"a": 1}}


def test_a_field_named_inputs_may_be_the_bare_inputs():
    head = 'Content-Disposition: form-data; name="inputs"'
    definition = parts(
        ("Content-Type: application/cwl+json", json.dumps(CWL).encode()),
        (f"Content-Type: application/json\r\n{head}", b'{"a": 1, "executionUnit": 2}'),
    )
    assert definition.request().inputs == {"a": 1, "executionUnit": 2}


def test_several_packages_stay_parts_with_their_names():
    definition = parts(
        ("Content-Type: application/cwl+yaml\r\nContent-ID: <one>", YAML),
        ('Content-Type: application/cwl+yaml\r\nContent-Disposition: attachment; filename="two.cwl"', YAML),
        ("Content-Type: application/json", b'{"inputs": {"a": 1}}'),
    )
    assert definition.package.media_type.startswith("multipart/related")
    assert b"Content-ID: <one>" in definition.package.body
    assert b"two.cwl" in definition.package.body
    assert b'"inputs"' not in definition.package.body
    assert len(definition.document["executionUnit"]) == 2


def test_parts_may_name_a_process_instead():
    assert parts(("Content-Type: application/json", b'{"process": "p"}')).process == "p"


@pytest.mark.parametrize("name", ["process", "executionUnit", "processDescription"])
def test_parts_bring_one_thing_to_run(name):
    with pytest.raises(InvalidRequest) as caught:
        parts(
            ("Content-Type: application/cwl+yaml", YAML),
            ('Content-Type: application/json\r\nContent-Disposition: form-data; name="inputs"',
             json.dumps({name: {}, "inputs": {}}).encode()),
        )  # fmt: skip
    assert caught.value.faults[0].pointer == "/parts/1"


# ---------------------------------------------------------------- changes


def test_inputs_outputs_and_options_are_changed_by_name():
    before = {"process": "p", "inputs": {"a": 1, "b": 2}, "options": {"priority": 1, "name": "n"}, "title": "T"}
    change = {"inputs": {"b": None, "c": 3}, "outputs": {"o": {}}, "options": {"priority": 2}, "title": None}
    assert changed(before, change) == {
        "process": "p",
        "inputs": {"a": 1, "c": 3},
        "outputs": {"o": {}},
        "options": {"priority": 2, "name": "n"},
    }
    assert before["inputs"] == {"a": 1, "b": 2}


def test_a_value_of_an_input_is_replaced_whole():
    assert changed({"inputs": {"a": {"value": 1, "mediaType": "x"}}}, {"inputs": {"a": {"href": "u"}}}) == {
        "inputs": {"a": {"href": "u"}}
    }


def test_another_process_takes_the_place_of_a_package():
    assert changed({"executionUnit": {}, "processDescription": {}, "inputs": {}}, {"process": "p"}) == {
        "process": "p",
        "inputs": {},
    }


def test_nothing_of_a_change_is_ignored():
    with pytest.raises(InvalidRequest) as caught:
        changed({}, {"input": {}, "title": 5, "response": "both"})
    assert {fault.pointer for fault in caught.value.faults} == {"/input", "/title", "/response"}


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("p", "p"),
        ("p:1.0.0", "p:1.0.0"),
        ("processes/p", "p"),
        ("/processes/p/", "p"),
        (f"{BASE}/processes/p", "p"),
        (f"{BASE}/processes/p:1.0.0/execution", "p:1.0.0"),
        (f"{BASE}/processes/a%20b", "a b"),
    ],
)
def test_a_process_is_named_in_several_ways(reference, name):
    assert process_name(reference, BASE) == name


@pytest.mark.parametrize(
    "reference", ["", "/", "a/b", "p?x=1", "https://other/processes/p", "https://host/weaver2/processes/p"]
)
def test_a_reference_to_something_else_is_refused(reference):
    with pytest.raises(InvalidRequest) as caught:
        process_name(reference, BASE)
    assert caught.value.faults[0].pointer == "/process"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (None, {"tags": ["sea", "own"]}),
        ({}, {"tags": ["sea", "own"]}),
        ({"priority": 1}, {"priority": 1, "tags": ["sea", "own"]}),
        ({"tags": ["own"]}, {"tags": ["own", "sea"]}),
        ({"tags": "own"}, {"tags": "own"}),
        ([], []),
    ],
    ids=["none", "empty", "others", "tags", "no list", "no object"],
)
def test_tags_stand_among_the_options(options, expected):
    given = {"process": "echo"} if options is None else {"process": "echo", "options": options}
    definition = definition_of(given)
    assert definition.tagged(["sea", "own", "sea"]).document["options"] == expected
    assert definition.tagged([]) is definition
