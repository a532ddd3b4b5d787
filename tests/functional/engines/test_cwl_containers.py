"""Tools in containers, with the local Docker engine, and without one."""

from __future__ import annotations

import os
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.engines.conftest import CWL, IMAGE, made, tool, workflow
from weaverlite.engines.cwl.engine import CWLEngine
from weaverlite.engines.docker import DockerContainers
from weaverlite.models.options import Resources

BOX = {"DockerRequirement": {"dockerPull": IMAGE}}


@pytest.fixture
def boxed(tmp_path: Path, schema_cache: Path, docker: str) -> CWL:
    return CWL(tmp_path, CWLEngine(schema_cache=schema_cache, container_command=docker))


@pytest.fixture
def labels() -> dict[str, str]:
    return {"weaverlite.instance": uuid.uuid4().hex, "weaverlite.job": "job-1", "weaverlite.attempt": "2"}


@pytest.fixture
def containers(docker: str, labels: dict[str, str]) -> Iterator[DockerContainers]:
    found = DockerContainers(docker, labels["weaverlite.instance"])
    yield found
    for job_id, attempt in found.find():
        found.remove(job_id, attempt)


# ---------------------------------------------------------------- without an engine


def test_without_an_engine_the_job_fails_at_once(cwl: CWL) -> None:
    for section in ("requirements", "hints"):
        outcome = cwl.run(tool("true", **{section: BOX}), host_commands=False)
        assert "no container engine" in outcome.failure
        assert IMAGE in outcome.failure
        assert "weaverlite.worker.container_engine" in outcome.failure


def test_engine_that_does_not_answer_is_told(tmp_path: Path, schema_cache: Path) -> None:
    dead = tmp_path / "docker"
    dead.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2; exit 1\n")
    dead.chmod(0o755)
    broken = CWL(tmp_path / "jobs", CWLEngine(schema_cache=schema_cache, container_command=str(dead)))
    outcome = broken.run(tool("true", requirements=BOX))
    assert "does not answer: Cannot connect to the Docker daemon" in outcome.failure
    missing = CWL(tmp_path / "jobs", CWLEngine(schema_cache=schema_cache, container_command="no-such-engine"))
    assert "no-such-engine" in missing.run(tool("true", requirements=BOX)).failure


def test_package_in_containers_needs_no_host_commands(cwl: CWL) -> None:
    assert cwl.describe(tool("true")).host_commands is True
    assert cwl.describe(tool("true", requirements=BOX)).host_commands is False
    assert cwl.describe(tool("true", hints=BOX)).host_commands is False
    step: dict[str, Any] = {"run": tool("true"), "in": {}, "out": []}
    assert cwl.describe(workflow({"a": step}, requirements=BOX)).host_commands is False
    assert cwl.describe(workflow({"a": {**step, "hints": BOX}})).host_commands is False
    assert cwl.describe(workflow({"a": {**step, "hints": BOX}, "b": step})).host_commands is True


# ---------------------------------------------------------------- with one


@pytest.mark.docker
def test_files_go_into_the_container_and_come_out(boxed: CWL, labels: dict[str, str]) -> None:
    document = tool(
        'cat "$0" > out.txt; echo said; echo noted >&2',
        requirements=BOX,
        inputs={"file": {"type": "File", "inputBinding": {}}},
        outputs={"out": made("out.txt")},
    )
    given = boxed.file("a name, with comma.txt", "content")
    outcome = boxed.run(document, {"file": given}, labels=labels, host_commands=False)
    assert outcome.failure == ""
    assert outcome.outputs["out"].path.read_text() == "content"
    assert (boxed.heard.text("stdout"), boxed.heard.text("stderr")) == ("said\n", "noted\n")


