from __future__ import annotations

import pytest

from weaverlite.models.options import Needs
from weaverlite.stores.records import bounded, prefix_end, read_job, read_needs, storable, write_job, write_needs
from weaverlite.testing.nouns import accepted, after


def test_live_members_stand_beside_the_document() -> None:
    job = accepted().start("w", after(1)).report(40, "plotting", after(2))
    text = write_job(job)
    assert "plotting" not in text
    assert read_job(text, "2026-03-01T12:00:02.123456Z", "2026-03-01T12:00:01.123456Z", 40, "plotting") == job


def test_equal_needs_have_equal_text() -> None:
    one = Needs(engine="cwl", schemes=frozenset({"https", "data"}), cores=1)
    other = Needs(engine="cwl", schemes=frozenset({"data", "https"}), cores=1.0)
    assert write_needs(one) == write_needs(other)
    assert read_needs(write_needs(one)) == one
    assert write_needs(one) != write_needs(Needs(engine="cwl", schemes=frozenset({"data"}), cores=1))


@pytest.mark.parametrize(("text", "stored"), [("a", "a"), ("é\U0001f600", "é\U0001f600"), ("\ud800é", "?é"), ("", "")])
def test_text_is_made_storable(text: str, stored: str) -> None:
    assert storable(text) == stored


def test_numbers_are_bounded_to_64_bits() -> None:
    assert bounded(7) == 7
    assert bounded(10**30) == 2**63 - 1
    assert bounded(-(10**30)) == -(2**63)


def test_prefix_ends_behind_all_that_begin_with_it() -> None:
    assert "ab" <= "ab\U0001f600" < prefix_end("ab") < "ac"
