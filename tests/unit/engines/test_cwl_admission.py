"""What a CWL package may contain, decided without running or fetching anything."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from weaverlite.engines.cwl.admission import EXTENSIONS, REQUIREMENTS, admit
from weaverlite.errors import InvalidPackage


def tool(**members: Any) -> dict[str, Any]:
    simple = {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": "true", "inputs": {}, "outputs": {}}
    return {**simple, **members}


def workflow(steps: Any, **members: Any) -> dict[str, Any]:
    return {"cwlVersion": "v1.2", "class": "Workflow", "inputs": {}, "outputs": {}, "steps": steps, **members}


def step(run: Any, **members: Any) -> dict[str, Any]:
    return {"run": run, "in": {}, "out": [], **members}


def faults(document: Any) -> dict[str, str]:
    with pytest.raises(InvalidPackage) as refused:
        admit(document)
    return {fault.pointer: fault.message for fault in refused.value.faults}


@pytest.mark.parametrize("document", [None, [], "text", 5, True])
def test_document_is_an_object(document: Any) -> None:
    assert faults(document) == {"": "a CWL document is an object"}


@pytest.mark.parametrize(
    ("members", "pointer", "words"),
    [
        ({"cwlVersion": None}, "/cwlVersion", "v1.0, v1.1, v1.2"),
        ({"cwlVersion": "v1.3.0-dev1"}, "/cwlVersion", "'v1.3.0-dev1' is not supported"),
        ({"cwlVersion": ["v1.2"]}, "/cwlVersion", "is not supported"),
        ({"class": "Operation"}, "/class", "cannot be run"),
        ({"class": None}, "/class", "it is missing"),
        ({"inputs": None}, "/inputs", "write []"),
        ({"outputs": [{"type": "int"}]}, "/outputs/0", "an object with an id"),
        ({"cwl:tool": "x.cwl"}, "/cwl:tool", "not the inputs of one"),
        ({"$namespaces": {"a": 5}}, "/$namespaces/a", "URI"),
        ({"$schemas": ["x.owl"]}, "/$schemas", "nothing outside the document"),
        ({"$base": "http://x/"}, "/$base", "nothing outside the document"),
        ({"doc": {"$include": "x"}}, "/doc/$include", "one document"),
        ({"inputs": [{"$import": "x"}]}, "/inputs/0/$import", "one document"),
        ({"arguments": [{"$mixin": "x"}]}, "/arguments/0/$mixin", "one document"),
        ({"inputs": {"x": {"$graph": []}}}, "/inputs/x/$graph", "at the top"),
        ({"a/b~c": {"$import": "x"}}, "/a~1b~0c/$import", "one document"),
    ],
)
def test_fault_is_told_with_its_place(members: dict[str, Any], pointer: str, words: str) -> None:
    found = faults(tool(**members))
    assert words in found[pointer]


@pytest.mark.parametrize(
    "value",
    [
        {"class": "File", "location": "file:///etc/passwd"},
        {"class": "File", "path": "/etc/passwd"},
        {"class": "File", "location": "relative.txt"},
        {"class": "File", "location": "https://example.com/x"},
        {"class": "Directory", "location": "/"},
        {"class": "File", "contents": "x", "secondaryFiles": [{"class": "File", "path": "/etc/passwd"}]},
    ],
)
def test_default_cannot_name_a_file(value: Any) -> None:
    for default in (value, [value], {"deep": value}):
        found = faults(tool(inputs={"f": {"type": "Any", "default": default}}))
        assert any(pointer.startswith("/inputs/f/default") for pointer in found)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "..", "", "a\0b"])
def test_literal_has_a_plain_name(name: str) -> None:
    default = {"class": "File", "basename": name, "contents": "x"}
    assert "/inputs/f/default/basename" in faults(tool(inputs={"f": {"type": "File", "default": default}}))


def test_literal_is_allowed() -> None:
    admit(tool(inputs={"f": {"type": "File", "default": {"class": "File", "basename": "a.txt", "contents": "x"}}}))


def test_reference_made_by_an_expression_is_left_to_the_run() -> None:
    listing = [{"class": "File", "location": "$(inputs.f.location)"}]
    admit(tool(requirements={"InitialWorkDirRequirement": {"listing": listing}}))


# ---------------------------------------------------------------- requirements


@pytest.mark.parametrize("name", sorted(REQUIREMENTS | EXTENSIONS))
def test_known_requirements_are_admitted_in_both_forms(name: str) -> None:
    content = {"dockerPull": "debian:12"} if name == "DockerRequirement" else {}
    admit(tool(requirements={name: content}))
    admit(tool(requirements=[{"class": name, **content}]))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("DockerRequirment", "did you mean DockerRequirement?"),
        ("InlineJavaScriptRequirement", "did you mean InlineJavascriptRequirement?"),
        ("SoftwareRequirement", "not supported"),
        ("cwltool:MPIRequirement", "not supported"),
        ("http://commonwl.org/cwltool#MPIRequirement", "not supported"),
        ("cwltool:Loop", "not supported"),
        ("http://example.com/Anything", "under hints"),
        ("weaverlite:Options", "belongs under hints"),
    ],
)
def test_unknown_requirement_is_refused_with_the_nearest_name(name: str, words: str) -> None:
    listed = [{"class": "ResourceRequirement"}, {"class": name}]
    assert words in faults(tool(requirements=listed))["/requirements/1/class"]
    (pointer,) = faults(tool(requirements={name: {}}))
    assert pointer == f"/requirements/{name.replace('/', '~1')}"


def test_prefixes_of_the_document_are_undone() -> None:
    namespaces = {"$namespaces": {"x": "http://commonwl.org/cwltool#", "w": "https://weaverlite.org/cwl#"}}
    limit, options = {"x:TimeLimit": {"timelimit": 5}}, {"w:Options": {"priority": 1}}
    admitted = admit(tool(requirements=limit, hints=options, **namespaces))
    assert admitted.document["requirements"] == []
    assert admitted.document["hints"] == [{"class": "http://commonwl.org/cwltool#TimeLimit", "timelimit": 5}]
    assert admitted.options is not None
    assert admitted.options.content == {"priority": 1}


def test_requirement_without_class_is_refused() -> None:
    assert "/requirements/0" in faults(tool(requirements=[{}]))
    assert "/hints/0" in faults(tool(hints=["text"]))


@pytest.mark.parametrize(
    ("content", "member"),
    [
        ({}, ""),
        ({"dockerPull": "--hostname=x"}, "/dockerPull"),
        ({"dockerPull": "debian:12", "dockerImageId": "-v"}, "/dockerImageId"),
        ({"dockerPull": ["debian"]}, "/dockerPull"),
        ({"dockerPull": "debian", "dockerFile": "FROM x"}, "/dockerFile"),
        ({"dockerPull": "debian", "dockerLoad": "/x.tar"}, "/dockerLoad"),
        ({"dockerPull": "debian", "dockerImport": "http://x"}, "/dockerImport"),
        ({"dockerPull": "debian", "dockerOutputDirectory": "relative"}, "/dockerOutputDirectory"),
        ({"dockerPull": "debian", "dockerOutputDirectory": "/a/../b"}, "/dockerOutputDirectory"),
        ({"dockerPull": "debian", "dockerOutputDirectory": "/a,readonly=false"}, "/dockerOutputDirectory"),
        ({"dockerPull": "debian", "dockerOutputDirectory": "/a:/b"}, "/dockerOutputDirectory"),
    ],
)
def test_images_are_named_and_not_made(content: dict[str, Any], member: str) -> None:
    for section in ("requirements", "hints"):
        assert f"/{section}/DockerRequirement{member}" in faults(tool(**{section: {"DockerRequirement": content}}))


@pytest.mark.parametrize(
    "value", [-1, 0, 1e300, float("inf"), float("nan"), True, "10", "ten", [], {}, 10**30]
)  # fmt: skip
def test_resources_are_numbers_that_make_sense(value: Any) -> None:
    for member in ("coresMin", "ramMax", "tmpdirMin", "outdirMax"):
        found = faults(tool(requirements={"ResourceRequirement": {member: value}}))
        assert list(found) == [f"/requirements/ResourceRequirement/{member}"]


def test_resources_may_be_expressions_and_minimum_is_the_less() -> None:
    admit(tool(requirements={"ResourceRequirement": {"coresMin": "$(inputs.n)", "ramMin": 10, "ramMax": 10}}))
    assert "/requirements/ResourceRequirement/ramMin" in faults(
        tool(requirements={"ResourceRequirement": {"ramMin": 11, "ramMax": 10}})
    )


def test_all_faults_are_told_together() -> None:
    found = faults(tool(cwlVersion="v9", requirements={"Nope": {}, "ResourceRequirement": {"ramMin": -1}}, inputs=None))
    assert set(found) == {"/cwlVersion", "/requirements/Nope", "/requirements/ResourceRequirement/ramMin", "/inputs"}


# ---------------------------------------------------------------- processes


def test_steps_run_what_the_document_holds() -> None:
    for run in ("http://example.com/x.cwl", "x.cwl", "x.cwl#y", "/etc/x.cwl", "#missing", "", None, 5, ["#a"]):
        assert "/steps/s/run" in faults(workflow({"s": step(run)}))
    admit(workflow({"s": step(tool())}))
    admit({"cwlVersion": "v1.2", "$graph": [{**workflow({"s": step("#t")}), "id": "main"}, {**tool(), "id": "#t"}]})


def test_faults_of_embedded_tools_are_found_once() -> None:
    bad = {**tool(requirements={"Nope": {}}), "id": "t"}
    main = {**workflow({"a": step("#t"), "b": step("#t")}), "id": "main"}
    with pytest.raises(InvalidPackage) as refused:
        admit({"cwlVersion": "v1.2", "$graph": [main, bad]})
    assert [fault.pointer for fault in refused.value.faults] == ["/$graph/1/requirements/Nope"]
    assert "/steps/0/run/requirements/Nope" in faults(workflow([{"id": "a", **step(tool(requirements={"Nope": {}}))}]))


def test_graph_says_what_runs() -> None:
    for graph in ([], {}, "x", [tool()], [{**tool(), "id": "a"}, {**tool(), "id": "b"}]):
        assert "/$graph" in faults({"cwlVersion": "v1.2", "$graph": graph})
    assert admit({"cwlVersion": "v1.2", "$graph": [{**tool(), "id": "only"}]}).original.main.name == "only"


def test_workflow_cannot_run_itself() -> None:
    a = {**workflow({"s": step("#b")}), "id": "main"}
    b = {**workflow({"s": step("#main")}), "id": "b"}
    assert "runs itself" in faults({"cwlVersion": "v1.2", "$graph": [a, b]})["/$graph/1/steps/s/run"]


def test_steps_are_counted_through_references() -> None:
    graph = [{**workflow({"a": step(f"#w{n + 1}"), "b": step(f"#w{n + 1}")}), "id": f"w{n}"} for n in range(60)]
    graph[0]["id"] = "main"
    found = faults({"cwlVersion": "v1.2", "$graph": [*graph, {**tool(), "id": "w60"}]})
    assert any("more than 2000 steps" in message for message in found.values())


def test_nesting_ends_in_a_sentence() -> None:
    deep: Any = {}
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(InvalidPackage, match="nested too deeply"):
        admit(tool(doc=deep))


def test_containers_are_in_effect_where_they_are_inherited() -> None:
    box = {"DockerRequirement": {"dockerPull": "debian:12"}}
    assert admit(tool()).host_commands
    assert not admit(tool(requirements=box)).host_commands
    assert not admit(workflow({"s": step(tool())}, hints=box)).host_commands
    assert not admit(workflow({"s": step(workflow({"t": step(tool())}), requirements=box)})).host_commands
    mixed = [
        {**workflow({"a": step("#t", requirements=box), "b": step("#t")}), "id": "main"},
        {**tool(), "id": "t"},
    ]
    assert admit({"cwlVersion": "v1.2", "$graph": mixed}).host_commands
    no_tool = {**tool(), "class": "ExpressionTool", "expression": "$({})"}
    assert not admit(no_tool).host_commands


def test_network_is_asked_for_in_words() -> None:
    assert not admit(tool()).network
    assert not admit(tool(requirements={"NetworkAccess": {"networkAccess": False}})).network
    assert admit(tool(requirements={"NetworkAccess": {"networkAccess": True}})).network
    assert admit(workflow({"s": step(tool(hints={"cwltool:NetworkAccess": {"networkAccess": True}}))})).network


# ---------------------------------------------------------------- the copy for the runner


def test_what_was_deployed_stays_as_it_is() -> None:
    document = workflow(
        {"s": step(tool(hints={"Unknown": {}}), hints=[{"class": "weaverlite:Options"}][:0])},
        hints={"weaverlite:Options": {"priority": 1}},
        inputs={"n": {"type": "int", "weaverlite:schema": {"minimum": 0}}},
    )
    before = copy.deepcopy(document)
    admitted = admit(document)
    assert document == before
    assert admitted.original.main.content == before
    assert "weaverlite" not in str(admitted.document)
    assert "Unknown" not in str(admitted.document)


def test_options_are_those_of_the_whole_package() -> None:
    inner = tool(hints={"weaverlite:Options": {}})
    assert "/steps/s/run/hints/weaverlite:Options" in faults(workflow({"s": step(inner)}))


def test_ports_named_like_sections_are_not_taken_for_them() -> None:
    inputs = {"run": "string", "hints": "string", "requirements": "string", "class": "string", "steps": "string"}
    assert admit(tool(inputs=inputs)).document["inputs"] == inputs


def test_captured_streams_get_names() -> None:
    document = admit(tool(outputs={"a": "stdout", "b": {"type": "stderr"}}, stderr="mine.log")).document
    assert (document["stdout"], document["stderr"]) == ("stdout.txt", "mine.log")


@pytest.mark.parametrize(
    ("given", "kept"), [("my-tool", "my-tool"), ("#main", "main"), ("http://x/y.cwl#z", "z"), ("file:///a/b", "b")]
)
def test_id_is_no_place(given: str, kept: str) -> None:
    assert admit(tool(id=given)).document["id"] == kept
