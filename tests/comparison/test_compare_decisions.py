"""A planted winner is found and a planted tie is called a tie, through the whole pipeline."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from planted import Right, Shots, Tuned, Words, chance, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit import stats
from adaptkit.comparison import Comparison, compare
from adaptkit.core.results import Pair

TASK = make_task(200)
SKILL = {"prompt": 0.55, "few-shot": 0.55, "lora": 0.8}


def winner(name: str, seed: int, row: int) -> bool:
    return chance(name, seed, row) < SKILL[name]


def tie(name: str, seed: int, row: int) -> bool:
    """Equal in truth, and different on a few rows by chance."""
    return (chance(row) < 0.6) != (chance(name, row) < 0.05)


def run(folder: Path, right: Right, task: ak.Task = TASK, seeds: int = 1) -> Comparison:
    strategies = [Words(), Shots(), Tuned()]
    return compare(strategies, task, model=planted_model(right), seeds=seeds, out=folder)


def pair_of(comparison: Comparison, strategy: str, baseline: str) -> Pair:
    return next(p for p in comparison.pairs if (p.strategy, p.baseline) == (strategy, baseline))


@pytest.fixture(scope="module")
def won(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return run(tmp_path_factory.mktemp("won"), winner)


def test_a_planted_winner_is_better_and_recommended(won: Comparison) -> None:
    prompt, shots, tuned = won.rows
    assert tuned.quality == sum(winner("lora", 0, i) for i in range(200)) / 200
    assert tuned.verdict == "better"
    assert (prompt.verdict, prompt.delta) == (None, None)
    assert shots.verdict == "undecided"
    (recommendation,) = won.recommend()
    assert (recommendation.verdict, recommendation.strategy) == ("recommend", "lora")
    assert recommendation.tied == ("lora",)


def test_a_planted_tie_is_undecided_and_the_cheapest_comes_first(tmp_path: Path) -> None:
    comparison = run(tmp_path, tie)
    assert {p.verdict for p in comparison.pairs} == {"undecided"}
    (recommendation,) = comparison.recommend()
    assert (recommendation.verdict, recommendation.strategy) == ("undecided", None)
    assert recommendation.for_now is not None
    assert recommendation.tied == ("prompt", "few-shot", "lora")


def test_p_values_are_adjusted_after_holm_over_the_tasks_pairs(won: Comparison) -> None:
    raw = [p.p_value for p in won.pairs]
    adjusted = [p.p_value_adjusted for p in won.pairs]
    assert adjusted == stats.holm(raw)
    assert all(a is not None and p is not None and a >= p for a, p in zip(adjusted, raw, strict=True))
    assert adjusted != raw
    assert won.rows[2].p_value_adjusted == pair_of(won, "lora", "prompt").p_value_adjusted


def test_pairs_are_of_the_same_example(won: Comparison) -> None:
    pair = pair_of(won, "lora", "prompt")
    gained = sum(winner("lora", 0, i) and not winner("prompt", 0, i) for i in range(200))
    lost = sum(winner("prompt", 0, i) and not winner("lora", 0, i) for i in range(200))
    assert (pair.n, pair.n_unpaired, pair.gained, pair.lost) == (200, 0, gained, lost)
    assert pair.p_value == stats.mcnemar_exact(gained, lost)
    assert pair.test.startswith("exact McNemar test")


def test_neither_the_order_of_rows_nor_of_strategies_matters(won: Comparison, tmp_path: Path) -> None:
    turned = compare(
        [Tuned(), Shots(), Words()],
        replace(TASK, test=TASK.test[::-1]),
        model=planted_model(winner),
        out=tmp_path,
    )
    ours = {r.strategy: (r.quality, r.quality_low, r.delta, r.p_value_adjusted) for r in won.rows}
    theirs = {r.strategy: (r.quality, r.quality_low, r.delta, r.p_value_adjusted) for r in turned.rows}
    assert theirs == ours
    assert {r.strategy: r.verdict for r in turned.rows} == {r.strategy: r.verdict for r in won.rows}
    assert turned.recommend()[0].strategy == "lora"


def test_seeds_are_averaged_by_example_before_anything_else(tmp_path: Path) -> None:
    def right(name: str, seed: int, row: int) -> bool:
        return row % 2 == 0 if name == "prompt" else (row + seed) % 3 > 0

    comparison = run(tmp_path, right, make_task(60), seeds=3)
    prompt, _, tuned = comparison.rows
    assert (prompt.n, prompt.seeds, tuned.n, tuned.seeds) == (60, 1, 60, 3)
    # Every row is right under two of the three seeds: as one row each they vary, as means they do not.
    assert tuned.quality == pytest.approx(2 / 3)
    assert comparison.result.manifest["interval_method"]["questions"] == (
        "prompt, few-shot: Wilson interval; lora: Wilson interval for the spread of 60 rows and 3 seeds"
    )
    pair = pair_of(comparison, "lora", "prompt")
    assert (pair.n, pair.gained, pair.lost) == (60, 30, 30)


def test_clusters_widen_intervals_and_stand_together_in_tests(tmp_path: Path) -> None:
    def right(name: str, seed: int, row: int) -> bool:
        return chance(name, row // 10) < 0.6

    apart = run(tmp_path / "apart", right)
    together = run(tmp_path / "together", right, make_task(200, rows_per_cluster=10))
    for a, b in zip(apart.rows, together.rows, strict=True):
        assert a.quality == b.quality
        assert b.quality_high is not None
        assert b.quality_low is not None
        assert a.quality_high is not None
        assert a.quality_low is not None
        assert b.quality_high - b.quality_low > 1.5 * (a.quality_high - a.quality_low)
    assert "20 clusters" in together.result.manifest["interval_method"]["questions"]
    assert all("over 20 clusters" in p.test for p in together.pairs)
    sharpest = min(apart.pairs, key=lambda p: p.p_value or 0)
    same = pair_of(together, sharpest.strategy, sharpest.baseline)
    assert (same.p_value or 0) > 10 * (sharpest.p_value or 0)


def test_a_metric_that_is_no_mean_of_rows_is_drawn_again_and_swapped(tmp_path: Path) -> None:
    rows = tuple(
        ak.Example(id=f"r{i}", input=f"row {i}", target="yes" if i < 15 else "no") for i in range(20)
    )
    task = ak.Task(
        name="votes",
        kind="classification",
        instruction="Vote.",
        metrics=("macro_f1", "accuracy"),
        train=(),
        test=rows,
        labels=("yes", "no"),
    )
    strategies = [ak.PromptEngineering(), ak.PromptEngineering(instruction_text="Say no.")]
    model = ak.FakeModel(lambda r: "no" if r.prompt.instruction == "Say no." else "yes")
    comparison = compare(strategies, task, model=model, out=tmp_path)
    row = comparison.rows[0]
    assert row.quality == pytest.approx((2 * 15 / 35) / 2)
    assert (row.quality_low or 1) < (row.quality or 0) < (row.quality_high or 0)
    assert row.metrics["accuracy"] == 0.75
    (pair,) = comparison.pairs
    assert pair.delta == pytest.approx((2 * 5 / 25 - 2 * 15 / 35) / 2)
    assert pair.test == "permutation test (10,000 swaps)"


def test_without_the_prompt_strategy_the_first_measured_one_is_the_baseline(tmp_path: Path) -> None:
    comparison = compare([Shots(), Tuned()], TASK, model=planted_model(winner), out=tmp_path)
    assert comparison.result.manifest["baseline"] == "few-shot"
    assert comparison.rows[0].delta is None
    assert comparison.rows[1].verdict == "better"


def test_a_baseline_that_stands_later_turns_its_pairs(tmp_path: Path) -> None:
    comparison = compare([Tuned(), Words()], TASK, model=planted_model(winner), out=tmp_path)
    (pair,) = comparison.pairs
    assert (pair.strategy, pair.verdict) == ("prompt", "worse")
    tuned = comparison.rows[0]
    assert tuned.verdict == "better"
    assert (tuned.delta, tuned.delta_low) == (-(pair.delta or 0), -(pair.delta_high or 0))


def test_requirements_are_held_against_a_folder_with_and_without_its_records(
    won: Comparison, tmp_path: Path
) -> None:
    found = won.recommend(ak.Requirements(requests_per_month=1000.0))
    assert found[0].strategy == "lora"
    assert found[0].p_best is not None
    assert found[0].p_best > 0.9
    assert found[0].hypotheses[0].first
    (out,) = won.recommend(ak.Requirements(may_enter_weights=False))
    assert "lora" in {e.strategy for e in out.excluded}
    kept = shutil.copytree(won.folder, tmp_path / "kept")
    (kept / "records.jsonl").unlink()
    (without,) = ak.load_comparison(kept).recommend(ak.Requirements())
    assert (without.strategy, without.p_best) == ("lora", None)
    assert "there are no records" in without.cautions[0]


def test_another_metric_may_be_required(won: Comparison) -> None:
    (first, *_) = won.result.manifest["tasks"][0]["metrics"]
    assert won.recommend(ak.Requirements(metric=first))[0].strategy == "lora"
    with pytest.raises(ak.errors.UnknownNameError, match="rouge_l"):
        won.recommend(ak.Requirements(metric="rouge_l"))
