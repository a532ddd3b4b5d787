"""What a hostile package or tool tries, and does not get."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.functional.engines.conftest import CWL, expression, made, tool, workflow
from weaverlite.errors import EngineError, InvalidPackage, UnsafeOutput

SECRET = "token-of-this-node"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the node, outside every job."""
    path = tmp_path / "node" / "secret.txt"
    path.parent.mkdir()
    path.write_text(SECRET)
    return path


@pytest.mark.parametrize(
    ("command", "glob", "kind"),
    [
        ("ln -s {secret} leak", "leak", "File"),
        ("ln -s {secret} leak", "*", "File"),
        ("ln -s {folder} leak", "leak", "Directory"),
        ("ln -s {folder} leak", "leak/secret.txt", "File"),
        ("mkdir d; ln -s {secret} d/leak", "d", "Directory"),
        ("mkdir d; ln -s {secret} d/leak", "d/*", "File"),
        ("ln -s {secret} one; ln -s one two", "two", "File"),
        ("mkdir -p d/e; ln -s ../../../../../../../../../../../../{secret} d/e/leak", "d/e/leak", "File"),
        ("true", "../../../../../../../../../../{secret}", "File"),
        ("mkfifo pipe", "pipe", "File"),
        ("ln -s loop loop", "loop", "File"),
    ],
)
def test_output_outside_the_folder_fails_the_job(cwl: CWL, secret: Path, command: str, glob: str, kind: str) -> None:
    places = {"secret": str(secret), "folder": str(secret.parent)}
    document = tool(
        command.format(**places), outputs={"out": {"type": kind, "outputBinding": {"glob": glob.format(**places)}}}
    )
    try:
        outcome = cwl.run(document)
    except UnsafeOutput as refused:
        assert SECRET not in str(refused.problem())
    else:
        assert outcome.failure
        assert not outcome.outputs


@pytest.mark.parametrize("member", ["path", "location"])
def test_output_object_cannot_name_files_of_the_node(cwl: CWL, secret: Path, member: str) -> None:
    claim = f'{{"out": {{"class": "File", "{member}": "{secret}"}}}}'
    assert cwl.run(tool(f"echo '{claim}' > cwl.output.json", outputs={"out": "File"})).failure


def test_link_that_stays_inside_is_an_output(cwl: CWL) -> None:
    outputs = cwl.run(tool("echo x > real; ln -s real link", outputs={"out": made("link")})).outputs
    assert outputs["out"].path.read_text() == "x\n"
    assert not outputs["out"].path.is_symlink()


def test_link_nobody_collects_does_no_harm(cwl: CWL, secret: Path) -> None:
    outcome = cwl.run(tool(f"ln -s {secret} aside; echo x > out.txt", outputs={"out": made("out.txt")}))
    assert outcome.outputs["out"].path.read_text() == "x\n"
    assert "warning" in [level for level, _ in cwl.heard.said]


@pytest.mark.parametrize(
    "script",
    [
        '${{return {{out: {{"class": "File", "location": "file://{secret}"}}}};}}',
        '${{return {{out: {{"class": "File", "path": "{secret}"}}}};}}',
        '${{return {{out: {{"class": "File", "location": "http://127.0.0.1:9/x"}}}};}}',
        '${{return {{out: {{"class": "File", "basename": "../../../evil", "contents": "x"}}}};}}',
        '${{return {{out: {{"class": "File", "basename": "evil", "dirname": "{folder}", "contents": "x"}}}};}}',
        '${{return {{out: {{"class": "Directory", "basename": "d", "listing": [{{"class": "Directory", '
        '"dirname": "{folder}", "basename": "evil", "listing": [{{"class": "File", "basename": "evil", '
        '"contents": "x"}}]}}]}}}};}}',
    ],
)
def test_expression_reaches_no_file_of_the_node(cwl: CWL, secret: Path, script: str) -> None:
    document = expression(script.format(secret=secret, folder=secret.parent), {"out": "Any"})
    try:
        outcome = cwl.run(document)
    except UnsafeOutput:
        pass
    else:
        assert outcome.failure
    assert [path.name for path in secret.parent.iterdir()] == ["secret.txt"]
    assert not list(cwl.place.rglob("evil"))


@pytest.mark.parametrize(
    "listing",
    [
        [{"entryname": "x", "entry": "$({'class': 'File', 'location': 'file://SECRET'})"}],
        [{"entryname": "../../../../x", "entry": "text"}],
        [{"entryname": "/tmp/weaverlite-evil", "entry": "text"}],
        ["$({'class': 'Directory', 'location': 'file://FOLDER', 'basename': 'd'})"],
    ],
)
def test_working_directory_holds_only_what_is_the_jobs(cwl: CWL, secret: Path, listing: list[Any]) -> None:
    text = json.dumps(listing).replace("SECRET", str(secret)).replace("FOLDER", str(secret.parent))
    document = tool(
        "cat x d/* 2>/dev/null; true",
        requirements={
            "InlineJavascriptRequirement": {},
            "InitialWorkDirRequirement": {"listing": json.loads(text)},
        },
    )
    assert cwl.run(document).failure
    assert SECRET not in cwl.heard.text("stdout")
    assert not Path("/tmp/weaverlite-evil").exists()


