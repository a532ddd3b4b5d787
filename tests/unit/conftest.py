"""Unit tests reach nothing: who opens a socket to anywhere fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    # Pairs of sockets within a process are a means of its own, not a network.
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()
