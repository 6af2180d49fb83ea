"""What to run to confirm or reject an advice: which strategies, how often, on how many rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from adaptkit.decision.hypotheses import Weighed
from adaptkit.decision.rules import ASSUMED_DISCORDANCE, ORDER, SEEDS, TUNED, Citation
from adaptkit.decision.situation import Situation
from adaptkit.stats import MARGIN, minimum_detectable_difference, rows_to_decide

ENOUGH_TO_TUNE = 100
_DRAWS = ("few-shot", *TUNED)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How to run a strategy, by which rule and sources."""

    rule: str
    text: str
    sources: tuple[Citation, ...]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One strategy to run.

    Attributes:
        seeds: runs; three of what draws or trains.
        role: ``first`` is the hypothesis to try first; ``hypothesis`` is worth trying, ``exploratory`` only
            after all others; ``baseline`` is what they are compared with.
        settings: how to run it.
    """

    strategy: str
    seeds: int
    role: str
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a plan will take, as a pilot on a few rows has it: the lowest and the highest.

    Attributes:
        n_rows: rows of the pilot.
        minutes: of all that the pilot could run; None where it could run nothing.
        tokens: read, written and trained on; None as well.
        usd: None where a price is not known.
        n_runs: runs that it speaks of, None for those of the plan.
        strategies: what it speaks of; empty for all of the plan.
        unknown: what it was to run and could not: all figures are lower bounds then.
    """

    n_rows: int
    minutes: tuple[float, float] | None
    tokens: tuple[float, float] | None
    usd: tuple[float, float] | None = None
    n_runs: int | None = None
    strategies: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def forecast(self) -> Forecast:
        """Itself: a forecast can stand where a pilot is asked for."""
        return self


class Foretold(Protocol):
    """What has a forecast: a pilot, or a forecast."""

    @property
    def forecast(self) -> Forecast:
        """What will be taken."""


@dataclass(frozen=True, kw_only=True)
class ExperimentPlan:
    """What to run, in this order, and on how many rows.

    Attributes:
        steps: the strategies, the cheap and reversible ones first.
        margin: the largest difference that does not matter, 0..1; ``margin_is_stated`` says whose.
        discordance: the share of rows on which two strategies are taken to disagree, until it is measured.
        rows_needed: test rows that show a difference of the margin four times in five.
        rows_at_hand: test rows of the task, None without one.
        detectable: the difference that those show four times in five, None without a task.
        labels_to_make: examples to label until tuning is recommended, None where nothing is to be made.
        label_hours: what that takes, hours of a person.
        stop: where to stop.
        pilot: what it will take, None before a pilot.
    """

    steps: tuple[Step, ...]
    margin: float
    margin_is_stated: bool
    discordance: float
    rows_needed: int | None
    rows_at_hand: int | None
    detectable: float | None
    labels_to_make: int | None
    label_hours: float | None
    stop: str
    pilot: Forecast | None = None

    @property
    def n_runs(self) -> int:
        """Runs in all: strategies times seeds."""
        return sum(step.seeds for step in self.steps)


def plan_of(situation: Situation, weighed: Weighed, pilot: Forecast | None = None) -> ExperimentPlan:
    """Plan what confirms or rejects the hypotheses; ``pilot`` tells what that will take."""
    margin = situation.required.margin or MARGIN
    n_test = situation.n_test
    labels = _labels_to_make(situation)
    minutes = situation.required.minutes_per_label
    return ExperimentPlan(
        steps=_steps(situation, weighed),
        margin=margin,
        margin_is_stated=situation.required.margin is not None,
        discordance=ASSUMED_DISCORDANCE,
        rows_needed=rows_to_decide(margin, ASSUMED_DISCORDANCE),
        rows_at_hand=n_test,
        detectable=None if n_test is None else minimum_detectable_difference(n_test, ASSUMED_DISCORDANCE),
        labels_to_make=labels,
        label_hours=None if labels is None or minutes is None else labels * minutes / 60,
        stop=_stop(situation, margin),
        pilot=pilot,
    )


def _steps(situation: Situation, weighed: Weighed) -> tuple[Step, ...]:
    roles = dict.fromkeys([*_baselines(situation), "prompt"], "baseline")
    roles |= {h.strategy: "exploratory" if h.deferred else "hypothesis" for h in weighed.hypotheses}
    if weighed.first is not None:
        roles[weighed.first] = "first"
    # The cheap and reversible ones first, so that one may stop where they suffice.
    ordered = sorted(roles, key=lambda name: (roles[name] == "exploratory", ORDER.index(name)))
    return tuple(
        Step(
            strategy=name,
            seeds=SEEDS if name in _DRAWS else 1,
            role=roles[name],
            settings=tuple(
                Setting(rule=f.rule, text=f.settings[name], sources=f.sources)
                for f in weighed.findings
                if name in f.settings
            ),
        )
        for name in ordered
    )


def _baselines(situation: Situation) -> list[str]:
    """What answers without a language model: the floor that everything dearer has to clear."""
    if situation.required.needs_actions:
        return []
    found = [] if situation.n_examples == 0 else ["knn-vote"]
    if situation.kind == "classification" and situation.n_examples != 0:
        found.append("tfidf")
    if situation.kind == "qa" and not situation.has_no_documents:
        found.append("top-passage")
    return found


def _labels_to_make(situation: Situation) -> int | None:
    """Labels until tuning is recommended, if so many can be had and would be of use."""
    have, more = situation.n_examples, situation.required.examples_obtainable
    if have is None or not more or have >= ENOUGH_TO_TUNE or not situation.may_train:
        return None
    return min(more, ENOUGH_TO_TUNE - have)


def _stop(situation: Situation, margin: float) -> str:
    target = situation.required.target_quality
    if target is not None:
        return (
            f"Stop at the first strategy whose interval lies above {100 * target:g} % within the limits: "
            "what comes after it costs more to make and to keep."
        )
    return (
        f"Take a strategy further down only where it beats those above by more than {100 * margin:g} points: "
        "it costs more to make and to keep."
    )
