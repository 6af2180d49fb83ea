"""What a pilot leaves: a line a strategy, and the forecast of the whole comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptkit.core.shown import ShownAsText
from adaptkit.decision.planning import Forecast
from adaptkit.decision.wording import listing
from adaptkit.report.lines import aligned
from adaptkit.strategies.shortened import PILOT_TOKENS
from adaptkit.studies.pilot.fits import ONE_FIT_FACTOR
from adaptkit.studies.pilot.span import OTHERS_FACTOR, Range, total

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class PilotLine:
    """What a strategy will take on a task, over all of its runs.

    Attributes:
        n_runs: seeds, and the second run of the baseline.
        n_rows: test rows of each run.
        n_configurations: tried in each run, 1 without tuning.
        fit_s: seconds of fitting, tuning included; None where it is not known, as are the next two.
        answers_s: seconds of answering the test rows.
        tokens: read and written in answers, and trained on.
        usd_per_hour: price of the machine, None when unknown.
        trains: whether weights are trained.
        reason: why nothing is known of it.
        left_out: whether the comparison leaves it out too, for the same reason; then it takes nothing.
    """

    task: str
    strategy: str
    n_runs: int
    n_rows: int
    n_configurations: int = 1
    fit_s: Range | None = None
    answers_s: Range | None = None
    tokens: Range | None = None
    usd_per_hour: float | None = None
    trains: bool = False
    reason: str | None = None
    left_out: bool = False

    @property
    def minutes(self) -> Range | None:
        """Minutes of fitting and answering."""
        if self.fit_s is None or self.answers_s is None:
            return None
        return (self.fit_s + self.answers_s).times(1 / 60)

    @property
    def usd(self) -> Range | None:
        """Price of these minutes; None where they or the price are not known."""
        if self.minutes is None or self.usd_per_hour is None:
            return None
        return self.minutes.times(self.usd_per_hour / 60)


@dataclass(frozen=True, kw_only=True)
class Pilot(ShownAsText):
    """What a comparison will take, as a few rows have it.

    Attributes:
        lines: one a task and strategy, in the order of the comparison.
        n_rows: rows that each strategy answered in the pilot.
        model: its name.
        price: of the machine, in words; None when unknown.
    """

    lines: tuple[PilotLine, ...]
    n_rows: int
    model: str
    price: str | None = None

    def __getitem__(self, strategy: str) -> PilotLine:
        """The line of a strategy, of the first task where there are several.

        Raises:
            KeyError: there is none.
        """
        found = next((line for line in self.lines if line.strategy == strategy), None)
        if found is None:
            raise KeyError(strategy)
        return found

    @property
    def unknown(self) -> tuple[PilotLine, ...]:
        """Lines of which nothing is known, though the comparison will run them."""
        return tuple(line for line in self.lines if line.minutes is None and not line.left_out)

    @property
    def is_lower_bound(self) -> bool:
        """Whether the totals lack something."""
        return bool(self.unknown)

    @property
    def minutes(self) -> Range | None:
        """Minutes of all that is known; None where nothing is."""
        return _sum([line.minutes for line in self.lines])

    @property
    def tokens(self) -> Range | None:
        """Tokens of all that is known; None where nothing is."""
        return _sum([line.tokens for line in self.lines])

    @property
    def usd(self) -> Range | None:
        """USD of all that is known; None where nothing is, or no price."""
        return _sum([line.usd for line in self.lines])

    @property
    def forecast(self) -> Forecast:
        """The totals, as a plan holds them: ``ak.advise(..., pilot=pilot)``."""
        known = [line for line in self.lines if line.minutes is not None]
        return Forecast(
            n_rows=self.n_rows,
            minutes=_bounds(self.minutes),
            tokens=_bounds(self.tokens),
            usd=_bounds(self.usd),
            n_runs=sum(line.n_runs for line in known),
            strategies=_names(known),
            unknown=_names(self.unknown),
        )

    def to_text(self) -> str:
        """The table, the totals, what could not be piloted, and what the ranges rest on."""
        return text(self)

    def to_frame(self) -> pd.DataFrame:
        """One line a task and strategy; undefined is NaN."""
        return frame(self)

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(self.to_text())}</pre>"


def _sum(spans: Sequence[Range | None]) -> Range | None:
    known = [span for span in spans if span is not None]
    return total(known) if known else None


def _bounds(span: Range | None) -> tuple[float, float] | None:
    return None if span is None else span.bounds


def _names(lines: Sequence[PilotLine]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.strategy for line in lines))


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
