from __future__ import annotations

from pathlib import Path

import pytest

from weaverlite.errors import ConfigurationError
from weaverlite.settings import Settings, StoreSettings
from weaverlite.stores.sqlite import SQLiteStore, database_path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite://", "data/weaverlite.db"),
        ("sqlite:///jobs.db", "jobs.db"),
        ("sqlite:///below/jobs.db", "below/jobs.db"),
        ("sqlite:////srv/jobs.db", "/srv/jobs.db"),
        ("sqlite:////srv/my%20jobs.db", "/srv/my jobs.db"),
    ],
)
def test_url_names_a_file(url: str, path: str) -> None:
    assert database_path(url, Path("data")) == Path(path)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite",
        "sqlite:",
        "sqlite:jobs.db",
        "sqlite://jobs.db",
        "sqlite:///",
        "sqlite:////srv/",
        "sqlite:///:memory:",
        "mysql:///jobs",
    ],
)
def test_url_that_names_no_file_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ConfigurationError, match="weaverlite.store.url.*sqlite:///relative"):
        database_path(url, Path("data"))


def test_store_is_made_from_settings_and_touches_nothing_before_its_use(tmp_path: Path) -> None:
    store = SQLiteStore.create(Settings(data=tmp_path / "data"))
    assert store.path == tmp_path / "data" / "weaverlite.db"
    assert not store.path.parent.exists()
    store.close()


def test_level_of_durability_that_sqlite_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="synchronous.*FULL"):
        SQLiteStore.create(Settings(data=tmp_path, store=StoreSettings(synchronous="off")))
