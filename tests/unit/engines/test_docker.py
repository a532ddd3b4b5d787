"""Names of images, and the command line of a container."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from weaverlite.engines.docker import Container, Mount, client_environment, container_command, is_image_name

DIGEST = f"sha256:{'0a' * 32}"


@pytest.mark.parametrize(
    "name",
    [
        "debian",
        "debian:12-slim",
        "docker.io/library/python:3.12-slim-bookworm",
        "registry.example.com:5000/team/a_b/c__d/e-f.g:v1.0_RC-1",
        f"debian@{DIGEST}",
        f"debian:12@{DIGEST}",
        DIGEST,
        "localhost/x",
        "10.0.0.5:5000/x",
    ],
)
def test_names_of_images(name: str) -> None:
    assert is_image_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "-", "--hostname=x", "-v/:/host", "Debian", "deb ian", "debian\n", "\ndebian", "debian;id",
        "debian|id", "$(id)", "`id`", "a//b", "/debian", "debian/", "debian:", "debian:-x", "debian:a b",
        "debian@sha256:abc", "a..b", ".a", "a.", "_a", "a___b", "http://x/y", "user@host/x", "debian:12:13", "é",
        "x" * 256, "a" * 10_000, "debian:" + "1" * 129, None, 5, ["debian"], {"a": 1}, b"debian", "debian\0", "a&b",
        "a'b", 'a"b', "a,b", "~/x",
    ],
)  # fmt: skip
def test_what_is_no_name_of_an_image(name: object) -> None:
    assert not is_image_name(name)


def _container(**members: object) -> Container:
    return Container(name="c", directory="/work", **members)  # type: ignore[arg-type]  # members are those of the test


def test_command_line_closes_the_container() -> None:
    line = _container().arguments("docker")
    assert line[:2] == ["docker", "run"]
    assert line[-1] == "--"
    for option in (
        "--rm", "--init", "--pull=never", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges",
        "--network=none", "--ipc=private", "--log-driver=none", "--pids-limit=4096", "--ulimit=core=0",
        "--workdir=/work", "--name=c",
    ):  # fmt: skip
        assert option in line
    unasked = ("--memory", "--cpus", "--user", "--gpus", "--privileged")
    assert not [option for option in line if option.startswith(unasked)]


def test_network_and_limits_are_options() -> None:
    line = _container(
        network=True, user=(1000, 100), memory=2**30, cores=1.5, processes=10, gpus=1, shared_memory="64m"
    ).arguments("docker")
    assert "--network=none" not in line
    for option in (
        "--user=1000:100", f"--memory={2**30}b", f"--memory-swap={2**30}b", "--cpus=1.5", "--pids-limit=10",
        "--gpus=1", "--shm-size=64m",
    ):  # fmt: skip
        assert option in line


def test_names_of_files_never_become_options_of_a_mount() -> None:
    evil = '/jobs/1/a,readonly=false,source=/etc "x"'
    argument = Mount(source=evil, target="/in/a").argument()
    (fields,) = csv.reader([argument.removeprefix("--mount=")])
    assert fields == ["type=bind", f"source={evil}", "target=/in/a", "readonly"]
    assert Mount(source="/a", target="/b", writable=True).argument() == "--mount=type=bind,source=/a,target=/b"


def test_environment_and_labels_keep_their_values() -> None:
    line = _container(environment={"A": "x y\n$(id)"}, labels={"weaverlite.job": "j"}).arguments("docker")
    assert "--env=A=x y\n$(id)" in line
    assert "--label=weaverlite.job=j" in line


def test_client_gets_nothing_but_the_way_to_its_engine() -> None:
    environ = {"PATH": "/bin", "HOME": "/root", "DOCKER_HOST": "unix:///x", "AWS_SECRET": "s", "WEAVERLITE_TOKEN": "t"}
    assert client_environment(environ) == {"PATH": "/bin", "HOME": "/root", "DOCKER_HOST": "unix:///x"}


def test_engine_is_what_the_setting_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert container_command("none") is None
    assert container_command("auto") is None
    assert container_command("podman") == "podman"
    for name in ("docker", "podman"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert container_command("auto") == str(tmp_path / "docker")
    assert container_command("podman") == str(tmp_path / "podman")
