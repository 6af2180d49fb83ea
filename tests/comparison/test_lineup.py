"""Who takes part: strategies tuned with one budget, and baselines where the task lets them."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted import Shots, Words
from tiny import classification_task

import adaptkit as ak
from adaptkit.comparison.select_strategies import lineup
from adaptkit.core.errors import ConfigError
from adaptkit.strategies.baselines import NearestVote, TfidfClassifier, TopPassage

pytestmark = pytest.mark.usefixtures("hash_embedder")
TASK = classification_task()


@pytest.fixture
def all_baselines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "adaptkit.comparison.select_strategies.automatic",
        lambda: [NearestVote(), TfidfClassifier(), TopPassage()],
    )


@pytest.mark.usefixtures("all_baselines")
def test_baselines_take_part_where_the_task_lets_them(tmp_path: Path) -> None:
    model = ak.FakeModel({e.input: e.target for e in TASK.test})
    comparison = ak.compare([Words()], TASK, model=model, out=tmp_path)
    labels = [r.strategy for r in comparison.rows]
    expected = [b.name for b in (NearestVote(), TfidfClassifier(), TopPassage()) if not b.refusal(TASK)]
    assert expected
    assert labels == [*expected, "prompt"]
    vote = comparison.rows[0]
    assert (vote.tokens_in, vote.tokens_out, vote.n) == (0, 0, len(TASK.test))
    assert vote.p50_latency_s is not None
    # Deltas refer to the prompt, not to what happens to come first.
    assert comparison.rows[-1].delta is None
    assert vote.delta is not None


@pytest.mark.usefixtures("all_baselines")
def test_baselines_can_be_left_out_and_one_that_is_given_is_not_added_again(tmp_path: Path) -> None:
    model = ak.FakeModel({})
    without = ak.compare([Words()], TASK, model=model, out=tmp_path / "a", baselines=False)
    assert [r.strategy for r in without.rows] == ["prompt"]
    given, added = lineup([Words(), NearestVote(k=1)], tune=False, baselines=True)
    assert [s.label for s in given] == ["prompt", "knn-vote"]
    assert "knn-vote" not in [s.label for s in added]


@pytest.mark.usefixtures("all_baselines")
def test_tuning_gives_every_strategy_the_same_budget() -> None:
    budget = ak.Budget(trials=3)
    mine = ak.Tuned(Shots(), n_rows=7)
    given, added = lineup([Words(), mine], tune=budget, baselines=True)
    assert given[1] is mine
    assert [s.budget for s in (given[0], *added) if isinstance(s, ak.Tuned)] == [budget] * 4
    with pytest.raises(ConfigError, match="'tune' parameter of compare must be True, False or a Budget"):
        lineup([Words()], tune=3, baselines=False)  # type: ignore[arg-type]
