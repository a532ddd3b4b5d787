from __future__ import annotations

from pathlib import Path

import pytest

from weaverlite.errors import InvalidInput, StagingError
from weaverlite.transfer.data import DataStager
from weaverlite.transfer.interfaces import FetchLimits, Reference

LIMITS = FetchLimits(size=1000, seconds=10)


@pytest.mark.parametrize(
    ("href", "content", "media_type", "name"),
    [
        ("data:,hello%20world", b"hello world", "text/plain", "data.txt"),
        ("data:text/csv,a,b%0A1,2", b"a,b\n1,2", "text/csv", "data.csv"),
        ("data:application/json;base64,eyJhIjogMX0=", b'{"a": 1}', "application/json", "data.json"),
        ("data:application/json;base64,eyJhIjogMX0", b'{"a": 1}', "application/json", "data.json"),
        ("data:;base64,eyJh%0AIjogMX0=", b'{"a": 1}', "text/plain", "data.txt"),
        ("data:;base64,_-8=", b"\xff\xef", "text/plain", "data.txt"),
        ("data:text/plain;charset=utf-8;base64,w6k=", "é".encode(), "text/plain", "data.txt"),
        ("DATA:Text/Plain,x", b"x", "text/plain", "data.txt"),
        ("data:application/x-unheard-of,x", b"x", "application/x-unheard-of", "data"),
    ],
)
def test_content_type_and_name_are_read(
    tmp_path: Path, href: str, content: bytes, media_type: str, name: str
) -> None:
    DataStager().check(Reference(href=href))
    staged = DataStager().fetch(Reference(href=href), tmp_path, LIMITS)
    assert (staged.path.read_bytes(), staged.media_type, staged.name) == (content, media_type, name)


@pytest.mark.parametrize(
    "href", ["data:", "data:text/plain", "data:text plain,x", "data:text/plain;" + "a" * 5000 + ",x"]
)
def test_what_is_malformed_is_refused_at_once(tmp_path: Path, href: str) -> None:
    with pytest.raises(InvalidInput, match="comma"):
        DataStager().check(Reference(href=href))
    with pytest.raises(StagingError):
        DataStager().fetch(Reference(href=href), tmp_path, LIMITS)


@pytest.mark.parametrize("body", ["!!!!", "abcde", "é"])
def test_bad_base64_is_told(tmp_path: Path, body: str) -> None:
    with pytest.raises(StagingError, match="cannot be read"):
        DataStager().fetch(Reference(href=f"data:;base64,{body}"), tmp_path, LIMITS)
    assert not [*tmp_path.iterdir()]


def test_a_directory_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not a directory"):
        DataStager().check(Reference(href="data:,x", is_directory=True))
