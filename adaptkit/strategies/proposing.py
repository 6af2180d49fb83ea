"""Other wordings of an instruction, by name: the model's own, or those of an optimiser that is plugged in.

A package adds an optimiser through the entry point group ``adaptkit.proposers``: a function as
:class:`Proposer` describes. It is stored by its name, so a fitted strategy needs it no more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from adaptkit.core.registry import Registry
from adaptkit.core.types import Prompt, Request
from adaptkit.metrics.lead_in import cut_lead_in
from adaptkit.models.base import Model
from adaptkit.models.reasoning import completed
from adaptkit.strategies.selection import balanced_sample
from adaptkit.strategies.voting import draw_seed
from adaptkit.tasks import Task

N_SHOWN = 6
LONGEST_SHOWN = 600
"""Characters of an input or target shown to the model that proposes."""
MAX_NEW_TOKENS = 96
TEMPERATURE = 0.8


class Proposer(Protocol):
    """Proposes instructions for a task."""

    def __call__(
        self, model: Model, task: Task, *, score: Callable[[str], float], n: int, seed: int
    ) -> Sequence[str]:
        """Propose up to ``n`` instructions, best first.

        Args:
            model: what will follow them.
            task: train rows may be read; validation rows are for ``score`` and test rows for nobody.
            score: fits the strategy with an instruction and returns its score on validation rows; an
                optimiser that learns from scores may call it, at the price of a run over those rows.
            n: how many are of use.
            seed: of random draws.
        """


PROPOSERS: Registry[Proposer] = Registry(
    "proposer", {"model": "adaptkit.strategies.proposing:by_model"}, group="adaptkit.proposers"
)


def by_model(model: Model, task: Task, *, score: Callable[[str], float], n: int, seed: int) -> list[str]:
    """Let the model that is to follow the instruction write it (Zhou et al. 2022, arXiv:2211.01910)."""
    requests = [
        Request(
            prompt=Prompt(
                instruction="You write clear instructions.",
                input=_asked(task, np.random.default_rng([seed, i])),
            ),
            max_new_tokens=MAX_NEW_TOKENS,
            temperature=TEMPERATURE,
            seed=draw_seed(seed, i),
        )
        for i in range(n)
    ]
    found = (_tidy(completion.text) for completion in completed(model, requests))
    return list(dict.fromkeys(text for text in found if text and text != task.instruction))


def _asked(task: Task, rng: np.random.Generator) -> str:
    """What the proposing model is asked; other examples each time, so that proposals differ."""
    rows = [task.train[i] for i in balanced_sample([e.target for e in task.train], N_SHOWN, rng)]
    shown = "\n\n".join(f"Input: {_short(e.input)}\nOutput: {_short(e.target)}" for e in rows)
    return (
        f"A task is described so: {task.instruction}\n\n"
        f"Here are inputs with their right outputs.\n\n{shown}\n\n"
        "Write a better instruction for this task, in one to three sentences that hold for any input. "
        "Reply with the instruction only."
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]} ..."


def _tidy(text: str) -> str:
    """The first paragraph, without a lead-in or quotes."""
    return cut_lead_in(text.strip().partition("\n\n")[0]).strip('"`* \n')
