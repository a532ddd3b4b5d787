"""Strict readers: what is refused, where, and what YAML means."""

from __future__ import annotations

import pytest

from weaverlite.errors import InvalidRequest
from weaverlite.schemas.text import parse_json, parse_text, parse_yaml


def refusal(parse, body, **limits):
    with pytest.raises(InvalidRequest) as caught:
        parse(body, **limits)
    assert caught.value.status == 400
    assert len(caught.value.faults) == 1
    return caught.value.faults[0].message


def bomb(levels: int = 10) -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is empty"),
        (b"{", "is not JSON"),
        (b"{'a': 1}", "line 1, column 2"),
        (b'{"a": 1, "a": 2}', "'a' occurs twice"),
        (b'{"b": {"a": 1, "a": 2}}', "'a' occurs twice"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"[1e999]", "too large"),
        (b"[" + b"1" * 5000 + b"]", "is not JSON"),
        (b"[" * 10_000, "deeper"),
        (b"[" * 10_000 + b"]" * 10_000, "deeper"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper than 64"),
        (b'["\\ud800"]', "surrogate"),
        (b'["\xff"]', "UTF-8"),
    ],
)
def test_json_that_readers_could_differ_about_is_refused(body, words):
    assert words in refusal(parse_json, body)


def test_json_within_the_limits_is_read():
    assert parse_json(b"[" * 64 + b"]" * 64)
    assert parse_json('\ufeff{"a": [1, 2.5, null, true, "\\u00e9\\ud83d\\ude00"]}'.encode()) == {
        "a": [1, 2.5, None, True, "é😀"]
    }


def test_brackets_in_strings_do_not_count_as_depth():
    assert parse_json(b'["' + b"[" * 500 + b'"]') == ["[" * 500]


def test_nodes_of_json_are_counted_when_limited():
    assert parse_json(b"[1, 2, 3]", nodes=4) == [1, 2, 3]
    assert "more than 3" in refusal(parse_json, b"[1, 2, 3]", nodes=3)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"a: 1\na: 2", "'a' twice in one mapping at line 2, column 1"),
        (b"--- 1\n--- 2", "more than one YAML document"),
        (b"a: !!python/object:os.system {}", "tag"),
        (b"!!python/name:os.system x", "tag"),
        (b"a: !mine 1", "tag"),
        (b"a: !!timestamp 2001-01-01", "tag"),
        (b"a: .nan", "not a number"),
        (b"a: -.inf", "not a number"),
        (b"a: 1e999", "too large"),
        (b"a: &a [*a]", "refers to itself"),
        (b"a: *b", "not defined"),
        (b"a: [", "is not YAML"),
        (b"\x00", "is not YAML"),
        (b"x: \xff", "UTF-8"),
        (b'x: "\\ud800"', "is not YAML"),
        (b"[" * 10_000, "deeper than 64"),
        (b"? [a, b]\n: 1", "name that is not a string"),
        (b"a: &x [1]\n*x : 2", "name that is not a string"),
        (b"<<: 3", "not a mapping"),
        (bomb(), "aliases"),
    ],
)
def test_yaml_that_is_no_plain_data_is_refused(body, words):
    assert words in refusal(parse_yaml, body)


def test_aliases_count_as_if_they_were_written_out():
    body = b"a: &a [1, 2, 3]\nb: *a\nc: *a"
    # One mapping and three lists of three.
    assert parse_yaml(body, nodes=13) == {"a": [1, 2, 3], "b": [1, 2, 3], "c": [1, 2, 3]}
    assert "more than 12" in refusal(parse_yaml, body, nodes=12)


def test_aliases_do_not_get_around_the_depth():
    chain = "a0: &a0 [x]\n" + "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 20))
    assert "deeper than 10" in refusal(parse_yaml, chain, depth=10)


def test_a_duplicate_name_is_pointed_at():
    with pytest.raises(InvalidRequest) as caught:
        parse_yaml("a:\n  - b: 1\n  - c: 1\n    c: 2\n")
    assert caught.value.faults[0].pointer == "/a/1/c"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2001-01-01", "2001-01-01"),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("v1.2", "v1.2"),
        ("'3'", "3"),
        ("!!str 3", "3"),
        ("!!int '3'", 3),
        ("|\n a\n b\n", "a\nb\n"),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text, value):
    found = parse_yaml(text)
    assert found == value
    assert type(found) is type(value)


def test_names_are_text_whatever_they_look_like():
    assert parse_yaml("1: a\ntrue: b\nnull: c") == {"1": "a", "true": "b", "null": "c"}


def test_merged_mappings_fill_in_what_is_not_there():
    body = "a: &a {x: 1, y: 2}\nb: &b {z: 3}\nc: {<<: [*a, *b], x: 0}\nd:\n  <<: *a\n"
    assert parse_yaml(body)["c"] == {"x": 0, "y": 2, "z": 3}
    assert parse_yaml(body)["d"] == {"x": 1, "y": 2}


def test_text_that_is_json_is_read_as_json():
    assert parse_text(b'{"a": 1}') == {"a": 1}
    assert parse_text(b"{a: 1}") == {"a": 1}
    assert parse_text(b"a: 1") == {"a": 1}
    assert "occurs twice" in refusal(parse_text, b'{"a": 1, "a": 2}')
    assert "more than" in refusal(parse_text, b"[1, 2, 3]", nodes=2)
