"""Strategies of which one is right for the exact wording only, one whatever the wording, one by its seed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import adaptkit as ak
from adaptkit.core.types import Request
from adaptkit.models.base import Model

N_ROWS = 40
FITS: list[str] = []
"""Names of the strategies that were fitted, as they were."""


@dataclass(kw_only=True)
class Exact(ak.Strategy):
    """Right where the input is word for word as it was written."""

    name: ClassVar[str] = "exact"
    learns_from: ClassVar[tuple[str, ...]] = ("train",)

    seed: int = 0

    def instruction(self, task: ak.Task) -> str:
        return f"{self.name}|{self.seed}|{task.instruction}"

    def learn(self, model: Model, task: ak.Task) -> Model:
        FITS.append(self.name)
        return model


class Sturdy(Exact):
    """Right on four rows of five, by the number alone."""

    name: ClassVar[str] = "sturdy"


class Lucky(Exact):
    """Right on all rows with an even seed, and on none with an odd one."""

    name: ClassVar[str] = "lucky"

    @property
    def draws_at_random(self) -> bool:
        return True


class Obedient(Exact):
    """Right with the instruction as it was written."""

    name: ClassVar[str] = "obedient"


class Reads(Exact):
    """Depends on documents, and on nothing else that changes; wrong where there are more than it knows."""

    name: ClassVar[str] = "reads"
    learns_from: ClassVar[tuple[str, ...]] = ("documents",)

    def instruction(self, task: ak.Task) -> str:
        return f"{self.name}|{len(task.documents)}|{task.instruction}"


class Fails(Exact):
    """Cannot be fitted to an instruction that is not the task's."""

    name: ClassVar[str] = "fails"

    def learn(self, model: Model, task: ak.Task) -> Model:
        if task.instruction != "Answer.":
            raise RuntimeError("another instruction")
        return model


def text_of(i: int) -> str:
    return f"What is kept in storage number {i}?"


def make_task(n: int = N_ROWS, *, documents: bool = False, slices: dict[int, str] | None = None) -> ak.Task:
    def example(prefix: str, i: int) -> ak.Example:
        held = (f"doc{i}",) if documents and prefix == "row" else ()
        named = {"slice": slices[i]} if slices and i in slices and prefix == "row" else {}
        return ak.Example(
            id=f"{prefix}{i}",
            input=text_of(i) if prefix == "row" else f"Is {i} there?",
            target=f"thing {i}",
            gold_documents=held,
            metadata=named,
        )

    texts = (f"Storage {i} is dry. It holds thing {i}. Its door is painted green." for i in range(n))
    return ak.Task(
        name="storage",
        kind="generation",
        instruction="Answer.",
        metrics=("exact_match",),
        train=tuple(example("train", i) for i in range(10)),
        validation=(),
        test=tuple(example("row", i) for i in range(n)),
        documents=tuple(ak.Document(id=f"doc{i}", text=t) for i, t in enumerate(texts)) if documents else (),
    )


def answer(request: Request) -> str:
    name, number, instruction = request.prompt.instruction.split("|", 2)
    found = re.search(r"\d+", request.prompt.input)
    i = int(found[0]) if found else -1
    right = {
        "exact": request.prompt.input == text_of(i),
        "sturdy": i % 5 > 0,
        "lucky": int(number) % 2 == 0,
        "obedient": instruction == "Answer.",
        "reads": int(number) <= N_ROWS,
        "fails": True,
    }[name]
    return f"thing {i}" if right else "no idea"


def worded_model() -> ak.FakeModel:
    return ak.FakeModel(answer)


def asked(model: ak.FakeModel) -> list[Request]:
    """Requests but those that warm up."""
    return [r for r in model.requests if "torage" in r.prompt.input or "there" not in r.prompt.input]


def measured(out: Path, *strategies: ak.Strategy, **options: object) -> ak.Robustness:
    given: dict[str, object] = {"model": worded_model(), "out": out, "seeds": 1, **options}
    task = given.pop("task", None) or make_task()
    return ak.measure_robustness(task, strategies or (Exact(), Sturdy()), **given)  # type: ignore[arg-type]
