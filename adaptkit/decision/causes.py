"""Why a strategy is wrong where it is wrong, counted over the rows of a task, and what would help most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from adaptkit.core.results import ComparisonResult, Record
from adaptkit.decision.blocks import Block, Bullets, Heading, Paragraph, TextTable
from adaptkit.decision.cause_of import CAUSES, CauseName, Controlled, FormFault, cause_of
from adaptkit.decision.controls import Controls, controls_of
from adaptkit.decision.flips import one_line, shown_output
from adaptkit.decision.lever import Judged, Lever, levers_of, next_lever
from adaptkit.decision.shown import ShownAsBlocks
from adaptkit.decision.wording import digits_for, percent, points
from adaptkit.metrics import is_row_mean
from adaptkit.tasks import TaskFacts

N_EXAMPLES = 3
ByRow = Mapping[str, Sequence[Record]]


@dataclass(frozen=True, kw_only=True)
class WrongAnswer:
    """An answer that a cause accounts for; ``passages`` are the ids of those shown, best first."""

    example_id: str
    seed: int
    target: str
    output: str
    score: float
    passages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Cause:
    """How much of a strategy's wrong answers one cause accounts for.

    Attributes:
        name: see ``decision.cause_of``.
        n: rows; where a row has several seeds each counts its part, so this need not be whole.
        share: of all rows.
        lost: quality lost to it, in 0..1.
        examples: at most three rows, those that lost most first.
    """

    name: CauseName
    n: float
    share: float
    lost: float
    examples: tuple[WrongAnswer, ...]


@dataclass(frozen=True, kw_only=True)
class Causes(ShownAsBlocks):
    """Why a strategy is not right, row by row.

    Attributes:
        n: rows with a score.
        n_right: rows that score 1; with those of all causes they add up to ``n``.
        quality: mean score of the rows, also where the task's metric is no mean over rows; None without
            rows. What all causes lost adds up to 1 - ``quality``.
        causes: those that occur, in the order in which they are looked for.
        missing_controls: strategies to add, as a suite names them, before more can be said.
        levers: what would help at most how much, as far as it was measured; the largest first.
        next_lever: a sentence about it.
    """

    task: str
    strategy: str
    metric: str
    n: int
    n_right: float
    quality: float | None
    causes: tuple[Cause, ...]
    missing_controls: tuple[Mapping[str, Any], ...]
    levers: tuple[Lever, ...]
    next_lever: str

    def blocks(self) -> list[Block]:
        """It as a document."""
        return blocks(self)


def causes(
    result: ComparisonResult,
    records: Iterable[Record],
    task: TaskFacts,
    strategy: str,
    form_fault: FormFault,
) -> Causes:
    """Name one cause for each answer that is not fully right, and count them.

    Args:
        result: whose rows say which strategies are controls, and whose pairs how far they are ahead.
        records: of the task, second runs and rows without a score left out.
        task: its first metric judges; a score below 1 is not fully right.
        strategy: one of the rows'.
        form_fault: whether an answer was declined or misses the form of the task.
    """
    metric = task.primary_metric
    scored = [r for r in records if r.scores.get(metric) is not None]
    own = [r for r in scored if r.task == task.name and r.repeat == 0]
    rows = [row for row in result.rows if row.task == task.name]
    controls = controls_of(strategy, rows, {r.strategy for r in own if r.contexts})
    evidence = _evidence(own, task, strategy, controls, form_fault)
    judged = _judged(_by_row(r for r in own if r.strategy == strategy), evidence)
    missing = _missing(judged, controls)
    pairs = [p for p in result.pairs if p.task == task.name]
    levers = levers_of(strategy, metric, judged, controls, pairs) if judged else ()
    return _counted(task, strategy, judged, missing, levers)


def _evidence(
    own: Sequence[Record], task: TaskFacts, strategy: str, controls: Controls, form_fault: FormFault
) -> Controlled:
    def answers(name: str | None) -> ByRow:
        return _by_row(r for r in own if r.strategy == name)

    return Controlled(
        metric=task.primary_metric,
        kind=task.kind,
        form_fault=form_fault,
        shows_passages=controls.shows_passages,
        names_gold=any(r.gold_documents for r in own),
        is_oracle=controls.oracle == strategy,
        oracle=answers(controls.oracle),
        closed_book=answers(controls.closed_book),
        helpers=tuple(answers(name) for name in controls.helpers),
    )


def _by_row(records: Iterable[Record]) -> ByRow:
    rows: dict[str, list[Record]] = {}
    for record in records:
        rows.setdefault(record.example_id, []).append(record)
    return rows


def _judged(answers: ByRow, evidence: Controlled) -> list[Judged]:
    found = []
    for records in answers.values():
        for record in records:
            lost = 1 - evidence.score(record)
            cause = cause_of(record, evidence) if lost > 0 else None
            found.append(Judged(record=record, weight=1 / len(records), lost=lost, cause=cause))
    return found


def _missing(judged: Sequence[Judged], controls: Controls) -> tuple[Mapping[str, Any], ...]:
    """Controls that would say more about rows that are wrong; without gold documents there is no oracle."""
    wrong = [j for j in judged if j.cause is not None]
    unexplained = any(j.cause == "unexplained" for j in wrong)
    found = []
    if controls.oracle is None and any(j.record.gold_documents for j in wrong):
        found.append(controls.wanted_oracle)
    if controls.closed_book is None and unexplained:
        found.append(controls.wanted_closed_book)
    return tuple(wanted for wanted in found if wanted is not None)


def _counted(
    task: TaskFacts,
    strategy: str,
    judged: Sequence[Judged],
    missing: tuple[Mapping[str, Any], ...],
    levers: tuple[Lever, ...],
) -> Causes:
    n = len({j.record.example_id for j in judged})
    right = fsum(j.weight for j in judged if j.cause is None)
    by_cause = {c: [j for j in judged if j.cause == c] for c in CAUSES}
    return Causes(
        task=task.name,
        strategy=strategy,
        metric=task.primary_metric,
        n=n,
        n_right=right,
        quality=1 - fsum(j.weight * j.lost for j in judged) / n if n else None,
        causes=tuple(_cause(name, found, n) for name, found in by_cause.items() if found),
        missing_controls=missing,
        levers=levers,
        next_lever=_sentence(strategy, n, right, levers, missing),
    )


def _sentence(
    strategy: str,
    n: int,
    right: float,
    levers: Sequence[Lever],
    missing: Sequence[Mapping[str, Any]],
) -> str:
    if n == 0:
        return f"{strategy} answered no row that has a score."
    if round(right, 9) == n:
        return f"{strategy} is right on every row: there is nothing to gain on these."
    return next_lever(strategy, levers, missing)


def _cause(name: CauseName, judged: Sequence[Judged], n: int) -> Cause:
    rows = fsum(j.weight for j in judged)
    return Cause(
        name=name,
        n=rows,
        share=rows / n,
        lost=fsum(j.weight * j.lost for j in judged) / n,
        examples=_examples(judged),
    )


def _examples(judged: Sequence[Judged]) -> tuple[WrongAnswer, ...]:
    """One answer a row: of several seeds, the one that lost most."""
    found: dict[str, WrongAnswer] = {}
    for j in sorted(judged, key=lambda j: (-j.lost, j.record.example_id, j.record.seed)):
        found.setdefault(j.record.example_id, _example(j.record, 1 - j.lost))
    return tuple(found.values())[:N_EXAMPLES]


def _example(record: Record, score: float) -> WrongAnswer:
    return WrongAnswer(
        example_id=record.example_id,
        seed=record.seed,
        target=record.target,
        output=shown_output(record),
        score=score,
        passages=tuple(str(p.get("id")) for p in record.contexts),
    )


MEANING: Mapping[CauseName, str] = {
    "error": "the row raised an error",
    "refused": "the model declined to answer",
    "truncated": "the answer was cut off at the token limit",
    "empty": "the answer is empty",
    "format": "the answer is not in the form asked for",
    "retrieval_miss": "what holds the answer is not among the passages",
    "passage_ignored": "the passages were there, and the answer is the one given without any",
    "distracted": "the passages were there, and the answer is right with oracle passages only",
    "knowledge_missing": "the answer is right once passages are added",
    "wrong_reasoning": "the answer is wrong with oracle passages too",
    "unexplained": "wrong, and no control that was run tells why",
}


def blocks(found: Causes) -> list[Block]:
    """Headline, sentence, table and examples."""
    digits = digits_for(found.n)
    made: list[Block] = [
        Heading(text=f"Why {found.strategy} is not right on {found.task}", level=1),
        Paragraph(text=_head(found, digits)),
        Paragraph(text=f"**Next lever**: {found.next_lever}"),
    ]
    if found.causes:
        made += [_table(found, digits), Heading(text="Examples"), _listed_examples(found)]
    return made


def _head(found: Causes, digits: int) -> str:
    if not found.n:
        return f"No row has a score of {found.metric}."
    if not is_row_mean(found.metric):
        return (
            f"{_rows(found.n_right)} of {found.n} rows are right. {found.metric} is no mean over rows, so "
            "points below are shares of rows."
        )
    return f"{found.metric} {percent(found.quality, digits)} on {found.n} rows; {_rows(found.n_right)} right."


def _table(found: Causes, digits: int) -> TextTable:
    return TextTable(
        header=("Cause", "Rows", "Share", "Points lost", "Meaning"),
        rows=tuple(_line(cause, digits) for cause in found.causes),
    )


def _line(cause: Cause, digits: int) -> tuple[str, ...]:
    lost = points(cause.lost, digits).removeprefix("+")
    return _words(cause.name), _rows(cause.n), percent(cause.share, digits), lost, MEANING[cause.name]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _rows(n: float) -> str:
    """Rows are whole where each has one seed."""
    return f"{n:.1f}".removesuffix(".0")


def _listed_examples(found: Causes) -> Bullets:
    return Bullets(lines=tuple(_as_line(c.name, e) for c in found.causes for e in c.examples))


def _as_line(name: str, answer: WrongAnswer) -> str:
    shown = f"; passages {', '.join(answer.passages)}" if answer.passages else ""
    return (
        f"{_words(name)}, {answer.example_id}: expected “{one_line(answer.target)}”, "
        f"got “{one_line(answer.output)}”{shown}"
    )