@pytest.mark.parametrize("member", ["location", "path"])
def test_value_that_claims_to_be_a_file_is_refused(cwl: CWL, secret: Path, member: str) -> None:
    claim = {"class": "File", member: str(secret)}
    document = tool("", baseCommand="cat", inputs={"v": {"type": "Any", "inputBinding": {}}}, outputs={"out": "stdout"})
    for value in (claim, [claim], {"deep": [claim]}):
        with pytest.raises(EngineError, match="class File"):
            cwl.run(document, {"v": value})


def test_nothing_is_fetched_and_nothing_is_read(cwl: CWL, secret: Path, socket_disabled: None) -> None:
    # pytest-socket raises at the first socket; the documents are refused or parsed without one.
    step: dict[str, Any] = {"in": {}, "out": []}
    refused: list[tuple[dict[str, Any], str]] = [
        (tool("true", doc={"$include": str(secret)}), "/doc/$include"),
        (tool("true", doc={"$include": f"file://{secret}"}), "/doc/$include"),
        (tool("true", inputs={"$import": "http://127.0.0.1:9/x.yml"}), "/inputs/$import"),
        (tool("true", **{"$schemas": ["http://127.0.0.1:9/x.owl"]}), "/$schemas"),
        (tool("true", **{"$base": "http://127.0.0.1:9/"}), "/$base"),
        (tool("true", inputs={"f": {"type": "File", "default": {"class": "File", "path": str(secret)}}}),
         "/inputs/f/default/path"),
        (workflow({"s": {**step, "run": "http://127.0.0.1:9/x.cwl"}}), "/steps/s/run"),
        (workflow({"s": {**step, "run": str(secret)}}), "/steps/s/run"),
        (workflow({"s": {**step, "run": "other.cwl#main"}}), "/steps/s/run"),
    ]  # fmt: skip
    for document, pointer in refused:
        with pytest.raises(InvalidPackage) as caught:
            cwl.describe(document)
        assert pointer in [fault.pointer for fault in caught.value.faults]
        assert SECRET not in str(caught.value.problem())
    harmless = tool(
        "true",
        id="http://127.0.0.1:9/evil.cwl#tool",
        inputs={"f": {"type": "File", "format": "http://127.0.0.1:9/format"}},
        **{"$namespaces": {"s": "http://127.0.0.1:9/"}, "s:author": "http://127.0.0.1:9/me"},
    )
    assert cwl.describe(harmless).inputs[0].input_id == "f"


def test_unknown_hints_have_no_effect(cwl: CWL) -> None:
    hints = [
        {"class": "SoftwareRequirement", "packages": {"evil": {}}},
        {"class": "cwltool:MPIRequirement", "processes": 4},
        {"class": "http://example.com/Anything", "x": 1},
    ]
    outcome = cwl.run(tool("echo ran", hints=hints, outputs={"out": "stdout"}))
    assert outcome.outputs["out"].path.read_text() == "ran\n"


def test_deploying_evaluates_nothing(cwl: CWL) -> None:
    endless = expression("${while (true) {} return {};}", {}, requirements={"InlineJavascriptRequirement": {
        "expressionLib": ["while (true) {}"]}})  # fmt: skip
    assert cwl.describe(endless).inputs == ()


def test_workflow_bomb_is_counted_not_built(cwl: CWL) -> None:
    step = {"in": {}, "out": []}
    graph = [
        {"class": "Workflow", "id": f"w{n}", "inputs": [], "outputs": [],
         "steps": {"a": {**step, "run": f"#w{n + 1}"}, "b": {**step, "run": f"#w{n + 1}"}}}
        for n in range(40)
    ]  # fmt: skip
    graph.append({"class": "ExpressionTool", "id": "w40", "inputs": [], "outputs": [], "expression": "$({})"})
    graph[0]["id"] = "main"
    with pytest.raises(InvalidPackage) as refused:
        cwl.describe({"cwlVersion": "v1.2", "$graph": graph})
    assert any("more than 2000 steps" in fault.message for fault in refused.value.faults)


def test_options_whose_feature_is_not_there_are_refused_in_a_package_too(cwl: CWL) -> None:
    hints = [{"class": "weaverlite:Options", "selector": {"gpu": "yes"}}]
    with pytest.raises(InvalidPackage, match="selector"):
        cwl.describe(tool("true", hints=hints))
