"""An advice: what to try first and why, before anything has been measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adaptkit.decision.blocks import Block, Bullets, Heading, Paragraph, TextTable
from adaptkit.decision.hypotheses import Hypothesis, Reason, Rejected
from adaptkit.decision.planning import ExperimentPlan, Forecast, Step
from adaptkit.decision.requirements import Requirements
from adaptkit.decision.rules import BASELINES, GRADES, Citation, size
from adaptkit.decision.shown import ShownAsBlocks
from adaptkit.decision.situation import DataFacts
from adaptkit.decision.what_if import WhatIf
from adaptkit.decision.wording import MINUS, listing


@dataclass(frozen=True, kw_only=True)
class Advice(ShownAsBlocks):
    """Hypotheses about which strategy suits, with reasons, and the plan that tests them.

    ``adaptkit.core.codec.to_json`` turns it into what JSON holds.

    Attributes:
        requirements: what is required and known.
        facts: what the task showed, None without one.
        model_parameters: the model's weights, None if not given.
        hypotheses: strategies worth trying, the one to try first at the front.
        not_worth_trying: the others, and why.
        warnings: what to know or do before anything is run.
        would_change: answers not given yet that would put another strategy first.
        plan: what to run, on how many rows.
    """

    requirements: Requirements
    facts: DataFacts | None
    model_parameters: float | None
    hypotheses: tuple[Hypothesis, ...]
    not_worth_trying: tuple[Rejected, ...]
    warnings: tuple[Reason, ...]
    would_change: tuple[WhatIf, ...]
    plan: ExperimentPlan

    @property
    def first(self) -> str | None:
        """The strategy to try first; None where every one is excluded."""
        return self.hypotheses[0].strategy if self.hypotheses else None

    def blocks(self) -> list[Block]:
        """It as a document."""
        return blocks(self)


def blocks(advice: Advice) -> list[Block]:
    """Return the advice as a document: each reason stands in full once, and elsewhere by its rule's name."""
    first = advice.hypotheses[:1]
    told = {r.rule for h in first for r in (*h.because, *h.against)}
    warnings = [r for r in advice.warnings if r.rule not in told]
    told |= {r.rule for r in warnings}
    return [
        Heading(text=_title(advice), level=1),
        Paragraph(
            text="What published evidence says of this situation; nothing has been run yet. The plan below "
            "confirms or rejects it, the cheap and reversible strategies first."
        ),
        Paragraph(text=_basis(advice)),
        *_why(advice),
        *_listed("Before you start", [_cited(r) for r in warnings]),
        *_order(advice),
        *_not_worth(advice),
        *_planned(advice.plan),
        *_would_change(advice),
        *_listed("The other reasons", [_measured(r) for r in _all_reasons(advice) if r.rule not in told]),
        *_sources(advice),
    ]


def _listed(title: str, lines: Iterable[str]) -> list[Block]:
    found = tuple(lines)
    return [Heading(text=title), Bullets(lines=found)] if found else []


def _title(advice: Advice) -> str:
    if advice.first is None:
        return "First hypothesis: no strategy fits what is required"
    return f"First hypothesis: {advice.first}"


def _basis(advice: Advice) -> str:
    parts = []
    if advice.facts is not None:
        parts.append(f"Read from the task: {advice.facts.described()}")
    stated = [f"`{name}` {_value(value)}" for name, value in advice.requirements.stated().items()]
    if stated:
        parts.append(f"Stated: {', '.join(stated)}.")
    if advice.model_parameters is not None:
        parts.append(f"Model: {size(advice.model_parameters)} weights.")
    return " ".join(parts) or "Nothing was stated, so this is where everybody starts."


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " to ".join(_value(v) for v in value)
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"
    return str(value)


def _why(advice: Advice) -> list[Block]:
    if not advice.hypotheses:
        return [Paragraph(text="What is required excludes every strategy; see below what excludes each.")]
    first = advice.hypotheses[0]
    return [
        *_listed(f"Why {first.strategy}", [_measured(r) for r in first.because]),
        *_listed("What speaks against it", [_measured(r) for r in first.against]),
        Paragraph(text=_confirmed(first, advice.plan)),
    ]


