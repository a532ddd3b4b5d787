"""Workflows: steps, scatter, subworkflows, conditions, progress and what becomes of a failing step."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.functional.engines.conftest import CWL, made, tool, workflow
from weaverlite.errors import InvalidPackage
from weaverlite.models.options import Resources

UPPER = tool(
    'echo "upper of $0" >&2; tr a-z A-Z < "$0" > out.txt',
    inputs={"file": {"type": "File", "inputBinding": {}}},
    outputs={"out": made("out.txt")},
)
COUNT = tool(
    'wc -c < "$0" | tr -d " \\n" > n',
    inputs={"file": {"type": "File", "inputBinding": {}}},
    outputs={
        "n": {
            "type": "string",
            "outputBinding": {"glob": "n", "loadContents": True, "outputEval": "$(self[0].contents)"},
        }
    },
)
JOIN = tool(
    'cat "$@" > all.txt',
    baseCommand=["sh", "-c", 'cat "$@" > all.txt', "join"],
    inputs={"files": {"type": "File[]", "inputBinding": {}}},
    outputs={"out": made("all.txt")},
)


def test_steps_hand_files_on(cwl: CWL) -> None:
    document = workflow(
        {
            "shout": {"run": UPPER, "in": {"file": "given"}, "out": ["out"]},
            "count": {"run": COUNT, "in": {"file": "shout/out"}, "out": ["n"]},
        },
        inputs={"given": "File"},
        outputs={
            "text": {"type": "File", "outputSource": "shout/out"},
            "length": {"type": "string", "outputSource": "count/n"},
        },
    )
    outcome = cwl.run(document, {"given": cwl.file("a.txt", "hello")})
    assert outcome.failure == ""
    assert outcome.outputs["text"].path.read_text() == "HELLO"
    assert outcome.outputs["length"] == "5"


def test_scatter_runs_each_and_keeps_the_order(cwl: CWL) -> None:
    document = workflow(
        {
            "shout": {"run": UPPER, "scatter": "file", "in": {"file": "given"}, "out": ["out"]},
            "join": {"run": JOIN, "in": {"files": "shout/out"}, "out": ["out"]},
        },
        inputs={"given": "File[]"},
        outputs={
            "each": {"type": "File[]", "outputSource": "shout/out"},
            "all": {"type": "File", "outputSource": "join/out"},
        },
        requirements=[{"class": "ScatterFeatureRequirement"}],
    )
    words = [f"word{n} " for n in range(12)]
    outcome = cwl.run(document, {"given": [cwl.file(f"{n}.txt", word) for n, word in enumerate(words)]})
    assert outcome.failure == ""
    assert outcome.outputs["all"].path.read_text() == "".join(words).upper()
    assert [file.path.read_text() for file in outcome.outputs["each"]] == [word.upper() for word in words]
    assert {file.name for file in outcome.outputs["each"]} == {"out.txt"}
    assert len({file.path for file in outcome.outputs["each"]}) == len(words)


def test_scatter_over_nothing_gives_nothing(cwl: CWL) -> None:
    document = workflow(
        {"shout": {"run": UPPER, "scatter": "file", "in": {"file": "given"}, "out": ["out"]}},
        inputs={"given": "File[]"},
        outputs={"each": {"type": "File[]", "outputSource": "shout/out"}},
        requirements={"ScatterFeatureRequirement": {}},
    )
    assert cwl.run(document, {"given": []}).outputs == {"each": []}


def test_processes_of_a_graph_run_each_other(cwl: CWL) -> None:
    inner = workflow(
        {"shout": {"run": "#upper", "in": {"file": "f"}, "out": ["out"]}},
        id="inner",
        inputs={"f": "File"},
        outputs={"o": {"type": "File", "outputSource": "shout/out"}},
    )
    outer = workflow(
        {"deep": {"run": "#inner", "in": {"f": "given"}, "out": ["o"]}},
        id="main",
        inputs={"given": "File"},
        outputs={"result": {"type": "File", "outputSource": "deep/o"}},
        requirements={"SubworkflowFeatureRequirement": {}},
    )
    for process in (inner, outer):
        process.pop("cwlVersion")
    upper = {key: value for key, value in UPPER.items() if key != "cwlVersion"}
    document = {"cwlVersion": "v1.2", "$graph": [outer, inner, {**upper, "id": "upper"}]}
    outcome = cwl.run(document, {"given": cwl.file("a.txt", "deep")})
    assert outcome.failure == ""
    assert outcome.outputs["result"].path.read_text() == "DEEP"


def test_condition_skips_a_step(cwl: CWL) -> None:
    document = workflow(
        {
            "maybe": {
                "run": COUNT,
                "when": "$(inputs.wanted)",
                "in": {"file": "given", "wanted": "wanted"},
                "out": ["n"],
            }
        },
        inputs={"given": "File", "wanted": "boolean"},
        outputs={"length": {"type": "string?", "outputSource": "maybe/n"}},
    )
    file = cwl.file("a.txt", "abc")
    assert cwl.run(document, {"given": file, "wanted": True}).outputs == {"length": "3"}
    assert cwl.run(document, {"given": file, "wanted": False}).outputs == {}


def test_streams_of_steps_are_told_apart(cwl: CWL) -> None:
    document = workflow(
        {
            "first": {"run": tool("echo one", outputs={}), "in": {}, "out": []},
            "second": {"run": tool("echo two; echo three >&2", outputs={}), "in": {}, "out": []},
        }
    )
    assert cwl.run(document).failure == ""
    assert cwl.heard.text("stdout", "first") == "one\n"
    assert cwl.heard.text("stdout", "second") == "two\n"
    assert cwl.heard.text("stderr", "second") == "three\n"


def test_names_of_steps_do_not_grow_from_run_to_run(cwl: CWL) -> None:
    document = workflow({"only": {"run": tool("echo x"), "in": {}, "out": []}})
    for _ in range(3):
        cwl.run(document)
        assert {step for _, step, _ in cwl.heard.spoken} == {"only"}


def test_progress_counts_steps(cwl: CWL) -> None:
    step = {"run": tool("true"), "in": {}, "out": []}
    cwl.run(workflow({name: step for name in "abcd"}))
    percents = [percent for percent, _ in cwl.heard.steps]
    assert percents == sorted(percents)
    assert percents[0] == 0
    assert percents[-1] == 100
    assert cwl.heard.steps[-1][1] == "4 of 4 steps done"


def test_first_failing_step_names_itself(cwl: CWL) -> None:
    document = workflow(
        {
            "good": {"run": UPPER, "in": {"file": "given"}, "out": ["out"]},
            "bad": {
                "run": tool(
                    "echo it rained >&2; exit 7",
                    inputs={"file": {"type": "File", "inputBinding": {}}},
                    outputs={"n": made("n")},
                ),
                "in": {"file": "good/out"},
                "out": ["n"],
            },
            "after": {"run": COUNT, "in": {"file": "bad/n"}, "out": ["n"]},
        },
        inputs={"given": "File"},
        outputs={"length": {"type": "string", "outputSource": "after/n"}},
    )
    outcome = cwl.run(document, {"given": cwl.file("a.txt", "abc")})
    assert outcome.exit_code == 7
    assert outcome.failure == "Step 'bad' ended with exit code 7: it rained"
    assert cwl.heard.text("stderr", "after") == ""


def test_steps_run_at_the_same_time(cwl: CWL) -> None:
    # Each waits until all four are there.
    here = cwl.place / "here"
    here.mkdir()
    meet = 'touch "$0/$1"; for i in $(seq 600); do [ $(ls "$0" | wc -l) = 4 ] && exit 0; sleep 0.05; done; exit 1'
    steps = {f"s{n}": {"run": tool(meet, arguments=[str(here), str(n)]), "in": {}, "out": []} for n in range(4)}
    assert cwl.run(workflow(steps), resources=Resources(cores=4)).failure == ""


def test_no_more_steps_run_than_there_are_cores(cwl: CWL) -> None:
    alone = tool('mkdir "$0" || exit 1; sleep 0.1; rmdir "$0"', arguments=[str(cwl.place / "lock")])
    document = workflow({f"s{n}": {"run": alone, "in": {}, "out": []} for n in range(4)})
    assert cwl.run(document, resources=Resources(cores=1)).failure == ""


def test_error_in_one_step_does_not_hang_the_others(cwl: CWL) -> None:
    # A container without an engine is an error, not an exit code, while the other step still runs.
    document = workflow(
        {
            "slow": {"run": tool("sleep 0.5"), "in": {}, "out": []},
            "boxed": {
                "run": tool("true", requirements={"DockerRequirement": {"dockerPull": "debian:12"}}),
                "in": {},
                "out": [],
            },
        }
    )
    began = time.monotonic()
    outcome = cwl.run(document, resources=Resources(cores=4))
    assert time.monotonic() - began < 30
    assert "no container engine" in outcome.failure


def test_step_that_lacks_an_input_is_told_at_deployment(cwl: CWL) -> None:
    document = workflow({"count": {"run": COUNT, "in": {}, "out": ["n"]}})
    with pytest.raises(InvalidPackage):
        cwl.describe(document)


def test_package_is_parsed_once(cwl: CWL) -> None:
    document: dict[str, Any] = workflow(
        {f"s{n}": {"run": COUNT, "in": {"file": "given"}, "out": ["n"]} for n in range(20)}, inputs={"given": "File"}
    )
    # Time of this thread: how busy the machine is does not matter.
    began = time.thread_time()
    cwl.describe(document)
    first = time.thread_time() - began
    began = time.thread_time()
    cwl.describe(document)
    assert time.thread_time() - began < first / 2
