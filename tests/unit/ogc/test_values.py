"""Values as requests and results write them."""

from __future__ import annotations

import pytest

from weaverlite.ogc import values
from weaverlite.ogc.values import Inline, Qualified, Reference


@pytest.mark.parametrize(
    ("document", "value"),
    [
        (3, Inline(3)),
        (None, Inline(None)),
        ({"bbox": [1, 2, 3, 4]}, Inline({"bbox": [1, 2, 3, 4]})),
        ({"value": 1, "uom": "m"}, Inline({"value": 1, "uom": "m"})),
        ({"value": None}, Qualified(None)),
        ({"value": "a", "mediaType": "text/csv", "encoding": "base64"}, Qualified("a", "text/csv", "base64")),
        ({"href": "vault:1", "type": "text/csv", "title": "a"}, Reference("vault:1", "text/csv", "a")),
        ({"href": "https://e.org/a"}, Reference("https://e.org/a")),
    ],
)
def test_values_are_told_apart_and_written_back(document, value):
    assert values.parse(document) == value
    assert values.write(value) == document


@pytest.mark.parametrize(
    "document",
    [
        {"value": "a", "format": {"mediaType": "text/csv", "encoding": "base64"}},
        {"value": "a", "format": {"mimeType": "text/csv", "encoding": "base64"}},
        {"value": "a", "mimeType": "text/csv", "encoding": "base64"},
        {"value": "a", "type": "text/csv", "format": {"encoding": "base64"}},
    ],
)
def test_older_places_of_the_media_type_are_read(document):
    assert values.parse(document) == Qualified("a", "text/csv", "base64")


@pytest.mark.parametrize(
    "document",
    [
        {"value": 1, "href": "a:b"},
        {"href": 3},
        {"href": " "},
        {"value": 1, "mediaType": 3},
        {"value": 1, "format": [1]},
    ],
)
def test_broken_values_are_refused(document):
    with pytest.raises(ValueError, match="has "):
        values.parse(document)


@pytest.mark.parametrize(
    ("value", "encoding", "content"),
    [
        (Inline("a é"), "", "a é".encode()),
        (Inline("aGk="), "binary", b"hi"),
        (Inline("aGk="), "base64", b"hi"),
        (Inline("aG\nk="), "base64", b"hi"),
        (Qualified("aGk=", encoding="base64"), "", b"hi"),
        (Qualified("hello", "text/plain"), "binary", b"hello"),
        (Qualified("aGk="), "binary", b"hi"),
        (Qualified({"a": 1}, "application/json"), "", b'{"a": 1}'),
    ],
)
def test_content_of_a_file_is_text_or_decoded(value, encoding, content):
    assert values.content(value, encoding) == content


def test_content_that_is_not_base64_is_refused():
    with pytest.raises(ValueError, match="is not base64"):
        values.content(Inline("hello"), "binary")


@pytest.mark.parametrize(
    ("given", "declared", "fits"),
    [
        ("text/csv", "text/csv", True),
        ("text/csv; header=present", "TEXT/CSV", True),
        ("text/csv", "text/plain", True),
        ("image/png", "text/plain", False),
        ("application/geo+json", "application/json", True),
        ("application/json", "application/geo+json", True),
        ("application/json", "application/xml", False),
        ("text/xml", "application/xml", True),
        ("application/gml+xml", "application/xml", True),
        ("application/netcdf", "application/x-netcdf", True),
        ("application/octet-stream", "image/tiff", True),
        ("image/tiff", "application/octet-stream", True),
        ("image/png", "image/*", True),
        ("text/csv", "image/*", False),
    ],
)
def test_media_types_fit_by_what_they_mean(given, declared, fits):
    assert values.media_type_fits(given, declared) is fits
