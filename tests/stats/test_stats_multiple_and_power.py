"""Correction for many tests, and the arithmetic of sample size: golden values, statsmodels, laws."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import normal_sample_size_one_tail

from adaptkit.core.errors import ConfigError
from adaptkit.stats import (
    detectable_difference,
    holm,
    mcnemar_exact,
    minimum_detectable_difference,
    rows_for_difference,
    rows_for_power,
    rows_to_decide,
)
from adaptkit.stats.power import rows_beside_seeds


@pytest.mark.parametrize(
    ("raw", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.001, 0.008, 0.02, 0.03, 0.2, 0.6], [0.006, 0.04, 0.08, 0.09, 0.4, 0.6]),
        ([0.7, 0.8], [1.0, 1.0]),
        ([], []),
    ],
)
def test_holm_gives_the_published_values(raw: list[float], adjusted: list[float]) -> None:
    assert holm(raw) == pytest.approx(adjusted)


def test_corrections_equal_statsmodels(monkeypatch: pytest.MonkeyPatch) -> None:
    # statsmodels collects garbage in each call of Holm's: a second each, late in a long session.
    monkeypatch.setattr("gc.collect", lambda: 0)

    @given(st.lists(st.floats(1e-9, 1), min_size=1, max_size=15))
    def check(raw: list[float]) -> None:
        assert holm(raw) == pytest.approx(multipletests(raw, method="holm")[1].tolist(), abs=1e-9)

    check()


def test_a_test_that_was_not_made_stays_undefined_and_costs_nothing() -> None:
    assert holm([0.02, None, 0.03]) == [holm([0.02, 0.03])[0], None, holm([0.02, 0.03])[1]]
    assert holm([None]) == [None]
    assert holm([0.02, None, 0.03]) == [0.04, None, 0.04]


@given(st.lists(st.floats(0, 1), max_size=12))
def test_corrections_raise_and_keep_the_order(raw: list[float]) -> None:
    adjusted = [p for p in holm(raw) if p is not None]
    assert all(p <= q * (1 + 1e-12) and q <= 1 for p, q in zip(raw, adjusted, strict=True))
    order = sorted(range(len(raw)), key=lambda i: raw[i])
    assert all(adjusted[i] <= adjusted[j] for i, j in pairwise(order))


_TABLE = {
    0.05: [0.082, 0.060, 0.043, 0.036, 0.028, 0.020, 0.014],
    0.10: [0.116, 0.085, 0.061, 0.050, 0.039, 0.028, 0.020],
    0.20: [0.165, 0.121, 0.087, 0.071, 0.056, 0.039, 0.028],
    0.30: [0.202, 0.148, 0.106, 0.087, 0.068, 0.048, 0.034],
    0.40: [0.233, 0.171, 0.123, 0.101, 0.079, 0.056, 0.040],
}


@pytest.mark.parametrize("discordance", _TABLE)
def test_the_table_of_detectable_differences(discordance: float) -> None:
    found = [minimum_detectable_difference(n, discordance) for n in (50, 100, 200, 300, 500, 1000, 2000)]
    assert found == pytest.approx(_TABLE[discordance], abs=6e-4)


@pytest.mark.parametrize(
    ("delta", "discordance", "n"),
    [(0.05, 0.2, 626), (0.1, 0.2, 155), (0.03, 0.2, 1742), (0.05, 0.1, 312), (0.1, 0.3, 234)],
)
def test_rows_to_decide_gives_the_published_values(delta: float, discordance: float, n: int) -> None:
    assert rows_to_decide(delta, discordance) == n
    assert rows_to_decide(-delta, discordance) == n


def test_no_rows_and_no_difference_are_undefined() -> None:
    assert minimum_detectable_difference(0, 0.2) is None
    assert minimum_detectable_difference(50, 0.0) is None
    assert rows_to_decide(0.0, 0.2) is None


def test_a_difference_larger_than_the_disagreement_is_possible_only_with_more_of_it() -> None:
    assert rows_to_decide(0.3, 0.1) == rows_to_decide(0.3, 0.3)


@pytest.mark.parametrize("discordance", [0.1, 0.3])
def test_an_interval_tells_what_can_be_detected_as_the_rows_themselves_do(discordance: float) -> None:
    """No difference on 500 rows: variance of a row's difference is the discordance."""
    half = 1.959964 * (discordance / 500) ** 0.5
    assert detectable_difference(-half, half) == pytest.approx(
        minimum_detectable_difference(500, discordance) or 0, rel=0.01
    )


