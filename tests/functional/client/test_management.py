"""Calls and commands for jobs that are made first and started later, dry runs and provenance."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from weaverlite.cli import main
from weaverlite.client import InvalidUsage, ProblemError, WeaverClient
from weaverlite.models.process import InputDescription, OutputDescription
from weaverlite.testing.app import running
from weaverlite.testing.backends import Backends
from weaverlite.testing.instant import InstantProcess

SORT = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: sort
inputs: {text: {type: File, inputBinding: {position: 1}}, times: {type: int, default: 1}}
outputs: {sorted: {type: stdout}}
stdout: sorted.txt
"""
REPEAT = InstantProcess(
    process_id="repeat",
    function=lambda inputs, context: {"words": inputs["word"] * inputs["times"]},
    inputs=(
        InputDescription(input_id="word", schema={"type": "string"}),
        InputDescription(input_id="times", schema={"type": "integer", "minimum": 1}),
    ),
    outputs=(OutputDescription(output_id="words", schema={"type": "string"}),),
)
Command = Callable[..., Result]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, backends: Backends) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("managed")
    with running(directory, REPEAT, settings=backends.settings_for(directory)) as service, service.served() as found:
        yield found


@pytest.fixture
def client(url: str) -> Iterator[WeaverClient]:
    with WeaverClient(url) as found:
        yield found


@pytest.fixture
def command(url: str) -> Command:
    """Return a function that runs the command and checks its exit code."""

    def call(*arguments: object, code: int = 0) -> Result:
        done = CliRunner().invoke(main, [*map(str, arguments)], env={"WEAVERLITE_URL": url})
        assert done.exit_code == code, f"{arguments}: {done.exit_code}\n{done.output}\n{done.exception!r}"
        return done

    return call


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    path = tmp_path / "sort.cwl"
    path.write_text(SORT)
    return path


# ---------------------------------------------------------------- calls


def test_a_job_is_made_changed_and_started(client: WeaverClient) -> None:
    job = client.create_job("repeat", {"word": "a"}, title="First").check()
    assert (job.body["status"], job.body["title"]) == ("created", "First")
    changed = client.update_job(job, ["times=3"], title="Second", options={"priority": 2}).check()
    assert changed.body["title"] == "Second"
    assert client.inputs(job).check().body["inputs"] == {"word": "a", "times": 3}
    started = client.start_job(job, wait=20).check()
    assert started.job_id == job.job_id
    assert client.monitor(started, timeout=120)
    assert client.results(job).check().body == {"words": "aaa"}
    document = client.definition(job).check().body
    assert document == {
        "process": "repeat",
        "status": "create",
        "title": "Second",
        "inputs": {"word": "a", "times": 3},
        "options": {"priority": 2},
    }


def test_a_job_is_made_and_started_at_once(client: WeaverClient) -> None:
    job = client.create_job("repeat", ["word=a", "times=2"], start=True, wait=20).check()
    assert client.monitor(job, timeout=120)
    assert client.trigger_job(job).code == 423
    assert client.update_job(job, title="x").code == 423


def test_a_job_is_created_once_under_a_key(client: WeaverClient) -> None:
    first, again = (client.create_job("repeat", {"word": "a"}, idempotency_key="one job").check() for _ in range(2))
    assert first.job_id == again.job_id
    assert client.create_job("repeat", {"word": "b"}, idempotency_key="one job").code == 422


def test_what_is_wrong_is_in_the_result(client: WeaverClient) -> None:
    refused = client.create_job("repeat", {"word": 1, "more": 2})
    assert isinstance(refused.error, ProblemError)
    assert [fault["pointer"] for fault in refused.error.faults] == ["/inputs/word", "/inputs/more"]
    assert client.create_job("nothing").code == 404
    assert client.start_job("00000000-0000-4000-8000-000000000000").code == 404


def test_a_call_that_cannot_be_sent_is_refused(client: WeaverClient, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}")
    for call in (
        lambda: client.create_job(),
        lambda: client.create_job("repeat", cwl=other),
        lambda: client.create_job(cwl=other),
        lambda: client.create_job(cwl=tmp_path / "missing.cwl"),
        lambda: client.create_job("repeat", tmp_path / "missing.json"),
        lambda: client.update_job("00000000-0000-4000-8000-000000000000"),
        lambda: client.provenance("00000000-0000-4000-8000-000000000000", form="csv"),
    ):
        with pytest.raises(InvalidUsage):
            call()


