"""Brings what clients uploaded: ``vault:`` references."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from weaverlite.errors import InvalidInput, NoSuchUpload, StagingError
from weaverlite.models.results import LocalDirectory, LocalFile
from weaverlite.models.upload import Upload
from weaverlite.ogc.names import safe_name
from weaverlite.settings import Settings
from weaverlite.transfer.archive import extract
from weaverlite.transfer.files import Budget, copy, open_inside, staging_errors, writing
from weaverlite.transfer.interfaces import FetchLimits, Reference, Stager


def _now() -> datetime:
    return datetime.now(UTC)


class VaultStager(Stager):
    """Copies uploads out of ``directory``; ``lookup`` finds their records. Uploads of others do not exist."""

    schemes = frozenset({"vault"})

    def __init__(
        self,
        directory: Path,
        lookup: Callable[[str], Upload],
        *,
        files: int = 100_000,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._directory = directory
        self._lookup = lookup
        self._files = files
        self._now = now

    @classmethod
    def create(cls, settings: Settings, lookup: Callable[[str], Upload]) -> VaultStager:
        return cls(settings.vault_directory, lookup, files=settings.limits.files or 100_000)

    def check(self, reference: Reference) -> None:
        self._find(reference)

    def fetch(self, reference: Reference, destination: Path, limits: FetchLimits) -> LocalFile | LocalDirectory:
        try:
            upload = self._find(reference)
        except InvalidInput as error:
            raise StagingError(error.detail) from error
        name = safe_name(reference.name or upload.name)
        target = destination / name
        budget = Budget(limits, files=self._files)
        with staging_errors(f"The upload {upload.upload_id}"):
            source = open_inside(os.fspath(self._directory), [upload.stored_as])
            try:
                if os.fstat(source).st_size != upload.size:
                    raise StagingError(f"The upload {upload.upload_id} is damaged: its size has changed.")
                if reference.is_directory:
                    extract(source, target, budget)
                    return LocalDirectory(path=target, name=name)
                with writing(target) as file:
                    copy(source, file, budget)
            finally:
                os.close(source)
        return LocalFile(path=target, name=name, media_type=reference.media_type or upload.media_type)

    def _find(self, reference: Reference) -> Upload:
        upload_id = reference.href.partition(":")[2].lstrip("/")
        try:
            upload = self._lookup(upload_id)
        except NoSuchUpload:
            upload = None
        # One answer for what is not there, what is over and what is somebody else's.
        if upload is None or upload.owner != reference.owner or upload.expires_at <= self._now():
            raise InvalidInput(f"There is no upload {upload_id[:64]!r}, or it has expired: upload the file again.")
        return upload
