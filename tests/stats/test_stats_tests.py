"""McNemar's test and the sign-flip permutation test: golden values, scipy, statsmodels, laws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar

from adaptkit.core.errors import ConfigError
from adaptkit.stats import mcnemar_exact
from adaptkit.stats.sign_flip import N_FLIPS, flips_in_words, sign_flip_columns

counts = st.integers(0, 200)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("gained", "lost", "exact"),
    [(10, 2, 0.038574), (15, 5, 0.041389), (25, 12, 0.047031), (6, 0, 0.03125), (5, 0, 0.0625)],
)
def test_mcnemar_gives_the_published_values(gained: int, lost: int, exact: float) -> None:
    assert mcnemar_exact(gained, lost) == pytest.approx(exact, abs=1e-6)


@given(counts, counts)
def test_mcnemar_equals_the_binomial_test(gained: int, lost: int) -> None:
    other = scipy_stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert mcnemar_exact(gained, lost) == pytest.approx(other, abs=1e-9)


@settings(max_examples=60)
@given(counts, counts)
def test_mcnemar_equals_statsmodels(gained: int, lost: int) -> None:
    if gained + lost == 0:
        return
    square = [[3, gained], [lost, 4]]
    assert mcnemar_exact(gained, lost) == pytest.approx(their_mcnemar(square, exact=True).pvalue, abs=1e-9)


def test_no_row_that_differs_says_nothing() -> None:
    assert mcnemar_exact(0, 0) == 1.0


def test_mcnemar_survives_thousands_of_rows() -> None:
    assert mcnemar_exact(3000, 1000) < 1e-9
    assert mcnemar_exact(5000, 5000) == 1.0


@pytest.mark.parametrize(("gained", "lost"), [(-1, 2), (3, -1)])
def test_counts_below_zero_are_refused(gained: int, lost: int) -> None:
    with pytest.raises(ConfigError, match="counts rows"):
        mcnemar_exact(gained, lost)


def sign_flip(
    differences: Sequence[float], *, rng: np.random.Generator, n_flips: int = N_FLIPS
) -> tuple[float, str]:
    column = np.asarray(differences, dtype=np.float64)
    (p,) = sign_flip_columns(column[:, None], rng=rng, n_flips=n_flips)
    return float(p), flips_in_words(column, n_flips)


@given(st.lists(st.floats(-1, 1).filter(lambda d: abs(d) > 1e-6), min_size=2, max_size=9))
def test_exact_sign_flips_equal_scipys(differences: list[float]) -> None:
    other = scipy_stats.permutation_test(
        (differences, [0.0] * len(differences)),
        lambda x, y: np.sum(x - y),
        permutation_type="samples",
        n_resamples=np.inf,
    )
    p, test = sign_flip(differences, rng=rng())
    assert p == pytest.approx(other.pvalue, abs=1e-9)
    assert test == "exact sign-flip permutation test"


@settings(max_examples=40)
@given(st.integers(0, 8), st.integers(0, 7))
def test_exact_sign_flips_of_right_and_wrong_are_mcnemars(gained: int, lost: int) -> None:
    p, _ = sign_flip([1.0] * gained + [-1.0] * lost + [0.0] * 5, rng=rng())
    assert p == pytest.approx(mcnemar_exact(gained, lost))


def test_the_worked_example() -> None:
    assert sign_flip([1, 1, 1, -1, 0, 0], rng=rng())[0] == 0.625


def exact_p(differences: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    k = len(differences)
    patterns = 1 - 2 * (np.arange(1 << k)[:, None] >> np.arange(k) & 1)
    return float(np.mean(np.abs(patterns @ differences) >= abs(differences.sum()) - 1e-9))


def test_fifteen_differences_are_counted_and_sixteen_are_drawn() -> None:
    differences = rng(2).normal(0.3, 0.6, size=16)
    p, test = sign_flip(differences[:15].tolist(), rng=rng())
    assert p == exact_p(differences[:15])
    assert test.startswith("exact")
    p, test = sign_flip([*differences.tolist(), 0.0], rng=rng())
    assert p == pytest.approx(exact_p(differences), abs=0.015)
    assert test == "sign-flip permutation test (10,000 flips)"


def test_drawn_sign_flips_never_claim_certainty() -> None:
    assert sign_flip([1.0] * 300, rng=rng())[0] == pytest.approx(1 / 10_001)
    assert sign_flip([1.0] * 300, rng=rng(), n_flips=99)[0] == pytest.approx(1 / 100)


def test_a_sum_as_large_as_the_one_seen_counts_whatever_the_rounding() -> None:
    """Twenty differences of a third: half the patterns or more are ties that rounding must not part."""
    p, _ = sign_flip([1 / 3] * 11 + [-1 / 3] * 9, rng=rng())
    assert p == pytest.approx(mcnemar_exact(11, 9), abs=0.015)
    large, _ = sign_flip([1e7 / 3] * 11 + [-1e7 / 3] * 9, rng=rng())
    assert large == p


def test_columns_share_their_signs_and_are_what_each_would_be_alone() -> None:
    columns = rng(3).normal(0.1, 0.5, size=(200, 3))
    columns[5:, 1] = 0.0  # five differences: counted, not drawn
    together = sign_flip_columns(columns, rng=rng(4))
    assert together[0] == sign_flip(columns[:, 0].tolist(), rng=rng(4))[0]
    assert together[1] == exact_p(columns[:5, 1])
    np.testing.assert_array_equal(sign_flip_columns(-columns[:, ::-1], rng=rng(4)), together[::-1])


def test_zero_differences_say_nothing() -> None:
    assert sign_flip([0.0, 0.0], rng=rng())[0] == 1.0
    assert sign_flip([], rng=rng())[0] == 1.0
    assert flips_in_words(np.zeros(40), 500) == "exact sign-flip permutation test"


def test_false_alarms_of_drawn_flips_are_as_rare_as_they_say() -> None:
    generator = rng(9)
    columns = generator.exponential(1, size=(40, 1500)) * generator.choice([-1, 1], size=(40, 1500))
    p = sign_flip_columns(columns, rng=generator, n_flips=1999)
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.015)
    assert np.mean(p) == pytest.approx(0.5, abs=0.03)
