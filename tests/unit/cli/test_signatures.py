"""Inputs and outputs as lines of a table."""

from __future__ import annotations

from typing import Any

import pytest

from weaverlite.cli import signatures
from weaverlite.cli.render import table
from weaverlite.ogc.measures import unit


def shown(**item: Any) -> dict[str, str]:
    """Return what the columns show of one input."""
    entries = signatures.lines({"x": item})
    columns = signatures.columns("inputs", entries)
    return {title: shows(entries[0]) if callable(shows) else entries[0].get(shows) for title, shows in columns}


@pytest.mark.parametrize(
    ("schema", "kind", "values"),
    [
        ({"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}, "integer", None),
        ({"type": "number", "format": "double", "minimum": 0, "maximum": 1}, "number", "0..1"),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1}, "number", "> 0 and <= 1"),
        ({"type": "number", "exclusiveMaximum": 5}, "number", "< 5"),
        ({"type": "string", "enum": ["a", "b"]}, "string", "a|b"),
        ({"type": "string", "format": "date-time"}, "string date-time", None),
        ({"type": "string", "minLength": 1, "maxLength": 3, "pattern": "^a"}, "string", "1..3 characters, /^a/"),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 1}, "integer[]", "1 items or more"),
        ({"type": ["string", "null"]}, "string|null", None),
        ({"oneOf": [{"type": "string", "contentMediaType": "text/csv"}, {"type": "object"}]}, "string|object text/csv",
         None),
        ({}, "", None),
        (True, "", None),
    ],
)  # fmt: skip
def test_schemas_are_said_in_a_word(schema: Any, kind: str, values: str | None) -> None:
    found = shown(schema=schema)
    assert (found["TYPE"], found.get("VALUES")) == (kind, values)


def test_only_columns_with_something_to_show_are_there() -> None:
    assert list(shown(schema={"type": "string"})) == ["INPUT", "TYPE", "OCCURS", "TITLE"]
    depth = {
        "title": "Depth",
        "minOccurs": 0,
        "maxOccurs": "unbounded",
        "schema": {"type": "number", "default": 1.5, "minimum": 0},
        "metadata": [{"title": "other"}, unit("m")],
    }
    entries = signatures.lines({"depth": depth, "name": {"schema": {"type": "string"}}})
    assert table(entries, signatures.columns("inputs", entries)).splitlines() == [
        "INPUT  TYPE    OCCURS  VALUES  DEFAULT  UNIT  TITLE",
        "depth  number  0..*    >= 0    1.5      m     Depth",
        "name   string  1",
    ]


def test_descriptions_of_other_servers_may_be_odd() -> None:
    assert signatures.lines(None) == []
    assert signatures.lines({"x": 3}) == []
    assert shown(schema=3, metadata=3, title=None)["TYPE"] == ""
