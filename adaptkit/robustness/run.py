"""``measure_robustness()``: the same comparison again, with one thing otherwise at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptkit.comparing.leaks import Leakage
from adaptkit.comparing.lineup import lineup
from adaptkit.comparing.measured import Measured
from adaptkit.comparing.plan import Plan, check_counts, choose_rows, make_plan, strategy_labels
from adaptkit.comparing.provider import ModelProvider, provider_of
from adaptkit.comparing.store import RunStore
from adaptkit.comparing.stored import stored_run
from adaptkit.comparison import Comparison, RunSettings, compare, default_folder
from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.numbers import is_count
from adaptkit.models.base import Model
from adaptkit.robustness.gather import gathered
from adaptkit.robustness.judging import Reading
from adaptkit.robustness.lending import lend
from adaptkit.robustness.result import UNCHANGED, Robustness
from adaptkit.robustness.variants import CHANGES, MAKERS, SLICE, Given, Variant, is_touched, keeps_fit
from adaptkit.strategies import Strategy
from adaptkit.tasks import Task

NO_STRATEGY = "it reaches no strategy that was measured"
PARAPHRASES = "paraphrases"


def measure_robustness(  # noqa: PLR0913 - all but the first three by name only
    task: Task,
    strategies: Sequence[Strategy],
    model: Model | ModelProvider | None = None,
    *,
    changes: Sequence[str] = CHANGES,
    paraphrases: Mapping[str, str] | None = None,
    instruction: str | None = None,
    seeds: int = 3,
    seed: int = 0,
    limit: int | None = None,
    baselines: bool = True,
    leakage: Leakage = "refuse",
    out: str | Path | None = None,
    settings: RunSettings | None = None,
) -> Robustness:
    """Measure whether the choice among strategies stands when one thing is otherwise.

    * ``typos``, ``case``, ``wrapping``: test inputs with mistyped words, without capitals and end mark, with
      polite words around them; strategies meet them as they were fitted to the unchanged rows.
    * ``instruction``: the task's instruction in other words; strategies are fitted to it.
    * ``format``: prompts set out in another format, where a strategy has one.
    * ``distractors``: documents like those that hold answers, without the answers; strategies are fitted to
      them.
    * ``slice``: no further run: the test rows that ``metadata["slice"]`` names, against the others.

    Each change is a comparison of the strategies that it reaches, in a folder of its own (``out/typos``, ...)
    beside that without a change, stored as it goes: the same call again does only what is missing, and more
    changes, seeds or rows add to what is there.

    Args:
        task: what for.
        strategies: unfitted; they are not changed.
        model: what they are applied to; None for the embedded default.
        changes: names, of the above.
        paraphrases: test inputs in other words by example id, one more change; rows without one are left out
            of it.
        instruction: for that change, the instruction in other words; None for the old one in a frame that
            says nothing more.
        seeds: how often strategies that draw at random are run, each time with another seed.
        seed: of the changes: which words, wrappers and frame.
        limit: at most this many test rows; None for all.
        baselines: add what answers without a language model.
        leakage: see :func:`adaptkit.compare`.
        out: the folder; None for ``runs/<task name>+robustness``.
        settings: price, latency rows and progress.

    Raises:
        ConfigError: a parameter out of range.
        UnknownNameError: no such change.
        CapabilityError: no strategy can run.
        LeakageError: too many test rows stand in what strategies learn from.
        StoreError: the folder cannot be used.
    """
    check_counts(limit, seeds)
    _check(task, strategies, seed)
    names = _names(changes, paraphrases)
    given = Given(
        task=task,
        strategies=_everyone(task, strategies, baselines),
        rows=choose_rows(task.test, limit),
        seed=seed,
        paraphrases=_paraphrases(paraphrases, task),
        instruction=instruction,
    )
    folder = (
        Path(out) if out else default_folder([task]).with_name(default_folder([task]).name + "+robustness")
    )
    runs = _Runs(
        given=given,
        provider=provider_of(model),
        folder=folder,
        options={"limit": limit, "seeds": seeds},
        settings=settings or RunSettings(),
        leakage=leakage,
    )
    base = runs.unchanged()
    readings, skipped = runs.changed([n for n in names if n != SLICE], base)
    chosen_by = {"changes": names, "seeds": seeds, "seed": seed, "limit": limit}
    return gathered(base, readings, skipped, rows=given.rows, slices=SLICE in names, settings=chosen_by)


def _check(task: object, strategies: object, seed: object) -> None:
    if not isinstance(task, Task):
        raise ConfigError.for_parameter("measure_robustness", "task", "a task, made by ak.load_task", task)
    listed = isinstance(strategies, list | tuple) and all(isinstance(s, Strategy) for s in strategies)
    if not strategies or not listed:
        raise ConfigError.for_parameter(
            "measure_robustness", "strategies", "a list of strategies such as ak.FewShot(k=8)", strategies
        )
    if not is_count(seed, least=0):
        raise ConfigError.for_parameter("measure_robustness", "seed", "an int >= 0", seed)


def _names(changes: object, paraphrases: object) -> list[str]:
    if not isinstance(changes, list | tuple) or not all(isinstance(c, str) for c in changes):
        raise ConfigError.for_parameter(
            "measure_robustness", "changes", f"a list of names, of {', '.join(CHANGES)}", changes
        )
    known = [*MAKERS, SLICE]
    for name in changes:
        if name not in known:
            raise UnknownNameError.for_name("change", name, known)
    return list(dict.fromkeys([*changes, *([PARAPHRASES] if paraphrases else [])]))


def _paraphrases(paraphrases: object, task: Task) -> Mapping[str, str]:
    if paraphrases is None:
        return {}
    texts = isinstance(paraphrases, Mapping) and all(
        isinstance(i, str) and isinstance(text, str) and text.strip() for i, text in paraphrases.items()
    )
    if not isinstance(paraphrases, Mapping) or not texts:
        raise ConfigError.for_parameter(
            "measure_robustness", "paraphrases", "texts by example id, none of them empty", paraphrases
        )
    known = [row.id for row in task.test]
    for example_id in paraphrases.keys() - set(known):
        raise UnknownNameError.for_name(f"test row of {task.name}", example_id, known)
    return paraphrases


def _everyone(task: Task, strategies: Sequence[Strategy], baselines: bool) -> tuple[Strategy, ...]:
    given, added = lineup(list(strategies), tune=False, baselines=baselines)
    return (*(b for b in added if not b.refusal(task)), *given)


@dataclass(frozen=True, kw_only=True)
class _Runs:
    """The comparisons of one measurement."""

    given: Given
    provider: ModelProvider
    folder: Path
    options: Mapping[str, Any]
    settings: RunSettings
    leakage: Leakage

    def unchanged(self) -> Comparison:
        return self._compare(
            UNCHANGED, self.given.strategies, self.given.task, leakage=self.leakage, settings=self.settings
        )

    def _compare(
        self,
        name: str,
        strategies: Sequence[Strategy],
        task: Task,
        *,
        leakage: Leakage,
        settings: RunSettings,
    ) -> Comparison:
        return compare(
            strategies,
            task,
            model=self.provider,
            baselines=False,
            noise_floor=False,
            leakage=leakage,
            out=self.folder / name,
            settings=settings,
            **self.options,
        )

    def changed(self, names: Sequence[str], base: Comparison) -> tuple[list[Reading], dict[str, str]]:
        """What was measured under each change, and why some were not."""
        readings, skipped = [], {}
        for name in names:
            made = MAKERS[name](self.given)
            found = made if isinstance(made, str) else self._measured(made, base)
            if isinstance(found, str):
                skipped[name] = found
            else:
                readings.append(found)
        return readings, skipped

    def _measured(self, variant: Variant, base: Comparison) -> Reading | str:
        """Run the strategies that a change reaches; of the others, what they answered without it holds."""
        labels = strategy_labels(self.given.strategies)
        done = {row.strategy for row in base.rows if row.status == "done"}
        touched = [
            i for i, label in enumerate(labels) if label in done and is_touched(i, self.given, variant)
        ]
        if not touched:
            return NO_STRATEGY
        strategies = _distinct([variant.strategies[i] for i in touched])
        names = strategy_labels(strategies)
        named = {labels[i]: names[strategies.index(variant.strategies[i])] for i in touched}
        lent = {named[labels[i]]: labels[i] for i in touched if keeps_fit(i, self.given, variant)}
        self._lend(variant, strategies, lent)
        comparison = self._compare(
            variant.name,
            strategies,
            variant.task,
            # Of the same rows it was asked before; only what the user wrote may stand elsewhere.
            leakage=self.leakage if variant.name == PARAPHRASES else "off",
            settings=dataclasses.replace(self.settings, fresh=False),
        )
        trials = [*_kept(base, named), *_renamed(comparison, named)]
        order = {label: i for i, label in enumerate(labels)}
        return Reading(
            name=variant.name,
            what=variant.what,
            trials=tuple(sorted(trials, key=lambda t: order[t.strategy])),
            touched=frozenset(named),
        )

    def _lend(self, variant: Variant, strategies: Sequence[Strategy], names: Mapping[str, str]) -> None:
        plans = (
            self._plan(self.given.strategies, self.given.task),
            self._plan(strategies, variant.task),
        )
        stores = (RunStore(self.folder / UNCHANGED), RunStore(self.folder / variant.name))
        lend(*stores, plans, names, fresh=self.settings.fresh)

    def _plan(self, strategies: Sequence[Strategy], task: Task) -> Plan:
        return make_plan(strategies, [task], model_key=self.provider.key, **self.options)


def _distinct(strategies: Sequence[Strategy]) -> list[Strategy]:
    """Two that a change makes equal are run once."""
    found: list[Strategy] = []
    for strategy in strategies:
        if strategy not in found:
            found.append(strategy)
    return found


def _kept(base: Comparison, touched: Mapping[str, str]) -> list[Measured]:
    trials = stored_run(base.folder, base.result.manifest).trials
    return [t for t in trials if t.strategy not in touched]


def _renamed(comparison: Comparison, named: Mapping[str, str]) -> list[Measured]:
    """The trials under the names of the unchanged run."""
    trials = stored_run(comparison.folder, comparison.result.manifest).trials
    return [
        dataclasses.replace(trial, strategy=label)
        for label, name in named.items()
        for trial in trials
        if trial.strategy == name
    ]
