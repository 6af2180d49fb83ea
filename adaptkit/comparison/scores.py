"""Trials to what statistics take: scores by row and seed, clusters, and the rule by which a run stops."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence

from adaptkit import metrics
from adaptkit.comparison.decision_settings import DecisionSettings
from adaptkit.comparison.scoring import recorded_answer
from adaptkit.comparison.trial_data import StrategyTrials
from adaptkit.core.results import Record
from adaptkit.stats import N_RESAMPLES, Corpus, CorpusScores, Scores, StoppingRule, Unseen
from adaptkit.tasks import TaskFacts, row_order

# Products of a corpus metric's draws that a table may take; beyond, fewer draws are made.
_MOST_WORK = 4e10
_FEWEST_DRAWS = 2_000
# Of a metric that is a plain function, which is called once for each draw and each swap.
_PLAIN_DRAWS = 1_000


def clusters_of(records: Sequence[Record]) -> dict[str, str]:
    """Cluster of each row that has one by name; rows of one cluster are not independent."""
    return {r.example_id: r.cluster for r in records if r.cluster is not None}


def scores_of(groups: Sequence[StrategyTrials]) -> Mapping[str, Scores] | Mapping[str, CorpusScores]:
    """What each strategy scored by row and seed, by its name; for a metric of all rows, its answers."""
    if groups and not metrics.is_row_mean(groups[0].task.primary_metric):
        return dict(zip([g.label for g in groups], corpus_scores(groups), strict=True))
    return {g.label: row_scores(g) for g in groups}


def row_scores(group: StrategyTrials) -> Scores:
    """What single rows of a strategy scored by the primary metric."""
    return Scores.from_seeds(group.values_by_seed, seeds_vary=group.seeds_vary)


def corpus_scores(groups: Sequence[StrategyTrials]) -> list[CorpusScores]:
    """Answers of each group, for a primary metric that is no mean over rows."""
    corpus = _corpus(groups)
    return [
        CorpusScores(
            answers=_answers(group),
            by_row=row_scores(group),
            corpus=corpus,
            seeds_vary=group.seeds_vary,
        )
        for group in groups
    ]


def _answers(group: StrategyTrials) -> dict[str, dict[int, metrics.Answer]]:
    found: dict[str, dict[int, metrics.Answer]] = defaultdict(dict)
    for trial in group.done:
        for record in trial.records:
            found[record.example_id][trial.seed] = recorded_answer(record, group.task)
    return dict(found)


def _corpus(groups: Sequence[StrategyTrials]) -> Corpus:
    """The metric, with one kind of row a label, so that none is taken to be sure where few rows show it."""
    task = groups[0].task
    metric = metrics.CORPUS_METRICS.get(task.primary_metric)
    records = {r.example_id: r for g in groups for r in g.records}
    kinds: dict[str, list[Record]] = defaultdict(list)
    for record in records.values():
        kinds[record.target if task.kind == "classification" else task.name].append(record)
    labels = sorted(kinds)
    unseen = []
    for i, name in enumerate(labels):
        template = kinds[name][0]
        other = labels[(i + 1) % len(labels)] if len(labels) > 1 else ""
        unseen.append(
            Unseen(
                name=name,
                of=frozenset(r.example_id for r in kinds[name]),
                right=_answered(template, template.target, task),
                wrong=_answered(template, other, task),
            )
        )
    fast = isinstance(metric, metrics.OfSums)
    # Each seed is drawn once, and answers of each pair are swapped both ways.
    n_seeds = sum(len(g.done) for g in groups)
    work = len(records) * len(unseen) * n_seeds * (1 + len(groups))
    return Corpus(
        parts=lambda answers: metrics.parts_of(metric, answers),
        values=lambda counts, parts: metrics.values_of(metric, counts, parts),
        unseen=tuple(unseen),
        n_draws=int(min(N_RESAMPLES, max(_FEWEST_DRAWS, _MOST_WORK / max(1, work))))
        if fast
        else _PLAIN_DRAWS,
    )


def _answered(record: Record, output: str, task: TaskFacts) -> metrics.Answer:
    return recorded_answer(dataclasses.replace(record, output=output, error=None), task)


def stopping_rule(groups: Sequence[StrategyTrials], standards: DecisionSettings) -> StoppingRule:
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
