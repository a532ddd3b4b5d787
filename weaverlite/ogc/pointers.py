"""JSON pointers (RFC 6901): where something stands in a document."""

from __future__ import annotations


def pointer_to(base: str, *parts: str | int) -> str:
    """Return the JSON pointer of what stands below ``base`` under these names."""
    return base + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
