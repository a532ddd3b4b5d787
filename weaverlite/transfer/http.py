"""Brings inputs from ``http`` and ``https`` URLs, by the rules of the egress policy."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from weaverlite.errors import InvalidInput, StagingError
from weaverlite.models.results import LocalFile
from weaverlite.models.upload import Upload
from weaverlite.ogc.names import disposition_name, safe_name, url_name
from weaverlite.settings import Settings
from weaverlite.transfer.egress import Egress
from weaverlite.transfer.files import writing
from weaverlite.transfer.interfaces import FetchLimits, Reference, Stager

_NO_DIRECTORY = "A directory cannot be fetched over HTTP: upload it, or reference its files one by one."
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,80}/[A-Za-z0-9!#$&^_.+-]{1,80}")


class HTTPStager(Stager):
    """Fetches files over HTTP. What may pass is tried again, ``tries`` times in all, with growing pauses."""

    schemes = frozenset({"http", "https"})

    def __init__(self, egress: Egress, *, tries: int = 3, pause: float = 0.5) -> None:
        self._egress = egress
        self._tries = tries
        self._pause = pause

    @classmethod
    def create(cls, settings: Settings, lookup: Callable[[str], Upload]) -> HTTPStager:
        return cls(Egress.create(settings.egress))

    def check(self, reference: Reference) -> None:
        if reference.is_directory:
            raise InvalidInput(_NO_DIRECTORY)
        self._egress.check(reference.href)

    def fetch(self, reference: Reference, destination: Path, limits: FetchLimits) -> LocalFile:
        # Only here: requests takes 0.1 s and 10 MiB to import, and a web process, which only checks, does without.
        from weaverlite.transfer.connections import Interrupted

        if reference.is_directory:
            raise StagingError(_NO_DIRECTORY)
        deadline = time.monotonic() + min(limits.seconds, self._egress.total_timeout)
        for number in range(1, self._tries + 1):
            try:
                return self._fetch(reference, destination, limits.size, deadline - time.monotonic())
            except Interrupted as error:
                # Not all at once again, and never past the deadline.
                pause = self._pause * 4 ** (number - 1) * random.uniform(0.5, 1.5)
                if number == self._tries or time.monotonic() + pause >= deadline:
                    raise StagingError(f"{error.detail.rstrip('.')}, in {number} attempts.") from error
                time.sleep(pause)
        raise AssertionError("there is at least one try")

    def _fetch(self, reference: Reference, destination: Path, size: int, seconds: float) -> LocalFile:
        from weaverlite.transfer.connections import open_download

        with open_download(self._egress, reference.href, size=size, seconds=seconds) as download:
            name = _name(reference, download.url, download.headers)
            path = destination / name
            with writing(path) as file:
                for chunk in download.chunks():
                    file.write(chunk)
            return LocalFile(
                path=path, name=name, media_type=reference.media_type or _media_type(download.headers)
            )


def _name(reference: Reference, last_url: str, headers: Mapping[str, str]) -> str:
    if reference.name:
        return safe_name(reference.name)
    if given := disposition_name(headers.get("Content-Disposition")):
        return given
    names = [name for url in (reference.href, last_url) if (name := url_name(url))]
    # Of a short link and of the storage behind it, the one with an extension is the name people know.
    return next((name for name in names if "." in name), names[0] if names else "file")


def _media_type(headers: Mapping[str, str]) -> str | None:
    found = _MEDIA_TYPE.fullmatch(headers.get("Content-Type", "").partition(";")[0].strip())
    return found[0].lower() if found else None