def test_rows_for_a_difference() -> None:
    """Miller's example, n = 969 for 3 points at a variance of 1/9, read off an interval over 100 rows."""
    half = 1.959964 * (1 / 9 / 100) ** 0.5
    assert rows_for_difference(100, 0.03, 0.03 - half, 0.03 + half) == 969
    assert rows_for_difference(100, -0.03, -0.03 - half, -0.03 + half) == 969
    assert rows_for_difference(100, 0.0, -half, half) is None


def test_millers_rows_give_the_published_values() -> None:
    assert rows_for_power(0.03, 1 / 9) == pytest.approx(968.997, abs=5e-4)
    assert rows_for_power(-0.03, 1 / 9) == rows_for_power(0.03, 1 / 9)
    assert rows_for_power(0.0, 1 / 9) is None


@given(st.floats(0.01, 0.5), st.floats(0.01, 1), st.floats(0.01, 0.2), st.floats(0.5, 0.99))
def test_rows_equal_statsmodels(delta: float, variance: float, alpha: float, power: float) -> None:
    n = rows_for_power(delta, variance, alpha=alpha, power=power)
    assert n is not None
    theirs = normal_sample_size_one_tail(delta, power, alpha / 2, std_null=math.sqrt(variance))
    assert n == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(("alpha", "power"), [(0.0, 0.8), (1.0, 0.8), (0.05, 0.0), (0.05, 1.0)])
def test_levels_beyond_0_to_1_are_refused(alpha: float, power: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        rows_for_power(0.1, 0.1, alpha=alpha, power=power)


def test_rows_beside_seeds() -> None:
    """Without a part of the seeds as ``rows_for_difference``; with one more; with too large a one never."""
    assert rows_beside_seeds(100, 0.03, 0.06, 0.0) == rows_for_difference(100, 0.03, -0.06, 0.06)
    detectable_rows, detectable_seeds = detectable_difference(-0.06, 0.06), detectable_difference(-0.02, 0.02)
    expected = math.ceil(100 * detectable_rows**2 / (0.05**2 - detectable_seeds**2))
    assert rows_beside_seeds(100, 0.05, 0.06, 0.02) == expected
    assert rows_beside_seeds(100, -0.05, 0.06, 0.02) == expected
    assert rows_beside_seeds(100, 0.028, 0.06, 0.02) is None
    assert rows_beside_seeds(100, 0.0, 0.06, 0.0) is None


@pytest.mark.parametrize(("delta", "discordance"), [(0.05, 0.2), (0.05, 0.1), (0.1, 0.3)])
def test_the_exact_test_finds_a_winner_about_as_often_as_the_formula_says(
    delta: float, discordance: float
) -> None:
    """Summed over all outcomes, no draw involved: an exact test rejects a little less often than asked."""
    n, wins = rows_to_decide(delta, discordance), (discordance + delta) / (2 * discordance)
    assert n is not None
    found = 0.0
    for flips in range(1, n + 1):
        shown = [g for g in range(flips // 2 + 1, flips + 1) if mcnemar_exact(g, flips - g) < 0.05]
        if shown:
            found += binom.pmf(flips, n, discordance) * binom.sf(min(shown) - 1, flips, wins)
    assert 0.75 < found < 0.80