def _confirmed(first: Hypothesis, plan: ExperimentPlan) -> str:
    points = f"more than {100 * plan.margin:g} points"
    name = f"`{first.strategy}`"
    floor = [
        f"`{s.strategy}`" for s in plan.steps if s.strategy in BASELINES and s.strategy != first.strategy
    ]
    clears = f" and is better than {listing(floor)}, without a language model" if floor else ""
    if first.expected_to_beat:
        others = listing([f"`{other}`" for other in first.expected_to_beat])
        return (
            f"**Confirmed** if {name} beats {others} by {points}{clears}. **Rejected** if one of them is "
            "as good within that margin, or better."
        )
    stands = f", and it{clears.removeprefix(' and')}" if clears else ""
    return (
        f"**Confirmed** if nothing dearer beats {name} by {points}{stands}. **Rejected** if something does."
    )


def _order(advice: Advice) -> list[Block]:
    rows = tuple(
        (
            str(place),
            f"`{h.strategy}`",
            _signed(h.score),
            _weights(h.because),
            _weights(h.against) + (", tried last" if h.deferred else ""),
        )
        for place, h in enumerate(advice.hypotheses, 1)
    )
    if not rows:
        return []
    return [
        Heading(text="Order of hypotheses"),
        TextTable(header=("", "strategy", "score", "for it", "against it"), rows=rows),
    ]


def _weights(reasons: Sequence[Reason]) -> str:
    return ", ".join(f"{r.rule} {_signed(r.score)}" if r.score else r.rule for r in reasons)


def _signed(score: int) -> str:
    return f"{score:+d}".replace("-", MINUS) if score else "0"


def _not_worth(advice: Advice) -> list[Block]:
    """Say what is not worth trying; strategies with the same reasons share a line."""
    groups: dict[tuple[str, ...], list[Rejected]] = {}
    for rejected in advice.not_worth_trying:
        groups.setdefault(tuple(_short(r) for r in rejected.because), []).append(rejected)
    return _listed("Not worth trying now", [_not_worth_line(g, advice.plan) for g in groups.values()])


def _not_worth_line(group: Sequence[Rejected], plan: ExperimentPlan) -> str:
    names = listing([f"`{r.strategy}`" for r in group])
    why = "; ".join(_short(r) for r in group[0].because) or "nothing that is known speaks for it"
    runs = any(_is_baseline(r.strategy, plan) for r in group)
    return f"{names}: {why}.{' The prompt runs all the same, as the baseline.' if runs else ''}"


def _short(reason: Reason) -> str:
    return f"{reason.about} ({reason.rule}{f' {_signed(reason.score)}' if reason.score else ''})"


def _is_baseline(strategy: str, plan: ExperimentPlan) -> bool:
    return any(s.strategy == strategy and s.role == "baseline" for s in plan.steps)


def _planned(plan: ExperimentPlan) -> list[Block]:
    rows = tuple(
        (str(place), f"`{s.strategy}`", s.role, str(s.seeds), _settings(s))
        for place, s in enumerate(plan.steps, 1)
    )
    found: list[Block] = [
        Heading(text="Plan"),
        TextTable(header=("", "strategy", "role", "seeds", "how"), rows=rows),
        Bullets(lines=(_rows_needed(plan), *_labels(plan), _forecast(plan), plan.stop)),
    ]
    return found


def _settings(step: Step) -> str:
    return "; ".join(f"{s.text} ({s.rule})" for s in step.settings)


def _rows_needed(plan: ExperimentPlan) -> str:
    whose = "as stated" if plan.margin_is_stated else "the default margin"
    text = (
        f"Rows: a difference of {100 * plan.margin:g} points ({whose}) is seen four times in five on "
        f"**{plan.rows_needed:,} test rows**, if two strategies disagree on {100 * plan.discordance:g} % of "
        "them; a pilot measures that share."
    )
    if plan.rows_at_hand is None or plan.detectable is None:
        return text
    return f"{text} The {plan.rows_at_hand:,} at hand show {100 * plan.detectable:.1f} points."


def _labels(plan: ExperimentPlan) -> list[str]:
    if plan.labels_to_make is None:
        return []
    hours = "" if plan.label_hours is None else f", {plan.label_hours:.1f} hours of work"
    return [f"Labels: {plan.labels_to_make:,} more{hours}, towards the 100 from which tuning is recommended."]


