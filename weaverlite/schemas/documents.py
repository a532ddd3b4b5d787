"""The schema documents beside this module, by name, read once when they are first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Any

from weaverlite.schemas.text import parse_yaml

_FOLDER = resources.files(__package__) / "weaverlite"


@cache
def names() -> tuple[str, ...]:
    """Return the names of all documents, sorted."""
    found = (item.name for item in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml")))


@cache
def load(name: str) -> Mapping[str, Any]:
    """Return a document. It is shared: do not change it.

    :raises KeyError: there is none of this name.
    """
    if name not in names():
        near = get_close_matches(name, names(), n=1)
        raise KeyError(f"no schema document {name!r}" + (f"; is {near[0]!r} meant?" if near else ""))
    document: Mapping[str, Any] = parse_yaml((_FOLDER / f"{name}.yaml").read_bytes())
    return document
