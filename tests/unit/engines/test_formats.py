"""Names of formats and endings of files, as media types."""

from __future__ import annotations

import pytest

from weaverlite.engines.formats import file_schema, media_type_of_format, media_type_of_name
from weaverlite.ogc.negotiation import is_text


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("edam:format_3752", "text/csv"),
        ("http://edamontology.org/format_3650", "application/netcdf"),
        ("iana:application/json", "application/json"),
        ("https://www.iana.org/assignments/media-types/image/png", "image/png"),
        ("ogc:geotiff", "image/tiff; application=geotiff"),
        ("ogc:netcdf", "application/netcdf"),
        ("text/plain", "text/plain"),
        ("edam:format_9999", None),
        ("http://example.com/format", None),
        ("", None),
    ],
)
def test_format_means_a_media_type(name: str, media_type: str | None) -> None:
    assert media_type_of_format(name) == media_type


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.csv", "text/csv"),
        ("A.TIF", "image/tiff"),
        ("x.y.nc", "application/netcdf"),
        ("plot.png", "image/png"),
        ("data.json", "application/json"),
        ("map.geojson", "application/geo+json"),
        ("archive.tar.gz", "application/gzip"),
        ("README", "application/octet-stream"),
        ("odd.qqq", "application/octet-stream"),
    ],
)
def test_ending_means_a_media_type(name: str, media_type: str) -> None:
    assert media_type_of_name(name) == media_type


def test_text_stands_in_json_as_it_is() -> None:
    assert is_text("text/csv; charset=utf-8")
    assert is_text("application/geo+json")
    assert is_text("application/gml+xml")
    assert not is_text("image/tiff")
    assert file_schema("text/csv") == {"type": "string", "contentMediaType": "text/csv"}
    assert file_schema("image/png") == {
        "type": "string",
        "contentMediaType": "image/png",
        "contentEncoding": "binary",
    }
