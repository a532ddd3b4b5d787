"""Our stores keep the contract that we ask of others."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pymongo
import pytest

from weaverlite.settings import Settings, StoreSettings
from weaverlite.stores.interfaces import Store
from weaverlite.stores.mongodb import MongoStore
from weaverlite.stores.sqlite import SQLiteStore
from weaverlite.testing.stores import StoreContract


class TestSQLiteStore(StoreContract):
    store_class = SQLiteStore

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(data=tmp_path)

    @pytest.fixture
    def broken(self, tmp_path: Path) -> Iterator[Store]:
        path = tmp_path / "broken.db"
        path.write_bytes(b"not a database, whatever its name says\n" * 200)
        store = SQLiteStore(path)
        yield store
        store.close()


class TestMongoStore(StoreContract):
    store_class = MongoStore

    @pytest.fixture
    def settings(self, mongodb_url: str, tmp_path: Path) -> Iterator[Settings]:
        url = f"{mongodb_url}/test-{uuid.uuid4().hex}"
        yield Settings(data=tmp_path, store=StoreSettings(url=url))
        with pymongo.MongoClient[dict[str, object]](url) as client:
            client.drop_database(client.get_default_database())

    @pytest.fixture
    def broken(self, closed_port: int) -> Iterator[Store]:
        store = MongoStore(f"mongodb://127.0.0.1:{closed_port}/nothing", timeout=0.1)
        yield store
        store.close()
