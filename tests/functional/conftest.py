"""What functional tests run on: the embedded pair of store and queue, the distributed one, or one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PAIRS
from weaverlite.runtime import Runtime
from weaverlite.settings import Settings
from weaverlite.stores.interfaces import Store
from weaverlite.testing.backends import Backends, ServerBackends


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backends" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--backends")
        pairs = [
            pytest.param(name, marks=[getattr(pytest.mark, server) for server in servers])
            for name, servers in PAIRS.items()
            if chosen in ("all", name)
        ]
        metafunc.parametrize("backends", pairs, indirect=True, scope="session")


@pytest.fixture(scope="session")
def backends(request: pytest.FixtureRequest) -> Iterator[Backends]:
    """The pair of this run of the test: whatever needs a store or a queue takes its settings from here."""
    chosen = Backends()
    if request.param == "distributed":
        chosen = ServerBackends(os.environ["MONGODB_URL"], os.environ["REDIS_URL"])
    yield chosen
    chosen.clean()


@pytest.fixture
def settings(backends: Backends, tmp_path: Path) -> Settings:
    """Settings of this test, with records and bells of its own."""
    return backends.settings_for(tmp_path)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """An empty store of this test."""
    runtime = Runtime.from_settings(settings)
    runtime.store.migrate()
    yield runtime.store
    runtime.close()
