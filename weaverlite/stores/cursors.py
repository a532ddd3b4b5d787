"""Cursors of pages: where a page begins, as a text that means nothing to a client, and what a page needs besides.

A page is read from its place on, one entry more than it holds: that entry says whether there is another page. A page
before another one is read backwards from the first entry of that one, and then turned round.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from weaverlite.errors import Fault, InvalidRequest

R = TypeVar("R")


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
    raise _refused("is not a cursor this service gave: begin again without one")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins, and in which direction it is read.

    ``order`` names the order of the list, ``after`` holds the keys of the entry the page does not reach to, None at the
    beginning. ``is_downward`` is the direction to read in.
    """

    order: str
    after: tuple[str, ...] | None
    is_backward: bool
    is_downward: bool

    @classmethod
    def read(cls, cursor: str | None, order: str, keys: int, *, is_descending: bool) -> Place:
        """Return the place that a cursor of this order, of entries with so many keys, names.

        :raises InvalidRequest: it is broken, or one of another order.
        """
        name = f"-{order}" if is_descending else order
        if cursor is None:
            return cls(name, None, False, is_descending)
        sign, *after = read_cursor(cursor, keys + 1)
        if sign[:1] not in ("<", ">") or sign[1:] != name:
            raise _refused("is a cursor of a list in another order: begin again without one")
        is_backward = sign[0] == "<"
        return cls(name, tuple(after), is_backward, is_descending is not is_backward)

    def cut(
        self, found: list[R], limit: int, offset: int, keys: Callable[[R], tuple[str, ...]]
    ) -> tuple[list[R], str | None, str | None]:
        """Return what a page shows of what was read, with the cursors of the pages after and before it."""
        has_more = len(found) > limit
        shown = found[:limit]
        if self.is_backward:
            shown.reverse()
        if not shown:
            return shown, None, None
        has_next = self.is_backward or has_more
        has_prev = has_more if self.is_backward else self.after is not None or offset > 0
        following = write_cursor(f">{self.order}", *keys(shown[-1])) if has_next else None
        preceding = write_cursor(f"<{self.order}", *keys(shown[0])) if has_prev else None
        return shown, following, preceding


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(faults=[Fault(why, "cursor", "query")])
