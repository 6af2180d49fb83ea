"""The best of several configurations of a strategy, chosen on validation rows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from adaptkit import metrics
from adaptkit.core.codec import to_json
from adaptkit.core.errors import ConfigError
from adaptkit.core.types import Completion, Example, Prediction, Prompt
from adaptkit.models.base import Model
from adaptkit.strategies.answer_format import AnswerFormat
from adaptkit.strategies.base import FitProgress, Strategy, is_int, read_state
from adaptkit.strategies.registry import STRATEGIES
from adaptkit.tasks import Task

BEST_FOLDER = "best"


@dataclass(kw_only=True)
class Tuned(Strategy):
    """A strategy that tries its alternatives on validation rows and keeps the best; test rows decide nothing.

    Give every strategy of a comparison the same ``n_configs`` and ``n_rows``: one that was tuned more looks
    better than it is (Dodge et al. 2019, arXiv:1909.03004).

    Args:
        strategy: what to tune; what is tried is its ``alternatives``, itself first.
        n_configs: at most this many configurations.
        n_rows: at most this many validation rows, the same for all.
    """

    name: ClassVar[str] = "tuned"

    strategy: Strategy = field(kw_only=False)
    n_configs: int = 4
    n_rows: int = 40

    @property
    def label(self) -> str:
        """The tuned strategy's."""
        return self.strategy.label

    @property
    def draws_at_random(self) -> bool:
        """When the tuned strategy does."""
        return self.strategy.draws_at_random

    @property
    def takes_seed(self) -> bool:
        """When the tuned strategy does."""
        return self.strategy.takes_seed

    @property
    def leads(self) -> bool:
        """When the tuned strategy does."""
        return self._current.leads

    @property
    def _current(self) -> Strategy:
        """The best configuration once it is known."""
        return getattr(self, "best_", self.strategy)

    def check(self) -> None:
        """The counts are positive and the strategy's parameters in range."""
        if not isinstance(self.strategy, Strategy):
            raise ConfigError.for_parameter("Tuned", "strategy", "a strategy", self.strategy)
        for name in ("n_configs", "n_rows"):
            value = getattr(self, name)
            if not is_int(value) or value < 1:
                raise ConfigError.for_parameter("Tuned", name, "an int >= 1", value)
        self.strategy.check()

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """The strategy's own, or that there is nothing to choose by."""
        if not task.validation:
            return f"Tuned needs validation examples, and the task '{task.name}' has none."
        return self.strategy.refusal(task, model)

    def instruction(self, task: Task) -> str:
        """The strategy's."""
        return self._current.instruction(task)

    def answer_format(self, task: Task, model: Model) -> AnswerFormat:
        """The strategy's."""
        return self._current.answer_format(task, model)

    def learn(self, model: Model, task: Task) -> Model:
        """Fit each configuration and score its answers to the validation rows by the first metric."""
        self.__dict__.pop("best_", None)
        candidates = [c for c in self.strategy.alternatives(task) if c.refusal(task, model) is None]
        candidates = candidates[: self.n_configs]
        rows = _some(task.validation or (), self.n_rows)
        tried: list[dict[str, Any]] = []
        best, best_score = None, float("-inf")
        for i, candidate in enumerate(candidates):
            started = time.perf_counter()
            candidate.fit(model, task, progress=self._share(i, len(candidates)), before=self.before_)
            score = _score(candidate, rows, task)
            tried.append(
                {
                    "config": candidate.changed_params(),
                    "score": score,
                    "seconds": round(time.perf_counter() - started, 2),
                }
            )
            # A tie stays with the earlier one: the one that was given, or the better founded.
            if score > best_score:
                best, best_score = candidate, score
        assert best is not None
        self.best_: Strategy = best
        self.instruction_, self.format_ = best.instruction_, best.format_
        self.fit_notes_ |= best.fit_notes_
        self.fit_notes_["tuning"] = {
            "metric": task.primary_metric,
            "n_rows": len(rows),
            "chosen": best.changed_params(),
            "tried": to_json(tried),
        }
        return best.model_

    def _share(self, i: int, n: int) -> FitProgress | None:
        """Progress of the i-th of n fits as progress of all."""
        whole = self.progress_
        if whole is None:
            return None
        return lambda done, planned: whole(i * planned + done, n * planned)

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """The best configuration's."""
        return self.best_.extend(prompts)

    def completion(self, example: Example) -> str:
        """The best configuration's."""
        return self.best_.completion(example)

    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[Prediction]:
        """The best configuration asks, of the model that a composition may have put in its place."""
        self.best_.model_ = self.model_
        return self.best_.ask(prompts, looked_up_s)

    def decide(self, completion: Completion) -> str:
        """The best configuration's."""
        return self.best_.decide(completion)

    def described_params(self) -> dict[str, Any]:
        """The strategy by name, with its parameters."""
        inner = {"name": self.strategy.name, "params": self.strategy.described_params()}
        return {**to_json(self.params()), "strategy": inner}

    def changed_params(self) -> dict[str, Any]:
        """Those of the strategy, and how many configurations were tried."""
        return {**self.strategy.changed_params(), "n_configs": self.n_configs}

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """Build the strategy first."""
        inner = params.get("strategy")
        if isinstance(inner, Mapping) and "name" in inner:
            inner = STRATEGIES.get(str(inner["name"])).from_params(inner.get("params", {}))
        return super().from_params({**params, "strategy": inner})

    def with_seed(self, offset: int) -> Self:
        """The strategy's seed counts on."""
        return type(self)(self.strategy.with_seed(offset), n_configs=self.n_configs, n_rows=self.n_rows)

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """The best configuration, in a folder of its own."""
        self.best_.save(folder / BEST_FOLDER)
        return {"best": {"name": self.best_.name, "params": self.best_.described_params()}}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Restore the best configuration."""
        # Of the tuned strategy's own class, which need not be registered.
        best = type(self.strategy).from_params(state["best"]["params"])
        where = folder / BEST_FOLDER
        self.best_ = best.restore(where, read_state(where), model, before=self.before_)
        return self.best_.model_


def _some(rows: Sequence[Example], n: int) -> list[Example]:
    """``n`` rows in an order that depends on their ids only: a sorted file gives no lopsided choice."""
    return sorted(rows, key=lambda e: hashlib.sha256(e.id.encode()).digest())[:n]


def _score(strategy: Strategy, rows: Sequence[Example], task: Task) -> float:
    """The first metric over the rows; a row that failed scores 0."""
    answers = [
        metrics.Answer(
            output=p.output, example=e, contexts=p.contexts, labels=tuple(task.labels), schema=task.schema
        )
        for p, e in zip(strategy.generate([e.input for e in rows]), rows, strict=True)
    ]
    return metrics.aggregate(task.primary_metric, answers) or 0.0
