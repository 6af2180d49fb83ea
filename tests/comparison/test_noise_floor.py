"""The baseline runs twice, and what changes between two identical runs is reported."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from planted import Shots, Words, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit.comparison import compare
from adaptkit.comparison.plan import baseline_of
from adaptkit.comparison.verify import verify_folder
from adaptkit.core.types import Request

TASK = make_task(10)


@pytest.fixture(autouse=True)
def twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptkit.comparison.plan.run_twice", baseline_of)


def test_a_model_that_repeats_itself_has_no_noise(tmp_path: Path) -> None:
    model = planted_model(lambda name, seed, row: row % 2 == 0)
    comparison = compare([Words(), Shots()], TASK, model=model, out=tmp_path)
    (noise,) = comparison.result.noise
    assert (noise.task, noise.strategy, noise.n) == ("questions", "prompt", 10)
    assert (noise.n_changed, noise.n_scores_changed, noise.delta) == (0, 0, 0.0)
    # The second run is no line of the table and no row of the first.
    assert [(r.strategy, r.n) for r in comparison.rows] == [("prompt", 10), ("few-shot", 10)]
    assert sum(r.repeat for r in comparison.records()) == 10
    assert verify_folder(tmp_path).ok


def test_what_changes_between_two_runs_is_counted(tmp_path: Path) -> None:
    asked: Counter[str] = Counter()
    rows = {e.input: (i, e.target) for i, e in enumerate(TASK.test)}

    def forgetful(request: Request) -> str:
        text = request.prompt.input
        asked[text] += 1
        i, target = rows.get(text, (0, "?"))
        return target if asked[text] == 1 or i % 4 else "no idea"

    comparison = compare([Words()], TASK, model=ak.FakeModel(forgetful), out=tmp_path)
    (noise,) = comparison.result.noise
    assert (noise.n_changed, noise.n_scores_changed) == (3, 3)
    assert noise.delta == pytest.approx(-0.3)
    assert comparison.rows[0].quality == 1.0


def test_it_can_be_left_out(tmp_path: Path) -> None:
    comparison = compare([Words()], TASK, model=ak.FakeModel({}), out=tmp_path, noise_floor=False)
    assert comparison.result.noise == ()
    assert len(comparison.records()) == 10


def test_without_a_prompt_the_first_strategy_runs_twice(tmp_path: Path) -> None:
    comparison = compare([Shots()], TASK, model=ak.FakeModel({}), out=tmp_path)
    assert [n.strategy for n in comparison.result.noise] == ["few-shot"]
