"""Links in what a tool leaves: those that lead out of the job are taken away before anything follows them.

Whoever collects outputs, or puts staged files back in place, follows links as the service, not as the tool: a link to
``/etc`` would publish files of the node, or remove some. A tool in a container means the places of its container; its
links to its own files are put right.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from cwltool.job import JobBase

from weaverlite.engines.cwl.session import Session


def settle_links(session: Session, folder: str, job: JobBase) -> None:
    """Put the links of a tool's folder right, and remove those that leave the job; the session remembers them."""
    for link in _links(folder):
        target = os.readlink(link)
        if meant := _meant(target, folder, job):
            os.unlink(link)
            os.symlink(meant, link)
        if not session.holds(link):
            os.unlink(link)
            session.removed_links[link] = target
            session.run.report.log(f"removed a link that leaves the job's folder: {link} to {target}", level="warning")


def _meant(target: str, folder: str, job: JobBase) -> str | None:
    """Return the place on the node that an absolute link of a container means, if it is one of the job's."""
    inside = job.builder.outdir
    if not os.path.isabs(target) or inside == folder:
        return None
    if target == inside or target.startswith(inside + os.sep):
        return os.path.join(folder, target[len(inside) + 1 :])
    found = job.pathmapper.reversemap(target)
    return str(found[1]) if found else None


def _links(folder: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except PermissionError:
        # What cannot be read is not collected either.
        return
    for entry in entries:
        if entry.is_symlink():
            yield entry.path
        elif entry.is_dir(follow_symlinks=False):
            yield from _links(entry.path)
