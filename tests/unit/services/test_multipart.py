"""Multipart bodies: what parts are called, and how what is broken is told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaverlite.errors import InvalidRequest
from weaverlite.services.multipart import read_multipart, read_parts

BODY = (
    b"preamble\r\n--x\r\nContent-Type: application/cwl+json\r\nContent-ID: <a@e>\r\n"
    b'Content-Disposition: form-data; name="unit"; filename="a.cwl"\r\n\r\n{"a": "\xc3\xa4"}\r\n'
    b"--x\r\nContent-Location: tools/b%20c.cwl\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj\r\n--x--\r\n"
)


def test_parts_have_their_names_and_their_bytes():
    found = read_multipart(BODY, 'multipart/related; boundary="x"; start="<a@e>"')
    first, second = found.parts
    assert (found.media_type, found.start) == ("multipart/related", "a@e")
    assert (first.media_type, first.body, first.pointer) == ("application/cwl+json", b'{"a": "\xc3\xa4"}', "/parts/0")
    assert first.names == ("a@e", "a.cwl", "unit")
    assert (second.media_type, second.body, second.names) == ("", b"abc", ("tools/b c.cwl",))


def test_lines_may_end_with_line_feeds_alone():
    found = read_parts(b"--x\n\n1\n--x\n\n2\n--x--", "multipart/mixed; boundary=x")
    assert [part.body for part in found] == [b"1", b"2"]


@pytest.mark.parametrize(
    ("body", "content_type", "pointer", "words"),
    [
        (BODY, "multipart/mixed", "Content-Type", "no boundary"),
        (BODY, "multipart/mixed; boundary=y", "", "not whole"),
        (BODY[:-10], "multipart/mixed; boundary=x", "", "not whole"),
        (b"", "multipart/mixed; boundary=x", "", "not whole"),
        (BODY, "multipart/related; boundary=x; start=b", "Content-Type", "no part of the Content-ID 'b'"),
        (b"--x\r\nno header\r\n--x--", "multipart/mixed; boundary=x", "/parts/0", "no empty line"),
        (b"--x\r\nno header\r\n\r\na\r\n--x--", "multipart/mixed; boundary=x", "/parts/0", "broken"),
        (b"--x\r\n--x--", "multipart/mixed; boundary=x", "/parts/0", "no empty line"),
        (b"--x--", "multipart/mixed; boundary=x", "", "not whole"),
        (b"--x\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n\r\na\r\n--z--\r\n--x--",
         "multipart/mixed; boundary=x", "/parts/0", "has parts itself"),
        (b"--x\r\n\r\n1\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\nA\r\n--x--", "multipart/mixed; boundary=x",
         "/parts/1", "broken"),
        (b"--x\r\nContent-Transfer-Encoding: zip\r\n\r\nA\r\n--x--", "multipart/mixed; boundary=x",
         "/parts/0", "'zip'"),
        (b"--x\r\nX: " + b"a" * 20_000 + b"\r\n\r\nA\r\n--x--", "multipart/mixed; boundary=x", "/parts/0", "headers"),
        (b"--x\r\n\r\n1\r\n" * 101 + b"--x--", "multipart/mixed; boundary=x", "", "more than 100 parts"),
    ],
)  # fmt: skip
def test_what_is_broken_is_told_with_its_part(body, content_type, pointer, words):
    with pytest.raises(InvalidRequest) as caught:
        read_parts(body, content_type)
    assert caught.value.faults[0].pointer == pointer
    assert words in caught.value.faults[0].message


def test_only_whole_lines_are_boundaries():
    body = b"--x\r\n\r\na--x\r\n--xy\r\n --x\r\n--x  \r\n\r\n\r\n--x--\r\nepilogue\r\n--x--"
    assert [part.body for part in read_parts(body, "multipart/mixed; boundary=x")] == [b"a--x\r\n--xy\r\n --x", b""]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=4), st.binary(max_size=60), st.text(max_size=20))
def test_no_body_is_more_than_refused(bodies, head, more):
    body = b"".join(b"--x\r\n" + head + b"\r\n\r\n" + item + b"\r\n" for item in bodies) + b"--x--"
    try:
        read_parts(body, f"multipart/mixed; boundary=x{more}")
    except InvalidRequest:
        pass
