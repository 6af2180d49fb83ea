"""The benchmark of decisions: its samples, its ties and its measures."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from measurements import row

from adaptkit.core.codec import to_json
from adaptkit.decision import Requirements
from benchmarks.decision.judged import Price, false_winners, regrets, reliability_error
from benchmarks.decision.methods import METHODS
from benchmarks.decision.samples import draw, tied, variant
from benchmarks.decision.scored import ScoredTask, load

RATES = {"prompt": 0.5, "few-shot": 0.9, "lora": 0.7}


def scored(rates: dict[str, float], *, n: int = 300, clusters: int = 0) -> ScoredTask:
    rng = np.random.default_rng(0)
    ids = tuple(f"r{i}" for i in range(n))
    return ScoredTask(
        name="planted",
        kind="classification",
        n_train=900,
        n_documents=0,
        n_classes=7,
        model_parameters=135_000_000,
        ids=ids,
        clusters={i: f"c{k % clusters}" for k, i in enumerate(ids)} if clusters else {},
        rows=tuple(
            row(s, r, usd_per_1k_requests=usd)
            for (s, r), usd in zip(rates.items(), (1, 5, 2, 3, 4), strict=False)
        ),
        scores=np.column_stack([(rng.random(n) < r).astype(float) for r in rates.values()]),
    )


def test_what_is_far_ahead_is_chosen_by_all_that_look() -> None:
    found = regrets(scored(RATES), Price(share=0), n_rows=50, n_draws=10, rng=np.random.default_rng(1))
    lost = found["regret"]
    assert lost["adaptkit"] == lost["highest mean"] == 0
    # The rules advise lora, whatever the rows say.
    assert lost["rules alone"] == pytest.approx(0.2, abs=0.06)
    assert found["undecided"] <= 0.1


def test_cost_counts_in_the_regret_and_in_the_choice() -> None:
    """The dearest request costs half of what a right answer is worth: the best answers do not pay."""
    task, price = scored(RATES), Price(share=0.5)
    assert price.worth(task) == pytest.approx(0.01)
    truth = price.truth(task)
    assert max(truth, key=lambda s: truth[s]) == "lora"
    found = regrets(task, price, n_rows=100, n_draws=10, rng=np.random.default_rng(1))
    assert found["regret"]["adaptkit"] < found["regret"]["highest mean"]


def test_a_sample_is_of_the_rows_and_of_whole_clusters() -> None:
    rng = np.random.default_rng(2)
    task = scored(RATES)
    sample = draw(task, 50, rng)
    assert sample.scores.shape == (50, 3)
    assert {r.n for r in sample.evidence.rows} == {50}
    assert sample.evidence.rows[1].quality == pytest.approx(sample.scores[:, 1].mean())
    clustered = draw(scored(RATES, clusters=100), 50, rng)
    assert len(clustered.scores) == 51  # 17 clusters of three


def test_a_planted_tie_keeps_each_row_and_levels_the_strategies() -> None:
    rng = np.random.default_rng(3)
    task = scored({"prompt": 0.2, "few-shot": 0.9})
    drawn = [tied(task, 300, 2, rng).scores for _ in range(20)]
    means = np.mean([s.mean(axis=0) for s in drawn], axis=0)
    assert means[0] == pytest.approx(means[1], abs=0.02)
    assert means.mean() == pytest.approx(task.scores.mean(), abs=0.02)


def test_ties_have_hardly_any_winner() -> None:
    task = scored({**RATES, "rag": 0.6, "full-sft": 0.8})
    found = false_winners(task, n_rows=50, n_draws=40, rng=np.random.default_rng(4))
    assert found["false_winners"].keys() == {"2", "5"}
    assert max(found["false_winners"].values()) <= 0.1


def test_the_reliability_error_is_the_distance_of_what_was_said() -> None:
    assert reliability_error([(0.8, 1.0)] * 4 + [(0.8, 0.0)]) == pytest.approx(0.0)
    assert reliability_error([(0.9, 0.5)] * 10) == pytest.approx(0.4)
    assert reliability_error([(0.05, 0.0)] * 5 + [(0.95, 0.0)] * 5) == pytest.approx(0.5)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_names_a_strategy_of_the_sample(name: str) -> None:
    sample = draw(scored(RATES), 50, np.random.default_rng(5))
    assert METHODS[name](sample, Requirements()) in RATES


def test_kept_scores_are_read_again(tmp_path: Path) -> None:
    task = scored(RATES, n=4)
    data = {
        **{name: getattr(task, name) for name in ("name", "kind", "n_train", "n_documents", "n_classes")},
        "model_parameters": task.model_parameters,
        "ids": task.ids,
        "clusters": {},
        "rows": to_json(task.rows),
        "scores": task.scores.tolist(),
    }
    (tmp_path / "planted.json").write_text(json.dumps(data), encoding="utf-8")
    (again,) = load(tmp_path)
    assert (again.name, again.ids, again.rows) == (task.name, task.ids, task.rows)
    assert np.array_equal(again.scores, task.scores)


def test_a_variant_has_a_truth_of_its_own_and_the_clusters_of_its_rows() -> None:
    rng = np.random.default_rng(6)
    task = scored({**RATES, "rag": 0.6, "full-sft": 0.8}, clusters=100)
    found = [variant(task, rng) for _ in range(10)]
    assert {len(v.rows) for v in found} > {4}
    for v in found:
        assert v.scores.shape == (len(v.ids), len(v.rows))
        assert set(v.clusters) == set(v.ids)
        assert len(v.ids) == 300
        # Clusters are of three rows still, though one may be drawn twice.
        assert set(Counter(v.clusters.values()).values()) == {3}
    assert len({v.scores[:, 0].mean() for v in found}) > 5
