"""The query of an execution by a link, read as its body."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from weaverlite.api import kvp
from weaverlite.errors import Fault, InvalidInput, InvalidRequest, NoSuchOutput
from weaverlite.models.package import Package
from weaverlite.models.process import Description, InputDescription, OutputDescription, Process
from weaverlite.ogc import exceptions
from weaverlite.ogc.negotiation import Preferences

CSV = {"format": {"mediaType": "text/csv"}}
BOX = {"allOf": [{"format": "ogc-bbox"}, {"type": "object", "properties": {"bbox": {}}}]}


def make_input(name, schema, most=1):
    return InputDescription(input_id=name, schema=schema, min_occurs=0, max_occurs=most)


PROCESS = Process(
    process_id="p",
    revision=1,
    package=Package.of("application/json", {}),
    engine="python",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    description=Description(
        inputs=(
            make_input("Text", {"type": "string"}),
            make_input("number", {"type": "number"}),
            make_input("count", {"type": "integer"}),
            make_input("flag", {"type": "boolean"}),
            make_input("list", {"type": "array", "items": {"type": "integer"}}),
            make_input("thing", {"type": "object"}),
            make_input("either", {"oneOf": [{"type": "string"}, {"type": "object"}]}),
            make_input("area", BOX),
            make_input("areas", BOX, None),
            make_input("many", {"type": "integer"}, None),
            make_input("words", {"type": "string"}, 5),
            make_input("both", {"type": "string"}),
            make_input("f", {"type": "string"}),
        ),
        outputs=(
            OutputDescription(output_id="table", schema={"type": "string"}),
            OutputDescription(output_id="both", schema={"type": "string"}),
        ),
    ),
)


def read(*pairs):
    return kvp.read(pairs, PROCESS)


def inputs(*pairs):
    found = read(*pairs)
    assert not found.faults, found.faults
    return found.document["inputs"]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("Text", "5", "5"),
        ("Text", "", ""),
        ("Text", "[1]", "[1]"),
        ("number", "5", 5),
        ("number", "-2.5e3", -2500.0),
        ("number", "+1", 1),
        ("number", ".5", 0.5),
        ("number", "five", "five"),
        ("number", "1e999", "1e999"),
        ("number", "٣", "٣"),
        ("number", "NaN", "NaN"),
        ("count", "9" * 30, int("9" * 30)),
        ("flag", "TRUE", True),
        ("flag", "false", False),
        ("flag", "1", "1"),
        ("list", "[1, 2]", [1, 2]),
        ("list", "1,2,3", [1, 2, 3]),
        ("list", "1,x", [1, "x"]),
        ("thing", '{"a": {"b": null}}', {"a": {"b": None}}),
        ("thing", "text", "text"),
        ("either", "text", "text"),
        ("either", '{"a": 1}', {"a": 1}),
        ("area", "5,50.5,6,51", {"bbox": [5, 50.5, 6, 51]}),
        ("area", "1, 2, 3, 4, 5, 6", {"bbox": [1, 2, 3, 4, 5, 6]}),
        ("area", '{"bbox": [1, 2, 3, 4]}', {"bbox": [1, 2, 3, 4]}),
        ("area", "a,b,c,d", "a,b,c,d"),
        ("many", "1,2,3", [1, 2, 3]),
        ("many", "[1, 2]", [1, 2]),
        ("words", "a,b", ["a", "b"]),
        ("areas", "1,2,3,4", [{"bbox": [1, 2, 3, 4]}]),
    ],
)
def test_a_value_is_read_as_the_process_describes_it(name, text, value):
    assert inputs((name, text)) == {name: value}


def test_names_are_told_apart_without_regard_to_case():
    assert inputs(("TEXT", "a"), ("Number[VALUE]", "1")) == {"Text": "a", "number": 1}


def test_a_parameter_given_several_times_is_several_values():
    assert inputs(("many", "1"), ("many", "2,3")) == {"many": [1, 2, 3]}


def test_a_value_is_qualified_by_the_words_in_brackets():
    assert inputs(("Text[value]", "R0lG"), ("Text[mediaType]", "image/gif"), ("Text[encoding]", "base64")) == {
        "Text": {"value": "R0lG", "mediaType": "image/gif", "encoding": "base64"}
    }
    assert inputs(("area", "1,2,3,4"), ("area[crs]", "urn:x")) == {"area": {"bbox": [1, 2, 3, 4], "crs": "urn:x"}}
    assert inputs(("Text[value]", "a"), ("Text[schema]", '{"type": "string"}')) == {
        "Text": {"value": "a", "schema": {"type": "string"}}
    }


def test_a_value_can_be_elsewhere():
    assert inputs(("Text[href]", "https://example.org/a"), ("Text[type]", "text/csv")) == {
        "Text": {"href": "https://example.org/a", "type": "text/csv"}
    }


def test_an_input_with_the_name_of_one_of_our_parameters_can_be_given():
    assert inputs(("f", "json"), ("profile", "x"), ("f[value]", "y")) == {"f": "y"}


@pytest.mark.parametrize(
    ("pairs", "outputs"),
    [
        ([], None),
        ([("table[include]", "true")], {"table": {}}),
        ([("TABLE[Include]", "true"), ("table[mediaType]", "text/csv")], {"table": CSV}),
        ([("table[mediaType]", "text/csv")], {"table": CSV}),
        ([("table[include]", "false")], {"both": {}}),
        ([("table[include]", "false"), ("both[include]", "false")], {}),
        ([("both[include]", "true"), ("both[mediaType]", "text/csv")], {"both": CSV}),
        ([("both[include]", "true"), ("both", "x"), ("both[encoding]", "base64")], {"both": {}}),
        ([("both", "x")], None),
    ],
)
def test_outputs_are_those_included(pairs, outputs):
    found = read(*pairs)
    assert not found.faults
    assert found.document.get("outputs") == outputs


def test_the_answer_can_be_asked_for():
    found = read(("response[f]", "json"), ("Response[Prefer]", "wait=3"), ("response[prefer]", "respond-async"))
    assert (found.accept, found.prefer) == ("application/json", "wait=3, respond-async")
    assert read(("response[f]", "image/tiff")).accept == "image/tiff"


@pytest.mark.parametrize(
    ("pairs", "where"),
    [
        ([("Text[", "a")], "Text["),
        ([("[value]", "a")], "[value]"),
        ([("Text[a][b]", "a")], "Text[a][b]"),
        ([("Text[colour]", "blue")], "Text[colour]"),
        ([("Text[mediaType]", "text/csv")], "Text"),
        ([("Text[include]", "true")], "Text[include]"),
        ([("Text", "a"), ("Text", "b")], "Text"),
        ([("Text[href]", "a:"), ("Text[href]", "b:")], "Text[href]"),
        ([("number[crs]", "urn:x"), ("number", "1")], "number[crs]"),
        ([("list", "[1,")], "list"),
        ([("thing", '{"a": 1, "a": 2}')], "thing"),
        ([("thing", '{"a": NaN}')], "thing"),
        ([("thing", "{" * 3000)], "thing"),
        ([("table", "x")], "table"),
        ([("table[include]", "perhaps")], "table[include]"),
        ([("nothing[value]", "1")], "nothing[value]"),
        ([("response[f]", "jsn")], "response[f]"),
        ([("many", "[1"), ("many", '{"a"')], "many"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_parameter(pairs, where):
    found = read(*pairs)
    assert where in {fault.pointer for fault in found.faults}
    assert {fault.location for fault in found.faults} == {"query"}


def test_an_unknown_name_is_an_unknown_input():
    assert inputs(("nothing", "1")) == {"nothing": "1"}


def test_there_are_not_more_faults_than_anyone_reads():
    assert len(read(*((f"a{number}[value]", "") for number in range(1000))).faults) <= 200


def test_faults_of_a_body_are_told_as_those_of_the_query():
    error = InvalidInput(faults=[Fault("is too large", "/inputs/number"), Fault("is odd", "/inputs/list/0")])
    found = kvp.as_query(error, PROCESS)
    assert isinstance(found, InvalidInput)
    assert [(fault.pointer, fault.location) for fault in found.faults] == [("number", "query"), ("list", "query")]
    assert "/0" in found.faults[1].message
    assert isinstance(kvp.as_query(NoSuchOutput(faults=[Fault("no", "/outputs/x")]), PROCESS), NoSuchOutput)
    refused = kvp.as_query(InvalidRequest(faults=[Fault("no", "x", "query")]), PROCESS)
    assert refused.problem()["type"] == exceptions.INVALID_QUERY_PARAMETER_VALUE


def test_preferences_in_the_query_are_refused_only_when_they_are_strict():
    assert not kvp.refused_preferences(Preferences.read("fast"))
    (fault,) = kvp.refused_preferences(Preferences.read("fast, handling=strict"))
    assert fault.pointer == "response[prefer]"
