"""The world a package runs in: which files it may touch, and where everything it writes goes.

This module imports the reference runner: it is loaded inside job processes only.
"""

from __future__ import annotations

import fnmatch
import math
import os
from functools import partial
from pathlib import Path
from typing import IO, Any

from cwltool.context import RuntimeContext
from cwltool.errors import WorkflowException
from cwltool.pathmapper import PathMapper
from cwltool.stdfsaccess import StdFsAccess
from schema_salad.ref_resolver import uri_file_path

from weaverlite.engines.cwl.session import Session

MIB = 2**20


class JobContext(RuntimeContext):
    """The runner's context of one run, with our own part of it."""

    def __init__(self, session: Session) -> None:
        directory = Path(os.path.realpath(session.run.directory))
        for name in ("results", "work"):
            (directory / name).mkdir(mode=0o700, exist_ok=True)
        work = f"{directory / 'work'}{os.sep}"
        super().__init__(
            {
                "basedir": str(directory),
                # Literals and listings become files only where results are moved to: it must be set.
                "outdir": str(directory / "results"),
                "tmpdir_prefix": work,
                "tmp_outdir_prefix": work,
                # The directory is removed as a whole; the runner's own removals only cost time.
                "rm_tmpdir": False,
                # Files are hashed once, when they are collected.
                "compute_checksum": False,
                "pull_image": False,
            }
        )
        self.session = session
        self.make_fs_access = partial(GuardedFiles, session=session)
        self.path_mapper = partial(GuardedMapper, session=session)
        self.select_resources = Capacity(session)


class GuardedFiles(StdFsAccess):
    """Files below the job's directory and its inputs. Others are as if they did not exist, or refused."""

    def __init__(self, basedir: str, *, session: Session) -> None:
        super().__init__(basedir)
        self._session = session

    def glob(self, pattern: str) -> list[str]:
        wanted = self._abs(pattern)
        for link, target in self._session.removed_links.items():
            if fnmatch.fnmatchcase(link, wanted):
                raise self._escape(link, target)
        found: list[str] = super().glob(pattern)
        for location in found:
            path = uri_file_path(location)
            if not self._session.holds(path):
                raise self._session.refuse(f"The output {os.path.basename(path)!r} lies outside the job's folder.")
            if not (os.path.isfile(path) or os.path.isdir(path)):
                raise self._session.refuse(
                    f"The output {os.path.basename(path)!r} is neither a file nor a directory."
                )
        return found

    def open(self, fn: str, mode: str) -> IO[Any]:
        opened: IO[Any] = super().open(self._checked(fn), mode)
        return opened

    def exists(self, fn: str) -> bool:
        return self._session.holds(self._abs(fn)) and super().exists(fn)

    def size(self, fn: str) -> int:
        return int(super().size(self._checked(fn)))

    def isfile(self, fn: str) -> bool:
        return self._session.holds(self._abs(fn)) and super().isfile(fn)

    def isdir(self, fn: str) -> bool:
        return self._session.holds(self._abs(fn)) and super().isdir(fn)

    def listdir(self, fn: str) -> list[str]:
        directory = self._abs(self._checked(fn))
        for link, target in self._session.removed_links.items():
            if os.path.dirname(link) == directory:
                raise self._escape(link, target)
        listed: list[str] = super().listdir(fn)
        return listed

    def _checked(self, place: str) -> str:
        if not self._session.holds(self._abs(place)):
            raise self._session.refuse(f"The file {place!r} lies outside the job's folder and is none of its inputs.")
        return place

    def _escape(self, link: str, target: str) -> Exception:
        return self._session.refuse(
            f"The output {os.path.basename(link)!r} is a link that leaves the job's folder (to {target!r})."
        )


class GuardedMapper(PathMapper):
    """Puts files where tools see them; only such as the job may touch, and nothing is downloaded."""

    def __init__(
        self, referenced_files: Any, basedir: str, stagedir: str, separateDirs: bool = True, *, session: Session
    ) -> None:
        self._session = session
        self._directory = os.path.realpath(session.run.directory) + os.sep
        # Places outside the job's directory are those of a container, whose files are mounted and not written.
        self._is_host = stagedir.startswith(self._directory)
        super().__init__(referenced_files, basedir, stagedir, separateDirs)

    def visit(self, obj: Any, stagedir: str, basedir: str, copy: bool = False, staged: bool = False) -> None:
        location = obj["location"]
        if not location.startswith("_:"):
            path = uri_file_path(location) if location.startswith("file://") else os.path.join(basedir, location)
            if ":" in location.partition("/")[0] and not location.startswith("file://"):
                raise WorkflowException(f"{location!r} is not a file of this job: nothing is fetched while it runs")
            if not self._session.holds(path):
                raise WorkflowException(f"{path!r} is neither below the job's directory nor one of its inputs")
        self._check_target(os.path.join(obj.get("dirname") or stagedir, obj["basename"]), obj["basename"])
        super().visit(obj, stagedir, basedir, copy, staged)

    def _check_target(self, target: str, name: str) -> None:
        """Refuse names that lead elsewhere: expressions make them, and literals are written where they point."""
        if "/" in name or name in ("", ".", "..") or "\0" in name:
            raise WorkflowException(f"{name!r} is not the name of a file")
        if os.path.normpath(target) != target or (self._is_host and not target.startswith(self._directory)):
            raise WorkflowException(f"the file {name!r} would lie outside the job's folder")


class Capacity:
    """Gives a tool the cores and the memory it asks for at least, if this job may have that much at all."""

    def __init__(self, session: Session) -> None:
        resources = session.run.resources
        self.cores = resources.cores or float(len(os.sched_getaffinity(0)))
        # What is free at this moment says nothing: a step that waits for memory of other jobs may wait for ever.
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        self.ram = (resources.memory or total) / MIB

    def __call__(self, request: dict[str, Any], context: RuntimeContext) -> dict[str, int | float]:
        found: dict[str, int | float] = {}
        for name, most, unit in (("cores", self.cores, "cores"), ("ram", self.ram, "MiB of memory")):
            least = request[f"{name}Min"]
            if not isinstance(least, int | float) or isinstance(least, bool) or not 0 < least:
                raise WorkflowException(f"ResourceRequirement: {least!r} is not a number of {unit}")
            found[name] = min(least, most) if self._is_default(name, least) else least
            if found[name] > most:
                raise WorkflowException(f"a tool needs {least:g} {unit}; this job may have {most:g}")
        found["ram"] = math.ceil(found["ram"])
        found["tmpdirSize"] = math.ceil(request["tmpdirMin"])
        found["outdirSize"] = math.ceil(request["outdirMin"])
        if "cudaDeviceCountMin" in request:
            found["cudaDeviceCount"] = request["cudaDeviceCountMin"]
        return found

    @staticmethod
    def _is_default(name: str, least: float) -> bool:
        """Whether nobody asked for this: the standard's defaults are no reason to refuse a small node."""
        return least in ({"cores": (1,), "ram": (256, 1024)}[name])
