"""Recommendations on invented rows and pairs."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from adaptkit.core.results import Pair, Row, TaskRecommendation, Verdict
from adaptkit.decision import recommend, verdict
from adaptkit.stats import holm, mean_estimate, paired_difference


def row(
    strategy: str, quality: float | None, *, n: int = 60, n_errors: int = 0, usd: float | None = None
) -> Row:
    low, high = (None, None) if quality is None else (max(0, quality - 0.08), min(1, quality + 0.08))
    return Row(
        task="intents", strategy=strategy, model="smollm2-135m", n=n, n_errors=n_errors, metric="accuracy",
        quality=quality, quality_low=low, quality_high=high, usd_per_1k_requests=usd,
    )  # fmt: skip


def pair(strategy: str, baseline: str, delta: float, word: Verdict) -> Pair:
    return Pair(
        task="intents", strategy=strategy, baseline=baseline, n=60, n_unpaired=0, delta=delta,
        delta_low=delta - 0.13, delta_high=delta + 0.13, gained=max(0, round(60 * delta)) + 3,
        lost=max(0, -round(60 * delta)) + 3, p_value=0.0001 if word in ("better", "worse") else 0.4,
        p_value_adjusted=0.0002 if word in ("better", "worse") else 0.8,
        test="exact McNemar test", verdict=word,
    )  # fmt: skip


def one(rows: list[Row], pairs: list[Pair]) -> TaskRecommendation:
    (found,) = recommend(rows, pairs)
    return found


def test_one_that_beats_all_is_recommended_with_its_figures() -> None:
    rows = [row("prompt", 0.52), row("few-shot", 0.93), row("lora", 0.7)]
    pairs = [
        pair("few-shot", "prompt", 0.41, "better"),
        pair("lora", "few-shot", -0.23, "worse"),
        pair("lora", "prompt", 0.18, "undecided"),
    ]
    found = one(rows, pairs)
    assert (found.verdict, found.strategy, found.tied) == ("recommend", "few-shot", ("few-shot",))
    assert found.reason.startswith(
        "few-shot 93 % [85, 100] beats lora by +23 points [10, 36], p < .001 "
        "and prompt by +41 points [28, 54], p < .001 on 60 rows."
    )
    assert "This holds for smollm2-135m" in found.reason


def test_of_the_tied_the_most_reversible_is_taken() -> None:
    rows = [row("prompt", 0.5), row("few-shot", 0.88), row("lora", 0.93)]
    pairs = [
        pair("few-shot", "prompt", 0.38, "better"),
        pair("lora", "prompt", 0.43, "better"),
        pair("lora", "few-shot", 0.05, "undecided"),
    ]
    found = one(rows, pairs)
    assert (found.verdict, found.strategy, found.tied) == ("tied", "few-shot", ("few-shot", "lora"))
    assert "few-shot and lora cannot be told apart on 60 rows" in found.reason
    assert "lora differs from it by +5 points [\N{MINUS SIGN}8, 18], p = .800" in found.reason
    assert "rows would show it" in found.reason


def test_large_lead_without_a_significant_test_decides_nothing() -> None:
    """Neither a tie, which would take what may be far worse, nor a win, which the test does not bear out."""
    rows = [row("prompt", 0.0), row("rag", 0.23), row("lora", 0.03)]
    pairs = [
        pair("rag", "prompt", 0.23, "undecided"),
        pair("lora", "rag", -0.2, "undecided"),
        pair("lora", "prompt", 0.03, "undecided"),
    ]
    found = one(rows, pairs)
    assert (found.verdict, found.strategy, found.tied) == ("undecided", None, ())
    assert found.reason.startswith(
        "rag 23 % [15, 31] leads, but 60 rows do not settle that it beats prompt 0 % [0, 8], "
        "which is cheaper to keep: +23 points [10, 36], p = .800."
    )
    # What is dearer and looks worse needs no decision: the leader is the cheaper one.
    assert one(rows[1:], pairs[1:2]).strategy == "rag"


def test_equivalent_within_a_margin_is_tied() -> None:
    rows = [row("prompt", 0.9), row("lora", 0.91)]
    assert one(rows, [pair("lora", "prompt", 0.01, "equivalent")]).strategy == "prompt"


def test_the_tie_is_with_the_best_not_with_the_neighbour() -> None:
    """lora is tied with full-sft and prompt with lora, but prompt is worse than full-sft: it is out."""
    rows = [row("prompt", 0.6), row("lora", 0.7), row("full-sft", 0.8)]
    pairs = [
        pair("lora", "prompt", 0.1, "undecided"),
        pair("full-sft", "lora", 0.1, "undecided"),
        pair("full-sft", "prompt", 0.2, "better"),
    ]
    found = one(rows, pairs)
    assert (found.strategy, found.tied) == ("lora", ("lora", "full-sft"))


_ORDER = ["prompt", "few-shot", "rag(k=3)", "lora", "lora+rag", "full-sft"]


@pytest.mark.parametrize("names", list(permutations(_ORDER, 2)))
def test_the_order_of_preference(names: tuple[str, str]) -> None:
    found = one([row(name, 0.5) for name in names], [])
    assert found.strategy == min(names, key=_ORDER.index)
    assert found.verdict == "tied"


def test_unknown_names_come_last_and_then_by_cost() -> None:
    rows = [row("mystery", 0.5), row("cheap", 0.5, usd=0.1), row("dear", 0.5, usd=3.0)]
    assert one(rows, []).tied == ("cheap", "dear", "mystery")
    assert one([*rows, row("full-sft", 0.5, usd=9.0)], []).strategy == "full-sft"


def test_what_did_not_run_is_named() -> None:
    rows = [
        row("prompt", 0.5),
        row("few-shot", 0.5),
        replace(row("lora", None), status="failed", reason="TrainingError: diverged"),
        replace(row("rag", None), status="skipped", reason="the task has no documents"),
    ]
    found = one(rows, [])
    assert "lora failed; rag was skipped." in found.reason
    assert found.tied == ("prompt", "few-shot")


def test_error_rates_that_differ_forbid_a_ranking() -> None:
    rows = [row("prompt", 0.4, n_errors=1), row("few-shot", 0.9, n_errors=5)]
    pairs = [pair("few-shot", "prompt", 0.5, "better")]
    found = one(rows, pairs)
    assert (found.verdict, found.strategy) == ("undecided", None)
    assert "few-shot failed on 8 % of its rows, prompt on 2 %" in found.reason
    few = [row("prompt", 0.4, n_errors=2), row("few-shot", 0.9, n_errors=5)]  # exactly 5 points
    assert one(few, pairs).verdict == "recommend"


def test_nothing_right_nothing_run_and_nothing_to_compare() -> None:
    zero = one([row("prompt", 0.0), row("rag", 0.0)], [])
    assert (zero.verdict, zero.strategy) == ("undecided", None)
    assert "anything right" in zero.reason
    none = one([replace(row("prompt", None), status="failed", reason="out of memory")], [])
    assert none.verdict == "undecided"
    assert none.reason == "No strategy was measured. prompt failed (out of memory)."
    alone = one([row("prompt", 0.7)], [])
    assert (alone.verdict, alone.strategy) == ("undecided", None)
    assert "Only prompt was measured (70 %" in alone.reason
    assert recommend([], []) == ()


def test_tasks_are_judged_apart_in_their_order() -> None:
    rows = [row("prompt", 0.5), replace(row("prompt", 0.0), task="b"), row("lora", 0.9)]
    found = recommend(rows, [pair("lora", "prompt", 0.4, "better")])
    assert [(r.task, r.strategy) for r in found] == [("intents", "lora"), ("b", None)]


def test_the_order_of_rows_changes_nothing() -> None:
    rows = [row("prompt", 0.5), row("few-shot", 0.88), row("lora", 0.93), row("rag", 0.93)]
    pairs = [pair("lora", "prompt", 0.43, "better"), pair("prompt", "rag", -0.43, "worse")]
    assert len({one(list(order), pairs) for order in permutations(rows)}) == 1


def _simulate(rates: dict[str, float], rng: np.random.Generator, n: int) -> TaskRecommendation:
    """Draw right and wrong rows at these rates and go the whole way from scores to a recommendation."""
    difficulty = rng.random(n)
    scores = {
        s: {str(i): float(x) for i, x in enumerate(0.5 * difficulty + 0.5 * rng.random(n) < rate)}
        for s, rate in rates.items()
    }
    rows = []
    for s, values in scores.items():
        e = mean_estimate(list(values.values()), rng=rng)
        rows.append(replace(row(s, e.value, n=n), quality_low=e.low, quality_high=e.high))
    names = [(b, a) for i, a in enumerate(rates) for b in list(rates)[i + 1 :]]
    diffs = [paired_difference(scores[b], scores[a], rng=rng) for b, a in names]
    adjusted = holm([d.p_value for d in diffs])
    pairs = [
        Pair(
            task="intents", strategy=b, baseline=a, n=d.n, n_unpaired=0, delta=d.delta, delta_low=d.low,
            delta_high=d.high, gained=d.gained, lost=d.lost, p_value=d.p_value, p_value_adjusted=p,
            test=d.test, verdict=verdict(d.low, d.high, p),
        )
        for (b, a), d, p in zip(names, diffs, adjusted, strict=True)
    ]  # fmt: skip
    return one(rows, pairs)


def test_a_planted_tie_is_called_a_tie() -> None:
    rng = np.random.default_rng(1)
    equal = {"prompt": 0.6, "few-shot": 0.6, "rag": 0.6, "lora": 0.6}
    found = [_simulate(equal, rng, 80) for _ in range(60)]
    assert sum(f.verdict == "tied" and f.strategy == "prompt" for f in found) >= 55


def test_a_planted_winner_is_found() -> None:
    rng = np.random.default_rng(2)
    rates = {"prompt": 0.45, "few-shot": 0.75, "lora": 0.5}
    found = [_simulate(rates, rng, 200) for _ in range(30)]
    assert sum(f.verdict == "recommend" and f.strategy == "few-shot" for f in found) >= 28


def test_controls_are_never_recommended() -> None:
    oracle = replace(row("rag:passages=oracle", 0.99), fit_notes={"control": "given passages"})
    rows = [row("prompt", 0.52), row("rag", 0.7), oracle]
    pairs = [
        pair("rag", "prompt", 0.18, "better"),
        pair("rag:passages=oracle", "prompt", 0.47, "better"),
        pair("rag:passages=oracle", "rag", 0.29, "better"),
    ]
    found = one(rows, pairs)
    assert (found.verdict, found.strategy) == ("recommend", "rag")
    assert "oracle" not in found.reason
