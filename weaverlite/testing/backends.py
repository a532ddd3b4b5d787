"""Pairs of a store and a queue to run the same tests on: embedded in the process, or servers that hosts share.

A test asks its pair for settings and builds everything from those, so that it need not know which pair it has.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from weaverlite.settings import PublishSettings, QueueSettings, Settings, VaultSettings
from weaverlite.testing.app import settings_for


class Backends:
    """SQLite and the embedded queue: everything below the directory of a test."""

    def settings_for(self, directory: Path, **sections: Any) -> Settings:
        """Return settings for tests, with records and bells of their own."""
        return settings_for(directory, **sections)

    def clean(self) -> None:
        """Remove what tests have left on servers."""


class ServerBackends(Backends):
    """MongoDB and Celery over Redis: a database and a queue of its own for each call, none left after :meth:`clean`."""

    def __init__(self, mongodb_url: str, redis_url: str) -> None:
        self._mongodb = mongodb_url.rstrip("/")
        self._redis = redis_url
        self._prefix = f"weaverlite-test-{uuid.uuid4().hex[:12]}"
        self._number = 0

    def settings_for(self, directory: Path, **sections: Any) -> Settings:
        self._number += 1
        name = f"{self._prefix}-{self._number}"
        settings = settings_for(directory, **sections)
        return replace(
            settings,
            store=replace(settings.store, url=f"{self._mongodb}/{name}"),
            queue=QueueSettings(url=f"celery+{self._redis}?queue={name}"),
            # Where all nodes find them, whatever data directory of its own each has.
            publish=replace(PublishSettings(directory=directory / "results"), **_set(settings.publish)),
            vault=replace(VaultSettings(directory=directory / "vault"), **_set(settings.vault)),
        )

    def clean(self) -> None:
        # Drivers are imported only where their servers are used.
        import redis
        from pymongo import MongoClient

        with MongoClient[dict[str, Any]](self._mongodb) as client:
            for name in client.list_database_names():
                if name.startswith(self._prefix):
                    client.drop_database(name)
        with redis.Redis.from_url(self._redis) as server:
            for key in server.scan_iter(f"*{self._prefix}*"):
                server.delete(key)


def _set(section: Any) -> dict[str, Any]:
    """Return the members of a section of settings that say more than the default."""
    default = type(section)()
    values = {name: getattr(section, name) for name in section.__dataclass_fields__}
    return {name: value for name, value in values.items() if value != getattr(default, name)}
