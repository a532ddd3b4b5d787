"""Every header an answer may have, with what it means, for the definition of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXT = {"type": "string"}

#: Name, what it says, and the schema of its value.
HEADERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Allow": ("The methods that are taken here", _TEXT),
    "Content-Disposition": ("Under which name to keep it", _TEXT),
    "Content-Range": ("Which part of the bytes this is", _TEXT),
    "ETag": ("Changes when the answer does: send it back in If-None-Match", _TEXT),
    "Idempotent-Replayed": ("true: the request had come before, this is its job", {"type": "string", "const": "true"}),
    "Link": ("Links (RFC 8288)", _TEXT),
    "Location": ("Where it is", {"type": "string", "format": "uri"}),
    "Preference-Applied": ("The preferences that were honoured", _TEXT),
    "Retry-After": ("Seconds after which to ask again", {"type": "integer", "minimum": 0}),
    "WWW-Authenticate": ("How to say who asks", _TEXT),
}
