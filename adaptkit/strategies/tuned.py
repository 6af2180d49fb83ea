"""The best of several configurations of a strategy, chosen on validation rows."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from adaptkit.core.codec import to_json
from adaptkit.core.errors import ConfigError
from adaptkit.core.numbers import is_int, is_number
from adaptkit.core.types import Prediction
from adaptkit.models.base import Model
from adaptkit.strategies.base import FitProgress, Strategy
from adaptkit.strategies.choosing import answers_to, score_of
from adaptkit.strategies.delegating import Delegating
from adaptkit.strategies.registry import STRATEGIES
from adaptkit.strategies.seal import read_state
from adaptkit.strategies.updating import Update
from adaptkit.tasks import Task, some_rows

BEST_FOLDER = "best"
Grid = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What tuning may take; None for no bound. The configuration given is tried whatever it takes.

    A bound is looked at before each further configuration, so the last one may go beyond it.

    Attributes:
        trials: configurations.
        seconds: of fitting and answering validation rows.
        tokens: read and written on validation rows, and trained on.
    """

    trials: int | None = 4
    seconds: float | None = None
    tokens: int | None = None

    def allows(self, *, trials: int, seconds: float, tokens: int) -> bool:
        """Whether another configuration may be begun after so much."""
        spent = {"trials": trials, "seconds": seconds, "tokens": tokens}
        return all(getattr(self, n) is None or used < getattr(self, n) for n, used in spent.items())

    def check(self) -> None:
        """Bounds are positive, and there is one."""
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if value is not None and not (is_number(value) and value > 0):
                raise ConfigError.for_parameter("Budget", f.name, "above 0, or None", value)


@dataclass(frozen=True, kw_only=True)
class TriedConfiguration:
    """A configuration that was tried: what differs from the defaults, its score, and what it took."""

    config: Mapping[str, Any]
    score: float
    seconds: float
    tokens: int


