"""Cursors of pages: where the next page begins, as a text that means nothing to a client."""

from __future__ import annotations

import base64
import binascii
import json

from weaverlite.errors import Fault, InvalidRequest


def write_cursor(*keys: str) -> str:
    """Return the cursor of a page that ended with the item of these keys."""
    text = json.dumps(keys, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode("ascii")).rstrip(b"=").decode("ascii")


def read_cursor(cursor: str, count: int) -> tuple[str, ...]:
    """Return the ``count`` keys of a cursor.

    :raises InvalidRequest: it is not one that :func:`write_cursor` gave.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        keys = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii"))
    except (ValueError, binascii.Error, RecursionError):
        keys = None
    # Keys are times and ids: ASCII, which every backend can compare.
    if isinstance(keys, list) and len(keys) == count and all(isinstance(key, str) and key.isascii() for key in keys):
        return tuple(keys)
    raise InvalidRequest(
        faults=[Fault("is not a cursor this service gave: begin again without one", "cursor", "query")]
    )
