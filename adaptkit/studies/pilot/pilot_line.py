"""What a pilot leaves: a line a strategy, and the forecast of the whole comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptkit.core.shown import ShownAsText
from adaptkit.decision.planning import Forecast
from adaptkit.studies.pilot.span import Range, total

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
        from adaptkit.studies.pilot.text import text

        return text(self)

    def to_frame(self) -> pd.DataFrame:
        """One line a task and strategy; undefined is NaN."""
        from adaptkit.studies.pilot.text import frame

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
