from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.client.wire import Wire, serving
from weaverlite.client import WeaverClient


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A small service on a port of its own."""
    with serving(Wire(processes={"echo": {"id": "echo", "version": "1.0.0", "title": "Echo"}})) as running:
        yield running


@pytest.fixture
def client(wire: Wire) -> Iterator[WeaverClient]:
    with WeaverClient(wire.url, timeout=5) as found:
        yield found


@pytest.fixture(autouse=True)
def _no_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEAVERLITE_URL", raising=False)
    monkeypatch.delenv("WEAVERLITE_TOKEN", raising=False)
