"""The schemas that a request may name for its body (``Content-Schema``)."""

from __future__ import annotations

from urllib.parse import urlsplit

#: What the schema documents of an execute request are called, whoever publishes them.
_EXECUTE = frozenset({"execute", "execute-workflows", "ogc-execute-request", "jobDefinition"})


def is_execute_schema(uri: str) -> bool:
    """Whether a URI names the schema, or the profile, of an execute request."""
    try:
        parts = urlsplit(uri.strip().strip("<>"))
    except ValueError:
        return False
    name = (parts.fragment or parts.path).rstrip("/").rpartition("/")[2]
    return name.removesuffix(".yaml").removesuffix(".json") in _EXECUTE
