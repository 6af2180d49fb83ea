"""What to run: every strategy on every task with every seed, the impossible left out with its reason."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from adaptkit import metrics
from adaptkit.comparison.decision_settings import is_minutes
from adaptkit.core.codec import content_hash
from adaptkit.core.errors import ConfigError, DataError, UnknownNameError
from adaptkit.core.numbers import is_count
from adaptkit.core.reading import user_path
from adaptkit.core.types import Example
from adaptkit.core.version import __version__
from adaptkit.models.contents import folder_revision
from adaptkit.strategies import Strategy
from adaptkit.tasks import Task, cluster_names, some_rows

BASELINE = "prompt"
# Longer values of parameters are cut in names: an instruction is no name.
LABEL_VALUE_CHARS = 24
FOLDER_NAME_CHARS = 120


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A strategy on a task with a seed.

    Attributes:
        strategy: unfitted, its seed set.
        label: the strategy's name in the table.
        key: hash of everything that can change an output; equal keys share records.
        artifact: folder of the saved strategy, relative to the run folder.
        key_if_cut: the key instead, where time ends its training: what so many minutes gave. None where
            nothing bounds it.
        repeat: 1 for the second of two identical runs, which measures the noise floor.
    """

    strategy: Strategy
    label: str
    task: Task
    seed: int
    key: str
    artifact: str
    key_if_cut: str | None = None
    repeat: int = 0


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
        return sum(len(self.examples_of(t)) for t in self.trials)

    def examples_of(self, trial: Trial) -> tuple[Example, ...]:
        """The rows that a trial has to answer."""
        return self.examples[trial.task.name]

    @cached_property
    def clusters(self) -> dict[str, dict[str, str]]:
        """By task and a row's id, the cluster of test rows that depend on each other.

        Of all test rows, not those in use only: a row's cluster is the same in a later run of more rows.
        """
        return {task.name: cluster_names(task.test) for task in self.tasks}


def make_plan(  # noqa: PLR0913 - all but the first two by name only
    strategies: Sequence[Strategy],
    tasks: Sequence[Task],
    *,
    model_key: str,
    limit: int | None,
    seeds: int,
    first_seed: int = 0,
    where_possible: Sequence[Strategy] = (),
    noise_floor: bool = False,
    minutes: float | None = None,
    only: Mapping[str, Sequence[str]] | None = None,
) -> Plan:
    """List the trials.

    Args:
        strategies: unfitted.
        tasks: each with a name of its own.
        model_key: what identifies the model's weights.
        limit: at most this many test rows a task; None for all.
        seeds: how often strategies that draw at random are run, each time with another seed.
        first_seed: the first of these.
        where_possible: further strategies, which take part in the tasks that they can serve.
        noise_floor: run the baseline twice, to see how far two identical runs differ.
        minutes: what the run may take; None for no bound.
        only: by a strategy's label, the tasks that it is run on; the others are run on all.

    Raises:
        ConfigError: nothing to run, or a parameter out of range.
        DataError: two tasks with one name or the same rows.
        UnknownNameError: a metric that does not exist.
    """
    check_counts(limit, seeds, first_seed)
    if minutes is not None and not is_minutes(minutes):
        raise ConfigError.for_parameter("compare", "minutes", "above 0, or None for no bound", minutes)
    _check_strategies(strategies)
    _check_tasks(tasks)
    everyone = [*where_possible, *strategies]
    labels = strategy_labels(everyone)
    only = _checked_only(only or {}, labels, [t.name for t in tasks])
    twice = run_twice(labels[len(where_possible) :]) if noise_floor else None
    trials = []
    for task in tasks:
        for i, (strategy, label) in enumerate(zip(everyone, labels, strict=True)):
            if i < len(where_possible) and strategy.refusal(task):
                continue
            if task.name not in only.get(label, [task.name]):
                continue
            for seed in range(first_seed, first_seed + (seeds if strategy.takes_seed else 1)):
                place = _Place(label, task, model_key, minutes, several_tasks=len(tasks) > 1)
                trials.append(place.trial(strategy.with_seed(seed), seed))
                if label == twice and seed == first_seed:
                    trials.append(place.trial(strategy.with_seed(seed), seed, repeat=1))
    examples = {t.name: choose_rows(t.test, limit) for t in tasks}
    for task in tasks:
        _check_scorable(task, examples[task.name])
    return Plan(trials=tuple(trials), tasks=tuple(tasks), labels=labels, examples=examples)


