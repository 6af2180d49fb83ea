"""What a diff found: plain data, and its tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptkit.core.files import csv_text
from adaptkit.core.results import Pair
from adaptkit.core.shorten import shorten
from adaptkit.core.shown import as_markdown as escaped
from adaptkit.core.shown import as_markdown_table
from adaptkit.decision import Flips
from adaptkit.decision.wording import digits_for, interval, p_value, percent, points
from adaptkit.report.cells import MARKS
from adaptkit.report.lines import aligned, section

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class StrategyDiff:
    """One strategy in both comparisons.

    Attributes:
        first: its quality in the first on the rows that both answered, ``second`` in the second.
        n_changed: rows that both have and answer otherwise, be it right or wrong.
        pair: second minus first, with interval, test and verdict; p-values are adjusted after Holm for the
            strategies of the task.
        flips: the rows that it gained and lost, with both answers; the first comparison is ``baseline``.
        notes: what else is not the same about it, such as parameters.
        identical: all answers and their scores are the same, so there is no difference to test.
    """

    strategy: str
    first: float | None
    second: float | None
    n_changed: int
    pair: Pair
    flips: Flips
    notes: tuple[str, ...] = ()
    identical: bool = False


@dataclass(frozen=True, kw_only=True)
class TaskDiff:
    """One task in both comparisons.

    Attributes:
        metric: what quality is measured by.
        n: test rows that both have.
        strategies: those that both have answers of; empty where the task is ``refused``.
        refused: why the two cannot be compared on this task, None when they can.
        notes: what is not the same about the task: rows, data, strategies.
    """

    task: str
    metric: str
    n: int = 0
    strategies: tuple[StrategyDiff, ...] = ()
    refused: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Diff:
    """What changed from one comparison to another.

    Attributes:
        first: folder of the first comparison, ``second`` of the second.
        tasks: those that both have.
        notes: what is not the same about the runs: model, library, margin, tasks.
    """

    first: str
    second: str
    tasks: tuple[TaskDiff, ...]
    notes: tuple[str, ...] = ()

    @property
    def identical(self) -> bool:
        """Whether every answer to every row of every strategy that both have is the same."""
        return all(found.identical for task in self.tasks for found in task.strategies) and not any(
            task.refused for task in self.tasks
        )

    @property
    def worse(self) -> tuple[str, ...]:
        """Strategies that are shown to be worse in the second, as ``task/strategy``."""
        return tuple(
            f"{task.task}/{found.strategy}"
            for task in self.tasks
            for found in task.strategies
            if found.pair.verdict == "worse"
        )

    def to_text(self, *, rows: int = 3) -> str:
        """Tables for a terminal.

        Args:
            rows: gained and lost rows shown of each strategy, the widest gaps first.
        """
        return as_text(self, rows=rows)

    def to_markdown(self, *, rows: int = 3) -> str:
        """The same as GitHub shows it; see :meth:`to_text`."""
        return as_markdown(self, rows=rows)

    def to_csv(self) -> str:
        """One line a task and strategy; undefined is an empty cell."""
        return as_csv(self)

    def to_frame(self) -> pd.DataFrame:
        """The same as a data frame."""
        import pandas as pd

        return pd.DataFrame([dict(zip(COLUMNS, line, strict=True)) for line in lines(self)], columns=COLUMNS)


COLUMNS = (
    "task", "strategy", "metric", "n", "n_unpaired", "first", "second", "delta", "delta_low", "delta_high",
    "n_changed", "gained", "lost", "p_value", "p_value_adjusted", "verdict", "margin", "detectable",
    "n_to_decide", "test",
)  # fmt: skip
HEADER = (
    "strategy",
    "first",
    "second",
    "Δ points",
    "changed",
    "gained/lost",
    "rows",
    "p adjusted",
    "verdict",
)
IDENTICAL = "identical"
ALL_IDENTICAL = "Identical: both have the same answers to all shared rows."
SHORT = 60


def lines(found: Diff) -> list[list[object]]:
    """One line a task and strategy, by ``COLUMNS``."""
    return [
        [
            task.task, row.strategy, task.metric, p.n, p.n_unpaired, row.first, row.second, p.delta,
            p.delta_low, p.delta_high, row.n_changed, p.gained, p.lost, p.p_value, p.p_value_adjusted,
            _verdict(row), p.margin, p.detectable, p.n_to_decide, p.test,
        ]
        for task in found.tasks
        for row in task.strategies
        for p in [row.pair]
    ]  # fmt: skip


def as_csv(found: Diff) -> str:
    """Write CSV with a header."""
    return csv_text([COLUMNS, *lines(found)])


def as_text(found: Diff, *, rows: int) -> str:
    """Write tables for a terminal."""
    parts = [f"first:  {found.first}\nsecond: {found.second}\n"]
    if found.identical:
        parts.append(f"{ALL_IDENTICAL}\n")
    for task in found.tasks:
        title = f"{task.task}: {task.metric}, {task.n} rows in both"
        if task.refused:
            parts.append(f"{task.task}: not compared. {task.refused}\n")
            continue
        parts.append(f"{title}\n{aligned([HEADER, *map(_cells, task.strategies)])}\n")
        if sentences := list(_sentences(task, rows)):
            parts.append("".join(f"- {s}\n" for s in sentences))
    if found.notes:
        parts.append(section("What is not the same about the runs", found.notes))
    return "\n".join(parts)


def as_markdown(found: Diff, *, rows: int) -> str:
    """Write Markdown."""
    parts = [f"# {escaped(found.first)} → {escaped(found.second)}"]
    if found.identical:
        parts.append(ALL_IDENTICAL)
    for task in found.tasks:
        if task.refused:
            parts.append(f"## {escaped(task.task)}\n\nNot compared. {escaped(task.refused)}")
            continue
        parts.append(f"## {escaped(task.task)}: {escaped(task.metric)}, {task.n} rows in both")
        table = [HEADER, ["---"] * len(HEADER), *map(_cells, task.strategies)]
        parts.append(as_markdown_table(table))
        parts.append("\n".join(f"- {escaped(s)}" for s in _sentences(task, rows)))
    parts.append("\n".join(f"- {escaped(s)}" for s in found.notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def _cells(row: StrategyDiff) -> list[str]:
    pair, digits = row.pair, digits_for(row.pair.n)
    bounds = interval(pair.delta_low, pair.delta_high, digits)
    unpaired = f" ({pair.n_unpaired} unpaired)" if pair.n_unpaired else ""
    return [
        row.strategy,
        percent(row.first),
        percent(row.second),
        f"{points(pair.delta, digits)} {bounds}".strip(),
        str(row.n_changed),
        f"{pair.gained} / {pair.lost}",
        f"{pair.n}{unpaired}",
        p_value(pair.p_value_adjusted),
        IDENTICAL if row.identical else f"{MARKS[pair.verdict]} {pair.verdict}",
    ]


def _verdict(row: StrategyDiff) -> str:
    return IDENTICAL if row.identical else row.pair.verdict


def _sentences(task: TaskDiff, rows: int) -> Iterator[str]:
    """What a reader must know beside the table, then the rows."""
    yield from task.notes
    for row in task.strategies:
        yield from (f"{row.strategy}: {note}" for note in row.notes)
    undecided = [
        r
        for r in task.strategies
        if r.pair.verdict == "undecided" and r.pair.detectable is not None and not r.identical
    ]
    if undecided:
        least = max(r.pair.detectable or 0.0 for r in undecided)
        names = ", ".join(r.strategy for r in undecided)
        yield f"Undecided is not equal: of {names}, differences show from {100 * least:.0f} points up."
    for row in task.strategies:
        yield from (f"{row.strategy} {text}" for text in _flips(row.flips, rows))


def _flips(found: Flips, n: int) -> Iterator[str]:
    for word, some in (("gained", found.gained), ("lost", found.lost)):
        for flip in some[:n]:
            yield (
                f"{word} {flip.example_id} (target {_short(flip.target)}): {_short(flip.baseline_output)} → "
                f"{_short(flip.strategy_output)}"
            )
        if n and len(some) > n:
            yield f"{word} {len(some) - n} more rows."


def _short(text: str) -> str:
    line = " ".join(text.split()) or "(empty)"
    return shorten(line, SHORT)
