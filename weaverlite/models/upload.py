"""An upload: a file in the vault, of one owner, gone after a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file a client sent to be used as input. ``size`` in bytes, ``sha256`` in hexadecimal."""

    upload_id: str
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime
    expires_at: datetime
    owner: str | None = None

    @property
    def stored_as(self) -> str:
        """The name of its bytes in the directory of the vault."""
        return self.upload_id
