"""More rows are asked for only where there are fewer; a sentence that asks for none says what is missing."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from measurements import MARGIN, pair, row

from adaptkit import stats
from adaptkit.comparison.decision_settings import DecisionSettings
from adaptkit.comparison.pairs import pair_of
from adaptkit.core.results import Pair
from adaptkit.decision import Evidence, Requirements, recommend_for
from adaptkit.stats import Scores, holm
from adaptkit.tasks import TaskFacts

NAMES = ("tfidf", "prompt", "few-shot", "rag", "lora", "full-sft")
TASK = TaskFacts(name="intents", kind="classification", metrics=("accuracy",))


def answered(rng: np.random.Generator, n_strategies: int, n: int) -> Evidence:
    """Strategies that got rows right or wrong at random, with the library's own intervals and tests."""
    quality = rng.uniform(0.3, 1, n_strategies)
    scores = {
        name: Scores.from_rows({f"r{i}": float(x) for i, x in enumerate(rng.random(n) < q)})
        for name, q in zip(NAMES, quality, strict=False)
    }
    found = stats.compare_all(scores, rng=rng, margin=MARGIN, n_resamples=200)
    estimates = {name: stats.mean_estimate(s, rng=rng) for name, s in scores.items()}
    rows = [
        replace(row(name, e.value, n=n), quality_low=e.low, quality_high=e.high)
        for name, e in estimates.items()
    ]
    pairs = [pair_of(TASK, p, DecisionSettings(margin=MARGIN), "") for p in found.pairs]
    return Evidence(task="intents", rows=tuple(rows), pairs=tuple(pairs))


@pytest.mark.parametrize("seed", range(25))
def test_rows_asked_for_are_more_than_there_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.choice([8, 20, 24, 60, 200]))
    evidence = answered(rng, int(rng.integers(2, 7)), n)
    for target in (None, *rng.uniform(0.2, 1, 8)):
        found = recommend_for(evidence, Requirements(target_quality=target))
        assert found.rows_needed is None or found.rows_needed > n, found.reason
        for asked in re.findall(r"about ([\d,]+) rows", found.reason):
            assert int(asked.replace(",", "")) > n, found.reason


def test_the_side_of_the_interval_on_which_the_target_lies_is_what_has_to_shrink() -> None:
    """Of 24 rows 22 right: the interval reaches 17 points down and 6 up."""
    high = replace(row("prompt", 0.92, n=24), quality_low=0.75, quality_high=0.98)
    evidence = Evidence(task="intents", rows=(high, row("lora", 0.3, n=24)), pairs=())
    found = recommend_for(evidence, Requirements(target_quality=0.8))
    assert found.rows_needed == 49  # 17 points have to shrink to 12
    assert "about 49 rows would" in found.reason


def test_rows_are_counted_at_the_level_that_several_pairs_leave() -> None:
    """Of fifteen pairs one differs with p = .01: by itself enough, corrected for all of them it is not."""
    pairs = _corrected(p=0.01, n_pairs=15)
    rows = (row("prompt", 0.6, n=100), row("lora", 0.73, n=100))
    found = recommend_for(Evidence(task="intents", rows=rows, pairs=pairs), Requirements())
    assert found.verdict == "undecided"
    assert found.rows_needed is not None
    assert found.rows_needed > 150


def _corrected(p: float, n_pairs: int) -> tuple[Pair, ...]:
    bare = pair("lora", "prompt", 0.13, half=0.1, n=100)
    (corrected, *_) = holm([p] + [1.0] * (n_pairs - 1))
    return (replace(bare, p_value=p, p_value_adjusted=corrected, verdict="undecided", non_inferior=False),)


@pytest.mark.parametrize("missing", ["pair", "interval"])
def test_without_an_interval_no_number_of_rows_is_called_out_of_reach(missing: str) -> None:
    rows = (row("prompt", 0.6), row("lora", 0.7))
    bare = replace(pair("lora", "prompt", 0.1), delta_low=None, delta_high=None, equivalence_low=None,
                   non_inferior=None, verdict="undecided")  # fmt: skip
    pairs = () if missing == "pair" else (bare,)
    found = recommend_for(Evidence(task="intents", rows=rows, pairs=pairs), Requirements())
    assert "within reach" not in found.reason
    assert "how many rows would is not known: a difference that matters has no interval" in found.reason


def test_a_quality_without_an_interval_leaves_the_number_for_a_target_unknown() -> None:
    bare = replace(row("prompt", 0.9), quality_low=None, quality_high=None)
    evidence = Evidence(task="intents", rows=(bare, row("lora", 0.2)), pairs=())
    found = recommend_for(evidence, Requirements(target_quality=0.5))
    assert "how many rows would is not known: the quality of prompt has no interval" in found.reason


def test_what_is_taken_meanwhile_for_a_target_is_said_to_reach_it_and_not_to_be_near_the_best() -> None:
    """prompt looks good enough and lies 5 points below the best."""
    rows = tuple(row(name, q, n=24) for name, q in {"prompt": 0.7, "few-shot": 0.72, "lora": 0.75}.items())
    found = recommend_for(Evidence(task="intents", rows=rows, pairs=()), Requirements(target_quality=0.68))
    assert found.for_now == "prompt"
    assert "points worse than" not in found.reason
    assert "it looks as if it reaches 68.0 %, and is the cheapest that does" in found.reason
    far = recommend_for(Evidence(task="intents", rows=rows, pairs=()), Requirements(target_quality=0.8))
    assert "it looks nearest to 80.0 %" in far.reason
