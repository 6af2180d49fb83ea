"""What fails is told, and takes nothing else along."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from planted import Shots, Tuned, Unlearnable, Words, answered_inputs, planted_answer
from questions import make_task

import adaptkit as ak
from adaptkit.comparison import compare
from adaptkit.comparison.callback import Callback
from adaptkit.comparison.evaluate import EvaluationSettings
from adaptkit.comparison.lazy_model import LazyModel
from adaptkit.comparison.plan import make_plan
from adaptkit.comparison.run_context import RunContext
from adaptkit.comparison.runner import run_plan
from adaptkit.comparison.store import RunStore
from adaptkit.core.errors import CapabilityError, ModelError
from adaptkit.core.types import Request

TASK = make_task(40)


def right(name: str, seed: int, row: int) -> bool:
    return row < 30


def failing_model(failing: str, error: Exception) -> ak.FakeModel:
    """Raises ``error`` for rows 10 to 19 of the strategy called ``failing``."""
    planted = planted_answer(right)

    def answer(request: Request) -> str:
        name = request.prompt.instruction.partition("|")[0]
        split, number = request.prompt.input.split()
        if name == failing and split == "row" and 10 <= int(number) < 20:
            raise error
        return planted(request)

    return ak.FakeModel(answer)


def test_a_strategy_that_fails_in_fit_is_a_row_with_its_reason(tmp_path: Path) -> None:
    model = failing_model("nobody", ValueError())
    comparison = compare([Words(), Unlearnable(), Shots()], TASK, model=model, out=tmp_path)
    assert [(r.strategy, r.status, r.reason, r.n) for r in comparison.rows] == [
        ("prompt", "done", None, 40),
        ("unlearnable", "failed", "the loss is NaN", 0),
        ("few-shot", "done", None, 40),
    ]
    failed = comparison.rows[1]
    assert (failed.quality, failed.p50_latency_s, failed.fit_s, failed.artifact) == (None, None, None, None)
    assert comparison.result.manifest["counts"] == {
        "planned": 120, "done": 80, "errors": 0, "trials_failed": 1, "trials_skipped": 0,
    }  # fmt: skip
    assert [(p.baseline, p.strategy) for p in comparison.pairs] == [("prompt", "few-shot")]
    for name in ("report.html", "report.md"):
        assert "the loss is NaN" in (tmp_path / name).read_text(encoding="utf-8")


def test_the_traceback_of_a_failure_is_kept(tmp_path: Path) -> None:
    comparison = compare([Words(), Unlearnable()], TASK, model=failing_model("", ValueError()), out=tmp_path)
    key = next(t["key"] for t in comparison.result.manifest["trials"] if t["status"] == "failed")
    result = json.loads((tmp_path / "trials" / key / "result.json").read_text(encoding="utf-8"))
    assert result["status"] == "failed"
    assert result["error"]["type"] == "RuntimeError"
    assert result["error"]["message"] == "the loss is NaN\nat step 7"
    assert "in learn" in result["error"]["traceback"]


def test_when_every_strategy_fails_the_report_is_written_all_the_same(tmp_path: Path) -> None:
    comparison = compare([Unlearnable()], TASK, model=failing_model("", ValueError()), out=tmp_path)
    assert comparison.recommend()[0].strategy is None
    assert "the loss is NaN" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ak.load_comparison(tmp_path).result == comparison.result


def test_a_failed_trial_is_tried_again_and_keeps_the_rows_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ak.RunSettings(latency_rows=40)
    generate = Shots.generate

    def broken(self: Shots, inputs: Any) -> Any:
        if inputs == ["row 10"]:
            raise ValueError("broken")
        return generate(self, inputs)

    with monkeypatch.context() as patched:
        patched.setattr(Shots, "generate", broken)
        model = failing_model("nobody", ValueError())
        first = compare([Words(), Shots()], TASK, model=model, out=tmp_path, settings=settings)
    assert (first.rows[1].status, first.rows[1].reason, first.rows[1].n) == ("failed", "broken", 0)
    stored = {r.example_id for r in RunStore(tmp_path).records() if r.strategy == "few-shot"}
    assert first.result.manifest["counts"]["done"] == 40 + len(stored)
    assert 0 < len(stored) < 40

    model = failing_model("nobody", ValueError())
    second = compare([Words(), Shots()], TASK, model=model, out=tmp_path, settings=settings)
    assert [r.status for r in second.rows] == ["done", "done"]
    assert sorted(answered_inputs(model)) == sorted(e.input for e in TASK.test if e.id not in stored)
    assert second.rows[1].quality == 0.75


@pytest.mark.parametrize("latency_rows", [0, 20, 40])
def test_single_failed_rows_count_as_wrong_and_are_shown(tmp_path: Path, latency_rows: int) -> None:
    model = failing_model("few-shot", ModelError("too long"))
    settings = ak.RunSettings(latency_rows=latency_rows)
    comparison = compare([Words(), Shots()], TASK, model=model, out=tmp_path, settings=settings)
    sound, failing = comparison.rows
    assert (sound.n_errors, failing.n_errors) == (0, 10)
    assert (sound.n, failing.n) == (40, 40)
    assert sound.quality == 0.75
    assert failing.quality == 0.5
    assert failing.status == "done"
    assert comparison.pairs[0].lost == 10
    failed = [r for r in comparison.records() if r.error]
    assert {json.dumps(r.error) for r in failed} == {'{"type": "ModelError", "message": "too long"}'}
    assert all(r.latency_s is None and r.cost_usd is None and r.output == "" for r in failed)


def test_failing_on_wrong_rows_never_raises_quality(tmp_path: Path) -> None:
    def answer(request: Request) -> str:
        name, number = request.prompt.instruction.partition("|")[0], int(request.prompt.input.split()[1])
        if name == "few-shot" and request.prompt.input.startswith("row") and number >= 30:
            raise ModelError("gave up on what it cannot do")
        return planted_answer(right)(request)

    comparison = compare([Words(), Shots()], TASK, model=ak.FakeModel(answer), out=tmp_path)
    assert [r.quality for r in comparison.rows] == [0.75, 0.75]
    assert comparison.recommend()[0].verdict == "undecided"
    assert "Error rates differ too much" in comparison.recommend()[0].reason


def test_errors_are_counted_by_row_whatever_the_number_of_seeds(tmp_path: Path) -> None:
    model = failing_model("lora", ModelError("too long"))
    (row,) = compare([Tuned()], TASK, model=model, seeds=3, out=tmp_path).rows
    assert (row.n, row.n_errors, row.seeds) == (40, 10, 3)


def test_a_strategy_of_which_one_seed_failed_stands_on_the_others(tmp_path: Path) -> None:
    def answer(request: Request) -> str:
        if request.prompt.instruction == "lora|1":
            raise ValueError("diverged")
        return planted_answer(right)(request)

    comparison = compare([Tuned()], TASK, model=ak.FakeModel(answer), seeds=3, out=tmp_path)
    (row,) = comparison.rows
    assert (row.status, row.seeds, row.quality) == ("done", 2, 0.75)
    assert row.reason == "diverged"
    assert comparison.result.manifest["counts"]["trials_failed"] == 1


def test_what_a_task_cannot_serve_is_skipped_with_its_reason(tmp_path: Path) -> None:
    comparison = compare([Words(), ak.RAG()], TASK, model=failing_model("", ValueError()), out=tmp_path)
    skipped = comparison.rows[1]
    assert (skipped.status, skipped.n) == ("skipped", 0)
    assert skipped.reason == "RAG needs documents, and the task 'questions' has none."
    assert comparison.result.manifest["counts"]["trials_skipped"] == 1


def test_when_nothing_can_run_the_reasons_are_an_error_and_no_model_is_loaded(tmp_path: Path) -> None:
    provider = LazyModel(id="m", revision="1", load=lambda: pytest.fail("loaded"))
    with pytest.raises(CapabilityError, match="RAG needs documents"):
        compare([ak.RAG()], TASK, model=provider, out=tmp_path)
    assert not (tmp_path / "comparison.json").exists()


def test_a_model_that_cannot_be_loaded_is_the_runs_error_not_a_trials(tmp_path: Path) -> None:
    def load() -> ak.FakeModel:
        raise ModelError("no weights")

    with pytest.raises(ModelError, match="no weights"):
        compare([Words()], TASK, model=LazyModel(id="m", revision="1", load=load), out=tmp_path)
    assert not (tmp_path / "comparison.json").exists()


def test_what_a_trial_learnt_is_not_kept_in_memory(tmp_path: Path) -> None:
    plan = make_plan([Words(), Tuned()], [TASK], model_key="m", limit=None, seeds=2)
    run = RunContext(
        plan=plan,
        provider=LazyModel.of(failing_model("", ValueError())),
        store=RunStore(tmp_path),
        settings=EvaluationSettings(),
        listener=Callback(),
    )
    with run.store.locked():
        assert {o.status for o in run_plan(run)} == {"done"}
    assert not any(hasattr(t.strategy, "model_") for t in plan.trials)


def test_an_error_without_a_message_is_told_by_its_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def learn(self: Words, model: Any, task: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(Words, "learn", learn)
    model = failing_model("nobody", ValueError())
    (row,) = compare([Words()], TASK, model=model, out=tmp_path).rows
    assert row.reason == "AssertionError"
