"""Held answers: what they write, and that they let go."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import pytest
from pyramid.request import Request

from weaverlite.api.followers import EventForm, Form, Shares, TextForm, follow
from weaverlite.api.represent import event
from weaverlite.errors import Overloaded, TooManyHeld
from weaverlite.models.job import JobEvent


def line(seq, message="hello", topic="stdout"):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return JobEvent(job_id="j", attempt=1, at=at, topic=topic, message=message, seq=seq)


def asked(owner=None, **environ):
    request = Request.blank("/", environ=environ)
    request.registry = type("Registry", (), {"shares": Shares(share=1)})()
    request.owner = owner
    return request


def body(response):
    return b"".join(response.app_iter)


def test_an_owner_has_his_share_and_no_more():
    shares = Shares(share=2)
    assert [shares.take("ada") for _ in range(3)] == [True, True, False]
    assert shares.take("bob")
    shares.give("ada")
    assert shares.take("ada")


def test_nobody_has_no_share():
    shares = Shares(share=1)
    assert all(shares.take(None) for _ in range(10))
    shares.give(None)


def test_a_share_comes_back_after_a_wait():
    shares = Shares(share=1)
    with shares.waiting("ada") as first, shares.waiting("ada") as second:
        assert (first, second) == (True, False)
    assert shares.take("ada")


def test_json_that_is_followed_is_one_document_in_the_end():
    batches = iter([[line(1), line(2)], None, [line(3)]])
    document = json.loads(body(follow(asked(), Form(event), lambda stop: batches)))
    assert [item["seq"] for item in document["events"]] == [1, 2, 3]
    assert document["last"] == 3


def test_json_of_nothing_is_a_document_too():
    document = json.loads(body(follow(asked(), Form(event), lambda stop: iter([]))))
    assert document == {"events": [], "last": 0, "links": []}


def test_text_is_one_line_an_event():
    assert body(follow(asked(), TextForm(lambda item: item.message), lambda stop: iter([[line(1), line(2)]]))) == (
        b"hello\nhello\n"
    )


def test_events_are_named_and_numbered():
    form = EventForm(event, lambda: {"status": "successful"})
    pieces = body(follow(asked(), form, lambda stop: iter([[line(7, "a\nb")]]))).split(b"\n\n")
    assert pieces[1].startswith(b'id: 7\nevent: stdout\ndata: {"seq":7')
    assert pieces[2] == b'event: end\ndata: {"status":"successful"}'


def test_following_ends_when_the_client_has_gone():
    gone = threading.Event()

    def batches():
        yield [line(1)]
        gone.set()
        while True:
            yield None

    request = asked(**{"waitress.client_disconnected": gone.is_set})
    assert body(follow(request, TextForm(lambda item: item.message), lambda stop: batches())) == b"hello\n"


def test_following_ends_when_the_service_stops():
    request = asked()

    def batches(stop):
        yield [line(1)]
        stop.set()
        yield [line(2)]

    assert body(follow(request, TextForm(lambda item: item.message), batches)) == b"hello\n"


def test_a_share_comes_back_even_when_nothing_was_read():
    request = asked("ada")
    closed = []

    class Batches:
        def __iter__(self):
            return self

        def __next__(self):
            raise StopIteration

        def close(self):
            closed.append(True)

    response = follow(request, Form(event), lambda stop: Batches())
    with pytest.raises(TooManyHeld, match="ada"):
        follow(request, Form(event), lambda stop: Batches())
    response.app_iter.close()
    response.app_iter.close()
    assert closed == [True]
    assert request.registry.shares.take("ada")


def test_a_share_comes_back_when_there_is_no_place():
    request = asked("ada")

    def full(stop):
        raise Overloaded

    for _ in range(3):
        with pytest.raises(Overloaded) as caught:
            follow(request, Form(event), full)
        assert not isinstance(caught.value, TooManyHeld)
