"""The schema documents of all JSON bodies, by name, read once when they are first asked for.

They are JSON Schema 2020-12, the dialect of OpenAPI 3.1: they validate requests, stand in the API description as they
are, and functional tests hold every response against them. Those whose names OGC API - Processes uses too
(``execute``, ``statusInfo``, ``results``, …) were written from the text of 18-062r2 (1.0) and of its successor (2.0);
none is a copy. They describe what this service takes and gives, which is valid by the standard's own documents: where
the versions differ, the members of both are there. A document refers to another one as a whole (``$ref: link.yaml``),
never into a part of it, so that each becomes one component of the API description.
"""

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
