"""Container images as execution units: the CWL they become, and how what is wrong with one is told."""

from __future__ import annotations

import pytest

from weaverlite.engines.cwl.admission import admit
from weaverlite.engines.cwl.describe import describe
from weaverlite.engines.images import compile_image
from weaverlite.errors import InvalidPackage

DESCRIPTION = {
    "inputs": {
        "file": {"title": "A file", "schema": {"type": "string", "contentMediaType": "text/csv"}, "maxOccurs": 3},
        "kind": {"schema": {"type": "string", "enum": ["a", "b", "a"]}},
        "count": {"schema": {"type": "integer", "default": 3}},
        "ratio": {"schema": {"type": "number", "nullable": True}},
        "flags": {"schema": {"type": "array", "items": {"type": "boolean"}}, "minOccurs": 0},
        "box": {"schema": {"allOf": [{"format": "ogc-bbox"}, {"type": "object"}]}},
        "mixed": {"schema": {"oneOf": [{"type": "string"}, {"type": "string", "contentEncoding": "base64"}]}},
    },
    "outputs": {
        "table": {"schema": {"type": "string", "contentMediaType": "text/csv"}},
        "word": {"schema": {"type": "string"}},
        "sum": {"schema": {"type": "number"}},
        "maps": {"schema": {"type": "array", "items": {"type": "string", "contentMediaType": "image/png"}}},
        "place": {"schema": {"type": "string", "contentMediaType": "inode/directory"}},
    },
}
UNIT = {"type": "docker", "image": "docker://e.org/x/tool:1"}


def test_the_description_decides_what_goes_in_and_out():
    found = compile_image(UNIT, DESCRIPTION)
    assert found["requirements"]["DockerRequirement"] == {"dockerPull": "e.org/x/tool:1"}
    types = {name: port["type"] for name, port in found["inputs"].items()}
    assert types == {
        "file": {"type": "array", "items": "File"},
        "kind": {"type": "enum", "symbols": ["a", "b"]},
        "count": ["null", "long"],
        "ratio": ["null", "double"],
        "flags": ["null", {"type": "array", "items": "boolean"}],
        "box": "File",
        "mixed": "File",
    }
    assert found["inputs"]["count"]["default"] == 3
    assert found["inputs"]["file"]["label"] == "A file"
    outputs = found["outputs"]
    assert outputs["table"]["outputBinding"] == {"glob": "table*"}
    assert outputs["word"]["outputBinding"]["outputEval"] == "$(self[0].contents)"
    assert outputs["sum"]["outputBinding"]["outputEval"] == "$(JSON.parse(self[0].contents))"
    assert outputs["maps"]["type"] == {"type": "array", "items": "File"}
    assert outputs["place"]["type"] == "Directory"


def test_what_it_becomes_can_be_run_and_described():
    admitted = admit(compile_image(UNIT, DESCRIPTION))
    described = describe(admitted)
    assert not described.host_commands
    assert [port.input_id for port in described.inputs] == list(DESCRIPTION["inputs"])
    assert [port.output_id for port in described.outputs] == list(DESCRIPTION["outputs"])
    assert described.inputs[0].schema["contentMediaType"] == "text/csv"


def test_without_bindings_inputs_are_long_options():
    assert compile_image(UNIT, DESCRIPTION)["inputs"]["kind"]["inputBinding"] == {"prefix": "--kind"}


def test_bindings_say_how_values_reach_the_command_and_where_files_are():
    bindings = {
        "inputBindings": {"kind": {"prefix": "-k", "position": "2"}, "count": {"valueFrom": "$(self)", "x": 1}},
        "outputBindings": {"table": {"glob": "out/*.csv"}, "maps": {"glob": ["a", "b"]}},
    }
    found = compile_image({**UNIT, "bindings": bindings}, DESCRIPTION)
    assert found["inputs"]["kind"]["inputBinding"] == {"prefix": "-k", "position": 2}
    assert found["inputs"]["count"]["inputBinding"] == {"valueFrom": "$(self)"}
    assert "inputBinding" not in found["inputs"]["ratio"]
    assert found["outputs"]["table"]["outputBinding"] == {"glob": "out/*.csv"}
    assert found["outputs"]["maps"]["outputBinding"] == {"glob": ["a", "b"]}
    assert "InlineJavascriptRequirement" in found["requirements"]


