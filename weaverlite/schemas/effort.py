"""How much work the validation of a value may be: counted in steps, so that the answer does not depend on the machine.

A step is one schema held against one part of the value, some five microseconds. Schemas come from whoever deploys a
process, and a small one can mean endless work: alternatives within alternatives, each of which refers back to the
first. What a value may take grows with its size, so that large honest ones pass.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from weaverlite.schemas.patterns import Pattern, TooHard

#: Steps of any value, and more for each part of it. Twenty states of a pattern are one step.
_FIRST, _PER_PART = 10_000, 40
_STATES = 20


class TooManySteps(Exception):
    """The value takes more steps to check than values of its size may."""


class _Effort(threading.local):
    """What is left to the validation of this thread, and the value that more may still be granted for."""

    left = 0.0
    value: Any = None
    is_granted = True

    def spend(self, steps: float) -> None:
        self.left -= steps
        if self.left >= 0:
            return
        if not self.grant():
            raise TooManySteps
        self.spend(0)

    def grant(self) -> bool:
        """Add what a value of this size may take; return whether that had not been done before."""
        # Only when it is needed: most values are checked before anybody has to know how large they are.
        if self.is_granted:
            return False
        self.is_granted = True
        self.left += _PER_PART * _parts(self.value)
        return True


_effort = _Effort()


@contextmanager
def bounded(value: Any) -> Iterator[None]:
    """Count the steps of what is done inside, as the validation of this value.

    :raises TooManySteps: it takes too many.
    """
    before = _effort.left, _effort.value, _effort.is_granted
    _effort.left, _effort.value, _effort.is_granted = _FIRST, value, False
    try:
        yield
    finally:
        _effort.left, _effort.value, _effort.is_granted = before


def keywords(schema: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Return the keywords of a schema that is about to be applied, and count that."""
    steps = 0.5
    for name in ("enum", "properties", "required", "patternProperties"):
        if name in schema:
            steps += len(schema[name]) / 16
    _effort.spend(steps)
    return schema.items()


def matches(pattern: Pattern, text: str) -> bool:
    """Return whether the pattern matches somewhere in ``text``, and count the states it took.

    :raises TooHard: it takes too long to tell.
    """
    try:
        found, visited = pattern.match(text, int(_effort.left * _STATES))
    except TooHard:
        if not _effort.grant():
            raise
        found, visited = pattern.match(text, int(_effort.left * _STATES))
    if visited:
        _effort.spend(visited / _STATES)
    return found


def _parts(value: Any) -> int:
    todo, count = [value], 0
    while todo:
        item = todo.pop()
        count += 1
        if isinstance(item, Mapping):
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
        elif isinstance(item, str):
            count += len(item) // 100
    return count
