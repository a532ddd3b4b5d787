"""Two schemas made one: what comes out is never wider than the first, and no wider than the second."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from weaverlite.schemas import validate_schema, validate_value
from weaverlite.schemas.narrowing import narrow

NUMBERS = st.integers(-4, 4)
SCALARS = st.one_of(NUMBERS, st.sampled_from(["", "a", "ab", "abc"]), st.booleans(), st.sampled_from([0.5, -2.5]))
WORDS: dict[str, st.SearchStrategy[Any]] = {
    "minimum": NUMBERS,
    "maximum": NUMBERS,
    "exclusiveMinimum": st.one_of(NUMBERS, st.booleans()),
    "exclusiveMaximum": st.one_of(NUMBERS, st.booleans()),
    "multipleOf": st.integers(1, 3),
    "minLength": st.integers(0, 3),
    "maxLength": st.integers(0, 3),
    "pattern": st.sampled_from(["a", "^a", "b$"]),
    "enum": st.lists(SCALARS, min_size=1, max_size=3, unique_by=lambda item: (type(item).__name__, item)),
    "not": st.sampled_from([{"enum": [1]}, {"enum": ["a"]}]),
}
KINDS = st.sampled_from(["integer", "number", "string", "boolean"])
SCALAR = st.fixed_dictionaries({}, optional={"type": KINDS, **WORDS})
ANY = st.one_of(
    SCALAR,
    st.fixed_dictionaries({"anyOf": st.lists(st.fixed_dictionaries({"type": KINDS}), min_size=1, max_size=3)}),
    st.fixed_dictionaries({"type": st.just("array"), "items": SCALAR}, optional={"maxItems": st.integers(0, 3)}),
    st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.fixed_dictionaries({"a": SCALAR}, optional={"b": SCALAR})},
        optional={"required": st.just(["a"])},
    ),
)
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.sampled_from(["a", "b"]), SCALARS, max_size=2)
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(own=ANY, said=ANY, values=st.lists(VALUES, min_size=5, max_size=20))
def test_what_comes_out_is_taken_by_both(own: dict[str, Any], said: dict[str, Any], values: list[Any]) -> None:
    if validate_schema(own) or validate_schema(said):
        return
    merged, faults = narrow(own, said, "")
    if faults:
        return
    assert validate_schema(merged) == []
    for value in values:
        if not validate_value(merged, value):
            assert not validate_value(own, value), (own, said, merged, value)
            assert not validate_value(said, value), (own, said, merged, value)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(own=ANY)
def test_nothing_said_changes_nothing(own: dict[str, Any]) -> None:
    if validate_schema(own) == []:
        assert narrow(own, {}, "") == (own, [])
