"""Command line tools and expression tools, run with the real reference runner."""

from __future__ import annotations

import importlib.util
import shutil
import time
from pathlib import Path

import pytest

from tests.functional.engines.conftest import CWL, expression, made, tool
from weaverlite.errors import EngineError
from weaverlite.models.options import Resources
from weaverlite.models.results import LocalDirectory, LocalFile

needs_javascript = pytest.mark.skipif(
    not (shutil.which("node") or importlib.util.find_spec("quickjs")), reason="nothing here evaluates JavaScript"
)


def test_values_of_every_type_reach_the_command(cwl: CWL) -> None:
    binding = {"inputBinding": {"position": 1}}
    document = tool(
        'printf "%s\\n" "$@"',
        baseCommand=["printf", "%s\n"],
        inputs={
            "a": {"type": "string", **binding},
            "b": {"type": "int", "inputBinding": {"position": 2}},
            "c": {"type": "double", "inputBinding": {"position": 3}},
            "d": {"type": {"type": "enum", "symbols": ["low", "high"]}, "inputBinding": {"position": 4}},
            "e": {"type": "string[]", "inputBinding": {"position": 5, "prefix": "-e", "itemSeparator": ","}},
            "f": {"type": "boolean", "inputBinding": {"position": 6, "prefix": "--flag"}},
            "g": {"type": "string?", "inputBinding": {"position": 7}},
            "h": {"type": "int", "default": 7, "inputBinding": {"position": 8}},
        },
        outputs={"out": "stdout"},
    )
    outcome = cwl.run(document, {"a": "x y", "b": 5, "c": 2.5, "d": "high", "e": ["p", "q"], "f": True})
    assert outcome.outputs["out"].path.read_text().splitlines() == [
        "x y", "5", "2.5", "high", "-e", "p,q", "--flag", "7",
    ]  # fmt: skip


def test_single_value_is_a_list_of_one(cwl: CWL) -> None:
    document = tool(
        "",
        baseCommand="echo",
        inputs={"xs": {"type": "string[]?", "inputBinding": {}}},
        outputs={"out": "stdout"},
    )
    assert cwl.run(document, {"xs": "alone"}).outputs["out"].path.read_text() == "alone\n"


def test_captured_stream_has_a_name_people_understand(cwl: CWL) -> None:
    outputs = cwl.run(tool("echo out; echo err >&2", outputs={"a": "stdout", "b": "stderr"})).outputs
    assert (outputs["a"].name, outputs["b"].name) == ("stdout.txt", "stderr.txt")
    assert (outputs["a"].media_type, outputs["b"].path.read_text()) == ("text/plain", "err\n")


def test_redirected_stdout_is_a_file_and_stderr_stays_live(cwl: CWL) -> None:
    outcome = cwl.run(tool("echo data; echo note >&2", stdout="data.csv", outputs={"out": made("data.csv")}))
    assert outcome.outputs["out"].media_type == "text/csv"
    assert cwl.heard.text("stdout") == ""
    assert cwl.heard.text("stderr") == "note\n"


def test_stdin_is_read_and_otherwise_empty(cwl: CWL) -> None:
    reads = tool("cat", inputs={"file": "stdin"}, outputs={"out": "stdout"})
    assert cwl.run(reads, {"file": cwl.file("in.txt", "hello")}).outputs["out"].path.read_text() == "hello"
    assert cwl.run(tool("cat", outputs={"out": "stdout"})).outputs["out"].path.read_text() == ""


def test_directories_go_in_and_come_out(cwl: CWL) -> None:
    cwl.file("tree/a/b.txt", "deep")
    document = tool(
        'cp -r "$0" made && chmod -R u+w made && echo more > made/c.txt',
        inputs={"tree": {"type": "Directory", "inputBinding": {}}},
        outputs={"made": {"type": "Directory", "outputBinding": {"glob": "made"}}},
    )
    found = cwl.run(document, {"tree": LocalDirectory(path=cwl.place / "inputs" / "tree", name="tree")}).outputs["made"]
    assert isinstance(found, LocalDirectory)
    assert (found.name, (found.path / "a" / "b.txt").read_text()) == ("made", "deep")
    assert (found.path / "c.txt").read_text() == "more\n"


def test_secondary_files_stay_beside_their_file(cwl: CWL) -> None:
    index = cwl.file("elsewhere/reads.bam.bai", "index")
    reads = LocalFile(
        path=cwl.file("reads.bam", "reads").path,
        name="reads.bam",
        secondary=(LocalFile(path=index.path, name="reads.bam.bai"),),
    )
    document = tool(
        'cat "$0" "$0.bai" > both.txt; cp "$0" out.bam; cp "$0.bai" out.bam.bai',
        inputs={"reads": {"type": "File", "secondaryFiles": [".bai"], "inputBinding": {}}},
        outputs={"both": made("both.txt"), "pair": {**made("out.bam"), "secondaryFiles": [".bai"]}},
    )
    outputs = cwl.run(document, {"reads": reads}).outputs
    assert outputs["both"].path.read_text() == "readsindex"
    assert [file.name for file in outputs["pair"].secondary] == ["out.bam.bai"]


