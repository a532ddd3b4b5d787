"""How executions are asked for, and the forms of results, by client and command against the real service."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.functional.api.conftest import PROCESSES
from weaverlite.cli import main
from weaverlite.client import InvalidUsage, ProblemError, WeaverClient
from weaverlite.testing.app import running
from weaverlite.testing.backends import Backends

TABLE = b"".join(b"%06d\n" % number for number in range(10_000))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, backends: Backends) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("forms")
    with running(directory, *PROCESSES, settings=backends.settings_for(directory)) as service, service.served() as url:
        yield url


@pytest.fixture(scope="module")
def job(url: str) -> str:
    with WeaverClient(url) as client:
        found = client.execute("report").check()
        client.monitor(found, timeout=60).check()
        return found.job_id


@pytest.fixture
def client(url: str) -> Iterator[WeaverClient]:
    with WeaverClient(url) as found:
        yield found


@pytest.fixture
def run(url: str) -> Any:
    def command(*arguments: object, code: int = 0) -> str:
        done = CliRunner().invoke(main, [*map(str, arguments), "-u", url])
        assert done.exit_code == code, f"{done.output}\n{done.stderr}"
        return done.stdout if code == 0 else done.stderr

    return command


def test_results_are_waited_for(client: WeaverClient, run: Any) -> None:
    assert client.execute("shout", {"text": "a"}, mode="sync").check().body == "A"
    assert client.execute("shout", {"text": "a"}, mode="auto").check().body == "A"
    assert json.loads(run("execute", "-p", "shout", "-I", "text=a", "--mode", "sync", "--wait", "20s")) == "A"
    accepted = json.loads(run("execute", "-p", "shout", "-I", "text=a", "--wait", "20s"))
    assert accepted["status"] == "successful"


def test_outputs_are_chosen_and_passed_as_asked(client: WeaverClient, run: Any) -> None:
    chosen = ("execute", "-p", "report", "--mode", "sync")
    assert json.loads(run(*chosen, "-oF", "count")) == 3
    assert json.loads(run(*chosen, "-oF", "count,box", "--output-filter", "parts")).keys() == {"count", "box", "parts"}
    found = json.loads(run(*chosen, "--output", "table,count", "--return", "representation"))
    assert found["table"]["value"].encode() == TABLE
    linked = json.loads(run(*chosen, "-oF", "table", "-R", "table"))
    assert linked["table"]["href"].endswith("/outputs/table/table.csv")
    assert json.loads(run(*chosen, "-oF", "page", "-R", "page,table")).keys() == {"page", "table"}
    handle = client.execute("report", references=["count"], response="document", mode="sync").check()
    assert handle.body["count"]["href"].endswith("/results/count?f=text")
    assert handle.body.keys() == {"table", "page", "maps", "parts", "count", "box"}


def test_some_results_are_shown_in_the_form_that_is_wanted(client: WeaverClient, run: Any, job: str) -> None:
    assert client.results(job, outputs=["count", "box"]).check().body.keys() == {"count", "box"}
    inline = json.loads(run("results", "-j", job, "--output", "table", "--return", "representation"))
    assert inline["table"]["value"].encode() == TABLE
    assert "no output 'none'" in run("results", "-j", job, "--output", "none", code=3)


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_results_are_saved_as_an_archive(run: Any, job: str, tmp_path: Path, form: str) -> None:
    target = tmp_path / f"all.{form}"
    assert run("results", "-j", job, f"--{form}", target).strip() == str(target)
    if form == "zip":
        with zipfile.ZipFile(target) as archive:
            assert archive.read("outputs/table/table.csv") == TABLE
    else:
        with tarfile.open(target) as archive:
            assert "manifest.json" in archive.getnames()
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    before = target.read_bytes()
    assert "is there already" in run("results", "-j", job, f"--{form}", target, code=2)
    run("results", "-j", job, f"--{form}", target, "--overwrite", "--output", "count")
    assert len(target.read_bytes()) < len(before)


def test_an_archive_that_cannot_be_had_leaves_nothing(client: WeaverClient, run: Any, tmp_path: Path) -> None:
    failed = client.execute("fail").check()
    client.monitor(failed, timeout=60)
    refused = client.archive(failed, tmp_path / "a.zip")
    assert not refused
    assert isinstance(refused.error, ProblemError)
    assert "exit code 7" in refused.message
    assert "exit code 7" in run("results", "-j", failed.job_id, "--tar", tmp_path / "a.tar", code=3)
    missing = client.archive(failed, tmp_path / "nowhere" / "a.zip")
    assert not missing
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ("results", "-j", "some-job", "--zip", "a", "--tar", "b"),
        ("results", "-j", "some-job", "--zip", "a", "-oD", "b"),
        ("results", "-j", "some-job", "--output", "a", "-oD", "b"),
        ("results", "-j", "some-job", "--return", "all"),
        ("execute", "-p", "shout", "--mode", "later"),
        ("execute", "-p", "shout", "--wait", "soon"),
    ],
    ids=lambda arguments: " ".join(arguments[3:]),
)
def test_what_does_not_go_together_is_wrong_usage(run: Any, arguments: tuple[str, ...]) -> None:
    run(*arguments, code=2)


def test_wrong_words_are_told_before_anything_is_sent() -> None:
    with WeaverClient("http://localhost:9") as client:
        with pytest.raises(InvalidUsage, match="mode"):
            client.execute("shout", mode="later")
        with pytest.raises(InvalidUsage, match="representation"):
            client.execute("shout", returns="all")
        with pytest.raises(InvalidUsage, match="representation"):
            client.results("x", returns="all")
        with pytest.raises(InvalidUsage, match="zip"):
            client.archive("x", "a.rar", form="rar")
