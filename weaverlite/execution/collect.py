"""Take what a run produced into the one layout, safely: only regular files of the job's own directory get out.

A tool can leave anything: links to files of the host, devices, pipes, names with line breaks. All its processes have
ended when this runs, so what is checked here cannot change afterwards.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from weaverlite.errors import EngineError, OutputLimit, UnsafeOutput
from weaverlite.execution.workspace import digest
from weaverlite.models.results import LocalDirectory, LocalFile, LocalValue, OutputDirectory, OutputFile, OutputValue
from weaverlite.ogc.names import safe_name

_FULL = (errno.ENOSPC, errno.EDQUOT)
#: Levels of an output directory; deeper ones are made to hurt those who walk them.
_DEPTH = 200
#: Files and directories when no limit is set: links can make a small tree look endless.
_MOST_FILES = 1_000_000


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A file or directory of an output, and the keys and positions that lead to it."""

    route: tuple[str, ...]
    value: LocalFile | LocalDirectory


class Collection:
    """Collects the outputs of one attempt, whose directory is ``root``, below ``root/outputs``.

    ``inputs`` are the staged inputs: a run may hand them on, wherever they lie. ``size`` and ``files`` limit what is
    collected in all, zero is no limit.
    """

    def __init__(
        self,
        root: Path,
        inputs: Mapping[str, LocalValue],
        media_type_of: Callable[[str], str],
        *,
        size: int = 0,
        files: int = 0,
    ) -> None:
        self._root = Path(os.path.realpath(root))
        self._inputs = tuple(os.path.realpath(leaf.value.path) for leaf in _leaves(list(inputs.values())))
        self._media_type_of = media_type_of
        self._size_limit, self._files_limit = size, files
        self._size = self._files = 0
        #: What we have linked, by what it is on disk: two outputs may name the same file.
        self._linked: set[tuple[int, int]] = set()

    def run(self, outputs: Mapping[str, LocalValue]) -> dict[str, OutputValue]:
        """Return the outputs with files moved into the layout and described.

        :raises UnsafeOutput: one is not a regular file of the job's directory.
        :raises OutputLimit: they are too large or too many.
        """
        collected: dict[str, OutputValue] = {}
        try:
            # Last, because its files lie beside the folders of the others.
            for output_id in sorted(outputs, key=lambda name: name == "outputs"):
                collected[output_id] = self._collect(output_id, outputs[output_id])
        except OSError as exc:
            if exc.errno in _FULL:
                raise OutputLimit("The disk of the worker is full: the outputs could not be collected.") from exc
            raise UnsafeOutput(f"The outputs could not be collected: {exc.strerror or exc}.") from exc
        return {output_id: collected[output_id] for output_id in outputs}

    def _collect(self, output_id: str, value: LocalValue) -> OutputValue:
        leaves = list(_leaves(value))
        if not leaves:
            return _checked(output_id, value)
        folder = "outputs" if output_id == "outputs" else f"outputs/{safe_name(output_id, 'output')}"
        names = [name for leaf in leaves for name in _names(leaf.value)]
        # Files of equal names get folders of their own, numbered or named by the member that holds them.
        is_apart = len(set(names)) < len(names) or any(os.path.lexists(self._root / folder / name) for name in names)
        taken = [
            self._take(leaf.value, "/".join((folder, *(leaf.route or ("0",)))) if is_apart else folder)
            for leaf in leaves
        ]
        return _replaced(output_id, value, iter(taken))

    # ------------------------------------------------------------ files

    def _take(self, value: LocalFile | LocalDirectory, folder: str) -> OutputFile | OutputDirectory:
        if isinstance(value, LocalDirectory):
            path = f"{folder}/{safe_name(value.name, 'directory')}"
            return OutputDirectory(path=path, files=tuple(self._take_tree(value.path, path, ())))
        path = f"{folder}/{safe_name(value.name)}"
        media_type = value.media_type or self._media_type_of(safe_name(value.name))
        file = self._take_file(value.path, path, media_type)
        secondary: list[OutputFile] = []
        for item in value.secondary:
            found = self._take(item, folder)
            secondary.extend(found.files if isinstance(found, OutputDirectory) else (found, *found.secondary))
        return OutputFile(
            path=file.path,
            size=file.size,
            sha256=file.sha256,
            media_type=file.media_type,
            secondary=tuple(secondary),
        )

    def _take_tree(self, directory: Path, path: str, above: tuple[str, ...]) -> Iterator[OutputFile]:
        real = self._real(directory)
        if real in above:
            raise UnsafeOutput(f"The output directory {path} contains itself, by a link.")
        if len(above) > _DEPTH:
            raise UnsafeOutput(f"The output directory {path[:200]}… is nested deeper than {_DEPTH} levels.")
        if not os.path.isdir(real):
            raise UnsafeOutput(f"The output {path} should be a directory and is not.")
        self._count(path, 0)
        target = self._root / path
        target.mkdir(parents=True, exist_ok=bool(above))
        with os.scandir(real) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            inner = f"{path}/{safe_name(entry.name)}"
            if entry.is_dir():
                yield from self._take_tree(Path(entry.path), inner, (*above, real))
            else:
                yield self._take_file(Path(entry.path), inner, self._media_type_of(entry.name))

    def _take_file(self, source: Path, path: str, media_type: str) -> OutputFile:
        real = self._real(source)
        status = os.stat(real)
        if not stat.S_ISREG(status.st_mode):
            raise UnsafeOutput(f"The output {path} is not a regular file.")
        self._count(path, status.st_size)
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(target):
            raise UnsafeOutput(f"Two files of the outputs have the same name: {path}.")
        self._bring(real, target, status)
        if status.st_mode & 0o7000 or not status.st_mode & stat.S_IRUSR:
            target.chmod(0o644)
        size, sha256 = digest(target)
        return OutputFile(path=path, size=size, sha256=sha256, media_type=media_type)

    def _bring(self, real: str, target: Path, status: os.stat_result) -> None:
        """Make the file appear at ``target``, by a link where it is nobody's but the job's, else by a copy."""
        identity = (status.st_dev, status.st_ino)
        if self._is_own(real) and (status.st_nlink == 1 or identity in self._linked):
            # Refused for files of other users, and by some file systems.
            with contextlib.suppress(OSError):
                os.link(real, target)
                self._linked.add(identity)
                return
        shutil.copyfile(real, target)

    def _real(self, path: Path) -> str:
        try:
            real = os.path.realpath(path, strict=True)
        except OSError as exc:
            raise UnsafeOutput(f"The output {path.name!r} is not there, or is a link that leads nowhere.") from exc
        if not (self._is_own(real) or self._is_input(real)):
            raise UnsafeOutput(
                f"The output {path.name!r} leads outside the job's directory, to {real[:200]}: only files below it can "
                "be outputs."
            )
        return real

    def _is_own(self, real: str) -> bool:
        return real.startswith(f"{self._root}{os.sep}")

    def _is_input(self, real: str) -> bool:
        return any(real == each or real.startswith(f"{each}{os.sep}") for each in self._inputs)

    def _count(self, path: str, size: int) -> None:
        self._size += size
        self._files += 1
        if self._size_limit and self._size > self._size_limit:
            raise OutputLimit(f"The outputs have more than the {self._size_limit} bytes a job may leave, with {path}.")
        most = self._files_limit or _MOST_FILES
        if self._files > most:
            raise OutputLimit(f"The outputs are more than the {most} files a job may leave.")


def _leaves(value: LocalValue, route: tuple[str, ...] = ()) -> Iterator[_Leaf]:
    if isinstance(value, LocalFile | LocalDirectory):
        yield _Leaf(route, value)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _leaves(item, (*route, str(number)))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*route, safe_name(str(key), "member")))


def _names(value: LocalFile | LocalDirectory) -> list[str]:
    secondary = value.secondary if isinstance(value, LocalFile) else ()
    return [safe_name(value.name), *(name for item in secondary for name in _names(item))]


def _replaced(output_id: str, value: LocalValue, taken: Iterator[OutputFile | OutputDirectory]) -> OutputValue:
    """Return ``value`` with its leaves, in order, replaced by what was ``taken``."""
    if isinstance(value, LocalFile | LocalDirectory):
        return next(taken)
    if isinstance(value, list | tuple):
        return [_replaced(output_id, item, taken) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _replaced(output_id, item, taken) for key, item in value.items()}
    return _checked(output_id, value)


def _checked(output_id: str, value: LocalValue) -> OutputValue:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as exc:
        raise EngineError(f"The output {output_id!r} has no JSON form: {exc}.") from exc
    return value
