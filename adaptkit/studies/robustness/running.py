"""The comparisons behind a measurement: one without a change, then one a change, of what it reaches."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptkit.comparison import Comparison, RunSettings, compare
from adaptkit.comparison.lazy_model import LazyModel
from adaptkit.comparison.leakage_check import Leakage
from adaptkit.comparison.plan import Plan, make_plan, strategy_labels
from adaptkit.comparison.store import RunStore
from adaptkit.comparison.stored import stored_run
from adaptkit.comparison.trial_data import TrialData
from adaptkit.strategies import Strategy
from adaptkit.studies.robustness.analysis import Condition
from adaptkit.studies.robustness.lending import lend
from adaptkit.studies.robustness.result import UNCHANGED
from adaptkit.studies.robustness.variants import MAKERS, PARAPHRASES, Given, Variant, is_touched, keeps_fit
from adaptkit.tasks import Task

NO_STRATEGY = "it reaches no strategy that was measured"


@dataclass(frozen=True, kw_only=True)
class Runs:
    """The comparisons of one measurement.

    Attributes:
        folder: each comparison has one of its own in it.
        options: rows and seeds, the same for all.
    """

    given: Given
    provider: LazyModel
    folder: Path
    options: Mapping[str, Any]
    settings: RunSettings
    leakage: Leakage

    def unchanged(self) -> Comparison:
        """Run everything as it is."""
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

    def changed(self, names: Sequence[str], base: Comparison) -> tuple[list[Condition], dict[str, str]]:
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

    def _measured(self, variant: Variant, base: Comparison) -> Condition | str:
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
            # The same rows were checked before; only what the user wrote may stand elsewhere.
            leakage=self.leakage if variant.name == PARAPHRASES else "off",
            # As many rows are sent alone: answers of equal batches differ by the change and nothing else.
            settings=dataclasses.replace(self.settings, fresh=False),
        )
        trials = [*_kept(base, named), *_renamed(comparison, named)]
        order = {label: i for i, label in enumerate(labels)}
        return Condition(
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


def _kept(base: Comparison, touched: Mapping[str, str]) -> list[TrialData]:
    trials = stored_run(base.folder, base.result.manifest).trials
    return [t for t in trials if t.strategy not in touched]


def _renamed(comparison: Comparison, named: Mapping[str, str]) -> list[TrialData]:
    """The trials under the names of the unchanged run."""
    trials = stored_run(comparison.folder, comparison.result.manifest).trials
    return [
        dataclasses.replace(trial, strategy=label)
        for label, name in named.items()
        for trial in trials
        if trial.strategy == name
    ]