def test_input_may_be_passed_through(cwl: CWL) -> None:
    given = cwl.file("given.txt", "as it was")
    document = tool(
        "true",
        inputs={"file": "File"},
        outputs={"same": {"type": "File", "outputBinding": {"outputEval": "$(inputs.file)"}}},
    )
    outcome = cwl.run(document, {"file": given})
    assert outcome.outputs["same"].path.read_text() == "as it was"
    assert given.path.read_text() == "as it was"


def test_declared_format_tells_the_media_type(cwl: CWL) -> None:
    document = tool(
        "echo x > data",
        inputs={"file": {"type": "File", "format": "iana:text/csv"}},
        outputs={"out": {**made("data"), "format": "edam:format_3650"}},
        **{
            "$namespaces": {
                "edam": "http://edamontology.org/",
                "iana": "https://www.iana.org/assignments/media-types/",
            }
        },
    )
    given = LocalFile(path=cwl.file("a.csv").path, name="a.csv", media_type="text/csv")
    outcome = cwl.run(document, {"file": given})
    assert (outcome.failure, outcome.outputs["out"].media_type) == ("", "application/netcdf")


def test_literal_outputs_keep_their_types(cwl: CWL) -> None:
    document = tool(
        """echo '{"n": 3, "x": 2.5, "t": "text", "b": true, "l": [1, 2], "r": {"k": "v"}}' > cwl.output.json""",
        outputs={"n": "int", "x": "double", "t": "string", "b": "boolean", "l": "int[]", "r": "Any", "o": "string?"},
    )
    assert cwl.run(document).outputs == {"n": 3, "x": 2.5, "t": "text", "b": True, "l": [1, 2], "r": {"k": "v"}}


def test_json_stays_json(cwl: CWL) -> None:
    odd = "yes: no\n- 1e3 \u2028 \U0001f635 123456789012345678901234567890"
    document = tool(
        "",
        baseCommand=["printf", "%s"],
        inputs={"t": {"type": "string", "inputBinding": {}}},
        outputs={"out": "stdout"},
    )
    assert cwl.run(document, {"t": odd}).outputs["out"].path.read_text() == odd


def test_success_codes_are_success(cwl: CWL) -> None:
    outcome = cwl.run(tool("exit 4", successCodes=[4]))
    assert (outcome.exit_code, outcome.failure) == (0, "")


@pytest.mark.parametrize(
    ("command", "exit_code", "words"),
    [
        (["sh", "-c", "echo first >&2; echo 'no such river' >&2; exit 3"], 3, "ended with exit code 3: no such river"),
        (["sh", "-c", "kill -9 $$"], 137, "was ended by signal 9 (SIGKILL)"),
        (["no-such-command"], 127, "there is no command 'no-such-command'"),
        (["/etc/passwd"], 126, "'/etc/passwd': Permission denied"),
    ],
)
def test_failure_says_what_became_of_the_tool(cwl: CWL, command: list[str], exit_code: int, words: str) -> None:
    outcome = cwl.run(tool("", baseCommand=command))
    assert outcome.exit_code == exit_code
    assert words in outcome.failure


def test_missing_output_is_named(cwl: CWL) -> None:
    outcome = cwl.run(tool("true", outputs={"map": made("*.tif")}))
    assert outcome.exit_code == 0
    assert "'map'" in outcome.failure
    assert "*.tif" in outcome.failure


def test_failure_is_told_from_the_redirected_stderr_too(cwl: CWL) -> None:
    outcome = cwl.run(tool("echo told in a file >&2; exit 1", stderr="errors.txt"))
    assert outcome.failure.endswith("exit code 1: told in a file")


def test_time_limit_stops_the_tool_and_what_it_started(cwl: CWL) -> None:
    began = time.monotonic()
    outcome = cwl.run(
        tool("sleep 30 & echo $! > child; wait", requirements={"ToolTimeLimit": {"timelimit": 1}})
    )
    assert time.monotonic() - began < 10
    assert "ToolTimeLimit of 1 s" in outcome.failure
    (child,) = cwl.directory.rglob("child")
    status = Path(f"/proc/{child.read_text().strip()}/status")
    assert not status.exists() or "Z (zombie)" in status.read_text()


def test_resources_that_nobody_has_are_told(cwl: CWL) -> None:
    document = tool("true", requirements={"ResourceRequirement": {"coresMin": 8}})
    outcome = cwl.run(document, resources=Resources(cores=2))
    assert "needs 8 cores; this job may have 2" in outcome.failure


