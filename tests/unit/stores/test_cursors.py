from __future__ import annotations

import base64

import pytest

from weaverlite.errors import InvalidRequest
from weaverlite.stores.cursors import read_cursor, write_cursor


def test_cursor_gives_back_its_keys() -> None:
    cursor = write_cursor("2026-03-01T00:00:00.000000Z", "an-id")
    assert read_cursor(cursor, 2) == ("2026-03-01T00:00:00.000000Z", "an-id")
    assert cursor.isascii() and cursor.replace("-", "").replace("_", "").isalnum(), "it stands in a URL as it is"


@pytest.mark.parametrize(
    "text", ["", "[", "{}", "null", '["a"]', '["a", "b", "c"]', '["a", 1]', '["a", "\\u00e9"]', "[" * 50_000]
)
def test_other_content_is_refused(text: str) -> None:
    cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    with pytest.raises(InvalidRequest) as caught:
        read_cursor(cursor, 2)
    assert caught.value.problem()["errors"][0]["pointer"] == "cursor"


@pytest.mark.parametrize("cursor", ["a", "é", "=", "a b", "/w", "\ud800", "\0"])
def test_what_is_not_base64_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        read_cursor(cursor, 2)
