"""How packages are written: the media types of their texts, and from text to document within the limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaverlite.errors import UnsupportedMedia
from weaverlite.ogc.negotiation import essence
from weaverlite.ogc.packages import CWL_TYPES, MULTIPART_TYPES, PACKAGE_TYPES, PLAIN_TYPES
from weaverlite.schemas.text import parse_json, parse_text
from weaverlite.settings import LimitsSettings

#: The media types of one document.
DOCUMENT_TYPES = CWL_TYPES | PACKAGE_TYPES | PLAIN_TYPES
#: The media types a deployment may have, without parameters.
MEDIA_TYPES = DOCUMENT_TYPES | MULTIPART_TYPES


def check_media_type(media_type: str) -> str:
    """Return the media type without parameters, in lower case.

    :raises UnsupportedMedia: nothing of this type can be deployed.
    """
    bare = essence(media_type)
    if bare not in MEDIA_TYPES:
        raise UnsupportedMedia(
            f"A process cannot be deployed from {bare or 'a body without media type'!r}: send CWL as "
            "application/cwl+json or application/cwl+yaml, an application package as application/ogcapppkg+json, or "
            "several documents as multipart/mixed."
        )
    return bare


def is_cwl(document: Mapping[str, Any]) -> bool:
    """Return whether this is, or is meant to be, a CWL document."""
    return "cwlVersion" in document or "$graph" in document or isinstance(document.get("class"), str)


class Notation:
    """Reads texts within the limits of packages."""

    def __init__(self, limits: LimitsSettings) -> None:
        self._depth, self._nodes = limits.package_depth, limits.package_nodes

    def parse(self, body: bytes | str, media_type: str) -> Any:
        """Return the document.

        :raises InvalidRequest: it is not what its media type says.
        """
        if media_type.endswith("json"):
            return parse_json(body, depth=self._depth, nodes=self._nodes)
        # What is JSON among the YAML is read as JSON, with its own strictness.
        return parse_text(body, depth=self._depth, nodes=self._nodes)
