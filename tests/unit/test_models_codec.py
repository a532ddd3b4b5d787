from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaverlite.models.codec import from_json, read_time, to_json, write_time
from weaverlite.models.job import Job
from weaverlite.models.options import Needs, Options, Resources, Timeouts
from weaverlite.ogc.status import StatusCode


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    number: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    key: str
    at: datetime | None = None
    length: timedelta = timedelta(0)
    colour: Colour = Colour.RED
    inner: Inner = Inner()
    inners: tuple[Inner, ...] = ()
    words: frozenset[str] = frozenset()
    free: Mapping[str, Any] = field(default_factory=dict)
    anything: str | int | None = None


inners = st.builds(Inner, number=st.integers(), names=st.lists(st.text(), max_size=3).map(tuple))
values = st.builds(
    Outer,
    key=st.text(),
    at=st.none() | st.datetimes(timezones=st.just(UTC)),
    length=st.timedeltas(timedelta(0), timedelta(days=9999)),
    colour=st.sampled_from(Colour),
    inner=inners,
    inners=st.lists(inners, max_size=3).map(tuple),
    words=st.frozensets(st.text(), max_size=3),
    free=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(), max_size=3),
    anything=st.none() | st.text() | st.integers(),
)


@given(values)
def test_what_was_written_reads_back_as_itself(value: Outer) -> None:
    assert from_json(Outer, json.loads(json.dumps(to_json(value)))) == value


def test_defaults_are_left_out() -> None:
    assert to_json(Outer(key="x")) == {"key": "x"}
    assert to_json(Outer(key="x", inner=Inner(number=1))) == {"key": "x", "inner": {"number": 1}}


def test_members_of_a_later_release_are_ignored() -> None:
    assert from_json(Outer, {"key": "x", "new": 1, "inner": {"new": 2}}) == Outer(key="x")


def test_a_missing_member_is_an_error() -> None:
    with pytest.raises(TypeError, match="key"):
        from_json(Outer, {})


def test_what_is_no_value_has_no_json_form() -> None:
    with pytest.raises(TypeError, match="no JSON form"):
        to_json(object())
    with pytest.raises(TypeError, match="no JSON form"):
        from_json(object, {})


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2, max_size=9))
def test_times_sort_as_their_text_does(times: list[datetime]) -> None:
    assert sorted(times) == [read_time(text) for text in sorted(write_time(at) for at in times)]


def test_times_are_written_in_utc_with_microseconds() -> None:
    paris = timezone(timedelta(hours=2))
    assert write_time(datetime(2026, 7, 1, 12, tzinfo=paris)) == "2026-07-01T10:00:00.000000Z"


def test_a_whole_job_reads_back_as_itself() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    options = Options(
        name="n",
        labels={"a": "b"},
        timeouts=Timeouts(execution=timedelta(minutes=5)),
        resources=Resources(cores=1.5, memory=1),
        keep=timedelta(days=2),
    )
    job = Job(
        job_id="1",
        process_id="p",
        process_revision=3,
        created_at=at,
        owner="ada",
        requested_outputs={"x": {"transmissionMode": "value"}},
        options=options,
        needs=Needs(engine="cwl", schemes=frozenset({"http", "vault"}), cores=2),
        max_attempts=3,
    )
    job = job.accept(at).start("w", at).fail({"reason": "execution", "detail": "no"}, at, exit_code=3)
    document = json.loads(json.dumps(to_json(job)))
    assert from_json(Job, document) == job
    assert document["status"] == "failed" and from_json(Job, document).status is StatusCode.FAILED


def test_empty_requested_outputs_are_not_the_same_as_none() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    job = Job(job_id="1", process_id="p", process_revision=1, created_at=at, requested_outputs={})
    assert from_json(Job, to_json(job)).requested_outputs == {}
