from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from weaverlite.client.documents import parse_document, read_document
from weaverlite.client.errors import InvalidUsage


def test_yaml_is_read_by_the_core_schema() -> None:
    document = parse_document(
        b"""
        date: 2012-01-01
        answer: yes
        time: 1:30
        exponent: 1e3
        small: 1.5e-3
        octal: 0o17
        zero: 010
        hex: 0xff
        truth: true
        nothing: ~
        empty:
        text: "5"
        12: number as key
        """,
        "x.yaml",
    )
    assert document == {
        "date": "2012-01-01",
        "answer": "yes",
        "time": "1:30",
        "exponent": 1000.0,
        "small": 0.0015,
        "octal": 15,
        "zero": 10,
        "hex": 255,
        "truth": True,
        "nothing": None,
        "empty": None,
        "text": "5",
        "12": "number as key",
    }


def test_aliases_and_merges_are_followed() -> None:
    document = parse_document(b"base: &base {a: 1}\nother: {<<: *base, b: 2}\n", "x.yaml")
    assert document["other"] == {"a": 1, "b": 2}


def test_json_is_read_whatever_the_name() -> None:
    assert parse_document(b'{"a": [1, 2.5, null, true]}', "x.txt") == {"a": [1, 2.5, None, True]}


def test_byte_order_mark_is_skipped() -> None:
    assert parse_document(b"\xef\xbb\xbf{}", "x.json") == {}


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"{", "x.json", "not JSON"),
        (b"a: [", "x.yaml", "line"),
        (b"\xff", "x.yaml", "not UTF-8"),
        (b'{"a": NaN}', "x.json", "NaN"),
        (b"a: .nan", "x.yaml", "nan"),
        (b"a: 1\na: 2", "x.yaml", "twice"),
        (b"? [1]\n: 2", "x.yaml", "must be a text"),
        (b"!!python/object:os.system {}", "x.yaml", "neither"),
        (b"[" * 100_000, "x.json", "too deep"),
        (b"[" * 3_000 + b"]" * 3_000, "x.yaml", "too deep"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(content: bytes, name: str, words: str) -> None:
    with pytest.raises(InvalidUsage, match=words):
        parse_document(content, name)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidUsage, match=r"absent\.json cannot be read: No such file"):
        read_document(tmp_path / "absent.json")


def test_dash_is_the_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b'{"a": 1}')))
    assert read_document("-") == {"a": 1}