def _forecast(plan: ExperimentPlan) -> str:
    pilot = plan.pilot
    if pilot is None:
        return f"Effort: {plan.n_runs} runs; minutes, tokens and USD are known after a pilot on a few rows."
    n_runs = plan.n_runs if pilot.n_runs is None else pilot.n_runs
    by = f"by a pilot on {pilot.n_rows} rows"
    if pilot.minutes is None or pilot.tokens is None:
        return f"Effort: minutes, tokens and USD are not known {by}{_not_in(pilot, plan)}."
    usd = "an unknown price" if pilot.usd is None else f"{_range(pilot.usd, '.2f')} USD"
    least = "at least " if pilot.unknown else ""
    minutes = _range(pilot.minutes, ".0f" if pilot.minutes[1] >= 10 else ".1f")
    tokens = _range(pilot.tokens, ",.0f")
    figures = f"{least}{minutes} minutes, {tokens} tokens, {usd}"
    return f"Effort: {n_runs} runs, {figures}, {by}{_not_in(pilot, plan)}."


def _not_in(pilot: Forecast, plan: ExperimentPlan) -> str:
    """What the figures do not hold: what a pilot could not run, and what of the plan it was not asked for."""
    named = {name.partition(":")[0] for name in (*pilot.strategies, *pilot.unknown)}
    others = [f"`{s.strategy}`" for s in plan.steps if named and s.strategy not in named]
    failed = [f"`{name}`" for name in pilot.unknown]
    parts = [
        *([f"which could not run {listing(failed)}"] if failed else []),
        *([f"without {listing(others)}"] if others else []),
    ]
    return f", {', and '.join(parts)}" if parts else ""


def _range(bounds: tuple[float, float], form: str) -> str:
    low, high = (format(bound, form) for bound in bounds)
    return low if low == high else f"{low} to {high}"


def _would_change(advice: Advice) -> list[Block]:
    by_first: dict[str | None, list[str]] = {}
    for other in advice.would_change:
        by_first.setdefault(other.first, []).append(other.words)
    return _listed(
        "What would change this",
        [
            f"{'no strategy fits' if name is None else f'`{name}` comes first'} if {'; or if '.join(words)}."
            for name, words in by_first.items()
        ],
    )


def _all_reasons(advice: Advice) -> list[Reason]:
    """Every reason once, in the order in which a reader meets them."""
    groups = [
        *((*h.because, *h.against) for h in advice.hypotheses),
        *(r.because for r in advice.not_worth_trying),
        advice.warnings,
    ]
    return list({reason.rule: reason for group in groups for reason in group}.values())


def _sources(advice: Advice) -> list[Block]:
    """List the sources, each with the rules that rest on it, and how it was consulted for them."""
    uses = {(c, r.rule) for r in _all_reasons(advice) for c in r.sources}
    uses |= {(c, s.rule) for step in advice.plan.steps for s in step.settings for c in s.sources}
    by_key: dict[str, list[Citation]] = {}
    for citation in sorted({c for c, _ in uses}, key=str):
        by_key.setdefault(citation.key, []).append(citation)
    lines = []
    for key in sorted(by_key, key=str.casefold):
        how = [f"{c.how}{', '.join(sorted(r for d, r in uses if d == c))}" for c in by_key[key]]
        lines.append(f"**{key}**: {by_key[key][0].reference} ({'; '.join(how)})")
    return _listed("Sources, and the rules that rest on them", lines)


def _cited(reason: Reason) -> str:
    return f"{reason.text} ({reason.rule}, {GRADES[reason.grade]}: {_keys(reason.sources)})"


def _measured(reason: Reason) -> str:
    evidence = f"{GRADES[reason.grade]}: {_keys(reason.sources)}"
    return f"**{reason.rule}**: {reason.text} ({evidence}) *Measure* {reason.measure}."


def _keys(sources: Sequence[Citation]) -> str:
    """Keys of sources, those that are known by report marked as such."""
    return ", ".join(f"{c.key} as reported" if c.consulted == "reported" else c.key for c in sources)
