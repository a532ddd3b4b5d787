"""Collections as inputs, at submission: what is asked of them is read, and where they are is held against policy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from weaverlite.errors import Fault
from weaverlite.models.collection import CollectionQuery, read_query
from weaverlite.models.exchange import is_below
from weaverlite.models.process import InputDescription
from weaverlite.ogc.collections import JSON, TEXT
from weaverlite.ogc.pointers import pointer_to
from weaverlite.schemas.filters import check_filter, check_geometry
from weaverlite.schemas.forms import takes
from weaverlite.services.inputs import Reading
from weaverlite.settings import ChainingSettings
from weaverlite.transfer.interfaces import Reference, Stager


class CollectionValues:
    """The kind of values with ``collection``."""

    def __init__(self, settings: ChainingSettings, stagers: Mapping[str, Stager]) -> None:
        self._settings = settings
        self._stagers = stagers

    def read(self, reading: Reading, description: InputDescription, given: Mapping[str, Any], pointer: str) -> Any:
        """Return the collection value as it is stored: see :class:`weaverlite.services.inputs.Kind`."""
        query, _ = read_query(given)
        for fault in wrong_fields(given, pointer):
            reading.fault(fault.message, fault.pointer)
        if query is None:
            return None
        self._check_place(reading, query, pointer_to(pointer, "collection"))
        if query.limit is not None and query.limit > self._settings.items:
            why = f"is more than the {self._settings.items} items that may be read (weaverlite.chaining.items)"
            reading.fault(why, pointer_to(pointer, "limit"))
        if why := _unfit(description):
            reading.fault(why, pointer)
        return {name: value for name, value in given.items() if value is not None}

    def _check_place(self, reading: Reading, query: CollectionQuery, pointer: str) -> None:
        try:
            parts = urlsplit(query.uri)
        except ValueError:
            reading.fault(f"is {query.uri[:200]!r}, which is not a URL", pointer)
            return
        stager = self._stagers.get(parts.scheme) if parts.scheme in ("http", "https") else None
        if stager is None:
            why = "this service has no collections of its own: name one by its http or https URL"
            reading.fault(f"is {query.uri[:200]!r}; {why}", pointer)
            return
        if not reading.passes(partial(stager.check, Reference(href=query.uri)), pointer):
            return
        if not is_below(query.uri, self._settings.collections):
            why = f"is {query.uri[:200]!r}, where no collections may be read (weaverlite.chaining.collections)"
            reading.refuse(why, pointer)
        reading.schemes.add(parts.scheme)


def wrong_fields(given: Mapping[str, Any], pointer: str) -> list[Fault]:
    """Return what is wrong with what is asked of a collection, expressions included; ``pointer`` is where it stands."""
    query, faults = read_query({"collection": "-", **given})
    found = [Fault(fault.message, pointer + fault.pointer) for fault in faults]
    if query is None:
        return found
    if query.filter is not None and (why := check_filter(query.filter, query.filter_lang)):
        found.append(Fault(why, pointer_to(pointer, "filter")))
    if query.geometry is not None and (why := check_geometry(query.geometry)):
        found.append(Fault(why, pointer_to(pointer, "geometry")))
    for name, expression in query.aliases:
        if why := check_filter(expression, JSON if isinstance(expression, Mapping) else TEXT):
            found.append(Fault(why, pointer_to(pointer, "aliases", name)))
    for name, expression in query.derived:
        if name in dict(query.aliases):
            continue
        if why := check_filter(expression, JSON if isinstance(expression, Mapping) else TEXT):
            found.append(Fault(why, pointer_to(pointer, "properties", name)))
    return found


def _unfit(description: InputDescription) -> str:
    """Return why no collection can become a value of this input, empty when one can."""
    if description.type_name.startswith("Directory"):
        return "is a collection, which becomes files or features; this input takes a directory"
    if description.is_file or any(takes(description.schema, kind) for kind in ("object", "array", "string")):
        return ""
    return "is a collection, which becomes features; this input takes neither files nor objects nor text"
