"""A package: what a person deployed to be run, as a document with a digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

CWL_MEDIA_TYPE = "application/cwl+json"
PYTHON_MEDIA_TYPE = "application/vnd.weaverlite.python-function+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What an engine runs. The digest is its identity; engines never see more of a deployment than this.

    ``document`` is plain JSON, ``media_type`` chooses the engine, ``digest`` is ``sha256:`` and the hexadecimal digest
    of the canonical text of the document.
    """

    media_type: str
    document: Any
    digest: str

    @classmethod
    def of(cls, media_type: str, document: Any) -> Package:
        """Return the package of ``document`` with its digest computed."""
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(f"{media_type}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()
        return cls(media_type=media_type, document=document, digest=f"sha256:{digest}")