@dataclass(kw_only=True)
class Tuned(Delegating):
    """A strategy that tries its alternatives on validation rows and keeps the best; test rows decide nothing.

    Give every strategy of a comparison the same ``budget`` and ``n_rows``: one that was tuned more looks
    better than it is (Dodge et al. 2019, arXiv:1909.03004).

    Args:
        strategy: what to tune.
        grid: parameters and the values to try, all combinations in order; None for the strategy's own
            ``alternatives``. The strategy as it is given is always tried first.
        budget: what it may take; the same for all strategies of a comparison.
        n_rows: at most this many validation rows, the same for all configurations.
    """

    name: ClassVar[str] = "tuned"

    strategy: Strategy = field(kw_only=False)
    grid: Grid | None = None
    budget: Budget = Budget()
    n_rows: int = 40

    @property
    def _members(self) -> tuple[Strategy, ...]:
        """The best configuration once it is known."""
        return (getattr(self, "best_", self.strategy),)

    def _chooses(self, task: Task) -> bool:
        return True

    def check(self) -> None:
        """The counts are positive and the strategy's parameters in range."""
        if not isinstance(self.strategy, Strategy):
            raise ConfigError.for_parameter("Tuned", "strategy", "a strategy", self.strategy)
        if not isinstance(self.budget, Budget):
            raise ConfigError.for_parameter("Tuned", "budget", "a Budget", self.budget)
        self.budget.check()
        grid: object = self.grid
        if grid is not None and not (
            isinstance(grid, Mapping) and all(isinstance(v, list | tuple) for v in grid.values())
        ):
            raise ConfigError.for_parameter("Tuned", "grid", "a list of values by parameter, or None", grid)
        if not is_int(self.n_rows) or self.n_rows < 1:
            raise ConfigError.for_parameter("Tuned", "n_rows", "an int >= 1", self.n_rows)
        self.strategy.check()
        super().check()

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """The strategy's own, or that there is nothing to choose by."""
        if not task.validation:
            return f"Tuned needs validation examples, and the task '{task.name}' has none."
        return super().refusal(task, model)

    def learn(self, model: Model, task: Task) -> Model:
        """Fit each configuration and score its answers to the validation rows by the first metric."""
        self.__dict__.pop("best_", None)
        rows = some_rows(task.validation or (), self.n_rows)
        candidates = self._candidates(model, task)
        tried: list[TriedConfiguration] = []
        for i, candidate in enumerate(candidates):
            if tried and not self._may_go_on(tried):
                break
            progress = self._share(i, len(candidates))
            started = time.perf_counter()
            candidate.fit(
                model, task, progress=progress, before=self.before_, seconds=self._seconds_for(i, candidates)
            )
            predictions = answers_to(candidate, rows)
            found = TriedConfiguration(
                config=to_json(candidate.changed_params()),
                score=score_of(predictions, rows, task),
                seconds=time.perf_counter() - started,
                tokens=_tokens(candidate, predictions),
            )
            # A tie stays with the earlier one: the one that was given, or the better founded.
            if not tried or found.score > max(t.score for t in tried):
                self.best_: Strategy = candidate
            tried.append(found)
        self._take(self.best_, tried, task, len(rows))
        if len(tried) < len(candidates):
            self._note_untried(tried, len(candidates))
        return self.best_.model_

    def _choose(self, task: Task) -> None:
        """Nothing: each configuration was tried with its own choice."""

    def _may_go_on(self, tried: Sequence[TriedConfiguration]) -> bool:
        if self.seconds_left == 0:
            return False
        return self.budget.allows(
            trials=len(tried), seconds=sum(t.seconds for t in tried), tokens=sum(t.tokens for t in tried)
        )

    def _seconds_for(self, i: int, candidates: Sequence[Strategy]) -> float | None:
        """Equal parts of what is left, for those still to come."""
        return None if self.seconds_left is None else self.seconds_left / (len(candidates) - i)

    def _note_untried(self, tried: Sequence[TriedConfiguration], n: int) -> None:
        """Seconds or tokens ended it: the number of trials is what was asked for."""
        seconds = sum(t.seconds for t in tried)
        by_seconds = self.seconds_left == 0 or (self.budget.seconds or math.inf) <= seconds
        cut = {
            "what": "tuning",
            "by": "seconds" if by_seconds else "tokens",
            "n_tried": len(tried),
            "n_planned": n,
            "more_s": round(seconds / len(tried) * (n - len(tried)), 1),
        }
        self.fit_notes_["cut_short"] = [*self.fit_notes_.get("cut_short", ()), cut]

    def _candidates(self, model: Model, task: Task) -> list[Strategy]:
        """What may be tried, the given one first, those that cannot run left out."""
        if self.grid is None:
            found: Sequence[Strategy] = self.strategy.alternatives(task)
        else:
            values = [[(name, v) for v in choices] for name, choices in self.grid.items()]
            changed = (_changed(self.strategy, dict(c)) for c in itertools.product(*values))
            found = [self.strategy, *(c for c in changed if c != self.strategy)]
        possible = [c for c in found if c.refusal(task, model) is None]
        # Copies: what is given stays unfitted.
        return [c.with_seed(0) for c in possible[: self.budget.trials]]

    def _take(self, best: Strategy, tried: Sequence[TriedConfiguration], task: Task, n_rows: int) -> None:
        self.instruction_, self.format_ = best.instruction_, best.format_
        self.fit_notes_ |= best.fit_notes_
        scores = sorted(t.score for t in tried)
        self.fit_notes_["tuning"] = {
            "metric": task.primary_metric,
            "n_rows": n_rows,
            "chosen": to_json(best.changed_params()),
            "worst_score": scores[0],
            "best_score": scores[-1],
            "tried": to_json(tried),
        }

    def _share(self, i: int, n: int) -> FitProgress | None:
        """Progress of the i-th of n fits as progress of all."""
        whole = self.progress_
        if whole is None:
            return None
        return lambda done, planned: whole(i * planned + done, n * planned)

    def _changed(self, params: dict[str, Any]) -> dict[str, Any]:
        """Those of the strategy, and how many configurations were tried."""
        return {**self.strategy.changed_params(), "tuned": True}

    @classmethod
    def _decoded(cls, params: Mapping[str, Any]) -> dict[str, Any]:
        inner, budget = params.get("strategy"), params.get("budget", {})
        if isinstance(inner, Mapping) and "name" in inner:
            inner = STRATEGIES.get(str(inner["name"])).from_params(inner.get("params", {}))
        if isinstance(budget, Mapping):
            budget = Budget(**budget)
        return {**params, "strategy": inner, "budget": budget}

    def _update_needed(self, old: Task, new: Task) -> tuple[Update, ...]:
        """What the best configuration needs: it stays the best one."""
        return self._members[0].update_needed(old, new)

    def _updated(self, model: Model, old: Task, new: Task) -> Self:
        """The best configuration, brought up to date; nothing is tried anew."""
        made = copy.copy(self)
        best = copy.copy(self.best_)
        best.before_ = self.before_
        made.best_ = best.updated(model, old, new)
        made.model_ = made.best_.model_
        made.instruction_, made.format_ = made.best_.instruction_, made.best_.format_
        made.fit_notes_ = {**self.fit_notes_, **made.best_.fit_notes_}
        return made

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


def tune(
    strategy: Strategy,
    task: Task,
    *,
    model: Model,
    grid: Grid | None = None,
    budget: Budget | None = None,
    n_rows: int = 40,
) -> Tuned:
    """Choose a configuration of a strategy on validation rows.

    Args:
        strategy: what to tune; it stays unfitted.
        task: its train rows are learnt from, its validation rows are chosen by, its test rows are not read.
        model: what the strategy is applied to.
        grid: parameters and the values to try; None for the strategy's own ``alternatives``.
        budget: trials, seconds or tokens; None for four trials.
        n_rows: at most this many validation rows.

    Returns:
        The fitted strategy; ``fit_notes_["tuning"]`` tells what was tried.

    Raises:
        ConfigError: a parameter of the grid does not exist, or is out of range.
        CapabilityError: the strategy cannot serve this model or task.
    """
    return Tuned(strategy, grid=grid, budget=budget or Budget(), n_rows=n_rows).fit(model, task)


def _changed(strategy: Strategy, params: Mapping[str, Any]) -> Strategy:
    return type(strategy).from_params({**strategy.described_params(), **params})


def _tokens(strategy: Strategy, predictions: Sequence[Prediction]) -> int:
    """Tokens that a trial took."""
    answered = sum(p.usage.tokens_in + p.usage.tokens_out for p in predictions)
    return answered + int(strategy.fit_notes_.get("train_tokens") or 0)