@dataclass(frozen=True)
class _Place:
    """Where trials of one strategy on one task stand."""

    label: str
    task: Task
    model_key: str
    minutes: float | None
    several_tasks: bool

    def trial(self, strategy: Strategy, seed: int, repeat: int = 0) -> Trial:
        parts = [self.label, *([self.task.name] if self.several_tasks else [])]
        parts += [*([f"seed{seed}"] if seed else []), *(["again"] if repeat else [])]
        key = trial_key(strategy, self.task, self.model_key, repeat=repeat)
        bounded = self.minutes is not None and strategy.traits.trains_weights
        return Trial(
            strategy=strategy,
            label=self.label,
            task=self.task,
            seed=seed,
            key=key,
            artifact=f"artifacts/{folder_name(parts)}",
            key_if_cut=content_hash([key, "minutes", self.minutes]) if bounded else None,
            repeat=repeat,
        )


def _checked_only(
    only: Mapping[str, Sequence[str]], labels: Sequence[str], tasks: Sequence[str]
) -> Mapping[str, Sequence[str]]:
    for label, names in only.items():
        if label not in labels:
            raise UnknownNameError.for_name("strategy of 'only'", label, labels)
        for name in names:
            if name not in tasks:
                raise UnknownNameError.for_name(f"task of '{label}'", name, tasks)
    return only


def baseline_of(labels: Sequence[str]) -> str | None:
    """The strategy that the others are compared with: the plain prompt, or the first."""
    plain = [label for label in labels if label.partition(":")[0] == BASELINE]
    return next(iter(plain or labels), None)


def run_twice(labels: Sequence[str]) -> str | None:
    """The strategy that measures the noise floor."""
    return baseline_of(labels)


def check_counts(limit: object, seeds: object, first_seed: object = 0) -> None:
    """Refuse numbers of rows and seeds that mean nothing.

    Raises:
        ConfigError: ``limit`` is no int >= 1 and not None, ``seeds`` no int >= 1, ``first_seed`` none >= 0.
    """
    if limit is not None and not is_count(limit, least=1):
        raise ConfigError.for_parameter("compare", "limit", "an int >= 1, or None for all rows", limit)
    if not is_count(seeds, least=1):
        raise ConfigError.for_parameter("compare", "seeds", "an int >= 1", seeds)
    if not is_count(first_seed, least=0):
        raise ConfigError.for_parameter("compare", "first_seed", "an int >= 0", first_seed)


def _check_strategies(strategies: Sequence[Strategy]) -> None:
    if not strategies:
        raise ConfigError("No strategy to compare. Give at least one, for example ak.PromptEngineering().")
    for strategy in strategies:
        if not isinstance(strategy, Strategy):
            raise ConfigError.for_parameter(
                "compare", "strategies", "a list of strategies such as ak.FewShot(k=8)", strategy
            )
        strategy.check()


def _check_tasks(tasks: Sequence[Task]) -> None:
    if not tasks:
        raise ConfigError("No task to compare on. Give at least one.")
    for task in tasks:
        if not isinstance(task, Task):
            raise ConfigError.for_parameter(
                "compare", "task", "a task, or a list of them, made by ak.load_task or ak.Task", task
            )
        metrics.check_metrics(task.metrics)
    for name, count in Counter(t.name for t in tasks).items():
        if count > 1:
            raise DataError(f"{count} tasks have the name '{name}'. Give each a name of its own.")
    names: dict[str, str] = {}
    for task in tasks:
        other = names.setdefault(task.content_hash, task.name)
        if other != task.name:
            raise DataError(
                f"The tasks '{other}' and '{task.name}' hold the same rows. Leave one of them out."
            )


