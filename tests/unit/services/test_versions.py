"""Versions of processes: which grows, which is greater, and what is refused."""

from __future__ import annotations

import pytest

from weaverlite.errors import Clash
from weaverlite.services.versions import MAJOR, MINOR, PATCH, is_version, next_version


@pytest.mark.parametrize(
    ("present", "level", "expected"),
    [
        ("1.0.0", MAJOR, "2.0.0"),
        ("1.2.3", MAJOR, "2.0.0"),
        ("1.2.3", MINOR, "1.3.0"),
        ("1.2.3", PATCH, "1.2.4"),
        ("2.1", MAJOR, "3.0.0"),
        ("v3", PATCH, "3.0.1"),
        ("1.0.0-rc.1", MAJOR, "2.0.0"),
        ("latest", MAJOR, "1.0.0"),
        ("", PATCH, "0.0.1"),
    ],
)
def test_a_version_grows_by_itself(present, level, expected):
    assert next_version(present, "", "", level, frozenset({present})) == expected


def test_a_version_that_names_a_revision_is_passed_over():
    assert next_version("1.0.0", "", "", MAJOR, {"1.0.0", "2.0.0", "3.0.0"}) == "4.0.0"


@pytest.mark.parametrize(("asked", "repeated"), [("1.0.0", ""), ("0.9", "0.9"), ("", "0.9")])
def test_what_is_repeated_is_not_asked_for(asked, repeated):
    assert next_version("1.0.0", asked, repeated, MAJOR, {"1.0.0"}) == "2.0.0"


@pytest.mark.parametrize("asked", ["1.0.1", "1.1", "2", "v2.0.0", "1.0.0.1", "2.0.0-alpha", "spring"])
def test_a_greater_version_is_taken(asked):
    assert next_version("1.0.0", asked, "", MAJOR, {"1.0.0"}) == asked


@pytest.mark.parametrize(
    ("present", "asked"),
    [
        ("1.0.0", "0.9.9"),
        ("1.0.0", "1.0"),
        ("1.10.0", "1.9.0"),
        ("1.0.0", "1.0.0-rc.1"),
        ("1.0.0-rc.2", "1.0.0-rc.1"),
        ("1.0.0-rc.10", "1.0.0-rc.9"),
        ("1.0.0-rc.1", "1.0.0-rc"),
        ("1.0.0-rc", "1.0.0-1"),
    ],
)
def test_a_version_that_does_not_grow_is_a_clash(present, asked):
    with pytest.raises(Clash, match="let it grow"):
        next_version(present, asked, "", MAJOR, {present})


def test_a_version_names_one_revision():
    with pytest.raises(Clash, match="names a revision already"):
        next_version("autumn", "spring", "", MAJOR, {"spring", "autumn"})


def test_only_some_texts_can_stand_in_a_path():
    assert all(is_version(text) for text in ("1", "1.0.0-rc.1+build", "2024-05_a"))
    assert not any(is_version(text) for text in ("", "a b", "a/b", "-1", "a:b", "x" * 65, "ä"))
