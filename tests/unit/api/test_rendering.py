"""Documents become bytes whatever users' programs put in them."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest

from weaverlite.api.files import disposition
from weaverlite.api.rendering import empty, reply, write_json


def test_json_is_compact_and_utf_8():
    assert write_json({"a": [1, "größe"]}) == '{"a":[1,"größe"]}'.encode()


def test_what_json_has_no_word_for_is_null():
    document = {"a": float("nan"), "b": [float("inf"), {"c": -float("inf")}], "d": 1.5}
    assert json.loads(write_json(document)) == {"a": None, "b": [None, {"c": None}], "d": 1.5}


def test_half_a_character_is_escaped():
    assert json.loads(write_json({"a": "\ud800"})) == {"a": "\ud800"}


def test_any_mapping_is_an_object():
    assert write_json(MappingProxyType({"a": 1})) == b'{"a":1}'


def test_what_has_no_json_form_is_an_error():
    with pytest.raises(TypeError, match="object is not JSON"):
        write_json({"a": object()})


def test_problems_have_no_charset():
    response = reply({}, 404, media_type="application/problem+json")
    assert response.headers["Content-Type"] == "application/problem+json"


def test_an_empty_answer_has_no_type():
    assert "Content-Type" not in empty().headers


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.txt", 'inline; filename="a.txt"'),
        ("a b.txt", 'inline; filename="a b.txt"'),
        ('a"b\\c.txt', "inline; filename=\"a_b_c.txt\"; filename*=UTF-8''a%22b%5Cc.txt"),
        ("é.txt", "inline; filename=\"_.txt\"; filename*=UTF-8''%C3%A9.txt"),
        ("a\r\nX: y", "inline; filename=\"a__X: y\"; filename*=UTF-8''a%0D%0AX%3A%20y"),
    ],
)
def test_a_name_cannot_leave_its_header(name, header):
    assert disposition(name, is_shown=True) == header
