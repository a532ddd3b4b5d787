"""Versions of processes: semantic ones that grow from revision to revision.

What a client asks for must be greater than what is there. What it repeats it does not ask for: a body that is sent
again, as it was or edited, gets the version after the present one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import zip_longest
from typing import Any

from weaverlite.errors import Clash, Fault

MAJOR, MINOR, PATCH = range(3)

_VERSION = re.compile(
    r"v?(?P<numbers>[0-9]{1,9}(?:\.[0-9]{1,9}){0,3})(?:-(?P<pre>[0-9A-Za-z.-]{1,64}))?(?:\+[0-9A-Za-z.-]{1,64})?\Z"
)
#: What may follow the colon in a path.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}\Z")


def is_version(text: str) -> bool:
    """Return whether ``text`` can name a revision in a path, as in ``process:1.2.0``."""
    return bool(_NAME.match(text))


def check_version(version: Any, pointer: str) -> list[Fault]:
    """Return what is wrong with the version of a body; what is no text is a matter of its schema."""
    if not isinstance(version, str) or is_version(version):
        return []
    return [Fault("must be letters, digits, '.', '_', '+' and '-', at most 64: it is part of URLs", pointer)]


class _Order:
    """The place of a version among others, as SemVer 2.0 has it: a pre-release stands before its release."""

    def __init__(self, numbers: Sequence[int], pre: str) -> None:
        self._numbers = numbers
        self._pre = [(part.isdigit(), part) for part in pre.split(".")] if pre else []

    def __lt__(self, other: _Order) -> bool:
        for own, theirs in zip_longest(self._numbers, other._numbers, fillvalue=0):
            if own != theirs:
                return own < theirs
        if not self._pre or not other._pre:
            return bool(self._pre)
        for (is_number, part), (is_theirs, their_part) in zip(self._pre, other._pre, strict=False):
            if is_number != is_theirs:
                return is_number
            if part != their_part:
                return int(part) < int(their_part) if is_number else part < their_part
        return len(self._pre) < len(other._pre)


def next_version(present: str, asked: str, repeated: str, level: int, taken: Collection[str]) -> str:
    """Return the version of the revision that follows one of version ``present``.

    ``asked`` is what its body says, ``repeated`` what the present one's body said; ``level`` is which number grows when
    nothing is asked; ``taken`` are the versions that name revisions already.

    :raises Clash: what is asked for is not greater than what is there.
    """
    if not asked or asked in (present, repeated):
        return _grown(present, level, taken)
    here, there = _order(present), _order(asked)
    if here is not None and there is not None and not here < there:
        raise Clash(f"The version {asked[:70]!r} is not greater than {present[:70]!r}, which is there: let it grow.")
    if asked in taken:
        raise Clash(f"The version {asked[:70]!r} names a revision already: choose another one.")
    return asked


def _order(version: str) -> _Order | None:
    found = _VERSION.match(version)
    return _Order([int(part) for part in found["numbers"].split(".")], found["pre"] or "") if found else None


def _grown(present: str, level: int, taken: Collection[str]) -> str:
    found = _VERSION.match(present)
    numbers = [int(part) for part in found["numbers"].split(".")][:3] if found else []
    numbers += [0] * (3 - len(numbers))
    while True:
        numbers = [*numbers[:level], numbers[level] + 1, *[0] * (PATCH - level)]
        text = ".".join(map(str, numbers))
        if text not in taken:
            return text


__all__ = ["MAJOR", "MINOR", "PATCH", "check_version", "is_version", "next_version"]
