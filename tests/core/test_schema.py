"""A JSON Schema gives an answer on every value, in bounded time."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.errors import DataError
from adaptkit.core.schema import JsonSchema

SLOW = "^(a+)+$"
TEXT = "a" * 5_000 + "!"


@pytest.mark.parametrize(
    ("schema", "value", "allowed"),
    [
        ({"multipleOf": 0.01}, 10**310, True),
        ({"multipleOf": 0.01}, 19.99, True),
        ({"multipleOf": 0.01}, 19.995, False),
        ({"multipleOf": 3}, 1e300, False),
        ({"multipleOf": 1e-300}, 1e300, True),
        ({"multipleOf": 0.5}, True, True),
        ({"uniqueItems": True}, [{"a": 1}, {"a": 1.0}], False),
        ({"uniqueItems": True}, [1, True, "1"], True),
        ({"uniqueItems": True}, [{"n": i} for i in range(50_000)], True),
        ({"pattern": SLOW}, TEXT, False),
        ({"pattern": SLOW}, "aaa", True),
        ({"patternProperties": {SLOW: {"type": "null"}}}, {TEXT: 1}, True),
        ({"patternProperties": {"^n": {"type": "null"}}}, {"nn": 1}, False),
        ({"patternProperties": {SLOW: {}}, "additionalProperties": False}, {TEXT: 1}, False),
        ({"patternProperties": {"^n": {}}, "additionalProperties": False}, {"nn": 1}, True),
        ({"properties": {"a": {}}, "additionalProperties": {"type": "null"}}, {"a": 1, "b": 2}, False),
        ({"pattern": "\ud800"}, "\ud800", True),
    ],
)
def test_a_value_is_judged_in_bounded_time(schema: dict[str, Any], value: object, allowed: bool) -> None:
    started = time.process_time()
    checker = JsonSchema(schema)
    assert checker.allows(value) is allowed
    assert (checker.fault(value) is None) is allowed
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "objekt"}, "not a valid JSON Schema"),
        ({"pattern": "(["}, "is not a 'regex'"),
        ({"properties": {"a": {"patternProperties": {"(": {}}}}}, "is not a 'regex'"),
        ({"$ref": "#"}, "to itself without end"),
        ({"$ref": "https://example.com/s.json"}, "refers to 'https://example"),
        ({"$ref": "#/$defs/none"}, "refers to"),
    ],
)
def test_a_schema_that_cannot_be_used_is_named(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        JsonSchema(schema).allows({"a": 1})


NUMBERS = st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_bounded_here_agrees_with_jsonschema(value: object) -> None:
    from jsonschema import Draft202012Validator

    schema = {
        "uniqueItems": True,
        "patternProperties": {"^a": {"type": ["string", "null"]}},
        "additionalProperties": {"type": "number"},
        "pattern": "^a*$",
        "multipleOf": 5,
    }
    assert JsonSchema(schema).allows(value) == Draft202012Validator(schema).is_valid(value)
