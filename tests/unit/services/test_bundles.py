"""Several CWL documents made into one: names, references, the process that runs, and refusals."""

from __future__ import annotations

import pytest

from weaverlite.errors import InvalidPackage
from weaverlite.services.bundles import pack
from weaverlite.services.units import Unit


def tool(**more):
    return {"cwlVersion": "v1.2", "class": "CommandLineTool", "inputs": {}, "outputs": {"o": "stdout"}, **more}


def flow(run, **more):
    step = {"run": run, "in": {"i": "a"}, "out": ["o"]}
    return {"cwlVersion": "v1.2", "class": "Workflow", "inputs": {"a": "File"}, "steps": {"s": step}, **more}


def unit(document, *names, number=0):
    return Unit(document=document, pointer=f"/parts/{number}", names=names)


def packed(*units, start=None):
    found = pack(units, start)
    return {item["id"]: item for item in found.document["$graph"]}, found


@pytest.mark.parametrize(
    ("run", "name"),
    [
        ("tool.cwl", "tool.cwl"),
        ("./tool.cwl", "tool.cwl"),
        ("cid:tool@e", "tool@e"),
        ("https://e.org/x/tool.cwl", "https://e.org/x/tool.cwl"),
        ("tool.cwl", "https://e.org/x/tool.cwl"),
        ("tool.cwl#tool", "tool.cwl"),
    ],
)
def test_a_step_names_a_document_in_any_of_its_ways(run, name):
    processes, found = packed(unit(tool(id="tool"), name), unit(flow(run, id="flow"), "flow.cwl", number=1))
    assert processes["flow"]["steps"]["s"]["run"] == "#tool"
    assert found.roots == ("flow",)
    assert found.places == ("/parts/0", "/parts/1")
    assert "cwlVersion" not in processes["tool"]


def test_documents_without_ids_are_called_by_their_files():
    processes, found = packed(unit(tool(), "tools/cat.cwl"), unit(flow("cat.cwl"), "flow.cwl"))
    assert set(processes) == {"cat", "flow"}
    assert found.nameless == frozenset()


def test_documents_that_nobody_names_get_names_that_are_nobodys_id():
    _, found = packed(unit(tool(id="tool"), "tool.cwl"), unit(flow("tool.cwl")))
    assert found.roots == ("process-2",)
    assert found.nameless == {"process-2"}


def test_equal_ids_of_two_documents_are_kept_apart():
    first, second = unit(tool(id="main"), "one.cwl"), unit(tool(id="main"), "two.cwl")
    processes, _ = packed(first, second, unit(flow("two.cwl", id="#main"), "flow.cwl"))
    assert set(processes) == {"one", "two", "flow"}
    assert processes["flow"]["steps"]["s"]["run"] == "#two"
    assert set(packed(unit(tool(id="a"), "one.cwl"), unit(tool(id="a"), "two.cwl"))[0]) == {"a", "a-2"}


def test_references_of_a_document_follow_the_name_of_its_process():
    document = flow(
        "tool.cwl",
        id="main",
        outputs=[{"id": "#main/r", "type": "File", "outputSource": "#main/s/o"}, {"id": "#q", "outputSource": "#s/o"}],
        doc="#main stays",
    )
    document["steps"]["s"]["in"] = {"i": "#main/a", "j": ["#a"], "k": {"source": "a", "valueFrom": "#not a reference"}}
    processes, _ = packed(unit(tool(), "tool.cwl"), unit(document, "flow.cwl"))
    found = processes["flow"]
    assert found["outputs"][0] == {"id": "#flow/r", "type": "File", "outputSource": "#flow/s/o"}
    assert found["outputs"][1] == {"id": "#flow/q", "outputSource": "#flow/s/o"}
    assert found["steps"]["s"]["in"] == {
        "i": "#flow/a", "j": ["#flow/a"], "k": {"source": "a", "valueFrom": "#not a reference"}
    }  # fmt: skip
    assert found["doc"] == "#main stays"


def test_a_document_of_several_processes_is_one_of_the_bundle():
    graph = {"cwlVersion": "v1.2", "$graph": [
        {**tool(id="a")}, {**flow("#a", id="main"), "outputs": {"r": {"outputSource": "#main/s/o"}}}]}  # fmt: skip
    processes, found = packed(unit(graph, "both.cwl"), unit(flow("both.cwl#a", id="x")), unit(flow("both.cwl", id="y")))
    assert set(processes) == {"a", "both", "x", "y"}
    assert processes["both"]["outputs"]["r"]["outputSource"] == "#both/s/o"
    assert processes["both"]["steps"]["s"]["run"] == "#a"
    assert processes["x"]["steps"]["s"]["run"] == "#a"
    assert processes["y"]["steps"]["s"]["run"] == "#both"
    assert found.roots == ("x", "y")


def test_what_is_not_in_the_bundle_stays_as_it_is():
    processes, _ = packed(unit(tool(id="a")), unit(flow("echo", id="b")))
    assert processes["b"]["steps"]["s"]["run"] == "echo"


def test_the_start_says_which_one_runs():
    start = unit(tool(id="b"))
    assert packed(unit(tool(id="a")), start)[1].roots == ("a", "b")
    assert packed(unit(tool(id="a")), start, start=start)[1].roots == ("b",)


def test_documents_that_run_each_other_have_a_first_one():
    assert packed(unit(flow("b.cwl"), "a.cwl"), unit(flow("a.cwl"), "b.cwl"))[1].roots == ("a",)


def test_name_spaces_are_those_of_all():
    first, second = tool(**{"$namespaces": {"a": "x"}}), tool(**{"$namespaces": {"b": "y", "a": "x"}})
    found = pack([unit(first, "1.cwl"), unit(second, "2.cwl")])
    assert found.document["$namespaces"] == {"a": "x", "b": "y"}


@pytest.mark.parametrize(
    ("second", "names", "pointer", "words"),
    [
        (tool(cwlVersion="v1.0"), ("b",), "/parts/1/cwlVersion", "a deployment has one version"),
        ({"class": "Workflow"}, ("b",), "/parts/1/cwlVersion", "is missing"),
        (tool(**{"$namespaces": {"a": "y"}}), ("b",), "/parts/1/$namespaces/a", "another URI"),
        (tool(), ("a",), "/parts/1", "the name 'a' of another document"),
        ({"cwlVersion": "v1.2", "$graph": 3}, ("b",), "/parts/1/$graph", "a list of processes"),
        ({"cwlVersion": "v1.2", "$graph": [3]}, ("b",), "/parts/1/$graph/0", "an object with an id"),
        ({"cwlVersion": "v1.2", "$graph": [tool(id="x"), tool(id="#x")]}, ("b",), "/parts/1/$graph/1/id",
         "another process"),
        ({"cwlVersion": "v1.2", "$graph": [tool()]}, ("b",), "/parts/1/$graph/0/id", "needs an id"),
    ],
)  # fmt: skip
def test_what_cannot_be_one_document_is_refused(second, names, pointer, words):
    first = unit(tool(**{"$namespaces": {"a": "x"}}), "a")
    with pytest.raises(InvalidPackage) as caught:
        pack([first, Unit(document=second, pointer="/parts/1", names=names)])
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    assert words in caught.value.faults[0].message
