"""What to run: every strategy on every task with every seed, the impossible left out with its reason."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from adaptkit import metrics
from adaptkit.core.codec import content_hash, to_json
from adaptkit.core.errors import ConfigError, DataError
from adaptkit.core.types import Example
from adaptkit.strategies import Strategy
from adaptkit.tasks import Task
from adaptkit.core.version import __version__


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A strategy on a task with a seed.

    Attributes:
        label: the strategy's name in the table.
        key: hash of everything that can change an output; equal keys share records.
        artifact: folder of the saved strategy, relative to the run folder.
    """

    strategy: Strategy
    label: str
    task: Task
    seed: int
    key: str
    artifact: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All trials of a comparison.

    Attributes:
        examples: the test rows of each task, by its name; the same for every strategy.
        labels: names of all strategies, in the order given.
    """

    trials: tuple[Trial, ...]
    tasks: tuple[Task, ...]
    labels: tuple[str, ...]
    examples: dict[str, tuple[Example, ...]]

    @property
    def n_rows(self) -> int:
        """Rows to be answered, over all trials."""
        return sum(len(self.examples[t.task.name]) for t in self.trials)


def make_plan(
    strategies: Sequence[Strategy], tasks: Sequence[Task], *, model_key: str, limit: int | None, seeds: int
) -> Plan:
    """List the trials.

    Args:
        model_key: what identifies the model's weights.
        limit: at most this many test rows a task; None for all.
        seeds: how often strategies that draw at random are run, each time with another seed.

    Raises:
        ConfigError: nothing to run, or a parameter out of range.
        DataError: two tasks with one name, or a metric that does not exist.
    """
    _check(strategies, tasks, limit, seeds)
    labels = strategy_labels(strategies)
    trials = []
    several = len(tasks) > 1
    for task in tasks:
        for strategy, label in zip(strategies, labels, strict=True):
            for seed in range(seeds if strategy.draws_at_random else 1):
                seeded = _with_seed(strategy, seed)
                parts = ["artifacts", label.replace(":", "-").replace("=", "-").replace("/", "-")]
                parts += [task.name] * several + [f"seed{seed}"] * (seed > 0)
                trials.append(
                    Trial(
                        strategy=seeded,
                        label=label,
                        task=task,
                        seed=seed,
                        key=trial_key(seeded, task, model_key),
                        artifact="/".join(parts),
                    )
                )
    examples = {t.name: choose_rows(t.test, limit) for t in tasks}
    return Plan(trials=tuple(trials), tasks=tuple(tasks), labels=labels, examples=examples)


def _check(strategies: Sequence[Strategy], tasks: Sequence[Task], limit: int | None, seeds: int) -> None:
    if not strategies:
        raise ConfigError("No strategy to compare. Give at least one, for example ak.PromptEngineering().")
    if not tasks:
        raise ConfigError("No task to compare on. Give at least one.")
    if limit is not None and limit < 1:
        raise ConfigError.for_parameter("compare", "limit", "an int >= 1, or None for all rows", limit)
    if seeds < 1:
        raise ConfigError.for_parameter("compare", "seeds", "an int >= 1", seeds)
    for name, count in Counter(t.name for t in tasks).items():
        if count > 1:
            raise DataError(f"{count} tasks have the name '{name}'. Give each a name of its own.")
    for strategy in strategies:
        strategy.check()
    for task in tasks:
        metrics.check_metrics(task.metrics)


def strategy_labels(strategies: Sequence[Strategy]) -> tuple[str, ...]:
    """Short names that tell the strategies apart: parameters are shown where a name occurs twice."""
    counts = Counter(s.name for s in strategies)
    labels = []
    for strategy in strategies:
        changed = _changed_params(strategy) if counts[strategy.name] > 1 else {}
        labels.append(":".join([strategy.name, *(f"{k}={v}" for k, v in changed.items())]))
    for label, count in Counter(labels).items():
        if count > 1:
            raise ConfigError(f"The strategy '{label}' is given {count} times with the same parameters.")
    return tuple(labels)


def _changed_params(strategy: Strategy) -> dict[str, object]:
    defaults = {f.name: f.default for f in dataclasses.fields(strategy)}
    return {k: v for k, v in strategy.params().items() if v != defaults[k]}


def _with_seed(strategy: Strategy, seed: int) -> Strategy:
    """A fresh, unfitted copy; the seed counts on from the strategy's own."""
    params = strategy.params()
    if "seed" in params and seed:
        params["seed"] += seed
    return type(strategy)(**params)


def trial_key(strategy: Strategy, task: Task, model_key: str) -> str:
    """Hash of strategy, task, model and library version: a change in any of them is a new trial."""
    return content_hash(
        {
            "strategy": strategy.name,
            "params": to_json(strategy.params()),
            "task": task.content_hash,
            "model": model_key,
            "version": __version__,
        }
    )


def choose_rows(test: Sequence[Example], limit: int | None) -> tuple[Example, ...]:
    """The first ``limit`` rows in an order that depends on their ids only.

    So 60 rows are part of the 100 of a later run, and a file sorted by label gives no lopsided sample.
    """
    ordered = sorted(test, key=lambda e: hashlib.sha256(e.id.encode()).digest())
    return tuple(ordered[:limit])
