"""When a run may stop: where it looks, what a look may spend, who is dropped, and what holds afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from adaptkit.core.errors import ConfigError
from adaptkit.stats import (
    Look,
    PairedDifference,
    RunSoFar,
    Scores,
    StoppingRule,
    compare_all,
    looks_for,
    mcnemar_exact,
)

N = 320
LOOKS = (20, 40, 80, 120, 160, 200, 240, 320)
EARLY = 0.5 / 7
ORDER = [f"r{i:03d}" for i in range(N)]


def scores(*values: object) -> dict[str, Scores]:
    """Strategies ``a``, ``b`` and so on, one score for each row of the order."""
    return {
        name: Scores.from_rows(dict(zip(ORDER, map(float, each), strict=False)))  # type: ignore[call-overload]
        for name, each in zip("abcdefgh", values, strict=False)
    }


def pair(found: RunSoFar, strategy: str, baseline: str) -> PairedDifference:
    return next(p for p in found.pairs if (p.strategy, p.baseline) == (strategy, baseline))


def judged(found: Mapping[str, Scores], n_done: int, **options: object) -> RunSoFar:
    return StoppingRule(order=ORDER, **options).judge(found, n_done)  # type: ignore[arg-type]


def test_looks_are_set_by_the_number_of_rows() -> None:
    assert tuple(look.n_rows for look in looks_for(N)) == LOOKS
    assert [look.share for look in looks_for(N)] == pytest.approx([EARLY] * 7 + [0.5])
    # A look of fewer than 20 rows is left out, and one between two rows is at the later.
    assert [look.n_rows for look in looks_for(319)] == [40, 80, 120, 160, 200, 240, 319]
    assert [look.n_rows for look in looks_for(27)] == [21, 27]
    assert [look.share for look in looks_for(27)] == [0.5, 0.5]
    assert looks_for(26) == (Look(n_rows=26, share=1.0),)
    assert looks_for(1) == (Look(n_rows=1, share=1.0),)
    with pytest.raises(ConfigError, match="n_planned"):
        looks_for(0)


@given(st.integers(1, 5000))
def test_looks_share_what_may_be_spent_and_end_with_the_run(n: int) -> None:
    looks = looks_for(n)
    assert sum(look.share for look in looks) == pytest.approx(1)
    rows = [look.n_rows for look in looks]
    assert rows == sorted(set(rows))
    assert rows[-1] == n
    assert all(20 <= r < n for r in rows[:-1])


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(ConfigError, match="order"):
        StoppingRule(order=["a", "b", "a"])
    for n_done in (-1, N + 1):
        with pytest.raises(ConfigError, match="n_done"):
            judged(scores([1.0] * N, [0.0] * N), n_done)


def test_before_the_first_look_nothing_is_known() -> None:
    for n_done in (0, 19):
        found = judged(scores([1.0] * N, [0.0] * N), n_done)
        assert (found.n_rows, found.next_rows, found.dropped, found.best) == (0, 20, {}, None)
        assert (found.alike, found.decided, found.pairs) == (False, False, ())


def test_a_clear_loser_is_dropped_at_the_first_look() -> None:
    found = judged(scores([0.0] * N, [1.0] * N), 20)
    assert (found.n_rows, found.next_rows) == (20, None)
    assert (found.dropped, found.best, found.alike, found.decided) == ({"a": 20}, "b", False, True)
    (only,) = found.pairs
    assert (only.strategy, only.baseline, only.verdict, only.n) == ("b", "a", "better", 20)
    # Rows that were answered beyond the end of a run are not looked at.
    assert judged(scores([0.0] * N, [1.0] * N), N) == found
    turned = judged(scores([1.0] * N, [0.0] * N), 20)
    assert (turned.best, turned.dropped) == ("a", {"b": 20})


def test_a_p_value_is_divided_by_what_its_look_may_spend() -> None:
    """9 in 10 of what the looks share is for differences, the rest for being alike."""
    a, b = [0.0] * N, [1.0] * 6 + [0.0] * (N - 6)
    (only,) = judged(scores(a, b), 20).pairs
    assert only.p_value == pytest.approx(mcnemar_exact(6, 0) / (0.9 * EARLY))
    assert only.p_adjusted == only.p_value
    assert only.verdict == "undecided"
    assert only.test == "exact McNemar test, at look 1 of 8"
    # A chance is never above 1.
    (few,) = judged(scores(a, [1.0] * 2 + [0.0] * (N - 2)), 20).pairs
    assert few.p_value == 1.0


def test_intervals_hold_whenever_the_run_stops() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(N), rng.random(N)
    # As far above its mean as below: what is corrected for skew is nothing.
    b[20:40] = a[20:40] - (b[:20] - a[:20])
    found = scores(a, b)
    (only,) = judged(found, 40).pairs
    rows = {name: each.of_rows(ORDER[:40]) for name, each in found.items()}
    (plain,) = compare_all(rows, rng=rng).pairs
    assert (only.n, only.delta) == (40, plain.delta)
    assert only.low is not None
    assert plain.low is not None
    assert only.low < plain.low
    d = b[:40] - a[:40]
    error = float(d.std(ddof=1)) / 40**0.5
    for bound, tail in ((only.low, 0.025 * EARLY), (only.equivalence_low, 0.05 * EARLY)):
        assert bound == pytest.approx(float(d.mean() + scipy_stats.t.ppf(tail, 39) * error))


def test_the_evidence_of_an_earlier_look_is_kept() -> None:
    """Six rows of the first 20 speak for ``b``; the next six for ``a``."""
    a = [0.0] * 20 + [1.0] * 6 + [0.0] * (N - 26)
    b = [1.0] * 6 + [0.0] * (N - 6)
    (first,) = judged(scores(a, b), 20).pairs
    (second,) = judged(scores(a, b), 40).pairs
    assert second.p_value == first.p_value
    assert (second.n, second.delta) == (40, 0.0)
    assert second.test == "exact McNemar test, at look 2 of 8"
    # And of a later one where that is the stronger.
    late = judged(scores([0.0] * N, [1.0] * 2 + [0.0] * 18 + [1.0] * 5 + [0.0] * (N - 25)), 40).pairs[0]
    assert late.p_value == pytest.approx(mcnemar_exact(7, 0) / (0.9 * EARLY))


def test_one_of_three_is_dropped_and_the_others_go_on() -> None:
    good = [1.0, 1.0, 1.0, 0.0] * 80
    other = [1.0, 0.0, 1.0, 1.0] * 80
    found = judged(scores(good, [0.0] * N, other), 45)
    assert (found.n_rows, found.next_rows) == (40, 80)
    assert (found.dropped, found.best, found.decided) == ({"b": 20}, None, False)
    # Pairs of the one that was dropped are of the rows up to then.
    assert {(p.strategy, p.baseline): p.n for p in found.pairs} == {
        ("b", "a"): 20,
        ("c", "a"): 40,
        ("c", "b"): 20,
    }
    # All pairs count in the correction, whether their strategies are still asked or not.
    assert pair(found, "c", "a").p_adjusted == 1.0
    assert pair(found, "b", "a").p_adjusted == pytest.approx(3 * mcnemar_exact(15, 0) / (0.9 * EARLY))
    end = judged(scores(good, [0.0] * N, other), N)
    assert (end.n_rows, end.next_rows, end.best, end.decided) == (N, None, None, False)


def test_strategies_within_the_margin_end_the_run() -> None:
    rng = np.random.default_rng(1)
    base = rng.random(N) * 0.5
    near = base + rng.normal(0, 0.002, N)
    found = judged(scores(base, near), N)
    assert (found.n_rows, found.next_rows) == (20, None)
    assert (found.alike, found.decided, found.best, found.dropped) == (True, True, None, {})
    for margin in (None, 0.0001):
        asked = judged(scores(base, near), N, margin=margin)
        assert (asked.alike, asked.n_rows) == (False, N)


def test_being_alike_is_sure_to_a_tenth_of_what_a_look_may_spend() -> None:
    """Bounds of three strategies share it by two: the best may differ from either of the others."""

    rng = np.random.default_rng(2)
    base = rng.random(N) * 0.5
    noise = rng.normal(0, 0.01, N)
    noise[10:20] = -noise[:10]
    d = noise[:20]
    level = 0.05 * 0.1 * EARLY
    half = float(scipy_stats.t.ppf(1 - level, 19) * d.std(ddof=1)) / 20**0.5
    for factor, alike in ((1.001, True), (0.999, False)):
        assert judged(scores(base, base + noise), 20, margin=factor * half).alike is alike
    widest = float(scipy_stats.t.ppf(1 - level / 2, 19) / scipy_stats.t.ppf(1 - level, 19)) * half
    # The third lies half of it from either: the outer two decide.
    for factor, alike in ((1.001, True), (0.999, False)):
        found = scores(base, base + noise / 2, base + noise)
        assert judged(found, 20, margin=factor * widest).alike is alike


def test_those_that_were_dropped_need_not_be_alike() -> None:
    rng = np.random.default_rng(3)
    base = 0.5 + rng.random(N) * 0.4
    near = base + rng.normal(0, 0.002, N)
    found = judged(scores(base, np.zeros(N), near), N)
    assert (found.dropped, found.alike, found.best, found.n_rows) == ({"b": 20}, True, None, 20)


def test_one_strategy_alone_has_all_rows_to_answer() -> None:
    alone = scores([1.0] * N)
    for n_done, next_rows in ((0, N), (40, N), (N, N)):
        found = judged(alone, n_done)
        assert (found.n_rows, found.next_rows, found.best, found.pairs) == (0, next_rows, None, ())


def test_missing_rows_may_make_a_circle_and_then_none_is_dropped() -> None:
    """Each two share 40 rows of their own: ``a`` is above ``b``, ``b`` above ``c``, ``c`` above ``a``."""
    groups = [ORDER[k:120:3] for k in range(3)]

    def of(better: int, worse: int) -> Scores:
        return Scores.from_rows(dict.fromkeys(groups[better], 1.0) | dict.fromkeys(groups[worse], 0.0))

    found = judged({"a": of(0, 2), "b": of(1, 0), "c": of(2, 1)}, 120)
    assert [p.verdict for p in found.pairs] == ["worse", "better", "worse"]
    assert (found.dropped, found.best, found.next_rows) == ({}, None, 160)


def test_a_pair_without_rows_has_no_p_value_and_counts_in_the_correction() -> None:
    some = scores([0.0] * N, [1.0] * 8 + [0.0] * (N - 8))
    elsewhere = Scores.from_rows(dict.fromkeys(ORDER[300:], 1.0))
    found = judged({**some, "c": elsewhere}, 20)
    for baseline in "ab":
        without = pair(found, "c", baseline)
        assert (without.n, without.p_value, without.p_adjusted) == (0, None, None)
        assert (without.verdict, without.test) == ("undecided", "no shared rows")
    assert pair(found, "b", "a").p_adjusted == pytest.approx(min(1, 3 * mcnemar_exact(8, 0) / (0.9 * EARLY)))


def test_clusters_count_as_one_row_each() -> None:
    a, b = [0.0] * N, [1.0] * 20 + [0.0] * (N - 20)
    clusters = {i: str(int(i[1:]) // 4) for i in ORDER}
    assert judged(scores(a, b), 20).best == "b"
    found = judged(scores(a, b), 20, clusters=clusters)
    assert found.best is None
    assert found.pairs[0].p_value == pytest.approx(2 / 2**5 / (0.9 * EARLY))


def test_a_run_that_goes_on_decides_alike() -> None:
    rng = np.random.default_rng(4)
    found = scores(*(np.clip(0.5 + 0.05 * k + rng.normal(0, 0.2, N), 0, 1) for k in range(3)))
    assert judged(found, 160) == judged(found, 160)
    cut = {name: each.of_rows(ORDER[:160]) for name, each in found.items()}
    assert judged(cut, 160) == judged(found, 199) == judged(found, 160)
    other = judged(found, 160, seed=1)
    assert other != judged(found, 160)
    assert [p.low for p in other.pairs] == [p.low for p in judged(found, 160).pairs]


@pytest.mark.parametrize(("n_strategies", "n_flips"), [(2, "10,000"), (5, "15,555")])
def test_signs_are_as_many_as_the_first_rejection_needs(n_strategies: int, n_flips: str) -> None:
    rng = np.random.default_rng(5)
    found = judged(scores(*rng.random((n_strategies, N))), 40)
    assert {p.test for p in found.pairs} == {f"sign-flip permutation test ({n_flips} flips), at look 2 of 8"}


def test_two_equal_strategies_are_seldom_told_apart_whenever_it_is_looked() -> None:
    rng = np.random.default_rng(6)
    n_wrong = 0
    for _ in range(100):
        both = (rng.random((2, N)) < 0.5).astype(float)
        found = judged(scores(*both), N, margin=None)
        n_wrong += found.best is not None
    assert n_wrong <= 9  # 100 at 4.5 %, and two standard deviations


def test_a_decision_is_told_by_its_fields() -> None:
    found = judged(scores([1.0] * N, [0.0] * N), 0)
    assert not found.decided
    assert dataclasses.replace(found, alike=True).decided
    assert dataclasses.replace(found, best="a").decided
