"""The packages of a directory, which are deployed at every start: ``weaverlite.processes.dir``.

A file is a package, by its ending CWL, JSON or YAML; a directory in it is one deployment of several CWL documents that
name each other. What changed since it was deployed becomes a new revision, what did not costs a look at its text, and
what is faulty is told without keeping the others, or the service, from starting. Processes whose file is gone stay.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from weaverlite.errors import WeaverLiteError
from weaverlite.ogc.negotiation import JSON, YAML
from weaverlite.ogc.packages import CWL
from weaverlite.services.multipart import write_parts
from weaverlite.services.packages import Packages
from weaverlite.services.processes import Processes

_TYPES = {
    ".cwl": CWL,
    ".json": JSON,
    ".yaml": YAML,
    ".yml": YAML,
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one package: ``fault`` is a sentence, empty when nothing is wrong; ``process`` has its version."""

    name: str
    process: str = ""
    fault: str = ""
    is_new: bool = False


class Directory:
    """Deploys the packages below ``path``."""

    def __init__(self, path: Path, packages: Packages, processes: Processes) -> None:
        self._path = path
        self._packages = packages
        self._processes = processes

    def deploy(self) -> list[Finding]:
        """Deploy what is new or changed; log what became of each package, and return it."""
        found = list(self._each(is_rehearsal=False))
        for finding in found:
            where = self._path / finding.name
            if finding.fault:
                _log.error("%s was not deployed: %s", where, finding.fault, extra={"action": "deploy"})
            elif finding.is_new:
                _log.info("%s was deployed as %s", where, finding.process, extra={"action": "deploy"})
        return found

    def check(self) -> list[Finding]:
        """Return what would become of each package; nothing is deployed."""
        return list(self._each(is_rehearsal=True))

    def _each(self, *, is_rehearsal: bool) -> Iterator[Finding]:
        try:
            places = sorted(place for place in self._path.iterdir() if not place.name.startswith("."))
        except OSError as error:
            yield Finding("", fault=f"{self._path} cannot be read: {error.strerror} (weaverlite.processes.dir).")
            return
        for place in places:
            if place.is_dir() or place.suffix.lower() in _TYPES:
                yield self._one(place, is_rehearsal=is_rehearsal)

    def _one(self, place: Path, *, is_rehearsal: bool) -> Finding:
        try:
            body, media_type = _joined(place) if place.is_dir() else (place.read_bytes(), _TYPES[place.suffix.lower()])
            deployment = self._packages.read(body, media_type)
            process, is_new = self._processes.restore(deployment, is_rehearsal=is_rehearsal)
        except OSError as error:
            return Finding(place.name, fault=f"it cannot be read: {error.strerror}.")
        except WeaverLiteError as error:
            told = "; ".join(f"{fault.pointer}: {fault.message}" for fault in error.faults[:10])
            return Finding(place.name, fault=told or error.detail)
        return Finding(place.name, f"{process.process_id}:{process.version}", is_new=is_new)


def _joined(directory: Path) -> tuple[bytes, str]:
    """Return the documents of a directory as one body."""
    texts = [
        (place.name, _TYPES[place.suffix.lower()], place.read_bytes())
        for place in sorted(directory.iterdir())
        if place.suffix.lower() in _TYPES and place.is_file() and not place.name.startswith(".")
    ]
    digest = hashlib.sha256()
    for _, _, text in texts:
        digest.update(text)
    # Made of the content: the same files give the same body, and none can hold the line that ends it.
    boundary = f"part-{digest.hexdigest()[:32]}"
    parts = [
        ((("Content-Type", media_type), ("Content-Disposition", f'attachment; filename="{_quoted(name)}"')), text)
        for name, media_type, text in texts
    ]
    return write_parts(parts, boundary), f"multipart/mixed; boundary={boundary}"


def _quoted(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable() and letter not in '"\\')
