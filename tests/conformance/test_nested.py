"""Processes as inputs of processes: nested-processes and remote-core-processes of Part 3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.asserts import problem, status
from tests.conformance.marks import PART3, req
from tests.conformance.origin import Origin
from tests.conformance.service import Job, Service

REFERRED = PART3 + "nested-processes/referenced-process"
EXECUTED = PART3 + "nested-processes/process-execution"
REMOTE = (PART3 + "remote-core-processes/referenced-process", PART3 + "remote-core-processes/process-execution")


def copied(service: Service, value: Any) -> str:
    """Return what a process gets as its file."""
    answer = service.execute("conf-copy", {"file": value}, outputs={"copy": {}}, accept="*/*")
    status(answer, 200)
    return answer.text


def nested(process: str, inputs: Any, **members: Any) -> dict[str, Any]:
    return {"process": process, "inputs": inputs, **members}


@req(REFERRED)
@pytest.mark.parametrize("form", ["id", "absolute", "path", "dotted"])
def test_req_nested_processes_referenced_process(service: Service, form: str) -> None:
    service.process("conf-text")
    process = {
        "id": "conf-text",
        "absolute": f"{service.url}/processes/conf-text",
        "path": "/processes/conf-text",
        "dotted": "../processes/conf-text",
    }[form]
    assert copied(service, nested(process, {"text": "from below"})) == "from below"


@req(REFERRED)
@pytest.mark.parametrize(
    "value",
    [
        nested("nobody", {}),
        nested("", {}),
        {"process": 1, "inputs": {}},
        nested("conf-text", []),
        nested("conf-text", {}),
        nested("conf-text", {"text": 1}),
        nested("conf-text", {"text": "x"}, outputs={"nobody": {}}),
    ],
    ids=["unknown", "empty", "number", "inputs", "missing", "wrong", "output"],
)
def test_req_nested_processes_referenced_process__refused(service: Service, value: dict[str, Any]) -> None:
    """What is wrong below is told before anything runs."""
    service.process("conf-text")
    problem(service.execute("conf-copy", {"file": value}, prefer="respond-async"), (400, 404, 422))


@req(EXECUTED)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_req_nested_processes_process_execution(service: Service, depth: int) -> None:
    service.process("conf-text")
    value = nested("conf-text", {"text": "deep"})
    for _ in range(depth - 1):
        value = nested("conf-copy", {"file": value})
    assert copied(service, value) == "deep"


@req(EXECUTED)
@pytest.mark.parametrize(("name", "wanted"), [("text", "chosen"), ("table", "a,b\n1,2\n")])
def test_req_nested_processes_process_execution__chosen_output(service: Service, name: str, wanted: str) -> None:
    service.process("conf-many")
    assert copied(service, nested("conf-many", {"text": "chosen"}, outputs={name: {}})) == wanted


@req(EXECUTED)
def test_req_nested_processes_process_execution__of_a_value(service: Service) -> None:
    """A number of one process is the number of another."""
    service.process("conf-many")
    answer = service.execute(
        "conf-values", {"whole": nested("conf-many", {}, outputs={"count": {}})}, outputs={"whole": {}}
    )
    status(answer, 200)
    assert answer.json() == 3


@req(EXECUTED)
def test_req_nested_processes_process_execution__several(service: Service) -> None:
    service.process("conf-text")
    parts = [nested("conf-text", {"text": letter}) for letter in "abc"]
    answer = service.execute("conf-join", {"files": parts}, outputs={"joined": {}}, accept="*/*")
    status(answer, 200)
    assert answer.text == "abc"


@req(EXECUTED)
def test_req_nested_processes_process_execution__async(service: Service) -> None:
    service.process("conf-text")
    job = service.start("conf-copy", {"file": nested("conf-text", {"text": "later"})}).ended("successful")
    answer = service.get(f"{job.url}/results/copy", accept="*/*")
    assert answer.text == "later"


@req(EXECUTED)
def test_req_nested_processes_process_execution__that_fails(service: Service) -> None:
    """A failure below is the failure above, and says where."""
    service.process("conf-fail")
    job = service.start("conf-copy", {"file": nested("conf-fail", {})}).ended("failed")
    assert "conf-fail" in str(job.info()) or "file" in str(job.info()["exception"])


@req(*REMOTE)
@pytest.mark.parametrize("number", [1, 2.5, -3])
def test_req_remote_core_processes_referenced_process(service: Service, origin: Origin, number: float) -> None:
    value = nested(f"{origin.url}/ogc/processes/double", {"value": number}, outputs={"doubled": {}})
    answer = service.execute("conf-values", {"number": value}, outputs={"number": {}})
    status(answer, 200)
    assert answer.json() == 2 * number


@req(*REMOTE)
def test_req_remote_core_processes_referenced_process__of_a_nested_one(service: Service, origin: Origin) -> None:
    inner = nested(f"{origin.url}/ogc/processes/double", {"value": 2})
    outer = nested(f"{origin.url}/ogc/processes/double", {"value": inner})
    answer = service.execute("conf-values", {"number": outer}, outputs={"number": {}})
    status(answer, 200)
    assert answer.json() == 8


@req(REMOTE[1])
@pytest.mark.parametrize(
    "process", ["http://127.0.0.1:1/processes/x", "https://example.org/processes/x", "ftp://example.org/processes/x"]
)
def test_req_remote_core_processes_process_execution__not_authorized(service: Service, process: str) -> None:
    """Processes of servers that nobody allowed are not executed."""
    answer = service.execute("conf-values", {"number": nested(process, {})}, prefer="respond-async")
    problem(answer, (400, 403, 422))


@req(REMOTE[0])
def test_req_remote_core_processes_referenced_process__that_is_not_there(service: Service, origin: Origin) -> None:
    value = nested(f"{origin.url}/ogc/processes/nobody", {"value": 1})
    answer = service.execute("conf-values", {"number": value}, prefer="respond-async")
    if answer.status_code == 201:
        Job(service, answer.headers["Location"]).ended("failed")
    else:
        problem(answer, (400, 404, 422, 502))
