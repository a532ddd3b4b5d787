"""Brings inputs that are their own reference: ``data:`` URLs (RFC 2397)."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_to_bytes

from weaverlite.errors import InvalidInput, StagingError
from weaverlite.models.results import LocalFile
from weaverlite.models.upload import Upload
from weaverlite.ogc.names import safe_name
from weaverlite.settings import Settings
from weaverlite.transfer.files import writing
from weaverlite.transfer.interfaces import FetchLimits, Reference, Stager

_HEAD = re.compile(r"data:([A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+)?((?:;[^;,]*)*)\Z", re.IGNORECASE)


class DataStager(Stager):
    """Writes what a ``data:`` URL holds to a file."""

    schemes = frozenset({"data"})

    @classmethod
    def create(cls, settings: Settings, lookup: Callable[[str], Upload]) -> DataStager:
        return cls()

    def check(self, reference: Reference) -> None:
        if reference.is_directory:
            raise InvalidInput("A data: URL holds a file, not a directory.")
        _head(reference.href)

    def fetch(self, reference: Reference, destination: Path, limits: FetchLimits) -> LocalFile:
        try:
            self.check(reference)
            media_type, is_base64 = _head(reference.href)
            content = unquote_to_bytes(reference.href.partition(",")[2])
            if is_base64:
                content = base64.b64decode(_padded(content), validate=True)
        except (InvalidInput, binascii.Error) as error:
            raise StagingError(f"A data: URL cannot be read: {error}") from error
        if len(content) > limits.size:
            raise StagingError(f"A data: URL holds more than the {limits.size} bytes an input may have here.")
        media_type = reference.media_type or media_type
        name = safe_name(reference.name, default="data" + (mimetypes.guess_extension(media_type) or ""))
        with writing(destination / name) as file:
            file.write(content)
        return LocalFile(path=destination / name, name=name, media_type=media_type)


def _head(href: str) -> tuple[str, bool]:
    """Return the media type of a ``data:`` URL and whether its content is base64."""
    head, comma, _ = href.partition(",")
    found = _HEAD.match(head) if comma and len(head) <= 1024 else None
    if not found:
        raise InvalidInput("A data: URL is written like data:text/plain;base64,SGVsbG8=: it needs a comma.")
    parameters = [parameter.strip().lower() for parameter in found[2].split(";")]
    return (found[1] or "text/plain").lower(), parameters[-1] == "base64"


def _padded(text: bytes) -> bytes:
    # Many writers break lines or leave out the padding, and no reader minds.
    compact = b"".join(text.split()).replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    return compact + b"=" * (-len(compact) % 4)
