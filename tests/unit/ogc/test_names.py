from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaverlite.ogc.names import disposition_name, safe_name, url_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("table.csv", "table.csv"),
        ("mesures d'été.csv", "mesures d'été.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\data.nc", "data.nc"),
        ("a\r\nb\0.txt", "ab.txt"),
        ("exe\u202etxt.sh", "exetxt.sh"),
        ("lone\ud800.txt", "lone.txt"),
        (".hidden", ".hidden"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("", "file"),
        (None, "file"),
        (".", "file"),
        ("..", "file"),
        ("a/", "file"),
        (" \t\r\n", "file"),
    ],
)
def test_names_are_made_safe(text: str | None, name: str) -> None:
    assert safe_name(text) == name


def test_a_long_name_is_cut_before_its_extension() -> None:
    assert safe_name("é" * 300 + ".tar").endswith("é.tar")
    assert len(safe_name("a" * 300 + ".tar").encode()) == 255
    assert len(safe_name("a." + "b" * 300).encode()) == 255


@given(st.text(st.characters()))
def test_a_safe_name_is_one_part_of_a_path_and_stays_the_same(text: str) -> None:
    name = safe_name(text)
    assert name and name not in (".", "..") and not {"/", "\\", "\0", "\n"} & set(name)
    assert len(name.encode()) <= 255
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (None, None),
        ("", None),
        ("inline", None),
        ("attachment", None),
        ("attachment; filename=plain.txt", "plain.txt"),
        ('attachment; filename="with space; and semicolon.txt"', "with space; and semicolon.txt"),
        ('attachment; filename="quoted \\"name\\".txt"', 'quoted "name".txt'),
        ('attachment; filename="C:\\dir\\x.txt"', "x.txt"),
        ('attachment; filename="../../.bashrc"', ".bashrc"),
        ("attachment; filename*=UTF-8''na%C3%AFve%20plan.txt", "naïve plan.txt"),
        ("attachment; filename=\"plain.txt\"; filename*=utf-8'de'sch%C3%B6n.txt", "schön.txt"),
        ("attachment; filename*=UTF-8''..%2F..%2Fx%00y", "xy"),
        ("attachment; filename*=EBCDIC''x; filename=y", "y"),
        ("attachment; FileName=Upper.TXT", "Upper.TXT"),
        ('attachment; filename=".."', None),
        ("filename=bare.txt", "bare.txt"),
        ("attachment; filename=" + "a" * 10_000, None),
    ],
)
def test_the_name_of_a_disposition_is_found_and_made_safe(header: str | None, name: str | None) -> None:
    assert disposition_name(header) == name


@given(st.text(max_size=200))
def test_no_disposition_is_too_strange(header: str) -> None:
    assert disposition_name("attachment; " + header) != ""


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://x/a/b.nc", "b.nc"),
        ("https://x/a/b.nc?token=1#frag", "b.nc"),
        ("https://x/a%2F..%2Fb.nc", "b.nc"),
        ("https://x/", None),
        ("https://x", None),
        ("https://x/..", None),
        ("https://[x/a", None),
    ],
)
def test_the_name_in_a_url_is_found_and_made_safe(url: str, name: str | None) -> None:
    assert url_name(url) == name
