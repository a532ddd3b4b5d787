"""Jobs of the reference runner in containers: our command line in place of its own, and images only as asked for.

This module imports the reference runner: it is loaded inside job processes only.
"""

from __future__ import annotations

import os
import subprocess
import uuid
from typing import Any

from cwltool.docker import DockerCommandLineJob
from cwltool.errors import UnsupportedRequirement, WorkflowException

from weaverlite.engines.cwl.jobs import Watched
from weaverlite.engines.cwl.session import Session
from weaverlite.engines.docker import Container, Mount, client_environment
from weaverlite.engines.interfaces import Run

#: Images this process has seen on the engine. One that is removed meanwhile makes ``docker run`` say so.
_SEEN: set[tuple[str, str]] = set()


class ContainerJob(Watched, DockerCommandLineJob):
    """A command in a container of the local engine."""

    in_container = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._name = f"weaverlite-{uuid.uuid4().hex}"
        self._session: Session | None = None
        self._image = ""

    def run(self, runtimeContext: Any, tmpdir_lock: Any = None) -> None:
        self._session = session = runtimeContext.session
        requirement, _ = self.get_requirement("DockerRequirement")
        try:
            self._image = _available(session, requirement or {})
        except WorkflowException as error:
            session.fail(str(error), 1)
            raise
        super().run(runtimeContext, tmpdir_lock)

    def get_from_requirements(self, *arguments: Any) -> str:
        return self._image

    def create_runtime(self, env: Any, runtimeContext: Any) -> tuple[list[str], None]:
        session: Session = runtimeContext.session
        assert session.container_command is not None
        # The list looks to the runner like a command line; append_volume puts mounts into it.
        mounts: list[Any] = []
        self.append_volume(mounts, os.path.realpath(self.outdir), self.builder.outdir, writable=True)
        self.append_volume(mounts, os.path.realpath(self.tmpdir), self.CONTAINER_TMPDIR, writable=True)
        for mapper in (self.pathmapper, self.generatemapper):
            if mapper is not None:
                self.add_volumes(mapper, mounts, runtimeContext.tmpdir_prefix, any_path_okay=True)
        for mount in mounts:
            if not session.holds(mount.source):
                raise WorkflowException(f"{mount.source!r} is not the job's: it is not mounted into its container")
        shared_memory, _ = self.builder.get_requirement("http://commonwl.org/cwltool#ShmSize")
        container = Container(
            name=self._name,
            directory=self.builder.outdir,
            mounts=tuple(mounts),
            environment=dict(self.environment),
            labels=session.run.labels,
            network=self.networkaccess and session.network,
            user=(os.geteuid(), os.getegid()),
            memory=session.run.resources.memory,
            cores=session.run.resources.cores,
            shared_memory=str(shared_memory["shmSize"]) if shared_memory else None,
            gpus=int(self.builder.resources.get("cudaDeviceCount", 0)),
        )
        # The environment is that of the engine's client. The tool's own stands in the options.
        env.clear()
        env.update(client_environment(os.environ))
        # The runner appends image and command; no monitor, which would sleep for a second first.
        return container.arguments(session.container_command), None

    @staticmethod
    def append_volume(
        runtime: list[Any], source: str, target: str, writable: bool = False, skip_mkdirs: bool = False
    ) -> None:
        runtime.append(Mount(source=source, target=target, writable=writable))
        if not skip_mkdirs and not os.path.exists(source):
            os.makedirs(source)

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        # The client may die alone: the container is what has to stop.
        session = self._session
        if session is not None and session.container_command is not None:
            _call(session.run, [session.container_command, "kill", self._name])
        super().stop(process)


def _available(session: Session, requirement: dict[str, Any]) -> str:
    """Return the name of the image, once it is on the engine; it is pulled if it is not.

    :raises WorkflowException: there is no engine, or no such image; in a sentence.
    """
    image = str(requirement.get("dockerImageId") or requirement.get("dockerPull"))
    pulled = str(requirement.get("dockerPull") or image)
    engine = session.container_command
    if engine is None:
        raise UnsupportedRequirement(
            f"The package needs a container ({image}) and this node has no container engine: install docker, or name "
            "another engine in weaverlite.worker.container_engine."
        )
    if (engine, image) in _SEEN:
        return image
    code, said = _call(session.run, [engine, "image", "inspect", "--format={{.Id}}", "--", image])
    if code and "no such image" not in said.lower():
        raise UnsupportedRequirement(
            f"The package needs a container ({image}) and the container engine of this node does not answer: {said}"
        )
    if code:
        session.run.report.log(f"pulling the image {pulled}")
        code, said = _call(session.run, [engine, "pull", "--quiet", "--", pulled])
        if code:
            raise WorkflowException(f"The image {pulled} is not on this node and cannot be pulled: {said}")
        image = pulled
    _SEEN.add((engine, image))
    return image


def _call(run: Run, arguments: list[str]) -> tuple[int, str]:
    """Run the client of the engine; return its exit code and the last line it wrote on stderr."""
    try:
        process = run.launch(
            arguments,
            cwd=run.directory,
            env={**client_environment(os.environ), **run.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            network=True,
            confined=False,
        )
    except OSError as error:
        return 127, f"{arguments[0]}: {error.strerror or error}"
    _, stderr = process.communicate()
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return process.returncode, lines[-1][:500] if lines else f"{arguments[0]} ended with exit code {process.returncode}"