def test_a_package_that_is_only_for_the_job_takes_inputs_by_its_types(client: WeaverClient, tool: Path) -> None:
    text = tool.with_name("words.txt")
    text.write_text("b\na\n")
    job = client.create_job(cwl=tool, inputs=[f"text=@{text}", "times=2"]).check()
    found = client.inputs(job).check().body["inputs"]
    assert found["times"] == 2
    assert found["text"]["href"].startswith("vault:")
    assert client.update_job(job, ["times=3"]).check()
    assert client.inputs(job).check().body["inputs"]["times"] == 3
    assert client.dismiss(job)


def test_a_dry_run_tells_what_would_be_run(client: WeaverClient) -> None:
    assert client.execute("repeat", {"word": "a", "times": 2}, dry_run=True).check().body["outputs"] == {"words": {}}
    refused = client.execute("repeat", {"times": 0}, dry_run=True)
    assert isinstance(refused.error, ProblemError)
    assert [fault["pointer"] for fault in refused.error.faults] == ["/inputs/word", "/inputs/times"]
    assert client.create_job("repeat", dry_run=True).check().body["missing"] == ["word", "times"]


@pytest.mark.parametrize("form", ["json", "jsonld", "turtle", "nt", "provn", "xml"])
def test_provenance_comes_in_every_form(client: WeaverClient, form: str) -> None:
    job = client.create_job("repeat", {"word": "a", "times": 1}, start=True, wait=20).check()
    found = client.prov(job, form=form).check()
    assert isinstance(found.body, dict | list | str)
    assert "repeat" in found.text


# ---------------------------------------------------------------- commands


def test_the_commands_make_change_and_start_a_job(command: Command) -> None:
    job = command("job", "create", "-p", "repeat", "-I", "word=a", "--title", "First", "--id-only").output.strip()
    assert json.loads(command("status", "-j", job).output)["status"] == "created"
    changed = command("job", "update", "-j", job, "-I", "times=2", "--title", "Second", "--option", "labels.by=me")
    assert json.loads(changed.output)["title"] == "Second"
    assert json.loads(command("inputs", "-j", job).output)["inputs"] == {"word": "a", "times": 2}
    assert json.loads(command("job", "start", "-j", job, "--wait", "20s").output)["jobID"] == job
    command("monitor", "-j", job, "--timeout", "120s")
    assert json.loads(command("job", "definition", "-j", job).output)["process"] == "repeat"
    assert "only while it is created" in command("job", "start", "-j", job, code=3).output
    assert json.loads(command("prov", "-j", job).output)["activity"]
    assert "@prefix" in command("prov", "-j", job, "--as", "turtle").output


def test_a_command_makes_a_job_of_a_package(command: Command, tool: Path) -> None:
    made = json.loads(command("job", "create", "--cwl", tool, "--dry-run").output)
    assert (made["outputs"], made["missing"]) == ({"sorted": {}}, ["text"])
    job = json.loads(command("job", "create", "--cwl", tool).output)
    assert job["processID"].startswith("adhoc-")


def test_a_dry_run_by_command_ends_as_the_run_would_begin(command: Command) -> None:
    done = command("execute", "-p", "repeat", "-I", "word=a", "-I", "times=2", "--dry-run")
    assert json.loads(done.output)["inputs"] == {"word": "a", "times": 2}
    refused = command("execute", "-p", "repeat", "-I", "times=0", "--dry-run", code=3)
    assert "/inputs/word" in refused.output
    assert "/inputs/times" in refused.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("job", "create"),
        ("job", "create", "-p", "repeat", "--wait", "5s"),
        ("job", "create", "-p", "repeat", "--cwl", "missing.cwl"),
        ("job", "create", "-p", "repeat", "--option", "priority"),
        ("job", "update", "-p", "repeat"),
        ("job", "start", "-j", "00000000-0000-4000-8000-000000000000", "--wait", "soon"),
        ("prov", "-j", "00000000-0000-4000-8000-000000000000", "--as", "csv"),
    ],
    ids=["nothing", "wait-alone", "both", "option", "no-job", "no-time", "no-form"],
)
def test_wrong_usage_is_said_so(command: Command, arguments: tuple[str, ...]) -> None:
    command(*arguments, code=2)
