from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest
from tiny import classification_task

import adaptkit as ak
from adaptkit.core.errors import CapabilityError, ConfigError, UnknownNameError
from adaptkit.core.types import Request
from adaptkit.strategies import STRATEGIES, load_strategy

TASK = classification_task()
RIGHT = {e.input: e.target for split in (TASK.train, TASK.validation, TASK.test) for e in split or ()}


@dataclasses.dataclass(kw_only=True)
class Knob(ak.Strategy):
    """Right on the rows whose number is below its setting."""

    name: ClassVar[str] = "knob"

    setting: int = 0
    fits: ClassVar[list[int]] = []

    def instruction(self, task: ak.Task) -> str:
        return str(self.setting)

    def answer_format(self, task: ak.Task, model: Any) -> Any:
        return dataclasses.replace(super().answer_format(task, model), choices=None)

    def learn(self, model: Any, task: ak.Task) -> Any:
        self.fits.append(self.setting)
        self.fit_notes_["train_tokens"] = 100
        return model

    def alternatives(self, task: ak.Task) -> list[Self]:
        return [self, *(dataclasses.replace(self, setting=s) for s in (2, 9, 5))]


@pytest.fixture(autouse=True)
def no_fits() -> None:
    Knob.fits.clear()


VALIDATION = [e.input for e in TASK.validation or ()]


def answer(request: Request) -> str:
    setting, text = int(request.prompt.instruction), request.prompt.input
    place = VALIDATION.index(text) if text in VALIDATION else 0
    return RIGHT[text] if place < setting else "wrong"


def tuned(**changes: Any) -> ak.Tuned:
    return ak.Tuned(Knob(), **changes).fit(ak.FakeModel(answer), TASK)


def test_the_best_on_validation_rows_is_kept_and_all_that_was_tried_is_told() -> None:
    made = tuned()
    n = len(VALIDATION)
    assert made.best_ == Knob(setting=9)
    notes = made.fit_notes_["tuning"]
    assert notes["chosen"] == {"setting": 9}
    assert [t["config"] for t in notes["tried"]] == [{}, {"setting": 2}, {"setting": 9}, {"setting": 5}]
    assert [t["score"] for t in notes["tried"]] == pytest.approx([0, 2 / n, min(9, n) / n, min(5, n) / n])
    assert (notes["worst_score"], notes["best_score"]) == (0, min(9, n) / n)
    assert made.generate(TASK.test[0].input).output == TASK.test[0].target
    assert made.strategy == Knob(), "what was given stays as it was"
    assert not hasattr(made.strategy, "model_")


def test_test_rows_are_never_asked_while_tuning() -> None:
    model = ak.FakeModel(answer)
    ak.Tuned(Knob()).fit(model, TASK)
    asked = {r.prompt.input for r in model.requests}
    assert asked == set(VALIDATION)


@pytest.mark.parametrize(
    ("budget", "fitted"),
    [
        (ak.Budget(trials=2), [0, 2]),
        (ak.Budget(trials=None), [0, 2, 9, 5]),
        (ak.Budget(trials=None, tokens=1), [0]),
        (ak.Budget(trials=None, tokens=150), [0, 2]),
        (ak.Budget(seconds=1e-9), [0]),
    ],
)
def test_budget_bounds_what_is_tried(budget: ak.Budget, fitted: list[int]) -> None:
    made = ak.Tuned(Knob(), budget=budget, n_rows=2).fit(ak.FakeModel(answer), TASK)
    spent = [t["tokens"] for t in made.fit_notes_["tuning"]["tried"]]
    assert Knob.fits == fitted, spent
    assert all(t >= 100 for t in spent), "trained tokens count"


def test_equal_scores_stay_with_the_configuration_that_was_given() -> None:
    made = ak.Tuned(Knob(setting=99)).fit(ak.FakeModel(answer), TASK)
    assert made.best_ == Knob(setting=99)


def test_a_grid_replaces_the_alternatives() -> None:
    made = ak.tune(Knob(), TASK, model=ak.FakeModel(answer), grid={"setting": [1, 0, 3]})
    assert Knob.fits == [0, 1, 3]
    assert made.best_ == Knob(setting=3)
    with pytest.raises(UnknownNameError, match="parameter of Knob 'settings'"):
        ak.tune(Knob(), TASK, model=ak.FakeModel(answer), grid={"settings": [1]})


def test_rows_are_bounded_and_chosen_by_their_ids() -> None:
    seen: list[set[str]] = []
    for order in (1, -1):
        model = ak.FakeModel(answer)
        task = dataclasses.replace(TASK, validation=(TASK.validation or ())[::order])
        ak.Tuned(Knob(), budget=ak.Budget(trials=1), n_rows=3).fit(model, task)
        seen.append({r.prompt.input for r in model.requests})
    assert seen[0] == seen[1]
    assert len(seen[0]) == 3


@pytest.mark.parametrize(
    "changes",
    [{"n_rows": 0}, {"budget": ak.Budget(trials=0)}, {"budget": ak.Budget(seconds=-1)}, {"budget": 3}],
)
def test_budgets_that_mean_nothing_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        tuned(**changes)


def test_without_validation_rows_there_is_nothing_to_choose_by() -> None:
    with pytest.raises(CapabilityError, match="needs validation examples"):
        ak.Tuned(Knob()).fit(ak.FakeModel(answer), dataclasses.replace(TASK, validation=()))


def test_saved_and_described_with_the_chosen_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = STRATEGIES.get

    def get(name: str) -> type[ak.Strategy]:
        return Knob if name == "knob" else known(name)

    monkeypatch.setattr(STRATEGIES, "get", get)
    model = ak.FakeModel(answer)
    made = ak.Tuned(Knob(), budget=ak.Budget(trials=3)).fit(model, TASK)
    loaded = load_strategy(made.save(tmp_path), model)
    assert isinstance(loaded, ak.Tuned)
    assert loaded == made
    assert loaded.best_ == Knob(setting=9)
    inputs: Sequence[str] = VALIDATION
    assert [p.output for p in loaded.generate(inputs)] == [p.output for p in made.generate(inputs)]
    assert Knob.fits == [0, 2, 9], "loading fits nothing"
