"""Entity tags of a job's status."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weaverlite.api.tags import is_known, status_tag
from weaverlite.testing.nouns import accepted, after


def test_the_tag_changes_with_what_the_status_says():
    job = accepted().start("w", after(1))
    tags = [
        status_tag(item)
        for item in (job, job.report(1, "", after(2)), job.report(0, "new", after(2)), job.succeed(after(3)))
    ]
    assert len(set(tags)) == len(tags)
    assert status_tag(replace(job, beat_at=after(9), updated_at=after(9))) == tags[0]
    assert status_tag(replace(job, message="\ud800")).isascii()


@pytest.mark.parametrize("header", ['W/"a"', '"a"', '"b", W/"a"', "*", ' "a" '])
def test_a_tag_that_is_named_is_known(header):
    assert is_known(header, 'W/"a"')


@pytest.mark.parametrize("header", ["", '"b"', "a", "W/a", '"A"', '"', "**"])
def test_a_tag_that_is_not_named_is_news(header):
    assert not is_known(header, 'W/"a"')
