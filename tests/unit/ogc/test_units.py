from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from weaverlite.ogc.units import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        (90, 90),
        (0.5, 0.5),
        ("0", 0),
        ("90s", 90),
        ("500ms", 0.5),
        ("10m", 600),
        ("5m0s", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1.5h", 5400),
        (" 2H ", 7200),
        ("1d2h3m4s5ms", 93784.005),
    ],
)
def test_durations_are_read_as_people_write_them(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", " ", "s", "ten", "10 minutes", "10x", "-5", "-5s", "1e3", "5m-3s", "s5", "nan", "inf", True, None, -1,
     float("nan"), float("inf"), 1e12, "99999999999d", [], "１２s3"],
)  # fmt: skip
def test_what_is_no_duration_is_refused_with_the_forms(text: Any) -> None:
    with pytest.raises(ValueError, match="write it like"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (0, 0),
        (12, 12),
        ("1000", 1000),
        ("64KB", 65536),
        ("64k", 65536),
        ("500Mb", 500 * 1024**2),
        ("2G", 2 * 1024**3),
        ("1.5GiB", 1536 * 1024**2),
        ("3 TiB", 3 * 1024**4),
        (" 7B ", 7),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "B", "x", "-1", "1XB", "1 2", "1.2.3M", True, None, -1, 1.5, "1e9", "M5"])
def test_what_is_no_size_is_refused_with_the_forms(text: Any) -> None:
    with pytest.raises(ValueError, match="write it like"):
        parse_size(text)


@pytest.mark.parametrize("text", [2**63, "9223372036854775808", "8192P", "9" * 5000], ids=["int", "text", "P", "long"])
def test_no_size_is_larger_than_the_kernel_counts(text: Any) -> None:
    with pytest.raises(ValueError, match="write it like"):
        parse_size(text)
