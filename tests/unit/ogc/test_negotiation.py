"""What clients prefer, however they write it."""

from __future__ import annotations

import pytest

from weaverlite.ogc.negotiation import (
    EVENTS,
    FORMATS,
    HTML,
    JSON,
    PROBLEM,
    TAR,
    TEXT,
    ZIP,
    Preferences,
    choose,
    is_json,
    is_text,
    names,
    read_accept,
)

OFFERS = (JSON, TEXT, EVENTS)
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


@pytest.mark.parametrize("accept", [None, "", "  ", "*", "json", ";;;", "q=1", "a/b/c", "*/*", JAVA])
def test_the_first_offer_is_the_default(accept):
    assert choose(accept, OFFERS) == JSON


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("text/plain", TEXT),
        ("TEXT/Plain;charset=utf-8", TEXT),
        ("text/plain;q=0.5, application/json;q=0.9", JSON),
        ("text/plain, application/json", JSON),
        ("text/*", TEXT),
        ("text/event-stream", EVENTS),
        ("*/*, application/json;q=0", TEXT),
        ("application/*;q=0.1, text/event-stream;q=0.2", EVENTS),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        ("text/plain;q=nonsense", TEXT),
        (HTML, None),
        ("image/png, application/json;q=0", None),
        ("application/json;q=0", None),
    ],
)
def test_the_best_offer_is_chosen(accept, chosen):
    assert choose(accept, OFFERS) == chosen


def test_an_offer_is_chosen_with_its_parameters():
    assert choose("text/plain", ["text/plain; charset=utf-8"]) == "text/plain; charset=utf-8"


def test_a_wildcard_names_nothing():
    assert names("application/json;charset=utf-8", JSON)
    assert not names("*/*", JSON)
    assert not names("application/*", JSON)
    assert not names("application/json;q=0", JSON)
    assert not names(None, PROBLEM)


def test_ranges_are_read_best_first():
    assert [name for name, _ in read_accept("a/b;q=0.1, c/d, e/f;q=0.5")] == ["c/d", "e/f", "a/b"]


@pytest.mark.parametrize("media_type", ["application/json", "application/geo+json", "Application/JSON; charset=utf-8"])
def test_json_has_many_names(media_type):
    assert is_json(media_type)
    assert is_text(media_type)


def test_bytes_are_no_text():
    assert is_text("text/csv")
    assert is_text("image/svg+xml")
    assert not is_text("image/png")
    assert not is_json("application/jsonp")


# ---------------------------------------------------------------- Prefer


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("", Preferences()),
        ("respond-async", Preferences(respond_async=True)),
        ("respond-async ", Preferences(respond_async=True)),
        ("Respond-Async, WAIT=10", Preferences(respond_async=True, wait=10)),
        ("wait=10; respond-async", Preferences(respond_async=True, wait=10)),
        (["wait=5", "respond-async"], Preferences(respond_async=True, wait=5)),
        ('wait="7"', Preferences(wait=7)),
        ("wait=0", Preferences(wait=0)),
        ("wait=2.5", Preferences(wait=2.5)),
        ("wait = 3", Preferences(wait=3)),
        ("wait=1, wait=9", Preferences(wait=1)),
        ("respond-sync", Preferences(respond_sync=True)),
        ("return=minimal", Preferences(representation="minimal")),
        ("respond-async;return=representation", Preferences(respond_async=True, representation="representation")),
        (
            "wait=10; return=minimal; profile=https://www.opengis.net/def/profile/OGC/0/ogc-results",
            Preferences(wait=10, representation="minimal"),
        ),
        ('odd="a, respond-async; b", wait=4', Preferences(wait=4)),
        ("handling=lenient, foo, bar=baz", Preferences(handling="lenient")),
        ("return=whatever, handling=loose", Preferences()),
        ("wait=-1, wait=5", Preferences()),
        ("wait=soon", Preferences()),
        ("wait=" + "9" * 400, Preferences()),
        ('wait="5', Preferences(wait=5)),
        (",;,;=,=;", Preferences()),
    ],
)
def test_preferences_are_read_as_written(headers, expected):
    assert Preferences.read(headers) == expected


@pytest.mark.parametrize(
    "preferences", [Preferences(), Preferences(respond_async=True, wait=2.5), Preferences(representation="minimal")]
)
def test_preferences_come_back_as_they_were(preferences):
    assert Preferences.read(preferences.to_header()) == preferences


@pytest.mark.parametrize(
    ("header", "ignored"),
    [
        ("respond-async, wait=3; return=minimal, handling=strict, profile=urn:x", ()),
        ("handling=strict, fast, colour=blue", ("fast", "colour=blue")),
        ("wait=soon, return=all, handling=loose", ("wait=soon", "return=all", "handling=loose")),
        ("wait, wait=3", ("wait",)),
    ],
)
def test_preferences_that_mean_nothing_are_remembered(header, ignored):
    assert Preferences.read(header).ignored == ignored


def test_only_strict_handling_is_strict():
    assert Preferences.read("handling=STRICT").is_strict
    assert not Preferences.read("handling=lenient").is_strict
    assert not Preferences.read("").is_strict


def test_archives_have_short_names():
    assert choose("application/x-tar;q=0.5, application/zip", [JSON, ZIP, TAR]) == ZIP
    assert (FORMATS["zip"], FORMATS["tar"]) == (ZIP, TAR)
