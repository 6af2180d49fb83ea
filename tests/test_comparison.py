"""``ak.compare`` as the design's first lines use it, with a model that needs no weights."""

from __future__ import annotations

from pathlib import Path

import pytest

import adaptkit as ak
from adaptkit.core.types import Request

LABELS = ("billing", "delivery", "other")


def make_task() -> ak.Task:
    def rows(prefix: str, n: int) -> list[ak.Example]:
        return [
            ak.Example(
                id=f"{prefix}{i}", input=f"request {prefix}{i} about {LABELS[i % 3]}", target=LABELS[i % 3]
            )
            for i in range(n)
        ]

    return ak.Task(
        name="routing",
        kind="classification",
        instruction="Which team?",
        metrics=("accuracy", "macro_f1"),
        train=tuple(rows("a", 12)),
        test=tuple(rows("b", 30)),
        documents=(ak.Document(id="d", text="Billing handles invoices."),),
    )


def answer(request: Request) -> str:
    """Knows the label after demonstrations of it, and says "other" without."""
    shown = {d.target for d in request.prompt.demonstrations}
    return next((label for label in LABELS if label in request.prompt.input and label in shown), "other")


def test_strategies_are_compared_recommended_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    strategies = [ak.PromptEngineering(), ak.FewShot(k=6, selection="random")]
    result = ak.compare(strategies, make_task(), model=ak.FakeModel(answer), limit=24, seeds=3)
    prompt, shots = result.rows
    assert result.folder == Path("runs/routing")
    assert (prompt.quality or 1) < 0.6
    assert (shots.quality, shots.verdict, shots.seeds, shots.n) == (1.0, "better", 3, 24)
    assert set(shots.metrics) == {"accuracy", "accuracy_lenient", "macro_f1", "macro_f1_lenient"}
    assert result.recommend()[0].strategy == "few-shot"
    assert list(result.to_frame()["strategy"]) == ["prompt", "few-shot"]
    assert result.report("elsewhere.html").is_file()
    assert strategies == [ak.PromptEngineering(), ak.FewShot(k=6, selection="random")]


def test_saved_strategies_answer_as_they_did_in_the_comparison(tmp_path: Path) -> None:
    model = ak.FakeModel(answer)
    result = ak.compare([ak.FewShot(k=6, selection="random")], make_task(), model=model, out=tmp_path)
    artifact = result.rows[0].artifact
    assert artifact is not None
    strategy = ak.load_strategy(tmp_path / artifact, model)
    inputs = {e.id: e.input for e in make_task().test}
    for record in result.records():
        assert strategy.generate(inputs[record.example_id]).output == record.output


def test_nothing_runs_without_a_model_that_can_answer(tmp_path: Path) -> None:
    with pytest.raises(ak.errors.ConfigError, match=r"'model' parameter of compare.*made by ak\.load_model"):
        ak.compare([ak.PromptEngineering()], make_task(), model=None, out=tmp_path)  # type: ignore[arg-type]
