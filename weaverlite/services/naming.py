"""How a process is named: by its id, or by its id and a version, as in ``process:1.2.0``."""

from __future__ import annotations

from collections.abc import Iterator

from weaverlite.errors import NoSuchProcess
from weaverlite.models.process import Process
from weaverlite.schemas.messages import nearest
from weaverlite.stores.interfaces import ProcessStore

#: Revisions that are read at a time.
_SOME = 50


def split_name(name: str) -> tuple[str, str | None]:
    """Return the id in a name, and the version if it has one."""
    process_id, colon, version = name.partition(":")
    return process_id, version if colon else None


def find_process(store: ProcessStore, name: str) -> Process:
    """Return the process that a name means: its latest revision, or the one of the version in the name.

    :raises NoSuchProcess: there is none.
    """
    process_id, version = split_name(name)
    latest = store.get(process_id)
    if version is None or version == latest.version:
        return latest
    versions = []
    for process in revisions(store, latest):
        if process.version == version:
            return process
        versions.append(process.version)
    raise NoSuchProcess(f"The process {process_id} has no version {version[:70]!r}{nearest(version, versions)}.")


def revisions(store: ProcessStore, latest: Process) -> Iterator[Process]:
    """Yield the revisions of the deployment that ``latest`` belongs to, newest first."""
    before: int | None = None
    while found := store.revisions(latest.process_id, limit=_SOME, before=before):
        for process in found:
            if process.revision < latest.since:
                return
            yield process
        before = found[-1].revision
