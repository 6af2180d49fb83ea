"""Intervals as published: golden values, scipy and statsmodels, laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

from adaptkit.core.errors import ConfigError
from adaptkit.stats import t_interval, wilson

CONFIDENCES = [0.5, 0.9, 0.95, 0.99]


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(45, 50, 0.7864, 0.9565), (0, 20, 0, 0.1611), (70, 100, 0.6042, 0.7811), (99, 198, 0.431, 0.569)],
)
def test_wilson_gives_the_published_values(successes: int, n: int, low: float, high: float) -> None:
    assert list(wilson(successes, n)) == pytest.approx([low, high], abs=1e-4)


@given(st.integers(1, 500), st.data(), st.sampled_from(CONFIDENCES))
def test_wilson_equals_scipy_and_contains_the_share(n: int, data: st.DataObject, confidence: float) -> None:
    k = data.draw(st.integers(0, n))
    low, high = wilson(k, n, confidence)
    other = scipy_stats.binomtest(k, n).proportion_ci(confidence, method="wilson")
    assert low == pytest.approx(other.low, abs=1e-9)
    assert high == pytest.approx(other.high, abs=1e-9)
    assert 0 <= low <= k / n <= high <= 1
    assert low < high


@settings(max_examples=50)
@given(st.integers(1, 400), st.data(), st.sampled_from(CONFIDENCES))
def test_wilson_equals_statsmodels(n: int, data: st.DataObject, confidence: float) -> None:
    k = data.draw(st.integers(0, n))
    theirs = proportion_confint(k, n, alpha=1 - confidence, method="wilson")
    assert list(wilson(k, n, confidence)) == pytest.approx(list(theirs), abs=1e-9)


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (-1, 5), (6, 5), (math.nan, 5)])
def test_what_is_no_share_is_refused(successes: float, n: int) -> None:
    with pytest.raises(ConfigError, match="wilson must be between 0 and n"):
        wilson(successes, n)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=40).filter(lambda v: np.std(v) > 1e-3))
def test_t_interval_equals_scipy(values: list[float]) -> None:
    low, high = scipy_stats.t.interval(0.95, len(values) - 1, np.mean(values), scipy_stats.sem(values))
    assert list(t_interval(values)) == pytest.approx([low, high], abs=1e-9)
    low, high = scipy_stats.t.interval(0.8, len(values) - 1, np.mean(values), scipy_stats.sem(values))
    assert list(t_interval(values, 0.8)) == pytest.approx([low, high], abs=1e-9)


def test_t_interval_needs_two_values() -> None:
    with pytest.raises(ConfigError, match="at least 2"):
        t_interval([0.5])
