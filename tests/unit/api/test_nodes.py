"""What arrives as text becomes values, or a fault."""

from __future__ import annotations

from datetime import UTC, datetime

import colander
import pytest

from weaverlite.api import nodes as p


def read(typ, text):
    return p.parameter(typ, "x", "").deserialize(text)


def fault(typ, text):
    with pytest.raises(colander.Invalid) as caught:
        read(typ, text)
    return str(caught.value.msg)


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("10", 10), ("007", 7)])
def test_whole_numbers(text, value):
    assert read(p.Whole(1, 10), text) == value


@pytest.mark.parametrize("text", ["0", "11", "-1", "+1", "1.0", "1e1", "1_0", "١", " 1", "", "9" * 5000])
def test_what_is_no_whole_number_within_bounds(text):
    assert "between 1 and 10" in fault(p.Whole(1, 10), text)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("TRUE", True), ("1", True), ("false", False), ("0", False)]
)
def test_flags(text, value):
    assert read(p.Flag(), text) is value


def test_a_flag_is_one_or_the_other():
    assert "neither" in fault(p.Flag(), "maybe")


def test_a_parameter_is_given_once():
    assert "2 times" in fault(p.Text(), ["a", "b"])


def test_several_come_with_commas_or_apart():
    typ = p.Several(p.Choice("a", "b", "c"))
    assert read(typ, "a, b") == ["a", "b"]
    assert read(typ, ["a", "b,c"]) == ["a", "b", "c"]
    assert "none of" in fault(typ, "a,d")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T12:00:00 02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T12:00:00.5Z", datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-31T12:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_times(text, value):
    assert read(p.Time(), text) == value


@pytest.mark.parametrize("text", ["now", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:00", "12:00", "\x00"])
def test_what_is_no_time(text):
    assert "is not a time" in fault(p.Time(), text)


FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-01T00:00:00Z", (FIRST, FIRST)),
        ("2026-01-01T00:00:00Z/2026-02-01T00:00:00Z", (FIRST, LAST)),
        ("../2026-02-01T00:00:00Z", (None, LAST)),
        ("/2026-02-01T00:00:00Z", (None, LAST)),
        ("2026-01-01T00:00:00Z/..", (FIRST, None)),
        ("2026-01-01T00:00:00Z/", (FIRST, None)),
    ],
)
def test_intervals(text, value):
    assert read(p.Interval(), text) == value


@pytest.mark.parametrize("text", ["..", "/", "../..", "a/b/c", "2026-02-01T00:00:00Z/2026-01-01T00:00:00Z"])
def test_what_is_no_interval(text):
    assert fault(p.Interval(), text)


@pytest.mark.parametrize(("text", "value"), [("a=b", ("a", "b")), ("a=", ("a", "")), ("a=b=c", ("a", "b=c"))])
def test_labels(text, value):
    assert read(p.Label(), text) == value


@pytest.mark.parametrize("text", ["a", "=a", "a" * 100 + "=b"])
def test_what_is_no_label(text):
    assert "name=value" in fault(p.Label(), text)
