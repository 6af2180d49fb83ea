"""Trials to what statistics take: scores by row and seed, clusters, and the rule by which a run stops."""

from __future__ import annotations

from collections.abc import Sequence

from adaptkit.comparing.measured import Group
from adaptkit.comparing.standards import Standards
from adaptkit.core.results import Record
from adaptkit.stats import Scores, StoppingRule
from adaptkit.tasks import row_order


def clusters_of(records: Sequence[Record]) -> dict[str, str]:
    """Cluster of each row that has one by name; rows of one cluster are not independent."""
    return {r.example_id: r.cluster for r in records if r.cluster is not None}


def scores_of(groups: Sequence[Group]) -> dict[str, Scores]:
    """What each strategy scored by row and seed, by its name."""
    return {g.label: Scores.from_seeds(g.values_by_seed, seeds_vary=g.seeds_vary) for g in groups}


def stopping_rule(groups: Sequence[Group], standards: Standards) -> StoppingRule:
    """The rule of a run, made from its records.

    Rows are answered in the order of ``row_order``: those that nobody has answered yet come last, and a
    name is all that the rule needs of them.
    """
    records = [r for g in groups for r in g.records]
    answered = sorted({r.example_id for r in records}, key=row_order)
    n_planned = max((t.n_planned for g in groups for t in g.trials), default=0)
    missing = [f"unanswered row {i}" for i in range(len(answered), n_planned)]
    return StoppingRule(
        order=[*answered, *missing], clusters=clusters_of(records) or None, margin=standards.margin
    )
