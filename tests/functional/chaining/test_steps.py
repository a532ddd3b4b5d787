"""Workflows whose steps name deployed processes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from weaverlite.testing.app import URL

from .conftest import SHELL, submit, text_of


def workflow(name: str, run: Any, version: str = "v1.2", **more: Any) -> dict[str, Any]:
    return {
        "cwlVersion": version,
        "class": "Workflow",
        "id": name,
        "inputs": {"script": "string"},
        "outputs": {"whole": {"type": "File", "outputSource": "order/sorted"}},
        "steps": {
            "make": {"run": "shell", "in": {"script": "script"}, "out": ["said"]},
            "order": {"run": run, "in": {"text": "make/said"}, "out": ["sorted"]},
        },
        **more,
    }


def deploy(http, document, expected=201):
    headers = {"Content-Type": "application/cwl+json"}
    answer = http.post(f"{URL}/processes", data=json.dumps(document), headers=headers)
    assert answer.status_code == expected, answer.text
    return answer.json()


@pytest.mark.parametrize("number, run", list(enumerate(["sort", "sort:1.0.0", "/processes/sort"])))
def test_steps_run_the_processes_they_name(http, number, run):
    deploy(http, workflow(f"named{number}", run))
    job = submit(http, f"named{number}", script="echo b; echo a")
    assert text_of(http, job, "whole") == "a\nb\n"


def test_the_package_is_what_was_deployed_and_the_description_says_what_steps_run(http):
    document = workflow("noted", "sort")
    deploy(http, document)
    assert http.get(f"{URL}/processes/noted/package").json() == document
    notes = [item["title"] for item in http.get(f"{URL}/processes/noted").json()["metadata"]]
    assert notes == ["step make runs shell:1.0.0", "step order runs sort:1.0.0"]


def test_a_workflow_may_be_a_step_in_a_list_or_a_graph(http):
    deploy(http, workflow("inner", "sort"))
    steps = [{"id": "all", "run": "inner", "in": {"script": "script"}, "out": ["whole"]}]
    outputs = {"whole": {"type": "File", "outputSource": "all/whole"}}
    deploy(http, workflow("outer", "sort", steps=steps, outputs=outputs))
    assert text_of(http, submit(http, "outer", script="echo d; echo c"), "whole") == "c\nd\n"
    main = {
        "class": "Workflow",
        "id": "main",
        "inputs": [{"id": "script", "type": "string"}],
        "outputs": [{"id": "whole", "type": "File", "outputSource": "#main/all/whole"}],
        "steps": [{"id": "all", "run": "inner", "in": [{"id": "script", "source": "#main/script"}], "out": ["whole"]}],
    }
    headers = {"Content-Type": "application/json"}
    package = {"processDescription": {"id": "graphed"}, "executionUnit": {"cwlVersion": "v1.2", "$graph": [main]}}
    answer = http.post(f"{URL}/processes", data=json.dumps(package), headers=headers)
    assert answer.status_code == 201, answer.text
    assert text_of(http, submit(http, "graphed", script="echo f; echo e"), "whole") == "e\nf\n"


def test_a_step_keeps_the_revision_it_was_deployed_with(http):
    said = {**SHELL, "id": "saying", "baseCommand": ["sh", "-c", "echo first"], "inputs": {}}
    steps = {"say": {"run": "saying", "in": [], "out": ["said"]}}
    outputs = {"whole": {"type": "File", "outputSource": "say/said"}}
    deploy(http, said)
    deploy(http, workflow("keeping", "", steps=steps, outputs=outputs, inputs={}))
    headers = {"Content-Type": "application/cwl+json"}
    later = {**said, "baseCommand": ["sh", "-c", "echo second"]}
    answer = http.put(f"{URL}/processes/saying", data=json.dumps(later), headers=headers)
    assert answer.status_code in (200, 204)
    assert text_of(http, submit(http, "keeping"), "whole") == "first\n"
    assert http.delete(f"{URL}/processes/saying").status_code == 204
    assert text_of(http, submit(http, "keeping"), "whole") == "first\n"


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("sortt", "'sortt' is neither"),
        ("sort:9.9.9", "'sort:9.9.9' is neither"),
        ("/processes/sortt", "is neither"),
        ("https://elsewhere.example/processes/sort", "is neither"),
        ("missing.cwl", "is neither"),
        ("echo", "is not made of CWL"),
    ],
)
def test_a_step_that_names_nothing_that_can_run_is_refused_at_its_place(http, run, said):
    problem = deploy(http, workflow("refused", run), 422)
    (fault,) = problem["errors"]
    assert fault["pointer"].startswith("/steps/")
    assert fault["pointer"].endswith("/run")
    assert said in fault["message"]
    assert http.get(f"{URL}/processes/refused").status_code == 404


def test_versions_of_cwl_are_not_mixed(http):
    problem = deploy(http, workflow("mixed", "sort", version="v1.0"), 422)
    assert {fault["pointer"] for fault in problem["errors"]} == {"/steps/make/run", "/steps/order/run"}
    assert "write both in one version" in problem["errors"][0]["message"]
