"""Containers: how one is started, what image names may be, and how what was left behind is found and removed.

Everything goes through the command line of the engine (``docker`` or ``podman``); no daemon socket is opened here.
Nothing here knows a package language.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from weaverlite.engines.interfaces import Leftovers
from weaverlite.settings import Settings

INSTANCE, JOB, ATTEMPT = "weaverlite.instance", "weaverlite.job", "weaverlite.attempt"

#: Processes a container may have when nothing else was said: enough for a build, not for a fork bomb.
PROCESSES = 4096

# The grammar of github.com/distribution/reference: [domain/]path[:tag][@digest], or the id of a local image.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"
_IMAGE = re.compile(rf"(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*(?::{_TAG})?(?:@{_DIGEST})?\Z")
_IMAGE_ID = re.compile(rf"{_DIGEST}\Z")


def is_image_name(name: object) -> bool:
    """Return whether ``name`` is the name of an image and nothing that a command line would take for an option."""
    if not isinstance(name, str) or len(name) > 255:
        return False
    return bool(_IMAGE_ID.match(name) or _IMAGE.match(name))


def container_command(setting: str) -> str | None:
    """Return the command of the container engine that ``weaverlite.worker.container_engine`` means, or None.

    ``auto`` is docker where it is installed. Another name is returned even if there is no such command, so that a job
    that needs it fails with a sentence about what the operator wrote.
    """
    if setting == "none":
        return None
    if setting == "auto":
        return shutil.which("docker")
    return shutil.which(setting) or setting


def client_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the client of the engine needs of an environment: how to reach the engine, nothing else."""
    wanted = ("PATH", "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")
    return {
        name: value
        for name, value in environ.items()
        if name in wanted or name.startswith(("DOCKER_", "CONTAINER_", "CONTAINERS_"))
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A file or directory of the host at a place of the container."""

    source: str
    target: str
    writable: bool = False

    def argument(self) -> str:
        parts = ["type=bind", f"source={self.source}", f"target={self.target}"]
        if not self.writable:
            parts.append("readonly")
        # The option is a line of CSV: commas and quotes in names must not become options of the mount.
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(parts)
        return f"--mount={line.getvalue()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container to start, with what it may see and use.

    ``memory`` is bytes, ``cores`` CPU cores; None is no limit. ``user`` is a numeric uid and gid.
    """

    name: str
    directory: str
    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    user: tuple[int, int] | None = None
    memory: int | None = None
    cores: float | None = None
    processes: int = PROCESSES
    shared_memory: str | None = None
    gpus: int = 0

    def arguments(self, engine: str) -> list[str]:
        """Return the command line that runs the container with the command ``engine``; image and command follow it."""
        options = [
            "--rm",
            "--interactive",
            f"--name={self.name}",
            # Forwards signals and reaps: a tool as process 1 would ignore TERM.
            "--init",
            "--pull=never",
            "--read-only",
            "--tmpfs=/run:rw,nosuid,nodev,size=16m",
            "--tmpfs=/var/tmp:rw,nosuid,nodev,size=64m",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
            "--ipc=private",
            "--log-driver=none",
            f"--pids-limit={self.processes}",
            "--ulimit=core=0",
            f"--workdir={self.directory}",
        ]
        if not self.network:
            options.append("--network=none")
        if self.user is not None:
            options.append(f"--user={self.user[0]}:{self.user[1]}")
        if self.memory is not None:
            options += [f"--memory={self.memory}b", f"--memory-swap={self.memory}b"]
        if self.cores is not None:
            options.append(f"--cpus={self.cores:g}")
        if self.shared_memory is not None:
            options.append(f"--shm-size={self.shared_memory}")
        if self.gpus:
            options.append(f"--gpus={self.gpus}")
        options += [f"--label={name}={value}" for name, value in self.labels.items()]
        options += [f"--env={name}={value}" for name, value in self.environment.items()]
        options += [mount.argument() for mount in self.mounts]
        # "--" ends the options: neither image nor command can become one.
        return [engine, "run", *options, "--"]


class DockerContainers(Leftovers):
    """The containers of one instance of the service, found by their labels.

    No engine, an engine that does not answer and nothing left are the same: there is nothing to find.
    """

    def __init__(self, command: str | None, instance: str, *, timeout: float = 20) -> None:
        self._command = command
        self._instance = instance
        self._timeout = timeout

    @classmethod
    def create(cls, settings: Settings, instance: str) -> DockerContainers:
        """Return the containers of ``instance`` under the engine that the settings name."""
        return cls(container_command(settings.worker.container_engine), instance)

    def find(self) -> list[tuple[str, int]]:
        found = set()
        template = "{{.Label %r}} {{.Label %r}}" % (JOB, ATTEMPT)
        for line in self._list(template.replace("'", '"'), {}).splitlines():
            job_id, _, attempt = line.partition(" ")
            if job_id and attempt.isdigit():
                found.add((job_id, int(attempt)))
        return sorted(found)

    def remove(self, job_id: str, attempt: int) -> None:
        ids = self._list("{{.ID}}", {JOB: job_id, ATTEMPT: str(attempt)}).split()
        if ids:
            self._call("rm", "--force", "--volumes", *ids)

    def _list(self, template: str, labels: Mapping[str, str]) -> str:
        wanted = {INSTANCE: self._instance, **labels}
        filters = [f"--filter=label={name}={value}" for name, value in wanted.items()]
        return self._call("ps", "--all", "--no-trunc", f"--format={template}", *filters)

    def _call(self, *arguments: str) -> str:
        if self._command is None:
            return ""
        try:
            done = subprocess.run(
                [self._command, *arguments],
                env=client_environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self._timeout,
                check=False,
                cwd=Path("/"),
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
