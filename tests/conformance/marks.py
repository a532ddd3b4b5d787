"""How a test says which requirements it proves: ``@req("processes-1/2.0/core/landingpage-op")``.

A key is ``part/version/class/name``. What follows the class in the name of a test is that of the first key; more words
may follow behind a double underscore.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

COMMON = "common-1/1.0/"
V1 = "processes-1/1.0/"
V2 = "processes-1/2.0/"
PART2 = "processes-2/1.0/"
PART3 = "processes-3/0.0/"
PART4 = "processes-4/1.0/"


def req(*keys: str) -> Callable[[Any], Any]:
    """Mark a test with the requirements it proves."""
    return pytest.mark.requirement(*keys)


def both(name: str, other: str = "") -> Callable[[Any], Any]:
    """Mark a test with a requirement of version 1.0 and that of 2.0, which may have another name."""
    return req(V1 + name, V2 + (other or name))


def keys_of(item: pytest.Item) -> list[str]:
    """Return the requirements that a test proves, the first one first."""
    return [key for mark in reversed(list(item.iter_markers("requirement"))) for key in mark.args]


def name_for(key: str) -> str:
    """Return how the name of a test of this requirement begins."""
    group, name = key.split("/")[2:]
    return "test_req_" + re.sub(r"\W", "_", f"{group}_{name}".lower())
