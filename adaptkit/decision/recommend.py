"""Which strategy to take for each task, or why the rows do not say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adaptkit.core.results import Pair, Row, TaskRecommendation
from adaptkit.decision.candidates import CandidateSet, Differences, at_stake
from adaptkit.decision.checking import Checked, check
from adaptkit.decision.decide import Decision, judge
from adaptkit.decision.evidence import Evidence
from adaptkit.decision.hypotheses import weigh
from adaptkit.decision.limits import unknown
from adaptkit.decision.reasons import reason
from adaptkit.decision.recommendation import Recommendation
from adaptkit.decision.requirements import Requirements
from adaptkit.decision.situation import Situation
from adaptkit.decision.turning_points import turning_points
from adaptkit.decision.wording import busy_machine, listing
from adaptkit.stats import Gaps

_COSTS_SEED = 20_250_102


def recommend(rows: Sequence[Row], pairs: Sequence[Pair]) -> tuple[TaskRecommendation, ...]:
    """Recommend one strategy a task by the table alone, in the order in which tasks appear.

    Args:
        rows: one a strategy and task, failed and skipped ones too.
        pairs: comparisons of strategies on the same rows; ``verdict`` is expected to stand on p-values
            adjusted for the number of pairs. A pair that is missing separates nothing.
    """
    tasks = list(dict.fromkeys(row.task for row in rows))
    return tuple(
        _of_table(
            Evidence(
                task=task,
                rows=tuple(r for r in rows if r.task == task),
                pairs=tuple(p for p in pairs if p.task == task),
            )
        )
        for task in tasks
    )


def recommend_for(evidence: Evidence, required: Requirements) -> Recommendation:
    """Recommend a strategy under requirements, with all that bears on it.

    First what breaks a requirement is left out; of the rest one is taken as ``choose`` has it. Then follow
    how often it would stand, what would change it, and what became of the hypotheses.

    Args:
        evidence: of one task.
        required: what is required and known.
    """
    judged = judge(evidence, required)
    short = _short(evidence, required, judged)
    near, best = _standing(evidence.gaps, judged)
    return Recommendation(
        **{name: getattr(short, name) for name in short.__dataclass_fields__},
        requirements=required,
        excluded=judged.excluded,
        front=judged.choice.front if judged.choice else (),
        p_near_best=near,
        p_best=best,
        would_change=turning_points(evidence, required, lambda e, r: judge(e, r).named),
        hypotheses=_hypotheses(evidence, required, judged),
        cautions=tuple(_cautions(evidence, required, judged)),
    )


def _of_table(evidence: Evidence) -> TaskRecommendation:
    required = Requirements()
    return _short(evidence, required, judge(evidence, required))


def _short(evidence: Evidence, required: Requirements, judged: Decision) -> TaskRecommendation:
    choice = judged.choice
    text = reason(judged, required.target_quality)
    if choice is None:
        return TaskRecommendation(
            task=evidence.task,
            verdict="none" if judged.obstacle is None else "undecided",
            strategy=None,
            tied=(),
            reason=text,
        )
    name = choice.taken.strategy
    equal = choice.kind == "enough" and len(choice.tied) > 1
    return TaskRecommendation(
        task=evidence.task,
        verdict="undecided" if not choice.decided else "equivalent" if equal else "recommend",
        strategy=name if choice.decided else None,
        tied=choice.tied,
        reason=text,
        for_now=None if choice.decided else name,
        rows_needed=choice.rows_needed,
        uses_llm=choice.taken.row.traits.uses_llm,
    )


def _standing(gaps: Gaps | None, judged: Decision) -> tuple[float | None, float | None]:
    """How often the choice is near the best candidate, and how often the best, when all is drawn again."""
    if gaps is None or judged.field is None or judged.named is None:
        return None, None
    names = [c.strategy for c in judged.field.candidates]
    own = gaps.of(names, _drawn_costs(judged, judged.field, gaps))
    return own.p_within(judged.named, judged.margin), own.p_best()[judged.named]


def _drawn_costs(judged: Decision, field: CandidateSet, gaps: Gaps) -> dict[str, np.ndarray]:
    """What a request costs in points, drawn again from the requests that were measured."""
    if field.at_stake_usd is None:
        return {}
    rng = np.random.default_rng(_COSTS_SEED)
    found = {}
    for c in field.candidates:
        samples = np.array(list((judged.costs[c.strategy].samples or {}).values()))
        luck = np.zeros(len(gaps.values))
        if len(samples) > 1:
            # A mean of many requests is normal enough, and drawing each of them again would take seconds.
            luck = rng.normal(0.0, samples.std(ddof=1) / len(samples) ** 0.5, size=len(gaps.values))
        found[c.strategy] = c.offset + luck / field.at_stake_usd
    return found


def _hypotheses(evidence: Evidence, required: Requirements, judged: Decision) -> tuple[Checked, ...]:
    """What the rules let expect of this situation, beside the rows."""
    situation = Situation.of(required, evidence.facts, evidence.model_parameters)
    return check(weigh(situation).hypotheses, judged.ran, Differences(evidence.pairs), judged.margin)


def _cautions(evidence: Evidence, required: Requirements, judged: Decision) -> list[str]:
    found = [
        f"{name} could not be checked of {listing(list(strategies))}: not measured, or no price is known"
        for name, strategies in unknown(judged.ran, judged.costs, required).items()
    ]
    found += (text.rstrip(".") for text in busy_machine(judged.ran))
    if evidence.gaps is None and judged.field is not None:
        found.append("there are no records: how often this would stand, and what it costs, is not known")
    if judged.field is not None and any(c.row.cut_short for c in judged.field.candidates):
        found.append("a budget cut some of them short: how sure this is counts other rows, not more training")
    if required.max_p95_s is not None and judged.choice is not None:
        n = judged.choice.taken.row.n_latency
        if n < 20:
            found.append(f"p95 latency rests on {n} requests: one in twenty is not seen in so few")
    if required.margin is not None and required.margin != evidence.margin:
        found.append(
            f"the margin of {100 * required.margin:g} points was chosen after the run, which had "
            f"{100 * evidence.margin:g}"
        )
    worth = at_stake(evidence.under(required).assumptions)
    if judged.field is not None and judged.field.at_stake_usd is None and worth is not None:
        found.append("what answers are worth is stated, but what requests cost is not known of every one")
    return found