def test_one_file_without_a_binding_is_what_is_printed():
    one = {"outputs": {"page": {"schema": {"type": "string", "contentMediaType": "text/html"}}}}
    assert compile_image(UNIT, one)["outputs"] == {
        "page": {"type": "stdout", "format": "https://www.iana.org/assignments/media-types/text/html"}
    }
    assert compile_image(UNIT, {})["outputs"] == {"stdout": {"type": "stdout"}}


def test_the_configuration_becomes_requirements():
    config = {"cpuMin": 1, "cpuMax": 2.5, "memoryMin": 1, "storageTempMin": 2, "jobTimeout": 90, "other": "x"}
    found = compile_image({**UNIT, "config": config}, {})["requirements"]
    assert found["ResourceRequirement"] == {"coresMin": 1, "coresMax": 2.5, "ramMin": 954, "tmpdirMin": 1907}
    assert found["ToolTimeLimit"] == {"timelimit": 90}


@pytest.mark.parametrize(
    ("changes", "description", "pointer", "words"),
    [
        ({"image": "--privileged"}, {}, "/unit/image", "not the name of an image"),
        ({"image": None}, {}, "/unit/image", "is missing"),
        ({"type": "wasm"}, {}, "/unit/type", "docker or oci"),
        ({"deployment": "moon"}, {}, "/unit/deployment", "local, remote, hpc, cloud"),
        ({"config": 3}, {}, "/unit/config", "must be an object"),
        ({"config": {"cpuMin": 0}}, {}, "/unit/config/cpuMin", "above 0"),
        ({"config": {"cpuMin": True}}, {}, "/unit/config/cpuMin", "above 0"),
        ({"config": {"memoryMax": "2GB"}}, {}, "/unit/config/memoryMax", "above 0"),
        ({"config": {"cpuMin": 3, "cpuMax": 2}}, {}, "/unit/config/cpuMin", "more than cpuMax"),
        ({"bindings": 3}, {}, "/unit/bindings", "inputBindings and outputBindings"),
        ({"bindings": {"inputBindings": 3}}, {}, "/unit/bindings/inputBindings", "each binding under its id"),
        ({"bindings": {"inputBindings": {"a/b": {}}}}, {}, "/unit/bindings/inputBindings/a~1b", "has no input 'a/b'"),
        ({"bindings": {"inputBindings": {"kind": 3}}}, DESCRIPTION, "/unit/bindings/inputBindings/kind", "an object"),
        ({"bindings": {"inputBindings": {"kind": {"position": True}}}}, DESCRIPTION,
         "/unit/bindings/inputBindings/kind/position", "another kind"),
        ({"bindings": {"outputBindings": {"word": {"glob": 3}}}}, DESCRIPTION,
         "/unit/bindings/outputBindings/word/glob", "pattern"),
        ({}, {"inputs": 3}, "/described/inputs", "each under its id"),
        ({}, {"outputs": {"a": {}}}, "/described/outputs/a", "needs a schema"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(changes, description, pointer, words):
    with pytest.raises(InvalidPackage) as caught:
        compile_image({**UNIT, **changes}, description, "/unit", "/described")
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    assert words in caught.value.faults[0].message


def test_all_that_is_wrong_is_told_at_once():
    unit = {"type": "x", "image": "A B", "config": {"cpuMin": -1, "jobTimeout": "1h"}}
    with pytest.raises(InvalidPackage) as caught:
        compile_image(unit, {"inputs": {"a": 1}})
    assert [fault.pointer for fault in caught.value.faults] == [
        "/type", "/image", "/processDescription/inputs/a", "/config/cpuMin", "/config/jobTimeout"
    ]  # fmt: skip
