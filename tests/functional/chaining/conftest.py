"""One service for all of these tests, of one worker that runs one job at a time, and the servers it talks to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.functional.tools import SORT, deploy, shell
from weaverlite.settings import ChainingSettings, EgressSettings
from weaverlite.testing.app import URL, Service, running
from weaverlite.testing.backends import Backends

from .servers import OldProcesses, Server, features_server, serving, stac_server

JOIN = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "join",
    "baseCommand": "cat",
    "inputs": {"parts": {"type": "File[]", "inputBinding": {"position": 1}}},
    "outputs": {"whole": {"type": "stdout"}},
    "stdout": "whole.txt",
}
SHELL = shell(
    {"said": {"type": "stdout"}, "made": {"type": "Directory?", "outputBinding": {"glob": "made"}}}, stdout="said.txt"
)
FOLDER = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "folder",
    "baseCommand": "ls",
    "inputs": {"where": {"type": "Directory", "inputBinding": {"position": 1}}},
    "outputs": {"names": {"type": "stdout"}},
    "stdout": "names.txt",
}


@pytest.fixture(scope="session")
def old() -> Iterator[Server]:
    """A server of OGC API - Processes 1.0."""
    answers = OldProcesses()
    with serving(answers) as server:
        server.answers = answers
        yield server
        answers.gate.set()


@pytest.fixture(scope="session")
def points() -> Iterator[Server]:
    with serving(features_server([])) as server:
        yield server


@pytest.fixture(scope="session")
def stac() -> Iterator[Server]:
    with serving(stac_server) as server:
        yield server


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of another service like ours."""
    with running(tmp_path_factory.mktemp("other")) as service, service.session() as http:
        deploy(http, SORT, SHELL)
        with service.served() as url:
            yield url


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory, backends: Backends, old: Server, other: str
) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("chaining")
    settings = backends.settings_for(directory)
    settings = replace(
        settings,
        worker=replace(settings.worker, concurrency=1, grace=timedelta(seconds=8)),
        egress=EgressSettings(allow_private=("127.0.0.1",)),
        chaining=ChainingSettings(servers=(old.base, other), depth=3, jobs=5, poll=timedelta(seconds=0.05)),
    )
    with running(directory, settings=settings) as started:
        with started.session() as http:
            deploy(http, SORT, JOIN, SHELL, FOLDER)
        yield started


@pytest.fixture
def http(service: Service) -> Iterator[Any]:
    """A session to the service; every answer is checked against the definition of the API."""
    with service.session() as session:
        yield session


def post(http: Any, process_id: str, inputs: Any, **headers: str) -> Any:
    return http.post(f"{URL}/processes/{process_id}/execution", json={"inputs": inputs}, headers=headers)


def submit(http: Any, process_id: str, **inputs: Any) -> str:
    answer = post(http, process_id, inputs, Prefer="respond-async")
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


def ended(http: Any, job: str) -> Any:
    """Wait for a job; return its status."""
    for _ in range(4):
        status = http.get(job, headers={"Prefer": "wait=20"}).json()
        if status["status"] not in ("accepted", "running"):
            return status
    raise AssertionError(f"{job} does not end: {status}")


def text_of(http: Any, job: str, output: str) -> str:
    """Wait for a job that ends well; return what is in a file it made."""
    status = ended(http, job)
    assert status["status"] == "successful", status["message"]
    answer = http.get(f"{job}/results/{output}")
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def children_of(http: Any, job: str) -> list[Any]:
    """Return the jobs that made inputs of a job."""
    job_id = job.rpartition("/")[2]
    return [item for item in http.get(f"{URL}/jobs?limit=1000").json()["jobs"] if item.get("parent") == job_id]
