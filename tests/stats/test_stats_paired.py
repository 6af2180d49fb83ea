"""Paired differences: golden values, scipy, laws, and false alarms on simulated ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from adaptkit.stats import mcnemar_exact, paired_difference, sign_flip


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def scores(text: str) -> dict[str, float]:
    return {f"row{i}": float(c) for i, c in enumerate(text)}


def by_id(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> dict[str, float]:
    return {f"row{i}": float(v) for i, v in enumerate(values)}


def test_the_worked_example() -> None:
    d = paired_difference(scores("1110101101"), scores("1010001110"), rng=rng())
    assert (d.n, d.n_unpaired, d.gained, d.lost) == (10, 0, 3, 1)
    assert d.delta == pytest.approx(0.2)
    assert d.p_value == 0.625
    assert d.test == "exact McNemar test"
    assert sign_flip([1, 1, 1, -1, 0, 0], rng=rng())[0] == 0.625


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [(10, 2, 0.038574), (15, 5, 0.041389), (25, 12, 0.047031), (6, 0, 0.03125), (5, 0, 0.0625), (0, 0, 1.0)],
)
def test_mcnemar_gives_the_published_values(gained: int, lost: int, p: float) -> None:
    assert mcnemar_exact(gained, lost) == pytest.approx(p, abs=1e-6)
    assert mcnemar_exact(lost, gained) == mcnemar_exact(gained, lost)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_equals_the_binomial_test(gained: int, lost: int) -> None:
    other = scipy_stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert mcnemar_exact(gained, lost) == pytest.approx(other, abs=1e-9)


def test_mcnemar_survives_thousands_of_rows() -> None:
    assert mcnemar_exact(3000, 1000) < 1e-9


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
    assert test.startswith("exact")


def test_sampled_sign_flips_come_close_to_the_exact_value() -> None:
    """Sixteen differences are sampled; all patterns can still be counted here."""
    differences = rng(2).normal(0.3, 0.6, size=16)
    patterns = 1 - 2 * (np.arange(1 << 16)[:, None] >> np.arange(16) & 1)
    exact = np.mean(np.abs(patterns @ differences) >= abs(differences.sum()) - 1e-9)
    p, test = sign_flip(differences.tolist(), rng=rng())
    assert p == pytest.approx(exact, abs=0.015)
    assert "10,000" in test


def test_sampled_sign_flips_never_claim_certainty() -> None:
    p, _ = sign_flip([1.0] * 300, rng=rng())
    assert p == pytest.approx(1 / 10_001)


def test_zero_differences_say_nothing() -> None:
    assert sign_flip([0.0, 0.0], rng=rng())[0] == 1.0
    same = {"a": 0.5, "b": 0.25}
    assert paired_difference(same, same, rng=rng()).p_value == 1.0


def test_rows_join_by_id_and_the_rest_is_counted() -> None:
    a = {"x": 1.0, "y": 0.0, "only-a": 1.0}
    b = {"y": 1.0, "x": 0.0, "only-b": 1.0, "also-b": 0.0}
    d = paired_difference(a, b, rng=rng())
    assert (d.n, d.n_unpaired, d.gained, d.lost, d.delta) == (2, 3, 1, 1, 0.0)


def test_nothing_shared_is_undefined() -> None:
    d = paired_difference({"a": 1.0}, {"b": 1.0}, rng=rng())
    assert (d.n, d.n_unpaired, d.delta, d.low, d.p_value) == (0, 2, None, None, None)


def test_graded_scores_take_the_permutation_test() -> None:
    a, b = by_id(rng(1).random(40)), by_id(rng(2).random(40))
    d = paired_difference(a, b, rng=rng())
    assert d.test == "sign-flip permutation test (10,000 flips)"
    assert d.low is not None
    assert d.high is not None
    half = 1.96 * np.std([a[i] - b[i] for i in a]) / np.sqrt(40)
    assert d.high - d.low == pytest.approx(2 * half, rel=0.1)


def test_clusters_flip_together() -> None:
    """Thirty rows won in six documents are six wins: p = 2 / 2^6, not 2 / 2^30."""
    a = {f"row{i}": 1.0 for i in range(30)}
    b = dict.fromkeys(a, 0.0)
    clusters = {f"row{i}": f"doc{i // 5}" for i in range(30)}
    d = paired_difference(a, b, rng=rng(), clusters=clusters)
    assert d.p_value == 2 / 64
    assert d.test == "exact sign-flip permutation test over 6 clusters"
    assert paired_difference(a, b, rng=rng(), clusters={}).test == "exact McNemar test"


def test_strategies_that_agree_everywhere_are_not_certainly_equal() -> None:
    d = paired_difference(scores("1" * 60), scores("1" * 60), rng=rng())
    assert d.low is not None
    assert d.high is not None
    assert d.low == pytest.approx(-d.high)
    assert 0.02 < d.high < 0.06


def test_one_row_has_no_interval() -> None:
    d = paired_difference({"a": 1.0}, {"a": 0.0}, rng=rng())
    assert (d.delta, d.low, d.high) == (1.0, None, None)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=25),
    st.integers(1, 4),
)
def test_exchanging_the_two_turns_the_sign(rows: list[tuple[float, float]], per_cluster: int) -> None:
    a = {f"r{i}": x for i, (x, _) in enumerate(rows)}
    b = {f"r{i}": y for i, (_, y) in enumerate(rows)}
    clusters = {f"r{i}": f"c{i // per_cluster}" for i in range(len(rows))}
    one = paired_difference(a, b, rng=rng(), clusters=clusters)
    two = paired_difference(b, a, rng=rng(), clusters=clusters)
    assert one.delta is not None
    assert two.delta == pytest.approx(-one.delta)
    assert (one.gained, one.lost) == (two.lost, two.gained)
    assert one.p_value == pytest.approx(two.p_value, abs=0.03)
    assert one.p_value is not None
    assert 0 < one.p_value <= 1
    if one.low is not None and one.high is not None:
        assert one.low - 1e-9 <= one.delta <= one.high + 1e-9


def test_two_equal_strategies_are_seldom_told_apart() -> None:
    """At a 5 % level, at most about 5 % false alarms; the exact test gives fewer. 300 simulated sets."""
    generator, alarms, hits = rng(7), 0, 0
    for _ in range(300):
        difficulty = generator.beta(2, 1, size=80)
        a, b = (by_id((generator.random(80) < difficulty).astype(float)) for _ in range(2))
        d = paired_difference(a, b, rng=generator)
        assert d.p_value is not None
        assert d.low is not None
        assert d.high is not None
        alarms += d.p_value < 0.05
        hits += d.low <= 0 <= d.high
    assert alarms / 300 <= 0.06
    assert hits / 300 >= 0.92


def test_a_planted_winner_is_found() -> None:
    generator, found = rng(8), 0
    for _ in range(100):
        base = generator.random(200)
        a, b = by_id((base < 0.85).astype(float)), by_id((base < 0.7).astype(float))
        found += (paired_difference(a, b, rng=generator).p_value or 1) < 0.05
    assert found >= 95
