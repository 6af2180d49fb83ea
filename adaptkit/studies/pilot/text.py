"""A pilot as a table with its notes, and as a frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from adaptkit.decision.wording import listing
from adaptkit.report.lines import aligned
from adaptkit.strategies.shortened import PILOT_TOKENS
from adaptkit.studies.pilot.fits import ONE_FIT_FACTOR
from adaptkit.studies.pilot.pilot_line import Pilot, PilotLine
from adaptkit.studies.pilot.span import OTHERS_FACTOR, Range

if TYPE_CHECKING:
    import pandas as pd

FEW = 10


def text(pilot: Pilot) -> str:
    """The table and, below it, what it rests on."""
    several = len({line.task for line in pilot.lines}) > 1
    rows = [_row(line, several) for line in pilot.lines if line.minutes is not None]
    head = [*(["task"] if several else []), "strategy", "runs", "rows", "minutes", "tokens", "USD"]
    table = aligned([head, *rows, _totals(pilot, several)])
    title = f"Forecast by a pilot on {pilot.n_rows} rows with {pilot.model}: likely (lowest to highest)"
    notes = "".join(f"- {note}\n" for note in notes_of(pilot))
    return f"{title}\n\n{table}\n\n{notes}"


def _row(line: PilotLine, several: bool) -> list[str]:
    return [
        *([line.task] if several else []),
        line.strategy,
        str(line.n_runs),
        str(line.n_rows),
        *_amounts(line),
    ]


def _totals(pilot: Pilot, several: bool) -> list[str]:
    known = [line for line in pilot.lines if line.minutes is not None]
    least = "at least" if pilot.is_lower_bound else "in all"
    return [*([""] if several else []), least, str(sum(line.n_runs for line in known)), "", *_amounts(pilot)]


def _amounts(of: PilotLine | Pilot) -> list[str]:
    return [_span(of.minutes), _span(of.tokens), _span(of.usd)]


def _span(span: Range | None) -> str:
    """The value and its range; what is not known is blank."""
    if span is None:
        return ""
    return f"{figure(span.value)} ({figure(span.low)} to {figure(span.high)})"


def figure(value: float) -> str:
    """A number with about two figures that mean something."""
    if value >= FEW:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def notes_of(pilot: Pilot) -> Iterator[str]:
    """What a reader has to know."""
    for line in pilot.lines:
        if line.reason is not None:
            how = "left out of the comparison" if line.left_out else "not predicted"
            yield f"{line.strategy} on {line.task}: {how}: {line.reason.rstrip('.')}."
    if pilot.unknown:
        yield "The totals lack what is not predicted: they are lower bounds."
    yield (
        "Ranges. Rows: 95 % prediction intervals of rows sent alone; of batches, from a line through one row "
        "and a small batch up to every row as in that batch. Fits: measured once, taken to vary by a factor "
        f"of {ONE_FIT_FACTOR:g}. All hold for a machine that is as busy as it was during the pilot."
    )
    yield from _training_notes(pilot)
    yield (
        "Tokens are those of answers and of training; what a fit asks of a model besides is in its minutes. "
        "Loading the model, the check for leaks and writing reports are not counted."
    )
    price = pilot.price or "the price of this machine is not known, so there is none"
    yield f"USD: {price}. Rows of the pilot come from train or validation, never from test."


def _training_notes(pilot: Pilot) -> Iterator[str]:
    trained = [line for line in pilot.lines if line.trains and line.minutes is not None]
    if trained:
        yield (
            f"Training of {listing([line.strategy for line in trained])}: cut to about {PILOT_TOKENS:,} "
            "tokens. Highest: the whole fit grows with its tokens. Lowest: its fixed part stays, and it "
            "stops as early as its patience lets it."
        )
    tuned = [line for line in pilot.lines if line.n_configurations > 1 and line.minutes is not None]
    if tuned:
        yield (
            f"Tuning of {listing([line.strategy for line in tuned])}: one configuration was run; the others "
            f"are taken to take from 1/{OTHERS_FACTOR:g} to {OTHERS_FACTOR:g} times as much."
        )


def frame(pilot: Pilot) -> pd.DataFrame:
    """One line a task and strategy."""
    import pandas as pd

    return pd.DataFrame([_flat(line) for line in pilot.lines])


def _flat(line: PilotLine) -> dict[str, Any]:
    spans = {"minutes": line.minutes, "tokens": line.tokens, "usd": line.usd}
    ends = {
        f"{name}{end}": float("nan") if span is None else getattr(span, part)
        for name, span in spans.items()
        for end, part in (("", "value"), ("_low", "low"), ("_high", "high"))
    }
    plan = {"task": line.task, "strategy": line.strategy, "runs": line.n_runs, "rows": line.n_rows}
    return {**plan, **ends, "reason": line.reason}
