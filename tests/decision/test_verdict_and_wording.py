"""What a difference allows to be said, and how figures are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.decision import verdict
from adaptkit.decision.wording import interval, listing, p_value, percent, points


@pytest.mark.parametrize(
    ("low", "high", "p", "margin", "expected"),
    [
        (0.01, 0.2, 0.01, None, "better"),
        (-0.2, -0.01, 0.01, None, "worse"),
        (0.01, 0.2, 0.06, None, "undecided"),  # the interval alone does not do
        (-0.01, 0.2, 0.01, None, "undecided"),  # nor the test alone
        (0.0, 0.2, 0.01, None, "undecided"),
        (0.01, 0.2, 0.05, None, "undecided"),
        (0.01, 0.2, None, None, "undecided"),
        (None, None, 0.01, None, "undecided"),
        (-0.01, 0.01, 0.9, None, "undecided"),  # no margin, no equivalence
        (-0.01, 0.01, 0.9, 0.01, "equivalent"),
        (-0.011, 0.01, 0.9, 0.01, "undecided"),
        (0.001, 0.009, 0.001, 0.01, "equivalent"),  # real, and it does not matter
        (0.001, 0.02, 0.001, 0.01, "better"),
        (-0.01, 0.01, None, 0.02, "equivalent"),
        (0.0, 0.0, 0.9, 0.0, "equivalent"),  # nothing but no difference at all
        (0.0, 0.01, 0.9, 0.0, "undecided"),
        (None, 0.2, 0.01, None, "undecided"),  # one bound is no interval
        (0.01, None, 0.01, None, "undecided"),
    ],
)
def test_verdict(
    low: float | None, high: float | None, p: float | None, margin: float | None, expected: str
) -> None:
    assert verdict(low, high, p, margin=margin) == expected


bounds = st.floats(-1, 1)


@given(bounds, bounds, st.floats(0, 1), st.none() | st.floats(0, 0.5))
def test_verdict_turns_with_the_sign(x: float, y: float, p: float, margin: float | None) -> None:
    low, high = sorted((x, y))
    turned = {"better": "worse", "worse": "better"}
    one, two = verdict(low, high, p, margin=margin), verdict(-high, -low, p, margin=margin)
    assert two == turned.get(one, one)


def test_figures() -> None:
    assert percent(0.9333) == "93.3 %"
    assert percent(None) == percent(None, 0) == ""
    assert points(0.4167) == "+41.7"
    assert points(-0.05) == "\N{MINUS SIGN}5.0"
    assert points(0.0) == points(-1e-9) == "0.0"
    assert interval(-0.031, 0.0) == "[\N{MINUS SIGN}3.1, 0]"
    assert interval(None, 0.5) == ""
    assert [p_value(p) for p in (None, 0.0004, 0.0123, 0.5, 1.0)] == [
        "",
        "p < .001",
        "p = .012",
        "p = .500",
        "p = 1",
    ]
    assert [listing(x) for x in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
