"""Recommendations on invented rows and pairs."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from measurements import MARGIN, pair, pairs_of, row

from adaptkit.core.results import Pair, Row, TaskRecommendation
from adaptkit.decision import recommend
from adaptkit.stats import Scores, compare_all, mean_estimate


def of(quality: dict[str, float], *, half: float = 0.13, n: int = 60) -> TaskRecommendation:
    return one([row(s, q, n=n) for s, q in quality.items()], pairs_of(quality, half=half, n=n))


def one(rows: list[Row], pairs: list[Pair]) -> TaskRecommendation:
    (found,) = recommend(rows, pairs)
    return found


def test_one_that_beats_all_is_recommended_with_its_figures() -> None:
    found = of({"prompt": 0.52, "few-shot": 0.93, "lora": 0.7})
    assert (found.verdict, found.strategy, found.tied) == ("recommend", "few-shot", ("few-shot",))
    assert (found.for_now, found.rows_needed) == (None, None)
    assert found.reason.startswith(
        "few-shot 93 % [85, 100] beats lora by +23 points [10, 36], p < .001 "
        "and prompt by +41 points [28, 54], p < .001 on 60 rows."
    )
    assert "This holds for smollm2-135m" in found.reason


def test_a_lead_that_rows_do_not_show_decides_nothing_and_says_how_many_would() -> None:
    found = of({"prompt": 0.5, "few-shot": 0.88, "lora": 0.93})
    assert (found.verdict, found.strategy, found.for_now) == ("undecided", None, "lora")
    assert found.tied == ("few-shot", "lora")
    # (z.975 + z.80) of a half width of .13 is .186: 60 * (.186 / .05)^2.
    assert found.rows_needed == pytest.approx(829, abs=2)
    assert found.reason.startswith(
        "60 rows do not decide; lora differs from few-shot by +5 points [\N{MINUS SIGN}8, 18], p = .800, "
        "and differences show from 19 points up; about 830 rows would"
    )
    assert "run 3" in found.reason


def test_for_now_the_cheapest_that_looks_as_good_is_named() -> None:
    assert of({"prompt": 0.6, "few-shot": 0.61, "lora": 0.615}).for_now == "prompt"
    assert of({"prompt": 0.6, "few-shot": 0.63, "lora": 0.635}).for_now == "few-shot"


def test_equivalence_has_to_be_shown() -> None:
    """Within the margin, and not merely not told apart, the cheapest is taken."""
    quality = {"prompt": 0.9, "few-shot": 0.902, "lora": 0.9}
    shown = of(quality, half=0.015, n=2000)
    assert (shown.verdict, shown.strategy) == ("equivalent", "prompt")
    assert set(shown.tied) == {"prompt", "few-shot", "lora"}
    assert "at most 2 points worse than anything dearer" in shown.reason
    assert "(few-shot differs by +0.2 points" in shown.reason
    unknown = of(quality, half=0.1, n=60)
    assert (unknown.verdict, unknown.for_now) == ("undecided", "prompt")


def test_what_is_dearer_need_not_be_worse_to_be_left_alone() -> None:
    """lora may be 2 points better at most; prompt is enough, though no test tells the two apart."""
    found = of({"prompt": 0.8, "lora": 0.77}, half=0.04)
    assert (found.verdict, found.strategy) == ("equivalent", "prompt")


def test_a_cheaper_one_has_to_be_worse_before_a_dearer_one_is_taken() -> None:
    found = of({"prompt": 0.77, "lora": 0.8}, half=0.04)
    assert (found.verdict, found.strategy, found.for_now) == ("undecided", None, "lora")


def test_a_chain_of_ties_is_none() -> None:
    """lora is not told from full-sft nor from prompt, but prompt is worse than full-sft."""
    found = of({"prompt": 0.6, "lora": 0.7, "full-sft": 0.8})
    assert (found.verdict, found.tied) == ("undecided", ("lora", "full-sft"))


def test_twelve_rows_decide_nothing() -> None:
    found = of({"prompt": 0.0, "lora": 1.0}, n=12)
    assert (found.verdict, found.for_now, found.rows_needed) == ("undecided", "lora", 20)
    assert found.reason.startswith("12 rows decide nothing: label 20 or more")
    assert of({"prompt": 0.0, "lora": 1.0}, n=20).strategy == "lora"


def test_a_baseline_that_is_as_good_is_recommended_without_a_model() -> None:
    found = of({"tfidf": 0.9, "prompt": 0.5, "lora": 0.7})
    assert found.strategy == "tfidf"
    assert "no language model is needed" in found.reason


def test_of_two_baselines_the_worse_need_not_be_shown_to_be_worse() -> None:
    """What needs no model costs next to nothing: neither of two is the cheaper one to keep."""
    rows = [
        row("knn-vote", 0.947, usd_per_1k_requests=0.3),
        row("tfidf", 0.973, usd_per_1k_requests=0.01),
        row("lora", 0.5),
    ]
    pairs = pairs_of({"knn-vote": 0.947, "tfidf": 0.973, "lora": 0.5}, half=0.03)
    assert one(rows, pairs).strategy == "tfidf"


_ORDER = ["prompt", "few-shot", "rag:k=3", "lora", "lora+rag", "full-sft"]


@pytest.mark.parametrize("names", list(permutations(_ORDER, 2)))
def test_the_order_of_preference(names: tuple[str, str]) -> None:
    found = of(dict.fromkeys(names, 0.5), half=0.01)
    assert found.strategy == min(names, key=_ORDER.index)
    assert found.verdict == "equivalent"


def test_unknown_names_come_last_and_then_by_cost() -> None:
    rows = [
        row("mystery", 0.5),
        row("cheap", 0.5, usd_per_1k_requests=0.1),
        row("dear", 0.5, usd_per_1k_requests=3.0),
    ]
    assert one(rows, []).tied == ("cheap", "dear", "mystery")
    assert one([*rows, row("full-sft", 0.5, usd_per_1k_requests=9.0)], []).for_now == "full-sft"


def test_a_pair_that_is_missing_separates_nothing() -> None:
    rows = [row("prompt", 0.5), row("lora", 0.9)]
    found = one(rows, [])
    assert (found.verdict, found.for_now, found.rows_needed) == ("undecided", "lora", None)


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


def test_controls_are_not_taken() -> None:
    oracle = replace(row("rag:passages=oracle", 0.99), fit_notes={"control": "upper bound"})
    found = one([row("prompt", 0.5), row("rag", 0.9), oracle], pairs_of({"prompt": 0.5, "rag": 0.9}))
    assert found.strategy == "rag"


def test_error_rates_that_differ_forbid_a_ranking() -> None:
    rows = [row("prompt", 0.4, n_errors=1), row("few-shot", 0.9, n_errors=5)]
    pairs = [pair("few-shot", "prompt", 0.5)]
    found = one(rows, pairs)
    assert (found.verdict, found.strategy, found.for_now) == ("undecided", None, None)
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
    found = recommend(rows, [pair("lora", "prompt", 0.4)])
    assert [(r.task, r.strategy) for r in found] == [("intents", "lora"), ("b", None)]


def test_the_order_of_rows_changes_nothing() -> None:
    quality = {"prompt": 0.5, "few-shot": 0.88, "lora": 0.93, "rag": 0.93}
    rows, pairs = [row(s, q) for s, q in quality.items()], pairs_of(quality)
    assert len({one(list(order), pairs) for order in permutations(rows)}) == 1
    assert one(rows, [p.turned() for p in pairs]) == one(rows, pairs)


def _simulate(rates: dict[str, float], rng: np.random.Generator, n: int) -> TaskRecommendation:
    """Draw right and wrong rows at these rates and go the whole way from scores to a recommendation."""
    difficulty = rng.random(n)
    scores = {
        s: Scores.from_rows(
            {str(i): float(x) for i, x in enumerate(0.5 * difficulty + 0.5 * rng.random(n) < r)}
        )
        for s, r in rates.items()
    }
    rows = []
    for s, values in scores.items():
        e = mean_estimate(values, rng=rng)
        rows.append(replace(row(s, e.value, n=n), quality_low=e.low, quality_high=e.high))
    found = compare_all(scores, rng=rng, n_resamples=200)
    pairs = [
        Pair(
            task="intents", strategy=d.strategy, baseline=d.baseline, n=d.n, n_unpaired=0, delta=d.delta,
            delta_low=d.low, delta_high=d.high, gained=d.gained, lost=d.lost, p_value=d.p_value,
            p_value_adjusted=d.p_adjusted, test=d.test, verdict=d.verdict, margin=MARGIN,
            equivalence_low=d.equivalence_low, equivalence_high=d.equivalence_high,
            non_inferior=d.non_inferior,
        )
        for d in found.pairs
    ]  # fmt: skip
    return one(rows, pairs)


def test_of_planted_ties_hardly_any_has_a_winner() -> None:
    """In a tie of four the cheapest may be called enough; a dearer one taken is a false winner."""
    rng = np.random.default_rng(1)
    equal = {"prompt": 0.6, "few-shot": 0.6, "rag": 0.6, "lora": 0.6}
    found = [_simulate(equal, rng, 80) for _ in range(200)]
    assert sum(f.strategy not in (None, "prompt") for f in found) <= 6


def test_a_planted_winner_is_found() -> None:
    rng = np.random.default_rng(2)
    found = [_simulate({"prompt": 0.4, "few-shot": 0.5, "lora": 0.8}, rng, 100) for _ in range(50)]
    assert sum(f.strategy == "lora" for f in found) >= 45


def test_what_is_done_without_rows_or_failed_with_some_was_not_measured() -> None:
    rows = [row("prompt", 0.5), row("lora", 0.9)]
    for broken in (
        row("rag", 0.99, n=0),
        replace(row("rag", 0.99), status="failed", reason="halfway"),
        replace(row("rag", 0.99), status="skipped"),
    ):
        found = one([*rows, broken], pairs_of({"prompt": 0.5, "lora": 0.9}))
        assert found.strategy == "lora"
        assert "rag" not in found.tied
    single = one([row("prompt", 0.0, n=1), row("lora", 1.0, n=1)], [])
    assert (single.verdict, single.for_now) == ("undecided", "lora")
