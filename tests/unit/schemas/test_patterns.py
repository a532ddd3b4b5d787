"""Patterns in linear time: the same answers as ``re``, and none that takes for ever."""

from __future__ import annotations

import random
import re

import pytest

from weaverlite.schemas.patterns import PatternRefused, TooHard, compile_pattern

PATTERNS = [
    r"^a+$",
    r"(a|b)*c",
    r"^\d{4}-\d{2}$",
    r"[^a-c]x",
    r"^(?:[a-z]+\.)*[a-z]+$",
    r"\bfoo\b",
    r"a{2,3}b?",
    r"^$",
    r"",
    r"[\d\-x]+y$",
    r"x|^y|z$",
    r"(a*)*b",
    r"\Bo",
    r"^[^\s]+$",
    r"{",
    r"^(a|)$",
    r"a{0}b",
    r"(?P<n>a)b",
    r"[\W]",
    r"\x61\u0062",
    r"a.b",
    r"a+?b*?",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_answers_are_those_of_re(pattern):
    chance = random.Random(pattern)
    reference = re.compile(pattern.replace("$", r"\Z"), re.ASCII)
    compiled = compile_pattern(pattern)
    for _ in range(2000):
        text = "".join(chance.choice("abcfoxyz01-. {") for _ in range(chance.randrange(9)))
        assert compiled.search(text) is bool(reference.search(text)), text


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"(?=a)b", "ahead"),
        (r"(?<!a)b", "behind"),
        (r"(a)\1", "refers back"),
        (r"\k<a>", "refers back"),
        (r"(?i)a", "kind that is not known"),
        (r"\p{L}", "not known"),
        (r"a**", "repeats a repetition"),
        (r"a{2}{3}", "repeats a repetition"),
        (r"*a", "nothing before"),
        (r"(", "lacks a ')'"),
        (r"a)", "')' too many"),
        (r"[a", "ends too early"),
        ("\\", "ends too early"),
        (r"[b-a]", "backwards"),
        (r"a{3,2}", "backwards"),
        (r"a{99999}", "too large"),
        (r"((a{100}){100}){100}", "too large"),
        ("(" * 100 + ")" * 100, "nested"),
        (r"\xZZ", "broken"),
        (r"\u{110000}", "broken"),
    ],
)
def test_what_cannot_be_matched_in_linear_time_is_refused(pattern, words):
    with pytest.raises(PatternRefused, match=re.escape(words)):
        compile_pattern(pattern)


def test_a_pattern_that_takes_re_for_ever_is_answered():
    assert compile_pattern(r"^(a+)+$").search("a" * 5000 + "b") is False
    assert compile_pattern(r"^(a|a)*$").search("a" * 5000) is True


def test_effort_is_bounded_for_automata_that_grow():
    chance = random.Random(1)
    text = "".join(chance.choice("ab") for _ in range(300_000))
    with pytest.raises(TooHard, match="too long"):
        compile_pattern(r"(a|b)*a(a|b){20}c").search(text)


def test_a_class_beside_a_hyphen_is_no_range():
    compiled = compile_pattern(r"^[a-\d]$")
    assert [text for text in ("a", "-", "5", "b") if compiled.search(text)] == ["a", "-", "5"]