def _check_scorable(task: Task, chosen: Sequence[Example]) -> None:
    """Refuse a metric that can score no test row, or, being the first, none of those that are asked."""
    for name in task.metrics:
        rows = chosen if name == task.primary_metric else task.test
        fault = metrics.task_fault(name, kind=task.kind, labels=task.labels, rows=rows)
        if fault is not None:
            raise DataError(f"Task {task.name!r}: {fault} Take {name} out of 'metrics', or mend the rows.")


def strategy_labels(strategies: Sequence[Strategy]) -> tuple[str, ...]:
    """Short names that tell the strategies apart: parameters are shown where a name occurs twice."""
    counts = Counter(s.label for s in strategies)
    labels = []
    for strategy in strategies:
        changed = strategy.changed_params() if counts[strategy.label] > 1 else {}
        labels.append(":".join([strategy.label, *(f"{k}={_short(v)}" for k, v in changed.items())]))
    for label, count in Counter(labels).items():
        if count > 1:
            raise ConfigError(f"The strategy '{label}' is given {count} times with the same parameters.")
    return tuple(labels)


def _short(value: object) -> str:
    """A value as part of a name: without white space; a long one is cut, and a hash tells it from others."""
    text = re.sub(r"\s+", "-", str(value).strip())
    if len(text) <= LABEL_VALUE_CHARS:
        return text
    return f"{text[: LABEL_VALUE_CHARS - 5]}~{content_hash(str(value))[:4]}"


def folder_name(parts: Sequence[str]) -> str:
    """One name of a folder for several names, whatever characters they hold and however long they are."""
    names = [re.sub(r"[^\w+.-]+", "-", p).strip(".") for p in parts]
    joined = "+".join(names)
    if len(joined.encode()) <= FOLDER_NAME_CHARS and all(names):
        return joined
    return f"{joined.encode()[: FOLDER_NAME_CHARS - 9].decode(errors='ignore')}-{content_hash(parts)[:8]}"


def trial_key(strategy: Strategy, task: Task, model_key: str, *, repeat: int = 0) -> str:
    """Hash of strategy, task, model and library version: a change in any of them is a new trial.

    Raises:
        ConfigError: a parameter of the strategy is something that JSON cannot hold.
    """
    parts = {
        "strategy": strategy.name,
        "class": f"{type(strategy).__module__}:{type(strategy).__qualname__}",
        "params": strategy.described_params(),
        "task": task.content_hash,
        "model": model_key,
        "version": __version__,
        **({"repeat": repeat} if repeat else {}),
        **({"folders": folders} if (folders := _folders_named(strategy.described_params())) else {}),
    }
    try:
        return content_hash(parts)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"The parameters of {type(strategy).__name__} cannot be stored ({error}). "
            "Use texts, numbers, lists and dataclasses of them."
        ) from None


def _folders_named(params: object) -> dict[str, str]:
    """The content of each local folder that a parameter names as embedder or reranker."""
    if isinstance(params, list | tuple):
        return {k: v for part in params for k, v in _folders_named(part).items()}
    if not isinstance(params, Mapping):
        return {}
    found = {k: v for part in params.values() for k, v in _folders_named(part).items()}
    for name in (params.get("embedder"), params.get("reranker")):
        if isinstance(name, str) and name not in found and os.path.isdir(user_path(name)):  # noqa: PTH112 - a name may be too long to ask for
            found[name] = folder_revision(user_path(name), name=name)
    return found


def choose_rows(test: Sequence[Example], limit: int | None) -> tuple[Example, ...]:
    """The test rows of every strategy; 60 of them are part of the 100 of a later run."""
    return tuple(some_rows(test, limit))
