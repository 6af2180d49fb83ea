"""What may be otherwise: each change as another task or other strategies, or why there is none.

Train and validation rows, targets and ids stay as they are. A change depends on the seed and on the rows,
never on a strategy's answers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from adaptkit.core.types import Example
from adaptkit.strategies import Strategy
from adaptkit.strategies.prompt_changes import changes_worth_a_try
from adaptkit.studies.robustness.distractors import with_distractors
from adaptkit.studies.robustness.texts import in_lower_case, with_typos, wrapped
from adaptkit.tasks import Task, row_order

FRAMES = (
    "Your task is the following. {}",
    "Please do what is described here. {}",
    "{} Please follow this carefully.",
)
"""The instruction in other words, whatever it says: it stands in them unchanged."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What changes are made from.

    Attributes:
        strategies: of the unchanged run, baselines among them.
        rows: the test rows in use.
        paraphrases: inputs in other words by example id.
        instruction: the instruction in other words; None for one of :data:`FRAMES`.
    """

    task: Task
    strategies: tuple[Strategy, ...]
    rows: tuple[Example, ...]
    seed: int = 0
    paraphrases: Mapping[str, str] = field(default_factory=dict)
    instruction: str | None = None


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One change, ready to be run.

    Attributes:
        what: how many of what are otherwise, in words.
        task: with the rows, instruction or documents changed.
        strategies: in the order of the unchanged ones.
    """

    name: str
    what: str
    task: Task
    strategies: tuple[Strategy, ...]


def is_touched(i: int, given: Given, variant: Variant) -> bool:
    """Whether a change reaches a strategy: what it does not reach would answer as before."""
    old, new, strategy = given.task, variant.task, given.strategies[i]
    if old.test != new.test or strategy != variant.strategies[i]:
        return True
    return (strategy.traits.uses_llm and old.instruction != new.instruction) or bool(
        strategy.update_needed(old, new)
    )


def keeps_fit(i: int, given: Given, variant: Variant) -> bool:
    """Whether a strategy fitted to the unchanged task would be fitted in the same way to the changed one."""
    old, new, strategy = given.task, variant.task, given.strategies[i]
    same = strategy == variant.strategies[i] and old.instruction == new.instruction
    return same and not strategy.update_needed(old, new)


Maker = Callable[[Given], Variant | str]
"""Makes a change, or says why there is none."""
Rewrite = Callable[[str, np.random.Generator], str]


def _rewriting(name: str, what: str, rewrite: Rewrite) -> Maker:
    """A change of inputs, each with a generator of its own: rows do not depend on each other."""

    def make(given: Given) -> Variant | str:
        def changed(row: Example) -> Example:
            order = int.from_bytes(row_order(row.id, salt=f"{name}:")[:8], "big")
            rng = np.random.default_rng([given.seed, order])
            return dataclasses.replace(row, input=rewrite(row.input, rng))

        test = tuple(changed(row) for row in given.task.test)
        return _of_rows(name, what, given, test)

    return make


def _of_rows(name: str, what: str, given: Given, test: Sequence[Example]) -> Variant | str:
    before = {row.id: row.input for row in given.rows}
    n = sum(before.get(row.id, row.input) != row.input for row in test)
    if n == 0:
        return "it leaves every input as it is"
    return Variant(
        name=name,
        what=f"{what}: {n} of {len(given.rows)} inputs",
        task=dataclasses.replace(given.task, test=tuple(test)),
        strategies=given.strategies,
    )


def _paraphrases(given: Given) -> Variant | str:
    """Rows without a paraphrase are left out: they would hide what it does to the others."""
    if not given.paraphrases:
        return "no paraphrases were given"
    rows = [r for r in given.rows if r.id in given.paraphrases]
    if not rows:
        return "no paraphrase is of a test row in use"
    test = [dataclasses.replace(r, input=given.paraphrases[r.id]) for r in rows]
    return _of_rows(PARAPHRASES, "as paraphrased by the user", given, test)


def _instruction(given: Given) -> Variant | str:
    old = given.task.instruction
    new = given.instruction or FRAMES[given.seed % len(FRAMES)].format(old)
    if new == old:
        return "the instruction given is the task's own"
    return Variant(
        name="instruction",
        what=f"the instruction is: {new}",
        task=dataclasses.replace(given.task, instruction=new),
        strategies=given.strategies,
    )


def _format(given: Given) -> Variant | str:
    change = partial(_in_other_format, task=given.task)
    strategies = tuple(s.with_leaves(change) for s in given.strategies)
    n = sum(a != b for a, b in zip(strategies, given.strategies, strict=True))
    if n == 0:
        return "no strategy has a prompt format to change"
    what = f"prompts are set out in another format: {n} of {len(strategies)} strategies"
    return Variant(name="format", what=what, task=given.task, strategies=strategies)


def _in_other_format(strategy: Strategy, task: Task) -> Strategy:
    """The first format that tuning would try and that is another one; what has none stays as it is."""
    params = strategy.params()
    if "format" not in params or params.get("search"):
        return strategy
    kind = "labels" if task.kind == "classification" and task.labels else task.kind
    tried: list[Any] = [c["format"] for c in changes_worth_a_try(kind) if "format" in c]
    changed = (type(strategy)(**{**params, "format": f}) for f in tried if f != params["format"])
    return next((c for c in changed if c.refusal(task) is None), strategy)


def _distractors(given: Given) -> Variant | str:
    task = given.task
    if not task.documents:
        return f"the task '{task.name}' has no documents"
    added = with_distractors(task)
    if not added:
        return "no document states a row's answer word for word and something beside it"
    return Variant(
        name="distractors",
        what=f"{len(added)} documents beside {len(task.documents)}: copies without the answers",
        task=dataclasses.replace(task, documents=(*task.documents, *added)),
        strategies=given.strategies,
    )


PARAPHRASES = "paraphrases"
SLICE = "slice"
MAKERS: dict[str, Maker] = {
    "typos": _rewriting("typos", "words are mistyped", with_typos),
    "case": _rewriting("case", "no capitals, no mark at the end", lambda text, _: in_lower_case(text)),
    "wrapping": _rewriting("wrapping", "polite words around the input", wrapped),
    PARAPHRASES: _paraphrases,
    "instruction": _instruction,
    "format": _format,
    "distractors": _distractors,
}
"""By name, all that is run; a slice is only read off the unchanged run."""
CHANGES = (*(name for name in MAKERS if name != PARAPHRASES), SLICE)
"""Those that need nothing from the user."""
