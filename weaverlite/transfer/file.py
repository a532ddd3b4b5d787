"""Brings inputs from directories of this node that the operator lists: ``file:`` URLs."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from weaverlite.errors import InvalidInput, ReferenceRefused, StagingError
from weaverlite.models.results import LocalDirectory, LocalFile
from weaverlite.models.upload import Upload
from weaverlite.ogc.names import safe_name
from weaverlite.settings import Settings
from weaverlite.transfer.files import Budget, copy, open_inside, staging_errors, writing
from weaverlite.transfer.interfaces import FetchLimits, Reference, Stager

_DEEPEST = 64


class FileStager(Stager):
    """Copies files and directories that lie below one of ``roots``, also through links, as long as these stay below."""

    schemes = frozenset({"file"})

    def __init__(self, roots: Iterable[Path], *, files: int = 100_000) -> None:
        self._roots = tuple(roots)
        self._files = files

    @classmethod
    def create(cls, settings: Settings, lookup: Callable[[str], Upload]) -> FileStager:
        return cls(settings.egress.file_roots, files=settings.limits.files or 100_000)

    def check(self, reference: Reference) -> None:
        self._locate(_path(reference.href))

    def fetch(self, reference: Reference, destination: Path, limits: FetchLimits) -> LocalFile | LocalDirectory:
        try:
            path = _path(reference.href)
        except InvalidInput as error:
            raise StagingError(error.detail) from error
        name = safe_name(reference.name or PurePosixPath(path).name)
        target = destination / name
        budget = Budget(limits, files=self._files)
        with staging_errors(f"file://{path}"):
            if reference.is_directory:
                self._copy_directory(path, target, budget, depth=0)
                return LocalDirectory(path=target, name=name)
            self._copy_file(path, target, budget)
            return LocalFile(path=target, name=name, media_type=reference.media_type)

    def _locate(self, path: str) -> tuple[str, tuple[str, ...]]:
        """Return the root below which a path leads in the end, and the way from there, free of links."""
        real = os.path.realpath(path)
        for root in self._roots:
            real_root = os.path.realpath(root)
            if real == real_root or real.startswith(real_root.rstrip("/") + "/"):
                return real_root, PurePosixPath(os.path.relpath(real, real_root)).parts
        # The same words whether it is there or not.
        raise ReferenceRefused(
            f"file://{path[:120]}: files of this node may be referenced only below the directories that "
            "weaverlite.egress.file_roots lists."
        )

    def _open(self, path: str) -> int:
        # Between the look and the opening somebody may put a link in the way: then opening fails.
        return open_inside(*self._locate(path))

    def _copy_file(self, path: str, target: Path, budget: Budget) -> None:
        source = self._open(path)
        try:
            mode = os.fstat(source).st_mode
            if stat.S_ISDIR(mode):
                raise StagingError(f"file://{path} is a directory, and this input wants a file.")
            budget.take_file()
            with writing(target, mode=mode) as file:
                copy(source, file, budget)
        finally:
            os.close(source)

    def _copy_directory(self, path: str, target: Path, budget: Budget, depth: int) -> None:
        if depth > _DEEPEST:
            raise StagingError(f"file://{path} lies deeper than {_DEEPEST} directories.")
        source = self._open(path)
        try:
            if not stat.S_ISDIR(os.fstat(source).st_mode):
                raise StagingError(f"file://{path} is a file, and this input wants a directory.")
            budget.take_file()
            target.mkdir(parents=True)
            names = sorted(os.listdir(source))
            directories = {name for name in names if stat.S_ISDIR(_lstat(name, source).st_mode)}
        finally:
            os.close(source)
        for name in names:
            below = os.path.join(path, name)
            if name in directories:
                self._copy_directory(below, target / name, budget, depth + 1)
            elif os.path.isdir(below):
                raise StagingError(f"file://{below} is a link to a directory: such links could lead round in circles.")
            else:
                # A link to a file is copied as that file.
                self._copy_file(below, target / name, budget)


def _lstat(name: str, directory: int) -> os.stat_result:
    return os.stat(name, dir_fd=directory, follow_symlinks=False)


def _path(href: str) -> str:
    """Return the path of a ``file:`` URL."""
    try:
        parts = urlsplit(href)
        path = unquote(parts.path, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{href[:120]} is not a file: URL.") from error
    if parts.netloc not in ("", "localhost"):
        raise InvalidInput(f"{href[:120]}: write file:///path, with three slashes and no host.")
    if parts.query or parts.fragment or not path.startswith("/") or "\0" in path:
        raise InvalidInput(
            f"{href[:120]} is not a file: URL: write file:///absolute/path, with ?, # and % of names percent-encoded."
        )
    return path
