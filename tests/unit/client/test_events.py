from __future__ import annotations

from collections.abc import Iterator

import pytest

from weaverlite.client import events
from weaverlite.client.errors import Unreachable
from weaverlite.client.events import ServerEvent, read_events

STREAM = b': hello\n\nid: 1\nevent: stdout\ndata: {"seq": 1}\n\ndata: two\ndata: lines\n\nevent: none\n\ndata: lost'


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_events_are_read_whatever_the_chunks_and_line_ends(size: int, ending: bytes) -> None:
    stream = STREAM.replace(b"\n", ending)
    chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [*read_events(chunks)] == [
        ServerEvent("stdout", '{"seq": 1}', "1"),
        ServerEvent("message", "two\nlines", "1"),
    ]


def test_event_is_given_before_the_stream_goes_on() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"data: first\n\n"
        raise AssertionError("asked for more than was needed")

    assert next(read_events(chunks())).data == "first"


def test_data_that_is_no_object_is_an_empty_one() -> None:
    assert ServerEvent("x", '{"a": 1}').json() == {"a": 1}
    assert ServerEvent("x", "[1]").json() == {}
    assert ServerEvent("x", "text").json() == {}


def test_endless_event_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SIZE_LIMIT", 100)
    with pytest.raises(Unreachable, match="larger than"):
        [*read_events([b"data: "] + [b"x" * 50] * 3)]
