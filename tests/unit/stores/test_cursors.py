from __future__ import annotations

import base64

import pytest

from weaverlite.errors import InvalidRequest
from weaverlite.stores.cursors import Place, read_cursor, write_cursor


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


def test_place_is_read_in_the_direction_of_the_list_or_against_it() -> None:
    def read(cursor: str | None) -> tuple[bool, bool, tuple[str, ...] | None]:
        place = Place.read(cursor, "created", 1, is_descending=True)
        return place.is_backward, place.is_downward, place.after

    assert read(None) == (False, True, None)
    assert read(write_cursor(">-created", "a")) == (False, True, ("a",))
    assert read(write_cursor("<-created", "a")) == (True, False, ("a",))


@pytest.mark.parametrize("keys", [("=-created", "a"), (">created", "a"), (">-started", "a"), ("", "a"), ("a", "b")])
def test_place_in_another_order_is_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match="another order"):
        Place.read(write_cursor(*keys), "created", 1, is_descending=True)


def test_cut_tells_what_is_before_and_after() -> None:
    def cut(cursor: str | None, found: list[str], offset: int = 0) -> tuple[list[str], bool, bool]:
        place = Place.read(cursor, "id", 1, is_descending=False)
        shown, following, preceding = place.cut(found, 2, offset, lambda item: (item,))
        return shown, following is not None, preceding is not None

    after, before = write_cursor(">id", "m"), write_cursor("<id", "m")
    assert cut(None, []) == ([], False, False)
    assert cut(None, ["a", "b"]) == (["a", "b"], False, False)
    assert cut(None, ["a", "b", "c"]) == (["a", "b"], True, False)
    assert cut(None, ["a"], offset=4) == (["a"], False, True)
    assert cut(after, ["n", "o", "p"]) == (["n", "o"], True, True)
    assert cut(after, ["n"]) == (["n"], False, True)
    assert cut(before, ["l", "k", "j"]) == (["k", "l"], True, True)
    assert cut(before, ["l", "k"]) == (["k", "l"], True, False)
    assert cut(after, []) == ([], False, False)
