"""From stored trials to what is named under a change, and to what a change does to each strategy."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adaptkit import decision, stats
from adaptkit.comparison.decision_settings import DecisionSettings
from adaptkit.comparison.pairs import RESAMPLING_SEED, compared, estimate_of, pairs_of
from adaptkit.comparison.rows import row_of
from adaptkit.comparison.scores import clusters_of, corpus_scores
from adaptkit.comparison.trial_data import StrategyTrials, TrialData, groups_of
from adaptkit.core.results import Estimate, Row, TaskRecommendation
from adaptkit.costs import Prices
from adaptkit.metrics import is_row_mean
from adaptkit.stats import CorpusScores
from adaptkit.studies.robustness.result import UNCHANGED, ChoiceUnderChange, Effect
from adaptkit.tasks import TaskFacts

# What a strategy costs is measured once: times differ from run to run, and must not change the choice.
_COSTS = (
    "p50_latency_s", "p95_latency_s", "first_token_p50_s", "tokens_in", "tokens_cached", "tokens_out",
    "fit_s", "fit_usd", "usd_per_1k_requests", "usd_per_correct", "break_even_requests", "n_latency",
    "rows_per_s",
)  # fmt: skip
BY_INTERVALS = "no test: other rows; interval out of the two means' (Zou and Donner 2008)"
NOT_TOUCHED = "not touched"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What was measured under one change.

    Attributes:
        what: the change in words.
        trials: of all strategies, under the names of the unchanged run.
        touched: strategies that the change reaches.
    """

    name: str
    what: str
    trials: tuple[TrialData, ...]
    touched: frozenset[str] = frozenset()

    @property
    def ids(self) -> set[str]:
        """Rows that any strategy answered."""
        return {r.example_id for t in self.trials for r in t.records}

    def of_rows(self, ids: Collection[str], *, name: str = "", what: str = "") -> Condition:
        """The same for some rows, perhaps under another name."""
        trials = (
            dataclasses.replace(t, records=tuple(r for r in t.records if r.example_id in ids))
            for t in self.trials
        )
        return dataclasses.replace(self, name=name or self.name, what=what or self.what, trials=tuple(trials))

    def of_seed(self, seed: int) -> Condition:
        """The same with one seed of those strategies that take one."""
        trials = tuple(t for t in self.trials if not t.takes_seed or t.seed == seed)
        return dataclasses.replace(self, trials=trials)

    @property
    def seeds(self) -> list[int]:
        """Seeds of the strategies that take one."""
        return sorted({t.seed for t in self.trials if t.takes_seed and t.status == "done"})


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Judges all changes of a task alike.

    Attributes:
        base: the reading without a change.
        costs: by strategy, the line of the unchanged run.
        model: its name.
    """

    task: TaskFacts
    standards: DecisionSettings
    base: Condition
    costs: Mapping[str, Row]
    model: str

    def groups(self, reading: Condition) -> dict[str, StrategyTrials]:
        """The trials of each strategy."""
        return {g.label: g for g in groups_of(self.task, reading.trials)}

    def recommended(self, reading: Condition) -> TaskRecommendation:
        """What the table of a reading would recommend, all costs being those of the unchanged run."""
        groups = list(self.groups(reading).values())
        ran = [g for g in groups if g.records]
        found = compared(ran, self.standards)
        rows = [self._row(g) for g in groups]
        (said,) = decision.recommend(rows, pairs_of(self.task, found, self.standards, ran))
        return said

    def _row(self, group: StrategyTrials) -> Row:
        row = row_of(group, estimate_of(group) if group.records else None, self.model, Prices(machine=None))
        known = self.costs.get(group.label)
        if known is None:
            return row
        return dataclasses.replace(row, **{name: getattr(known, name) for name in _COSTS})

    def choice(self, reading: Condition, reference: str | None) -> ChoiceUnderChange:
        """What is named, with all seeds and with each alone."""
        said = self.recommended(reading)
        seeds = reading.seeds if len(reading.seeds) > 1 else []
        return ChoiceUnderChange(
            change=reading.name,
            what=reading.what,
            n=len(reading.ids),
            named=said.named,
            is_shown=said.strategy is not None,
            tied=said.tied,
            reference=reference,
            by_seed={seed: self.recommended(reading.of_seed(seed)).named for seed in seeds},
            reason=said.reason,
        )

    def effects(self, reading: Condition) -> list[Effect]:
        """What a change does to each strategy; p-values are not corrected yet."""
        before, after = self.groups(self.base.of_rows(reading.ids)), self.groups(reading)
        return [self._effect(reading, before[label], group) for label, group in after.items()]

    def _effect(self, reading: Condition, before: StrategyTrials, after: StrategyTrials) -> Effect:
        plain = self._plain(reading.name, after)
        if reading.name == UNCHANGED or plain.reason is not None:
            return plain
        if after.label not in reading.touched:
            return dataclasses.replace(plain, delta=0.0, low=0.0, high=0.0, test=NOT_TOUCHED, touched=False)
        # Under one seed the strategy is the same before and after: seeds are averaged, rows are paired.
        before, after = _of_shared_seeds(before, after)
        rng = np.random.default_rng(RESAMPLING_SEED)
        clusters = clusters_of(before.records) or None
        found = stats.paired_difference(*_two(after, before), rng=rng, clusters=clusters)
        return dataclasses.replace(
            plain,
            delta=found.delta,
            low=found.low,
            high=found.high,
            p_value=found.p_value,
            test=found.test,
        )

    def _plain(self, change: str, group: StrategyTrials) -> Effect:
        if not group.records:
            said = next((t.reason for t in group.trials if t.reason), None)
            return Effect(strategy=group.label, change=change, reason=said or "it was not measured")
        found = estimate_of(group)
        return Effect(
            strategy=group.label,
            change=change,
            n=found.n,
            quality=found.value,
            quality_low=found.low,
            quality_high=found.high,
        )

    def slice_effects(self, reading: Condition) -> list[Effect]:
        """How each strategy does on a slice, against all other rows."""
        others = self.groups(self.base.of_rows(self.base.ids - reading.ids))
        effects = []
        for label, group in self.groups(reading).items():
            plain = self._plain(reading.name, group)
            if plain.reason is None and others[label].records:
                plain = _unpaired(plain, estimate_of(others[label]))
            effects.append(plain)
        return effects


def _of_shared_seeds(*groups: StrategyTrials) -> list[StrategyTrials]:
    """The same without seeds that have not finished in all of them."""
    shared = set.intersection(*({t.seed for t in g.done} for g in groups))
    return [dataclasses.replace(g, trials=tuple(t for t in g.trials if t.seed in shared)) for g in groups]


def _two(
    after: StrategyTrials, before: StrategyTrials
) -> tuple[CorpusScores, CorpusScores] | tuple[Mapping[str, float], Mapping[str, float]]:
    """One value a row; or the answers, where the metric is no mean over rows."""
    if is_row_mean(after.task.primary_metric):
        return after.values, before.values
    first, second = corpus_scores([after, before])
    fixed = (dataclasses.replace(s, seeds_vary=False) for s in (first, second))
    return next(fixed), next(fixed)


def _unpaired(effect: Effect, others: Estimate) -> Effect:
    """Add the difference to other rows; its interval comes out of the two means' (MOVER).

    ``d - sqrt((a - la)^2 + (ub - b)^2)`` to ``d + sqrt((ua - a)^2 + (b - lb)^2)``, of G. Y. Zou and
    A. Donner, Statistics in Medicine 27, 2008.
    """
    a, b = effect.quality, others.value
    if a is None or b is None:
        return effect
    delta = a - b
    bounds = (effect.quality_low, effect.quality_high, others.low, others.high)
    known = [v for v in bounds if v is not None]
    if len(known) < len(bounds):
        return dataclasses.replace(effect, delta=delta, test=BY_INTERVALS)
    a_low, a_high, b_low, b_high = known
    return dataclasses.replace(
        effect,
        delta=delta,
        low=max(-1.0, delta - math.hypot(a - a_low, b_high - b)),
        high=min(1.0, delta + math.hypot(a_high - a, b - b_low)),
        test=BY_INTERVALS,
    )


def corrected(effects: Sequence[Effect]) -> list[Effect]:
    """Correct p-values over all strategies and changes: the largest loss is looked for among all of them."""
    adjusted = stats.holm([e.p_value for e in effects])
    return [dataclasses.replace(e, p_adjusted=p) for e, p in zip(effects, adjusted, strict=True)]
