"""Verdicts with two intervals, one for a difference and one for equivalence."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.errors import ConfigError
from adaptkit.stats import verdict
from adaptkit.stats.verdict import inside, non_inferior


@pytest.mark.parametrize(
    ("equivalence", "margin", "expected"),
    [
        ((-0.015, 0.018), 0.02, "equivalent"),  # the 90 % interval decides, though the 95 % one is wider
        ((-0.015, 0.021), 0.02, "undecided"),
        ((-0.021, 0.015), 0.02, "undecided"),
        ((-0.02, 0.02), 0.02, "equivalent"),
        ((-0.015, 0.018), None, "undecided"),
        ((None, None), 0.02, "undecided"),
    ],
)
def test_the_90_percent_interval_decides_equivalence(
    equivalence: tuple[float | None, float | None], margin: float | None, expected: str
) -> None:
    assert verdict(-0.022, 0.024, 0.4, margin=margin, equivalence=equivalence) == expected


def test_a_real_difference_within_the_margin_does_not_matter() -> None:
    assert verdict(0.001, 0.015, 0.001, margin=0.02, equivalence=(0.002, 0.014)) == "equivalent"
    assert verdict(0.001, 0.03, 0.001, margin=0.02, equivalence=(0.002, 0.028)) == "better"


def test_alpha_is_the_level_of_the_test() -> None:
    assert verdict(0.01, 0.2, 0.02, 0.01) == "undecided"
    assert verdict(0.01, 0.2, 0.009, 0.01) == "better"
    assert verdict(-0.2, -0.01, 0.009, 0.01) == "worse"


@pytest.mark.parametrize("margin", [-0.01, math.nan])
def test_a_margin_below_zero_is_refused(margin: float) -> None:
    with pytest.raises(ConfigError, match="'margin' parameter of verdict must be 0 or more"):
        verdict(0.1, 0.2, 0.01, margin=margin)


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1))
def test_inside_is_symmetric(x: float, y: float, margin: float) -> None:
    low, high = sorted((x, y))
    assert inside(margin, low, high) == inside(margin, -high, -low) == (max(abs(low), abs(high)) <= margin)
    assert not inside(margin, None, high)
    assert not inside(margin, low, None)


def test_non_inferior() -> None:
    assert non_inferior(-0.019, 0.02) is True
    assert non_inferior(-0.02, 0.02) is False
    assert non_inferior(0.3, 0.0) is True
    assert non_inferior(None, 0.02) is None
    assert non_inferior(0.1, None) is None
