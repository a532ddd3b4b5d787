"""Processes: deployed, replaced, undeployed, looked up.

A package describes itself; the process description that may come beside it (``overrides``) goes before that where the
two speak of the same thing, as follows:

- ``title``, ``description``, ``keywords``, ``version``, ``metadata`` and ``jobControlOptions`` replace the package's;
- of each input and output, ``title``, ``description`` and ``keywords`` replace the package's, and ``schema`` adds to
  it: its keywords go before the package's, but it cannot change the ``type``. Its ids must be the package's own;
- what decides how the package runs stays its own: which inputs and outputs there are, their types and occurrences.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from weaverlite.errors import (
    DeploymentRefused,
    DuplicatedProcess,
    Fault,
    ImmutableProcess,
    InvalidPackage,
    NoSuchProcess,
    Refused,
)
from weaverlite.models.codec import to_json
from weaverlite.models.package import Package
from weaverlite.models.process import Description, InputDescription, OutputDescription, Process, check_process_id
from weaverlite.models.queries import Page, ProcessQuery
from weaverlite.schemas import validate_schema
from weaverlite.schemas.messages import pointer_to
from weaverlite.services.overrides import apply_overrides, id_of
from weaverlite.services.packages import Deployment
from weaverlite.stores.interfaces import Store

#: The name of an engine and what it says of a package. Runs elsewhere: packages are not trusted.
Describe = Callable[[Package], tuple[str, Description]]

_log = logging.getLogger(__name__)
#: How often a replacement is tried against others that replace the same process at the same time.
_TRIES = 5


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Processes:
    """The use cases of processes. Safe from any thread."""

    def __init__(
        self,
        store: Store,
        describe: Describe,
        *,
        deploy_allowed: bool,
        host_commands: bool,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """``host_commands`` is whether packages may run commands outside a container."""
        self._store = store.processes
        self._describe = describe
        self._deploy_allowed = deploy_allowed
        self._host_commands = host_commands
        self._clock = clock

    # ------------------------------------------------------------ deployment

    def deploy(self, deployment: Deployment, owner: str | None) -> Process:
        """Add a process.

        :raises DeploymentRefused: this service takes no deployments, or not of what this package does.
        :raises DuplicatedProcess: there is a process of this id (ImmutableProcess: a built-in one).
        :raises InvalidPackage: it cannot be run; with pointers.
        """
        self._check_allowed()
        if deployment.process_id is not None:
            self._check_free(deployment.process_id)
        process = self._process(deployment, owner)
        # The number first: were it asked for after the look, a deployment in between would be replaced unseen.
        revision = self._store.next_revision(process.process_id)
        self._check_free(process.process_id)
        process = replace(process, revision=revision)
        self._store.add(process)
        return process

    def replace(self, process_id: str, deployment: Deployment, owner: str | None) -> Process:
        """Add a revision of a process; jobs that were accepted with an earlier one keep it. Raises as :meth:`deploy`.

        :raises NoSuchProcess: there is none.
        :raises Refused: it is another owner's (ImmutableProcess: built in).
        """
        self._check_allowed()
        self._check_mine(process_id, owner)
        successor = self._process(replace(deployment, process_id=process_id), owner)
        for _ in range(_TRIES):
            present = self._check_mine(process_id, owner)
            process = present.replaced(successor)
            try:
                self._store.add(process)
            except DuplicatedProcess:
                # Somebody else replaced it in between: ours comes after.
                continue
            return process
        raise DuplicatedProcess(f"The process {process_id!r} is being replaced by others: try again.")

    def undeploy(self, process_id: str, owner: str | None) -> None:
        """Remove a process; jobs that were accepted with it still run. Raises as :meth:`replace`."""
        self._check_allowed()
        self._check_mine(process_id, owner)
        self._store.remove(process_id)

    def install_builtin(self, processes: Iterable[Process]) -> None:
        """Make these immutable processes present, each in the form given. Safe for several services starting at once.

        A deployed process that has the id of a built-in one stays: it is somebody's.
        """
        for process in processes:
            for _ in range(_TRIES):
                if self._install(process):
                    break

    def _install(self, process: Process) -> bool:
        """Return whether the process is there now; False when somebody else was faster with another one."""
        # The number first, as in deploy.
        revision = self._store.next_revision(process.process_id)
        try:
            present = self._store.get(process.process_id)
        except NoSuchProcess:
            successor = replace(process, revision=revision)
        else:
            if present.mutable:
                _log.warning("the built-in process %s is hidden by a deployed one", process.process_id)
                return True
            if _content(present) == _content(process):
                return True
            successor = present.replaced(process)
        try:
            self._store.add(successor)
        except DuplicatedProcess:
            return False
        return True

    # ------------------------------------------------------------ questions

    def get(self, process_id: str, revision: int | None = None) -> Process:
        """Return the latest revision of a process, or the given one.

        :raises NoSuchProcess: there is none.
        """
        return self._store.get(process_id, revision)

    def find(self, query: ProcessQuery) -> Page[Process]:
        """Return a page of processes."""
        return self._store.find(query)

    # ------------------------------------------------------------ inner

    def _check_allowed(self) -> None:
        if not self._deploy_allowed:
            raise DeploymentRefused("This service does not take deployments (weaverlite.server.deploy).")

    def _check_free(self, process_id: str) -> None:
        try:
            present = self._store.get(process_id)
        except NoSuchProcess:
            return
        if not present.mutable:
            raise ImmutableProcess(f"The process {process_id!r} is built in: choose another id.")
        raise DuplicatedProcess(f"There is a process {process_id!r} already: replace it, or choose another id.")

    def _check_mine(self, process_id: str, owner: str | None) -> Process:
        present = self._store.get(process_id)
        if not present.mutable:
            raise ImmutableProcess
        if present.owner is not None and present.owner != owner:
            raise Refused(f"The process {process_id!r} belongs to somebody else.")
        return present

    def _process(self, deployment: Deployment, owner: str | None) -> Process:
        """Return the process that a deployment makes, as a first revision."""
        engine, description = self._describe(deployment.package)
        process_id = deployment.process_id or description.process_id
        if not process_id:
            raise InvalidPackage(faults=[Fault("is missing: name the process here, or in the package", "/id")])
        check_process_id(process_id)
        if description.host_commands and not self._host_commands:
            raise DeploymentRefused(
                "The package runs commands on the host, which this service does not allow "
                "(weaverlite.worker.host_commands): add a DockerRequirement."
            )
        process = Process(
            process_id=process_id,
            revision=1,
            package=deployment.package,
            engine=engine,
            description=description,
            created_at=self._clock(),
            version=description.version or "1.0.0",
            owner=owner,
            deployed=deployment.deployed,
        )
        process = apply_overrides(process, deployment.overrides)
        _check_schemas(process)
        return process


def _check_schemas(process: Process) -> None:
    """Refuse schemas that inputs could not be held against later."""
    sections: Mapping[str, Sequence[InputDescription | OutputDescription]]
    sections = {"inputs": process.inputs, "outputs": process.outputs}
    found = [
        fault
        for section, ports in sections.items()
        for port in ports
        for fault in validate_schema(port.schema, pointer_to("/processDescription", section, id_of(port), "schema"))
    ]
    if found:
        raise InvalidPackage(faults=found)


def _content(process: Process) -> object:
    """Return all of a process but when and as which revision it was added."""
    return to_json(replace(process, revision=1, created_at=datetime.min.replace(tzinfo=UTC)))
