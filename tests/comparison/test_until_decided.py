"""Rows in rounds: clear losers drop out, a clear winner ends the run, and a killed run decides alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted import Shots, Tuned, Words, answered_inputs, chance, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit.comparison import Comparison, compare
from adaptkit.comparison.plan import baseline_of
from adaptkit.comparison.store import RunStore
from adaptkit.comparison.verify import verify_folder
from adaptkit.core.results import Record
from adaptkit.models.base import Model
from adaptkit.stats import looks_for

N = 320
TASK = make_task(N)


def good(name: str, seed: int, row: int) -> bool:
    share = {"prompt": 3, "few-shot": 4, "lora": 10}[name]
    return (row * 7 + 3) % 10 < share


def run(folder: Path, right: object = good, **options: object) -> Comparison:
    model = planted_model(right)  # type: ignore[arg-type]
    strategies = [Words(), Shots(), Tuned()]
    return compare(strategies, TASK, model=model, out=folder, until_decided=True, **options)  # type: ignore[arg-type]


def test_a_clear_winner_ends_the_run_early(tmp_path: Path) -> None:
    comparison = run(tmp_path)
    by_name = {r.strategy: r for r in comparison.rows}
    assert by_name["lora"].n < N / 2
    assert {r.n_planned for r in comparison.rows} == {N}
    assert {r.n for r in comparison.rows} <= {look.n_rows for look in looks_for(N)}
    for pair in comparison.pairs:
        if pair.strategy == "lora":
            assert pair.verdict == "better"
            assert "looked at before its end" in pair.test
    assert comparison.recommend()[0].strategy == "lora"
    assert len(comparison.records()) == sum(r.n for r in comparison.rows)
    assert verify_folder(tmp_path).differences == ()


def test_equal_strategies_are_asked_to_the_end(tmp_path: Path) -> None:
    comparison = run(tmp_path, lambda name, seed, row: chance(name, row, 1) < 0.5)
    assert {r.n for r in comparison.rows} == {N}
    assert {p.verdict for p in comparison.pairs} <= {"undecided", "equivalent"}


def test_a_run_that_goes_on_decides_alike_and_asks_nothing_twice(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")

    class Interrupted(KeyboardInterrupt):
        pass

    model = planted_model(good)
    calls = 0

    def until(name: str, seed: int, row: int) -> bool:
        nonlocal calls
        calls += 1
        if calls > 70:
            raise Interrupted
        return good(name, seed, row)

    with pytest.raises(Interrupted):
        run(tmp_path / "cut", until)
    stored = {(r.trial, r.example_id) for r in whole_records(tmp_path / "cut")}
    assert stored
    again = compare([Words(), Shots(), Tuned()], TASK, model=model, out=tmp_path / "cut", until_decided=True)
    assert [(r.strategy, r.n, r.quality) for r in again.rows] == [
        (r.strategy, r.n, r.quality) for r in whole.rows
    ]
    assert [(p.delta, p.p_value, p.verdict) for p in again.pairs] == [
        (p.delta, p.p_value, p.verdict) for p in whole.pairs
    ]
    records = whole_records(tmp_path / "cut")
    assert len({(r.trial, r.example_id) for r in records}) == len(records)
    assert len(answered_inputs(model)) < len(records)


def whole_records(folder: Path) -> list[Record]:
    return RunStore(folder).records()


def test_one_strategy_alone_answers_all_rows(tmp_path: Path) -> None:
    (row,) = compare([Words()], TASK, model=planted_model(good), out=tmp_path, until_decided=True).rows
    assert row.n == N


def test_the_second_run_is_as_long_as_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptkit.comparison.plan.run_twice", baseline_of)
    comparison = run(tmp_path)
    (noise,) = comparison.result.noise
    assert noise.n == next(r.n for r in comparison.rows if r.strategy == "prompt") < N
    assert verify_folder(tmp_path).ok


def test_a_strategy_that_fails_leaves_the_race_to_the_others(tmp_path: Path) -> None:
    class Broken(Shots):
        def learn(self, model: Model, task: ak.Task) -> Model:
            raise RuntimeError("no such luck")

    strategies = [Words(), Broken(), Tuned()]
    comparison = compare(strategies, TASK, model=planted_model(good), out=tmp_path, until_decided=True)
    assert [r.status for r in comparison.rows] == ["done", "failed", "done"]
    assert comparison.rows[0].n < N
