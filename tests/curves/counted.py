"""Strategies whose answers are right as often as a law of the number of train rows says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import questions

import adaptkit as ak
from adaptkit.core.types import Request
from adaptkit.decision.curves import PowerLaw
from adaptkit.models.base import Model
from adaptkit.studies.learning_curve import LearningCurves

LAW = PowerLaw(ceiling=0.95, amplitude=1.3, rate=0.5)


@dataclass(kw_only=True)
class Counts(ak.Strategy):
    """Tells the model how many train rows it has learnt from, and which."""

    name: ClassVar[str] = "counts"

    seed: int = 0

    @property
    def draws_at_random(self) -> bool:
        return True

    def instruction(self, task: ak.Task) -> str:
        rows = hashlib.sha256(" ".join(sorted(e.id for e in task.train)).encode()).hexdigest()[:8]
        return f"{self.name}|{len(task.train)}|{self.seed}|{rows}"

    def learn(self, model: Model, task: ak.Task) -> Model:
        return model


class Fixed(Counts):
    """Learns nothing and draws nothing."""

    name: ClassVar[str] = "fixed"
    learns_from: ClassVar[tuple[str, ...]] = ()

    @property
    def draws_at_random(self) -> bool:
        return False

    def instruction(self, task: ak.Task) -> str:
        return "fixed|0|0|"


class NeedsMany(Counts):
    """Fails with few rows."""

    name: ClassVar[str] = "needs-many"

    def learn(self, model: Model, task: ak.Task) -> Model:
        if len(task.train) < 20:
            raise RuntimeError("too few rows")
        return model


def make_task(n_test: int = 40, *, n_train: int = 80, name: str = "questions") -> ak.Task:
    return questions.make_task(n_test, n_train=n_train, name=name)


def answer(request: Request) -> str:
    """Right on the first rows, as many as the law has it; a seed moves that by a row."""
    name, n, seed, _ = request.prompt.instruction.split("|")
    number = int(request.prompt.input.split()[1])
    share = 0.5 if name == "fixed" else LAW.at(int(n)) + 0.025 * (int(seed) - 1)
    return f"answer {number}" if (number * 7) % 40 < round(40 * share) else "no idea"


def counting_model() -> ak.FakeModel:
    return ak.FakeModel(answer)


def measured(out: Path, *strategies: ak.Strategy, **options: object) -> LearningCurves:
    given: dict[str, object] = {"model": counting_model(), "sizes": (5, 10, 20, 40), "out": out, **options}
    task = given.pop("task", None) or make_task()
    return ak.learning_curve(task, strategies or (Counts(), Fixed()), **given)  # type: ignore[arg-type]
