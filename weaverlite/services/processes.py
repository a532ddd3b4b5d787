"""Processes: deployed, replaced, edited, undeployed, looked up.

Each change is a new revision with a version of its own: a replacement lets its first number grow, an edit of what
decides about executions the second, an edit of words the third. A name may carry a version (``process:1.2.0``): to look
a revision up, or to change the process only if that is still its latest one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from weaverlite.errors import (
    Clash,
    DeploymentRefused,
    DuplicatedProcess,
    ImmutableProcess,
    NoSuchProcess,
    Refused,
)
from weaverlite.models.codec import to_json
from weaverlite.models.process import Process
from weaverlite.models.queries import Page, ProcessQuery
from weaverlite.services.candidates import Candidates, Describe, content_of
from weaverlite.services.clock import utc_now
from weaverlite.services.edits import edited
from weaverlite.services.naming import find_process, revisions, split_name
from weaverlite.services.packages import Deployment
from weaverlite.services.versions import MAJOR, next_version
from weaverlite.stores.interfaces import Store

_log = logging.getLogger(__name__)
#: How often a replacement is tried against others that replace the same process at the same time.
_TRIES = 5


class Processes:
    """The use cases of processes. Safe from any thread."""

    def __init__(
        self,
        store: Store,
        describe: Describe,
        *,
        deploy_allowed: bool,
        host_commands: bool,
        urls: tuple[str, ...] = (),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """``host_commands`` is whether packages may run commands outside containers, ``urls`` where clients find us."""
        self._store = store.processes
        self._candidates = Candidates(
            describe, find=partial(find_process, store.processes), urls=urls, host_commands=host_commands, clock=clock
        )
        self._deploy_allowed = deploy_allowed
        self._clock = clock

    # ------------------------------------------------------------ deployment

    def deploy(self, deployment: Deployment, owner: str | None) -> Process:
        """Add a process.

        :raises DeploymentRefused: this service takes no deployments, or not of what this package does.
        :raises DuplicatedProcess: there is a process of this id (ImmutableProcess: a built-in one).
        :raises InvalidPackage: it cannot be run; with pointers.
        """
        self._check_allowed()
        return self._deploy(deployment, owner)

    def replace(self, name: str, deployment: Deployment, owner: str | None) -> Process:
        """Add a revision of a process; jobs that were accepted with an earlier one keep it. Raises as :meth:`deploy`.

        :raises NoSuchProcess: there is none.
        :raises Refused: it is another owner's (ImmutableProcess: built in).
        :raises Clash: the name has a version that is not the latest, or the package one that does not grow.
        """
        self._check_allowed()
        self._check_mine(name, owner)
        successor = self._candidates.process(replace(deployment, process_id=split_name(name)[0]), owner)
        return self._succeed(name, owner, lambda present: self._next(present, successor))

    def update(self, name: str, patch: Mapping[str, Any], owner: str | None) -> Process:
        """Edit the description of a process by a merge patch (RFC 7396); return the new revision.

        What changes nothing adds no revision. Raises as :meth:`replace`.

        :raises InvalidRequest: the patch is not valid; all faults at once.
        """
        self._check_allowed()

        def edit(present: Process) -> Process:
            process, level = edited(present, patch)
            if level is None:
                return present
            asked = str(patch.get("version") or "")
            taken = self._taken(present)
            version = next_version(present.version, asked, "", level, taken)
            return present.replaced(replace(process, version=version, created_at=self._clock()))

        return self._succeed(name, owner, edit)

    def check(self, deployment: Deployment, owner: str | None, name: str | None = None) -> Process:
        """Return what the deployment would add, as a replacement of ``name`` if that is given; nothing is changed.

        Raises as :meth:`deploy` and :meth:`replace`.
        """
        self._check_allowed()
        if name is not None:
            present = self._check_mine(name, owner)
            successor = self._candidates.process(replace(deployment, process_id=present.process_id), owner)
            return self._next(present, successor)
        process = self._candidates.process(deployment, owner)
        self._check_free(process.process_id)
        return replace(process, revision=self._store.next_revision(process.process_id))

    def changeable(self, name: str, owner: str | None) -> Process:
        """Return the process that a replacement would replace. Raises as :meth:`replace`."""
        self._check_allowed()
        return self._check_mine(name, owner)

    def undeploy(self, name: str, owner: str | None) -> None:
        """Remove a process; jobs that were accepted with it still run. Raises as :meth:`replace`.

        :raises Clash: the name has a version, and there are others: revisions are not removed one by one.
        """
        self._check_allowed()
        present = self._check_mine(name, owner)
        if split_name(name)[1] is not None and present.revision != present.since:
            raise Clash(
                f"The process {present.process_id!r} has other revisions, and jobs may refer to each: undeploy the "
                "whole process, or replace it by what it should be."
            )
        self._store.remove(present.process_id)

    def restore(self, deployment: Deployment, *, is_rehearsal: bool = False) -> tuple[Process, bool]:
        """Make a deployment of the operator the latest revision; return that, and whether it is a new one.

        Nothing is stored for a rehearsal. Raises as :meth:`deploy`, except that nobody is asked whether deployments are
        taken, and owners do not matter.
        """
        present = self._present(deployment.process_id)
        if present and present.deployed == deployment.deployed and present.package.digest == deployment.package.digest:
            # Nobody has to read it again; what was edited since stays edited.
            return present, False
        process = self._candidates.process(deployment, None)
        present = self._present(process.process_id)
        if present is None:
            return process if is_rehearsal else self._add(process), True
        if not present.mutable:
            raise ImmutableProcess(f"The process {present.process_id!r} is built in: choose another id.")
        if content_of(present) == content_of(process):
            return present, False
        if is_rehearsal:
            return self._next(present, process), True
        return self._succeed(present.process_id, present.owner, lambda latest: self._next(latest, process)), True

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
            successor = replace(process, revision=revision, since=revision)
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

    def get(self, name: str, revision: int | None = None) -> Process:
        """Return the process that a name means, or the given revision of it.

        :raises NoSuchProcess: there is none.
        """
        if revision is not None:
            return self._store.get(split_name(name)[0], revision)
        return find_process(self._store, name)

    def find(self, query: ProcessQuery) -> Page[Process]:
        """Return a page of processes."""
        return self._store.find(query)

    def revisions(self, name: str, limit: int, before: int | None = None) -> tuple[Sequence[Process], int | None]:
        """Return revisions of a deployed process, newest first, and where the next page begins: its ``before``.

        :raises NoSuchProcess: there is none.
        """
        latest = self._store.get(split_name(name)[0])
        found = [
            process
            for process in self._store.revisions(latest.process_id, limit + 1, before)
            if process.revision >= latest.since
        ]
        page = found[:limit]
        return page, page[-1].revision if len(found) > limit else None

    # ------------------------------------------------------------ inner

    def _check_allowed(self) -> None:
        if not self._deploy_allowed:
            raise DeploymentRefused("This service does not take deployments (weaverlite.server.deploy).")

    def _present(self, process_id: str | None) -> Process | None:
        try:
            return self._store.get(process_id) if process_id else None
        except NoSuchProcess:
            return None

    def _check_free(self, process_id: str) -> None:
        present = self._present(process_id)
        if present is None:
            return
        if not present.mutable:
            why = f"The process {process_id!r} is built in: choose another id."
            raise ImmutableProcess(why, processID=process_id)
        why = f"There is a process {process_id!r} already: replace it, or choose another id."
        raise DuplicatedProcess(why, processID=process_id)

    def _check_mine(self, name: str, owner: str | None) -> Process:
        """Return the latest revision of what may be changed, if that is what the name means."""
        process_id, version = split_name(name)
        present = self._store.get(process_id)
        if not present.mutable:
            raise ImmutableProcess
        if present.owner is not None and present.owner != owner:
            raise Refused(f"The process {process_id!r} belongs to somebody else.")
        if version is not None and version != present.version:
            # An unknown version is told as that.
            find_process(self._store, name)
            raise Clash(f"The version {version!r} is not the latest one of {process_id!r}: {present.version!r} is.")
        return present

    def _deploy(self, deployment: Deployment, owner: str | None) -> Process:
        if deployment.process_id is not None:
            self._check_free(deployment.process_id)
        return self._add(self._candidates.process(deployment, owner))

    def _add(self, process: Process) -> Process:
        # The number first: were it asked for after the look, a deployment in between would be replaced unseen.
        revision = self._store.next_revision(process.process_id)
        self._check_free(process.process_id)
        process = replace(process, revision=revision, since=revision)
        self._store.add(process)
        return process

    def _succeed(self, name: str, owner: str | None, follow: Callable[[Process], Process]) -> Process:
        """Add what follows the present revision; when somebody else was faster, what follows theirs."""
        for _ in range(_TRIES):
            present = self._check_mine(name, owner)
            process = follow(present)
            if process is present:
                return present
            try:
                self._store.add(process)
            except DuplicatedProcess:
                continue
            return process
        raise DuplicatedProcess(f"The process {name!r} is being replaced by others: try again.")

    def _next(self, present: Process, successor: Process) -> Process:
        asked = successor.asked_version
        version = next_version(present.version, asked, present.asked_version, MAJOR, self._taken(present))
        return present.replaced(replace(successor, version=version))

    def _taken(self, present: Process) -> frozenset[str]:
        return frozenset(process.version for process in revisions(self._store, present))


def _content(process: Process) -> object:
    """Return all of a process but when and as which revision it was added."""
    return to_json(replace(process, revision=1, since=1, created_at=datetime.min.replace(tzinfo=UTC)))
