"""Which rows one strategy wins over another, and which it loses: the difference, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from adaptkit.core.results import Record
from adaptkit.core.shorten import shorten
from adaptkit.decision.blocks import Block, Heading, Paragraph, TextTable
from adaptkit.decision.shown import ShownAsBlocks

LONGEST = 80


@dataclass(frozen=True, kw_only=True)
class Flip:
    """One row on which two strategies score differently; of several seeds the first one's outputs."""

    example_id: str
    target: str
    strategy_output: str
    baseline_output: str
    strategy_score: float
    baseline_score: float


@dataclass(frozen=True, kw_only=True)
class Flips(ShownAsBlocks):
    """All rows on which two strategies differ, those with the widest gap first.

    Attributes:
        gained: rows on which ``strategy`` scores higher, ``lost`` lower.
        n_same: rows on which they score the same.
        unpaired: ids of rows that only one of them has a score for.
    """

    task: str
    strategy: str
    baseline: str
    gained: tuple[Flip, ...]
    lost: tuple[Flip, ...]
    n_same: int
    unpaired: tuple[str, ...]

    def blocks(self) -> list[Block]:
        """It as a document: the first rows of each side, with both answers."""
        return blocks(self)


def flips(records: Iterable[Record], task: str, metric: str, strategy: str, baseline: str) -> Flips:
    """Compare two strategies row by row, seeds averaged.

    Args:
        records: of the task; those of other strategies and of second runs are left out.
        task: its name.
        metric: what rows are judged by.
        strategy: the one that gains or loses.
        baseline: against which.
    """
    own = [r for r in records if r.task == task and r.repeat == 0]
    mine, theirs = (_by_row(own, name, metric) for name in (strategy, baseline))
    shared = sorted(mine.keys() & theirs.keys())
    found = [_flip(mine[i], theirs[i], metric) for i in shared]
    gained = [f for f in found if f.strategy_score > f.baseline_score]
    lost = [f for f in found if f.strategy_score < f.baseline_score]
    return Flips(
        task=task,
        strategy=strategy,
        baseline=baseline,
        gained=tuple(sorted(gained, key=_gap)),
        lost=tuple(sorted(lost, key=_gap)),
        n_same=len(found) - len(gained) - len(lost),
        unpaired=tuple(sorted(mine.keys() ^ theirs.keys())),
    )


def _by_row(records: Iterable[Record], strategy: str, metric: str) -> Mapping[str, list[Record]]:
    rows: dict[str, list[Record]] = {}
    for record in records:
        if record.strategy == strategy and record.scores.get(metric) is not None:
            rows.setdefault(record.example_id, []).append(record)
    return rows


def _flip(mine: list[Record], theirs: list[Record], metric: str) -> Flip:
    scores = [fmean(r.scores[metric] or 0.0 for r in records) for records in (mine, theirs)]
    return Flip(
        example_id=mine[0].example_id,
        target=mine[0].target,
        strategy_output=shown_output(mine[0]),
        baseline_output=shown_output(theirs[0]),
        strategy_score=scores[0],
        baseline_score=scores[1],
    )


def shown_output(record: Record) -> str:
    """What a record answered, or the error that it raised."""
    if record.error is None:
        return record.output
    return f"{record.error.get('type', 'Error')}: {record.error.get('message', '')}"


def _gap(flip: Flip) -> tuple[float, str]:
    return -abs(flip.strategy_score - flip.baseline_score), flip.example_id


MOST_ROWS = 5


def blocks(found: Flips) -> list[Block]:
    """How many rows each side has better, and the widest gaps of both."""
    return [
        Heading(text=f"{found.strategy} beside {found.baseline} on {found.task}", level=1),
        Paragraph(text=_counts(found)),
        *_side(f"Gained by {found.strategy}", found.gained, found),
        *_side(f"Lost by {found.strategy}", found.lost, found),
    ]


def _counts(found: Flips) -> str:
    alone = f", and {len(found.unpaired)} that only one of them answered" if found.unpaired else ""
    return (
        f"{len(found.gained)} rows gained, {len(found.lost)} lost, {found.n_same} with the same score{alone}."
    )


def _side(title: str, some: Sequence[Flip], found: Flips) -> list[Block]:
    if not some:
        return []
    shown = some[:MOST_ROWS]
    rows = tuple(
        (f.example_id, *map(one_line, (f.target, f.strategy_output, f.baseline_output))) for f in shown
    )
    rest = f" (the first {MOST_ROWS} of {len(some)})" if len(some) > MOST_ROWS else ""
    header = ("row", "target", found.strategy, found.baseline)
    return [Heading(text=f"{title}{rest}"), TextTable(header=header, rows=rows)]


def one_line(text: str) -> str:
    """One line without marks that the document would take for its own."""
    line = " ".join(text.replace("*", "").replace("`", "").split())
    return shorten(line, LONGEST)
