"""Filters in CQL2: what is wrong with them, and that nothing nested ends the process."""

from __future__ import annotations

import pytest

from weaverlite.schemas.filters import check_filter


@pytest.mark.parametrize(
    "text",
    [
        "cloud < 10",
        "name LIKE 'a%' AND NOT (cloud >= 3 OR \"eo:cloud_cover\" IS NULL)",
        "S_INTERSECTS(geometry, POLYGON((-10 -10, -10 10, 10 10, 10 -10, -10 -10)))",
        "T_AFTER(datetime, TIMESTAMP('2024-01-01T00:00:00Z'))",
        "it = 'it''s ((((((((((((((((((((((((((((((((((((((((('",
        {"op": "<", "args": [{"property": "cloud"}, 10]},
    ],
)
def test_filters_of_the_standard_are_taken(text):
    assert check_filter(text) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cloud <", "at column 8, at the end: expected"),
        ("a = 1\nAND ) b", "at line 2, column 5, before ') b'"),
        ("a = 1; DROP", "at column 6, before '; DROP'"),
        ("(" * 5000 + "a=1" + ")" * 5000, "at most 8000 are read"),
        ("(" * 33 + "a=1" + ")" * 33, "nested too deep"),
        ("NOT " * 1900 + "a=1", "nested too deep"),
        ("a = " + "-" * 500 + "1", "nested too deep"),
        ({"op": "and", "args": []}, "is not a CQL2 expression"),
        ({"a": 1}, "is not a CQL2 expression"),
    ],
    ids=range(9),
)
def test_what_is_wrong_is_told_with_its_place(text, said):
    assert said in check_filter(text)


def test_documents_may_not_be_nested_too_deep():
    document = {"op": "=", "args": [1, 1]}
    for _ in range(500):
        document = {"op": "not", "args": [document]}
    assert "nested too deep" in check_filter(document)