def test_granted_resources_are_told_to_the_tool(cwl: CWL) -> None:
    document = tool(
        "echo $0 $1",
        arguments=["$(runtime.cores)", "$(runtime.ram)"],
        requirements={"ResourceRequirement": {"coresMin": 2, "ramMin": 300}},
        outputs={"out": "stdout"},
    )
    outcome = cwl.run(document, resources=Resources(cores=4, memory=2**30))
    assert outcome.outputs["out"].path.read_text() == "2 300\n"


def test_host_commands_run_only_where_they_may(cwl: CWL) -> None:
    with pytest.raises(EngineError, match="weaverlite.worker.host_commands"):
        cwl.run(tool("touch ran"), host_commands=False)
    assert not list(cwl.directory.rglob("ran"))


def test_environment_is_the_tools_own(cwl: CWL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVICE", "token")
    document = tool(
        "env",
        outputs={"out": "stdout"},
        requirements={"EnvVarRequirement": {"envDef": {"MODE": "fast", "WEAVERLITE_JOB": "forged"}}},
    )
    text = cwl.run(document, environment={"WEAVERLITE_JOB": "real"}).outputs["out"].path.read_text()
    assert "MODE=fast" in text
    assert "WEAVERLITE_JOB=real" in text
    assert "token" not in text


def test_usage_is_that_of_the_tools(cwl: CWL) -> None:
    spent = cwl.run(tool("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done")).usage.cpu_seconds
    assert spent is not None
    assert 0.02 < spent < 20


@needs_javascript
def test_expression_tool_computes(cwl: CWL) -> None:
    document = expression(
        "${return {sum: inputs.xs.reduce(function(a, b) {return a + b;}), word: inputs.w + '\\n😵'};}",
        {"sum": "int", "word": "string"},
        inputs={"xs": "int[]", "w": "string"},
    )
    outcome = cwl.run(document, {"xs": [1, 2, 3], "w": "ü"})
    assert (outcome.failure, outcome.outputs) == ("", {"sum": 6, "word": "ü\n😵"})


@needs_javascript
def test_expression_may_make_files_and_directories(cwl: CWL) -> None:
    script = """${return {d: {"class": "Directory", "basename": "made", "listing":
        [{"class": "File", "basename": "a.txt", "contents": "literal"}]}};}"""
    found = cwl.run(expression(script, {"d": "Directory"})).outputs["d"]
    assert (found.path / "a.txt").read_text() == "literal"
    assert found.path.is_relative_to(cwl.directory)


@needs_javascript
def test_failing_expression_is_told_in_a_line(cwl: CWL) -> None:
    outcome = cwl.run(expression("${return {x: nothing.here};}", {"x": "int"}))
    assert outcome.exit_code == 1
    assert "ReferenceError" in outcome.failure
    assert "\n" not in outcome.failure
    assert len(outcome.failure) < 400


@needs_javascript
def test_expression_sees_nothing_of_the_process(cwl: CWL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVICE", "token")
    for script in (
        "${return {x: process.env};}",
        "${return {x: this.constructor.constructor('return process.env')()};}",
        "${return {x: (function(){}).constructor('return this.process.env')()};}",
        "${return {x: require('fs').readFileSync('/etc/hostname', 'utf8')};}",
    ):
        outcome = cwl.run(expression(script, {"x": "Any"}))
        assert outcome.failure
        assert "token" not in str(outcome)


def test_plain_references_need_no_javascript(cwl: CWL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/bin:/usr/bin")
    document = tool(
        "", baseCommand=["echo"], arguments=["$(inputs.x)"], inputs={"x": "int"}, outputs={"out": "stdout"}
    )
    assert cwl.run(document, {"x": 5}).outputs["out"].path.read_text() == "5\n"


def test_without_anything_to_evaluate_javascript_the_extra_is_named(
    cwl: CWL, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if importlib.util.find_spec("quickjs"):
        pytest.skip("QuickJS is installed: it is always found")
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = cwl.run(expression("${return {x: 1 + 1};}", {"x": "int"}))
    assert "weaverlite[js]" in outcome.failure


def test_any_input_takes_another_type_the_next_time(cwl: CWL) -> None:
    document = tool(
        "", baseCommand="echo", inputs={"v": {"type": "Any", "inputBinding": {}}}, outputs={"out": "stdout"}
    )
    for value in (cwl.file("f.txt"), {"k": "v"}, [1, 2], "text", 5, cwl.file("f.txt")):
        assert cwl.run(document, {"v": value}).failure == ""


def test_older_versions_of_the_standard_run(cwl: CWL) -> None:
    for version in ("v1.0", "v1.1", "v1.2"):
        document = {**tool("echo $0", outputs={"out": "stdout"}, arguments=[version]), "cwlVersion": version}
        assert cwl.run(document).outputs["out"].path.read_text() == f"{version}\n"