@pytest.mark.docker
def test_container_is_closed(boxed: CWL, labels: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVICE", "token")
    script = """
        grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status
        touch /anywhere 2>/dev/null && echo root is writable
        ls /sys/class/net
        env
        ls /
    """
    outputs = boxed.run(tool(script, requirements=BOX, outputs={"o": "stdout"}), labels=labels).outputs
    text = outputs["o"].path.read_text()
    assert text.count("0000000000000000") == 2
    assert "NoNewPrivs:\t1" in text
    assert "root is writable" not in text
    assert "eth0" not in text
    assert "token" not in text
    assert "docker.sock" not in text


@pytest.mark.docker
def test_oldest_version_gets_no_network_by_itself(boxed: CWL, labels: dict[str, str]) -> None:
    document = {**tool("ls /sys/class/net", requirements=BOX, outputs={"o": "stdout"}), "cwlVersion": "v1.0"}
    outcome = boxed.run(document, labels=labels)
    assert "eth0" not in outcome.outputs["o"].path.read_text()


@pytest.mark.docker
def test_limits_are_the_containers(boxed: CWL, labels: dict[str, str]) -> None:
    document = tool("sleep 30", requirements={**BOX, "ToolTimeLimit": {"timelimit": 3}})
    seen: list[str] = []

    def look() -> None:
        template = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}"
        find = ["docker", "ps", "-q", "--filter", f"label=weaverlite.instance={labels['weaverlite.instance']}"]
        for _ in range(100):
            if found := subprocess.run(find, capture_output=True, text=True, check=True).stdout.split():
                inspect = ["docker", "inspect", f"--format={template}", *found]
                seen.append(subprocess.run(inspect, capture_output=True, text=True, check=True).stdout.strip())
                return
            time.sleep(0.05)

    watcher = threading.Thread(target=look)
    watcher.start()
    began = time.monotonic()
    outcome = boxed.run(document, labels=labels, resources=Resources(cores=1, memory=256 * 2**20))
    watcher.join()
    assert seen == [f"{256 * 2**20} 1000000000 4096"]
    # The limit of time stops the container, not only the client that waits for it.
    assert "ToolTimeLimit of 3 s" in outcome.failure
    assert time.monotonic() - began < 15
    assert subprocess.run(
        ["docker", "ps", "-aq", "--filter", f"label=weaverlite.instance={labels['weaverlite.instance']}"],
        capture_output=True, text=True, check=True,
    ).stdout == ""  # fmt: skip


@pytest.mark.docker
def test_exit_code_is_the_tools(boxed: CWL, labels: dict[str, str]) -> None:
    outcome = boxed.run(tool("echo dry >&2; exit 9", requirements=BOX), labels=labels)
    assert (outcome.exit_code, outcome.failure) == (9, "The tool ended with exit code 9: dry")


@pytest.mark.docker
def test_links_of_a_container_mean_its_own_places(boxed: CWL, labels: dict[str, str]) -> None:
    document = tool(
        'echo mine > real; ln -s "$PWD/real" same; ln -s "$0" given; ln -s /etc/hostname leak',
        requirements=BOX,
        inputs={"file": {"type": "File", "inputBinding": {}}},
        outputs={"same": made("same"), "given": made("given")},
    )
    outcome = boxed.run(document, {"file": boxed.file("in.txt", "input")}, labels=labels)
    assert outcome.failure == ""
    assert outcome.outputs["same"].path.read_text() == "mine\n"
    assert outcome.outputs["given"].path.read_text() == "input"


@pytest.mark.docker
def test_steps_run_in_containers(boxed: CWL, labels: dict[str, str]) -> None:
    step = tool("echo from a box > o.txt", outputs={"o": made("o.txt")})
    document = workflow(
        {"a": {"run": step, "in": {}, "out": ["o"]}},
        requirements=BOX,
        outputs={"o": {"type": "File", "outputSource": "a/o"}},
    )
    outcome = boxed.run(document, labels=labels, host_commands=False)
    assert outcome.outputs["o"].path.read_text() == "from a box\n"


@pytest.mark.docker
def test_image_that_cannot_be_had_is_told(boxed: CWL, labels: dict[str, str]) -> None:
    name = "localhost:1/weaverlite/not-there:1"
    outcome = boxed.run(tool("true", requirements={"DockerRequirement": {"dockerPull": name}}), labels=labels)
    assert f"The image {name} is not on this node and cannot be pulled" in outcome.failure


@pytest.mark.docker
def test_what_is_left_is_found_by_its_marks_and_removed(
    docker: str, labels: dict[str, str], containers: DockerContainers
) -> None:
    def start(**changes: str) -> str:
        marks = {**labels, **{f"weaverlite.{name}": value for name, value in changes.items()}}
        options = [f"--label={name}={value}" for name, value in marks.items()]
        command = [docker, "run", "-d", "--network=none", *options, IMAGE, "sleep", "60"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    start()
    start(attempt="3")
    other = start(instance=uuid.uuid4().hex)
    try:
        assert containers.find() == [("job-1", 2), ("job-1", 3)]
        containers.remove("job-1", 2)
        containers.remove("job-1", 2)
        containers.remove("nobody", 1)
        assert containers.find() == [("job-1", 3)]
        assert subprocess.run([docker, "inspect", other], capture_output=True, check=False).returncode == 0
    finally:
        subprocess.run([docker, "rm", "-f", other], capture_output=True, check=True)


def test_without_an_engine_nothing_is_left(tmp_path: Path) -> None:
    hanging = tmp_path / "docker"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    began = time.monotonic()
    for command in (None, "no-such-engine", os.devnull, str(hanging)):
        found = DockerContainers(command, "instance", timeout=0.3)
        assert found.find() == []
        found.remove("job", 1)
    assert time.monotonic() - began < 10
