"""Units of measure, as the metadata of an input or output names them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: The role of metadata that names a unit.
UNIT = "http://www.opengis.net/def/uom"


def unit(name: str, reference: str = "") -> dict[str, str]:
    """Return the metadata that says that values are measured in this unit; ``reference`` is where it is defined."""
    if not reference and name.startswith(("http://", "https://", "urn:")):
        reference = name
    return {"title": name, "role": UNIT, **({"href": reference} if reference else {})}


def unit_of(metadata: Iterable[Any]) -> str:
    """Return the unit that metadata names, empty when it names none."""
    for item in metadata:
        if isinstance(item, Mapping) and item.get("role") == UNIT and isinstance(item.get("title"), str):
            return str(item["title"])
    return ""
