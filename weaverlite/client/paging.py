"""Lists that a service gives page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaverlite.client.connection import Connection
from weaverlite.client.operation import OperationResult
from weaverlite.ogc.links import NEXT

_PAGE = 100


def collect_pages(
    connection: Connection, target: str, member: str, params: Mapping[str, Any], limit: int | None
) -> OperationResult:
    """Return the first page of a list with the entries of the following ones added, up to ``limit`` if there is one."""
    size = _PAGE if limit is None else min(limit, _PAGE)
    first = page = connection.call("GET", target, params={**params, "limit": size})
    if not first.success or not isinstance(first.body, Mapping) or not isinstance(first.body.get(member), list):
        return first
    entries = list(first.body[member])
    seen = {first.url}
    while (limit is None or len(entries) < limit) and (following := page.links(NEXT)):
        address = following[0]["href"]
        if address in seen:
            break
        seen.add(address)
        page = connection.call("GET", address)
        if not page.success:
            return page
        found = page.body.get(member) if isinstance(page.body, Mapping) else None
        if not isinstance(found, list) or not found:
            break
        entries.extend(found)
    first.body = {**first.body, member: entries if limit is None else entries[:limit]}
    return first


__all__ = ["collect_pages"]
