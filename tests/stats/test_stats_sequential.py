"""Deciding before the last row: looks, what is dropped, that a resumed run decides alike, and error rates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptkit.core.errors import ConfigError
from adaptkit.stats import RunSoFar, Scores, StoppingRule, looks_for, mcnemar_exact, paired_difference

Floats = np.ndarray[Any, np.dtype[np.float64]]
IDS = tuple(f"r{i:04d}" for i in range(2000))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def alike(shares: tuple[float, ...], n: int, generator: np.random.Generator) -> Floats:
    base, own = generator.random((n, 1)), generator.random((n, len(shares)))
    return (np.where(generator.random((n, len(shares))) < 0.5, base, own) < shares).astype(np.float64)


def named(values: Floats, names: str = "abcdef", *, seeds_vary: bool = False) -> dict[str, Scores]:
    table = values if values.ndim == 3 else values[:, :, None]
    ids = IDS[: len(table)]
    return {names[k]: Scores(ids, table[:, k], seeds_vary) for k in range(table.shape[1])}


def rule_for(n: int, **settings: Any) -> StoppingRule:
    return StoppingRule(order=IDS[:n], **settings)


@given(st.integers(1, 5000))
def test_looks_rise_to_the_last_row_and_share_what_there_is(n: int) -> None:
    looks = looks_for(n)
    rows = [look.n_rows for look in looks]
    assert rows == sorted(set(rows))
    assert rows[-1] == n
    assert sum(look.share for look in looks) == pytest.approx(1)
    assert all(r >= 20 for r in rows[:-1])
    if len(looks) > 1:
        assert looks[-1].share == 0.5


def test_looks_of_some_runs() -> None:
    assert [look.n_rows for look in looks_for(400)] == [25, 50, 100, 150, 200, 250, 300, 400]
    assert [look.n_rows for look in looks_for(100)] == [25, 38, 50, 63, 75, 100]
    assert [look.n_rows for look in looks_for(20)] == [20]
    with pytest.raises(ConfigError, match="n_planned"):
        looks_for(0)


def test_nothing_is_known_before_the_first_look() -> None:
    found = rule_for(400).judge(named(alike((0.9, 0.1), 24, rng())), 24)
    assert found == RunSoFar(n_rows=0, next_rows=25, dropped={}, best=None, alike=False, pairs=())
    assert not found.decided


def test_a_clear_winner_is_found_early_and_the_others_are_dropped() -> None:
    values = alike((0.9, 0.4, 0.3), 400, rng(1))
    found = rule_for(400).judge(named(values), 400)
    assert found.best == "a"
    assert found.decided
    assert set(found.dropped) == {"b", "c"}
    assert found.n_rows <= 100
    assert found.next_rows is None
    assert [(p.strategy, p.baseline) for p in found.pairs] == [("b", "a"), ("c", "a"), ("c", "b")]
    assert [p.verdict for p in found.pairs[:2]] == ["worse", "worse"]


def test_a_run_that_goes_on_drops_one_and_keeps_the_rest() -> None:
    values = alike((0.7, 0.7, 0.2), 60, rng(2))
    rule = rule_for(400)
    found = rule.judge(named(values), 60)
    assert set(found.dropped) == {"c"}
    assert (found.best, found.decided) == (None, False)
    assert (found.n_rows, found.next_rows) == (50, 100)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.integers(0, 400))
def test_a_resumed_run_decides_alike(seed: int, graded: bool, stop: int) -> None:
    """Judged after every look as the run goes, or once from all scores that it left."""
    generator = rng(seed)
    values = alike((0.75, 0.7, 0.55, 0.45), 400, generator)
    if graded:
        values = 0.25 + values / 2 + generator.uniform(-0.2, 0.2, values.shape)
    scores, rule = named(values), rule_for(400)
    have = dict.fromkeys(scores, 0)
    found = rule.judge({}, 0)
    for look in looks_for(400):
        if look.n_rows > stop:
            break
        for name in scores:
            if name not in found.dropped:
                have[name] = look.n_rows
        found = rule.judge({name: s.of_rows(IDS[: have[name]]) for name, s in scores.items()}, look.n_rows)
        if found.next_rows is None:
            break
    resumed = rule.judge(scores, stop)
    if found.n_rows:
        assert resumed == found
    assert resumed.n_rows <= stop


def test_the_order_of_strategies_changes_no_decision() -> None:
    values = 0.25 + alike((0.75, 0.7, 0.55), 400, rng(3)) / 2 + rng(4).uniform(-0.2, 0.2, (400, 3))
    scores = named(values)
    one, two = (rule_for(400).judge({n: scores[n] for n in order}, 400) for order in ("abc", "cab"))
    assert (one.dropped, one.best, one.n_rows) == (two.dropped, two.best, two.n_rows)
    assert {p.p_adjusted for p in one.pairs} == {p.p_adjusted for p in two.pairs}


def test_p_values_and_intervals_pay_for_the_looks() -> None:
    """At the only look so far, with the share s: p / (0.9 s), and an interval at 1 - 0.05 s."""
    values = alike((0.7, 0.5), 25, rng(5))
    (pair,) = rule_for(400).judge(named(values), 25).pairs
    share = 0.5 / 7
    assert pair.p_value == pytest.approx(min(1.0, mcnemar_exact(pair.gained, pair.lost) / (0.9 * share)))
    alone = paired_difference(named(values)["b"], named(values)["a"], rng=rng())
    assert alone.low is not None
    assert pair.low is not None
    assert pair.low < alone.low
    assert pair.test == "exact McNemar test, at look 1 of 8"


def test_evidence_of_an_earlier_look_is_kept() -> None:
    """Strong after 200 rows, gone after 400: the smaller p-value stands, the interval is the later one."""
    values = np.zeros((400, 2))
    values[:200:10, 0] = 1.0
    values[5:200:40, 1] = 1.0
    values[200:230, 1] = 1.0
    scores = named(values)
    rule = rule_for(400)
    half, whole = rule.judge(scores, 200).pairs[0], rule.judge(scores, 400).pairs[0]
    assert half.p_value is not None
    assert whole.p_value is not None
    assert whole.p_value <= half.p_value
    assert whole.p_value < mcnemar_exact(whole.gained, whole.lost) / 0.45
    assert (half.n, whole.n) == (200, 400)


def test_holm_counts_all_pairs_whether_dropped_or_not() -> None:
    values = alike((0.8, 0.6, 0.2), 400, rng(6))
    found = rule_for(400).judge(named(values), 400)
    p = {frozenset((q.strategy, q.baseline)): q for q in found.pairs}
    assert len(p) == 3
    smallest = min(found.pairs, key=lambda q: q.p_value or 0.0)
    assert smallest.p_adjusted == pytest.approx(3 * (smallest.p_value or 0.0))


def test_strategies_within_the_margin_end_a_run() -> None:
    base = alike((0.7,), 2000, rng(7))
    values = np.column_stack([base, base])
    found = rule_for(2000).judge(named(values), 2000)
    assert found.alike
    assert found.decided
    assert found.best is None
    assert found.n_rows < 2000
    assert found.next_rows is None
    assert found.pairs[0].verdict == "equivalent"
    without = rule_for(2000, margin=None).judge(named(values), 2000)
    assert not without.decided
    assert without.n_rows == 2000


def test_a_worse_one_beside_two_that_are_alike() -> None:
    base = alike((0.7, 0.3), 2000, rng(8))
    found = rule_for(2000).judge(named(np.column_stack([base[:, 0], base[:, 0], base[:, 1]])), 2000)
    assert found.alike
    assert set(found.dropped) == {"c"}


def test_graded_scores_of_many_pairs_can_still_be_dropped_at_the_first_look() -> None:
    """Ten strategies: the first rejection needs p < 0.05 x 0.064 / 45, finer than 10,000 flips show."""
    quality = np.array([0.9, *[0.2] * 9])
    values = np.clip(quality + rng(9).normal(0, 0.1, (400, 10)), 0, 1)
    found = rule_for(400).judge(named(values, "abcdefghij"), 400)
    assert found.best == "a"
    assert found.n_rows == 25


def test_training_seeds_are_a_level_of_chance_here_too() -> None:
    """Seeds that differ by 20 points each way: no number of rows decides between two such strategies."""
    luck = np.array([[[-0.2, 0.0, 0.2], [-0.15, 0.05, 0.25]]])
    values = 0.5 + 0.2 * rng(10).random((400, 1, 1)) + luck
    lucky = rule_for(400).judge(named(values, seeds_vary=True), 400)
    assert not lucky.decided
    assert rule_for(400).judge(named(values), 400).best == "b"


def test_clusters_are_kept_together() -> None:
    """Every row of eight documents is won or lost as a whole: p counts documents."""
    document = np.arange(400) // 50
    wins = np.array([1, 1, 1, 1, 1, 1, 1, 0])[document]
    values = np.column_stack([wins, 1 - wins]).astype(np.float64)
    order = [IDS[i] for i in rng(11).permutation(400)]
    clusters = {IDS[i]: str(document[i]) for i in range(400)}
    alone = StoppingRule(order=order).judge(named(values), 400)
    together = StoppingRule(order=order, clusters=clusters).judge(named(values), 400)
    assert alone.best == "a"
    assert together.best is None
    assert "over 8 clusters" in together.pairs[0].test


def test_rows_that_a_metric_leaves_undefined_do_not_hold_up_a_run() -> None:
    values = alike((0.9, 0.3), 400, rng(12))
    scores = {name: s.of_rows(IDS[1:400:2]) for name, s in named(values).items()}
    found = rule_for(400).judge(scores, 400)
    assert found.best == "a"
    assert found.pairs[0].n < found.n_rows


def test_pairs_without_shared_rows_count_and_stay_undefined() -> None:
    scores = {"a": Scores.from_rows(dict.fromkeys(IDS[:400:2], 1.0))}
    scores["b"] = Scores.from_rows(dict.fromkeys(IDS[1:400:2], 0.0))
    found = rule_for(400).judge(scores, 400)
    assert (found.pairs[0].p_value, found.pairs[0].p_adjusted, found.best) == (None, None, None)
    assert found.pairs[0].test == "no shared rows"


def test_missing_rows_never_drop_all_strategies() -> None:
    """a beats b, b beats c and c beats a, each on rows of their own: nothing can be said."""
    scores = {}
    for k, name in enumerate("abc"):
        mine = {IDS[i]: 1.0 for i in range(400) if i % 3 == k}
        theirs = {IDS[i]: 0.0 for i in range(400) if i % 3 == (k + 2) % 3}
        scores[name] = Scores.from_rows(mine | theirs)
    found = rule_for(400).judge(scores, 400)
    assert {p.verdict for p in found.pairs} == {"better", "worse"}
    assert (found.dropped, found.best) == ({}, None)


def test_fewer_than_two_strategies_need_all_rows() -> None:
    one = named(alike((0.5,), 100, rng()))
    found = rule_for(100).judge(one, 50)
    assert (found.best, found.next_rows, found.dropped) == (None, 100, {})
    assert rule_for(100).judge({}, 0).next_rows == 100


def test_bad_parameters_are_refused() -> None:
    with pytest.raises(ConfigError, match="different ids"):
        StoppingRule(order=["a", "a"])
    for n_done in (-1, 101):
        with pytest.raises(ConfigError, match="0 to the 100 planned rows"):
            rule_for(100).judge({}, n_done)


def test_equal_strategies_are_seldom_told_apart_at_any_look() -> None:
    generator, false = rng(13), 0
    for _ in range(150):
        found = rule_for(320).judge(named(alike((0.6,) * 4, 320, generator)), 320)
        false += any(p.verdict in ("better", "worse") for p in found.pairs)
    assert false / 150 <= 0.05


def test_clear_cases_spare_rows() -> None:
    generator, used = rng(14), []
    for _ in range(20):
        found = rule_for(400).judge(named(alike((0.85, 0.6, 0.6, 0.5), 400, generator)), 400)
        assert found.best == "a"
        used.append(sum(found.dropped.get(name, found.n_rows) for name in "abcd") / 1600)
    assert np.mean(used) < 0.6
