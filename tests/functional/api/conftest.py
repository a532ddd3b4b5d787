"""The service with processes that do exactly what a test says."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from weaverlite.errors import EngineError
from weaverlite.models.process import InputDescription, OutputDescription
from weaverlite.testing.app import URL, Service, running
from weaverlite.testing.backends import Backends
from weaverlite.testing.instant import InstantContext, InstantProcess


def text(name: str, **more: Any) -> InputDescription:
    return InputDescription(input_id=name, schema={"type": "string"}, **more)


def output(name: str, **schema: Any) -> OutputDescription:
    return OutputDescription(output_id=name, schema=schema)


def shout(inputs: Mapping[str, Any], context: InstantContext) -> Mapping[str, Any]:
    context.say(f"shouting {inputs['text']}")
    context.say("a warning\nof two lines", "stderr")
    return {"loud": inputs["text"].upper()}


#: What is in the table of ``report``.
TABLE = b"".join(b"%06d\n" % number for number in range(10_000))


def report(inputs: Mapping[str, Any], context: InstantContext) -> Mapping[str, Any]:
    table = context.directory / "table.csv"
    table.write_bytes(TABLE)
    page = context.directory / "größe 100%.html"
    page.write_text("<script>alert(1)</script>")
    folder = context.directory / "maps"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.txt").write_text("a")
    first = context.directory / "first.txt"
    first.write_text("one")
    return {"table": table, "page": page, "maps": folder, "parts": [first], "count": 3, "box": {"a": [1, None]}}


def fail(inputs: Mapping[str, Any], context: InstantContext) -> Mapping[str, Any]:
    context.say("it did not work", "stderr")
    context.exit_code = 7
    raise EngineError("The tool ended with exit code 7.")


def large(inputs: Mapping[str, Any], context: InstantContext) -> Mapping[str, Any]:
    path = context.directory / "large.bin"
    path.write_bytes(bytes(range(256)) * (1 << 17))
    return {"file": path}


def rows(inputs: Mapping[str, Any], context: InstantContext) -> Mapping[str, Any]:
    files = [context.directory / name for name in ("one", "0")]
    for path, said in zip(files, ("first", "second"), strict=True):
        path.write_text(said)
    return {"names": ["a", "b", 3], "files": files, "one": 1}


#: What the process ``gate`` waits for, by the name it gets as input.
GATES: dict[str, threading.Event] = {}


def gate(inputs: Mapping[str, Any], context: InstantContext) -> Mapping[str, Any]:
    context.say("waiting")
    context.wait(GATES.setdefault(inputs["name"], threading.Event()))
    context.say("going on")
    return {"name": inputs["name"]}


PROCESSES = (
    InstantProcess(
        process_id="shout", function=shout, inputs=(text("text"),), outputs=(output("loud", type="string"),)
    ),
    InstantProcess(
        process_id="report",
        function=report,
        outputs=(
            output("table", type="string", contentMediaType="text/csv"),
            output("page", type="string", contentMediaType="text/html"),
            output("maps", type="string", contentMediaType="inode/directory"),
            output("parts", type="array"),
            output("count", type="integer"),
            output("box", type="object"),
        ),
    ),
    InstantProcess(
        process_id="halves",
        function=lambda inputs, context: {"first": 1, "second": None},
        outputs=(output("first", type="integer"), output("second", type="integer")),
    ),
    InstantProcess(
        process_id="rows",
        function=rows,
        outputs=(output("names", type="array"), output("files", type="array"), output("one", type="integer")),
    ),
    InstantProcess(process_id="large", function=large, outputs=(output("file", type="string"),)),
    InstantProcess(process_id="fail", function=fail, outputs=(output("never", type="string"),)),
    InstantProcess(process_id="gate", function=gate, inputs=(text("name"),), outputs=(output("name", type="string"),)),
    InstantProcess(
        process_id="picky",
        function=lambda inputs, context: {},
        inputs=(
            text("name"),
            InputDescription(input_id="size", schema={"type": "integer", "minimum": 1, "maximum": 9}),
            InputDescription(input_id="kind", schema={"type": "string", "enum": ["a", "b"]}, min_occurs=0),
        ),
    ),
)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, backends: Backends) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("service")
    with running(directory, *PROCESSES, settings=backends.settings_for(directory)) as started:
        yield started


@pytest.fixture
def http(service: Service) -> Any:
    """A session to the application; every answer is checked against the definition of the API."""
    with service.session() as session:
        yield session


@pytest.fixture
def base() -> str:
    return URL


@pytest.fixture
def gate_name(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a gate of this test; it opens at the end at the latest."""
    name = request.node.nodeid
    GATES[name] = threading.Event()
    yield name
    # It stays: a job of the test may begin only now.
    GATES[name].set()


def submit(http: Any, process_id: str, **inputs: Any) -> str:
    """Execute a process; return the URL of the job."""
    answer = http.post(
        f"{URL}/processes/{process_id}/execution", json={"inputs": inputs}, headers={"Prefer": "respond-async"}
    )
    assert answer.status_code == 201, answer.text
    location: str = answer.headers["Location"]
    return location


def newest_job(http: Any, process_id: str) -> str | None:
    """Return the id of the job of a process that was made last, None when there was none."""
    found = http.get(f"{URL}/jobs?processID={process_id}&limit=1").json()["jobs"]
    return found[0]["jobID"] if found else None


def ended(http: Any, job: str) -> Any:
    """Wait for a job; return its status."""
    for _ in range(6):
        answer = http.get(job, headers={"Prefer": "wait=20"})
        assert answer.status_code == 200, answer.text
        if answer.json()["status"] not in ("accepted", "running"):
            break
    return answer.json()


@pytest.fixture(scope="module")
def job(service: Service) -> str:
    """The URL of a job of ``report`` that was successful, for the tests of one module."""
    with service.session() as http:
        made = submit(http, "report")
        assert ended(http, made)["status"] == "successful"
        return made


@pytest.fixture
def running_service(tmp_path: Path) -> Any:
    """Return a function that starts a service of other settings."""
    return lambda settings: running(tmp_path, *PROCESSES, settings=settings)
