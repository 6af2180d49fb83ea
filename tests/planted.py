"""Strategies and a model whose right and wrong answers are planted, for comparisons without weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from questions import make_task

import adaptkit as ak
from adaptkit.comparison import Comparison, compare
from adaptkit.core.results import Row
from adaptkit.core.types import Request
from adaptkit.models.base import Model

Right = Callable[[str, int, int], bool]
"""Whether the strategy of this name, with this seed, answers the row of this number right."""

# What a clock or the machine decides.
MEASURED = (
    "p50_latency_s", "p95_latency_s", "first_token_p50_s", "fit_s", "fit_usd", "usd_per_1k_requests",
    "usd_per_correct", "break_even_requests", "rows_per_s", "peak_memory_bytes", "other_load",
)  # fmt: skip


@dataclass(kw_only=True)
class Words(ak.Strategy):
    """Tells the model its own name and seed; the model answers by the plan of the test."""

    name: ClassVar[str] = "prompt"
    traits: ClassVar[ak.Traits] = ak.PromptEngineering.traits

    seed: int = 0

    def instruction(self, task: ak.Task) -> str:
        return f"{self.name}|{self.seed}"


class Shots(Words):
    name: ClassVar[str] = "few-shot"
    traits: ClassVar[ak.Traits] = ak.FewShot.traits


class Tuned(Words):
    name: ClassVar[str] = "lora"
    traits: ClassVar[ak.Traits] = ak.LoRASFT.traits

    @property
    def draws_at_random(self) -> bool:
        return True


class Unlearnable(Words):
    """Fails in fit."""

    name: ClassVar[str] = "unlearnable"

    def learn(self, model: Model, task: ak.Task) -> Model:
        raise RuntimeError("the loss is NaN\nat step 7")


def planted_answer(right: Right) -> Callable[[Request], str]:
    def answer(request: Request) -> str:
        name, seed = request.prompt.instruction.split("|")
        number = int(request.prompt.input.split()[1])
        return f"answer {number}" if right(name, int(seed), number) else "no idea"

    return answer


def planted_model(right: Right) -> ak.FakeModel:
    return ak.FakeModel(planted_answer(right))


def chance(*parts: object) -> float:
    """A number in 0..1 that depends on the parts only."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def answered_inputs(model: ak.FakeModel) -> list[str]:
    """The inputs of test rows that the model answered; warm-ups use train rows."""
    inputs = [r.prompt.input for r in model.requests]
    return [text for text in inputs if text.startswith("row")]


def unmeasured(row: Row) -> dict[str, object]:
    """A row without what a clock decides."""
    return {k: v for k, v in vars(row).items() if k not in MEASURED}


def compared(folder: Path, right: Right, *, n: int = 12, **options: object) -> Comparison:
    """Compare ``Words`` and ``Shots`` on ``n`` rows."""
    task = make_task(n)
    return compare([Words(), Shots()], task, model=planted_model(right), out=folder, **options)  # type: ignore[arg-type]
