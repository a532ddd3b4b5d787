"""Nested processes in stored inputs: found, named, and replaced by what they made."""

from __future__ import annotations

from weaverlite.models.nested import Nested, nested_in, stored_result, with_results
from weaverlite.models.results import OutputDirectory, OutputFile

PARENT = "0a4d55a8-d778-4e90-a0b5-ce3a3c8f1e6c"
FILE = OutputFile(path="outputs/x/a.txt", size=1, sha256="0" * 64, media_type="text/plain")


def process(name, **more):
    return {"process": name, "inputs": {}, "revision": 1, "outputs": {"x": {}}, **more}


INPUTS = {
    "one": process("a"),
    "many": ["text", process("b"), {"value": process("not this")}, {"href": "x"}],
    "object": {"value": {"process": "not this either"}},
    "a/b": {"$inputs": {"deep": [process("c")], "process": "plain"}},
}


def test_nested_processes_are_found_where_values_stand_and_nowhere_else():
    found = {nested.pointer: nested.process for nested in nested_in(INPUTS)}
    assert found == {"/inputs/one": "a", "/inputs/many/1": "b", "/inputs/a~1b/deep/0": "c"}


def test_the_id_of_a_job_follows_from_its_parent_and_its_place():
    one, two, _ = nested_in(INPUTS)
    assert one.job_id(PARENT) == one.job_id(PARENT)
    assert len({one.job_id(PARENT), two.job_id(PARENT), one.job_id(one.job_id(PARENT))}) == 3


def test_what_is_stored_is_what_was_said():
    nested = Nested(pointer="/inputs/x", process="a", revision=3, inputs={"y": 1}, output="z", fields={"filter": "a=1"})
    assert Nested.from_json(nested.to_json(), "/inputs/x") == nested


def test_results_take_the_places_and_several_take_several():
    found = with_results(INPUTS, lambda nested: [nested.process, "and"] if nested.process == "b" else nested.process)
    assert found["one"] == "a"
    assert found["many"] == ["text", "b", "and", {"value": process("not this")}, {"href": "x"}]
    assert found["object"] is INPUTS["object"]
    assert found["a/b"] == {"$inputs": {"deep": ["c"], "process": "plain"}}


def test_results_are_stored_by_what_they_are():
    assert stored_result("j", {"a": 1}) == {"$result": {"value": {"a": 1}}}
    assert stored_result("j", FILE)["$result"]["file"]["path"] == "outputs/x/a.txt"
    assert [item["$result"]["job"] for item in stored_result("j", [FILE, FILE])] == ["j", "j"]
    folder = stored_result("j", OutputDirectory(path="outputs/x", files=(FILE,)))
    assert folder["$result"]["directory"]["files"][0]["size"] == 1
