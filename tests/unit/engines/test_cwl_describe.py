"""What a CWL document says of itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from weaverlite.engines.cwl.admission import admit
from weaverlite.engines.cwl.describe import describe
from weaverlite.errors import InvalidPackage
from weaverlite.models.options import Options, Resources, Timeouts
from weaverlite.models.process import Description, InputDescription

INT = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}


def described(**members: Any) -> Description:
    simple = {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": "x", "inputs": {}, "outputs": {}}
    return describe(admit({**simple, **members}))


def one(kind: Any, **members: Any) -> InputDescription:
    (found,) = described(inputs=[{"id": "x", "type": kind, **members}]).inputs
    return found


@pytest.mark.parametrize(
    ("kind", "schema", "type_name"),
    [
        ("string", {"type": "string"}, "string"),
        ("boolean", {"type": "boolean"}, "boolean"),
        ("int", INT, "int"),
        ("long", {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}, "long"),
        ("float", {"type": "number", "format": "float"}, "float"),
        ("double", {"type": "number", "format": "double"}, "double"),
        ("Any", {}, "Any"),
        ("Directory", {"type": "string", "contentMediaType": "inode/directory"}, "Directory"),
        (
            "File",
            {"type": "string", "contentMediaType": "application/octet-stream", "contentEncoding": "binary"},
            "File",
        ),
        ({"type": "enum", "symbols": ["a", "x#b"]}, {"type": "string", "enum": ["a", "b"]}, "enum"),
        (["string", "int"], {"anyOf": [{"type": "string"}, INT]}, "string|int"),
    ],
)
def test_types_are_schemas(kind: Any, schema: dict[str, Any], type_name: str) -> None:
    found = one(kind)
    assert (found.schema, found.type_name) == (schema, type_name)
    assert (found.min_occurs, found.max_occurs) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "occurs", "type_name"),
    [
        ("string?", (0, 1), "string"),
        (["null", "string"], (0, 1), "string"),
        ("string[]", (1, None), "string[]"),
        ("string[]?", (0, None), "string[]"),
        ({"type": "array", "items": "string"}, (1, None), "string[]"),
        (["null", {"type": "array", "items": ["string"]}], (0, None), "string[]"),
        (["string", "string[]"], (1, None), "string|string[]"),
    ],
)
def test_how_many_there_may_be(kind: Any, occurs: tuple[int, int | None], type_name: str) -> None:
    found = one(kind)
    assert found.schema == {"type": "string"}
    assert (found.min_occurs, found.max_occurs) == occurs
    assert found.type_name == type_name


def test_lists_of_lists_keep_the_inner_one() -> None:
    found = one({"type": "array", "items": {"type": "array", "items": "boolean"}})
    assert found.schema == {"type": "array", "items": {"type": "boolean"}}
    assert (found.max_occurs, found.type_name) == (None, "boolean[][]")


@pytest.mark.parametrize("kind", ["File", "File?", "File[]", "Directory", "Directory[]?", "stdin"])
def test_files_are_known_as_such(kind: str) -> None:
    assert one(kind).is_file


@pytest.mark.parametrize("kind", ["string", "Any", {"type": "record", "fields": {"f": "File"}}])
def test_other_things_are_no_files(kind: Any) -> None:
    assert not one(kind).is_file


def test_formats_are_media_types() -> None:
    text = {"type": "string", "contentMediaType": "text/csv"}
    assert one("File", format="edam:format_3752").schema == text
    assert one("File[]", format="https://www.iana.org/assignments/media-types/text/csv").schema == text
    both = one("File", format=["iana:text/csv", "iana:application/json"]).schema
    assert both == {"oneOf": [text, {"type": "string", "contentMediaType": "application/json"}]}
    for unknown in ("http://example.com/format", "$(inputs.x.format)", ["iana:text/csv", "http://example.com/f"]):
        assert one("File", format=unknown).schema["contentMediaType"] == "application/octet-stream"


def test_defaults_make_inputs_optional() -> None:
    assert one("int", default=7).schema == {**INT, "default": 7}
    assert one("int", default=7).min_occurs == 0
    assert one("int", default=None).min_occurs == 1
    literal = one("File", default={"class": "File", "basename": "a", "contents": "x"})
    assert literal.min_occurs == 0
    assert "default" not in literal.schema


def test_records_are_objects() -> None:
    fields = [
        {"name": "a", "type": "int", "doc": ["one", "two"]},
        {"name": "#x/b", "type": "File?", "format": "iana:text/csv"},
        {"name": "c", "type": {"type": "array", "items": "string"}, "default": []},
    ]
    assert one({"type": "record", "fields": fields}).schema == {
        "type": "object",
        "properties": {
            "a": {"description": "one\ntwo", **INT},
            "b": {"anyOf": [{"type": "null"}, {"type": "string", "contentMediaType": "text/csv"}]},
            "c": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["a"],
    }


def test_named_types_are_written_out_and_may_contain_themselves() -> None:
    types = [
        {"name": "color", "type": "enum", "symbols": ["red", "blue"]},
        {"name": "tree", "type": "record", "fields": {"left": "tree?", "color": "#color"}},
    ]
    found = described(
        requirements=[{"class": "SchemaDefRequirement", "types": types}], inputs={"c": "color", "t": "#tree"}
    )
    assert found.inputs[0].schema == {"type": "string", "enum": ["red", "blue"]}
    assert found.inputs[1].schema["properties"]["color"] == {"type": "string", "enum": ["red", "blue"]}


def test_words_are_kept() -> None:
    found = described(
        id="my-tool",
        label="My tool",
        doc=["It does", "much."],
        inputs=[{"id": "#my-tool/x", "type": "int", "label": "X", "doc": "the x"}],
        outputs={"o": {"type": "int", "label": "O", "doc": "the o"}},
        **{"s:version": "2.1", "s:keywords": "sea, ice"},
    )
    assert (found.process_id, found.title, found.description) == ("my-tool", "My tool", "It does\nmuch.")
    assert (found.version, found.keywords) == ("2.1", ("sea", "ice"))
    assert (found.inputs[0].input_id, found.inputs[0].title, found.inputs[0].description) == ("x", "X", "the x")
    assert (found.outputs[0].output_id, found.outputs[0].title) == ("o", "O")


@pytest.mark.parametrize("given", ["main", "#main", "..", "a b", "-x", "é"])
def test_id_that_says_nothing_is_none(given: str) -> None:
    assert described(id=given).process_id == ""


def test_order_of_inputs_is_that_of_the_document() -> None:
    names = [item.input_id for item in described(inputs={"z": "int", "a": "int", "m": "int"}).inputs]
    assert names == ["z", "a", "m"]


def test_outputs_have_the_schema_of_their_whole_value() -> None:
    outputs = {"a": "int", "b": "string[]", "c": "File?", "d": {"type": "File", "format": "edam:format_3603"}}
    a, b, c, d = described(outputs=outputs).outputs
    assert a.schema == INT
    assert b.schema == {"type": "array", "items": {"type": "string"}}
    assert (c.schema["contentEncoding"], c.type_name) == ("binary", "File")
    assert (d.schema["contentMediaType"], d.type_name) == ("image/png", "File")


def test_name_of_a_file_tells_its_media_type() -> None:
    def glob(pattern: str) -> dict[str, Any]:
        return {"type": "File", "outputBinding": {"glob": pattern}}

    made = {"class": "CommandLineTool", "inputs": {}, "outputs": {"t": glob("table.csv"), "s": "stdout"}}
    a, b, c, d = described(
        outputs={"a": glob("*.png"), "b": "stdout", "c": glob("$(inputs.x)"), "d": {**glob("x.csv"), "format": "ex:y"}}
    ).outputs
    assert [port.schema["contentMediaType"] for port in (a, b, c, d)] == [
        "image/png", "text/plain", "application/octet-stream", "application/octet-stream",
    ]  # fmt: skip
    steps = {"s": {"run": made, "in": {}, "out": ["t", "s"]}}
    sources = {"x": {"type": "File", "outputSource": "s/t"}, "y": {"type": "File[]", "outputSource": "#main/s/s"}}
    x, y = described(**{"class": "Workflow", "steps": steps, "outputs": sources}).outputs
    assert x.schema["contentMediaType"] == "text/csv"
    assert y.schema["items"]["contentMediaType"] == "text/plain"


def test_package_says_what_it_needs() -> None:
    def needing(**asked: Any) -> dict[str, Any]:
        return {
            "class": "CommandLineTool", "inputs": {}, "outputs": {}, "requirements": {"ResourceRequirement": asked},
        }  # fmt: skip

    steps = {
        "a": {"run": needing(coresMin=2, ramMin=100), "in": {}, "out": []},
        "b": {"run": needing(coresMax=1, ramMin="$(inputs.x)", tmpdirMin=10, outdirMin=5), "in": {}, "out": []},
    }
    found = described(**{"class": "Workflow", "steps": steps})
    assert found.needs == Resources(cores=2, memory=100 * 2**20, disk=15 * 2**20)
    assert described().needs == Resources()


def test_options_are_those_of_the_hint() -> None:
    asked = {"priority": 3, "timeouts": {"execution": "10m"}, "labels": {"team": "sea"}}
    expected = Options(priority=3, timeouts=Timeouts(execution=timedelta(minutes=10)), labels={"team": "sea"})
    assert described(hints={"weaverlite:Options": asked}).options == expected
    assert described(hints=[{"class": "weaverlite:Options", **asked}]).options == expected


def test_options_are_validated_with_pointers() -> None:
    with pytest.raises(InvalidPackage) as refused:
        described(hints={"weaverlite:Options": {"priority": "high", "prioritee": 3, "timeouts": {"execution": "soon"}}})
    pointers = {fault.pointer for fault in refused.value.faults}
    assert {"/hints/weaverlite:Options/priority", "/hints/weaverlite:Options/prioritee"} <= pointers


def test_inputs_may_have_ranges() -> None:
    found = one("int", **{"weaverlite:schema": {"minimum": 0, "maximum": 10, "examples": [5]}})
    assert found.schema == {"type": "integer", "minimum": 0, "maximum": 10, "examples": [5]}


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        (5, "/inputs/0/weaverlite:schema"),
        ({"minimum": "a"}, "/inputs/0/weaverlite:schema/minimum"),
        ({"pattern": "(?=a)"}, "/inputs/0/weaverlite:schema"),
        ({"oneOf": [{}]}, "/inputs/0/weaverlite:schema/oneOf"),
        ({"unit": 3}, "/inputs/0/weaverlite:schema/unit"),
        ({"minimum": -5e9}, "/inputs/0/weaverlite:schema/minimum"),
        ({"$ref": "http://example.com/x"}, "/inputs/0/weaverlite:schema/$ref"),
        ({"type": "object"}, "/inputs/0/weaverlite:schema/type"),
    ],
)
def test_other_words_of_schemas_are_refused(said: Any, pointer: str) -> None:
    with pytest.raises(InvalidPackage) as refused:
        one("int", **{"weaverlite:schema": said})
    assert pointer in [fault.pointer for fault in refused.value.faults]
