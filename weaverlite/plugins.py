"""Plugins: what runs jobs is found by entry points, ours and those of others by the same door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from weaverlite.errors import ConfigurationError
from weaverlite.models.upload import Upload
from weaverlite.settings import Settings

if TYPE_CHECKING:
    from weaverlite.engines.interfaces import Engine
    from weaverlite.transfer.interfaces import Publisher, Stager


@cache
def _entries(group: str) -> Mapping[str, EntryPoint]:
    # Whatever is installed is read to answer this: 4 ms each time.
    return {entry.name: entry for entry in entry_points(group=group)}


def load(group: str, name: str, setting: str) -> Any:
    """Return what is registered under ``name`` in a group of entry points.

    :raises ConfigurationError: there is no such; says which ``setting`` asks for it, and what there is.
    """
    entries = _entries(group)
    if name not in entries:
        known = ", ".join(sorted(entries)) or "none: is the package installed?"
        raise ConfigurationError(f"{setting}: there is no {name!r}; there are {known}.")
    return entries[name].load()


def engines(settings: Settings) -> dict[str, Engine]:
    """Return every engine, by name."""
    return {name: entry.load().create(settings) for name, entry in _entries("weaverlite.engines").items()}


def stagers(settings: Settings, lookup: Callable[[str], Upload]) -> dict[str, Stager]:
    """Return every stager, by scheme; ``lookup`` finds uploads."""
    found = [entry.load().create(settings, lookup) for entry in _entries("weaverlite.stagers").values()]
    return {scheme: stager for stager in found for scheme in stager.schemes}


def publisher(settings: Settings) -> Publisher:
    """Return the publisher that is set."""
    cls = load("weaverlite.publishers", settings.publish.publisher, "weaverlite.publish.publisher")
    found: Publisher = cls.create(settings)
    return found
