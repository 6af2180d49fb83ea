"""The live display of a run: bars where somebody watches, a line a trial where nobody does."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from adaptkit.comparison.callback import Callback
from adaptkit.core.results import Record
from adaptkit.core.shown import text_console

# A log says something at least as often, as long as steps come.
SILENT_S = 10.0


class TimeLeftColumn(ProgressColumn):
    """Seconds left of the phase under way by its recent rate, counting down between two steps.

    Nothing where no rate is known, and nothing once a step takes longer than the estimate had it: a figure
    that stands still says less than none. The bar of the whole run has none: fits to come have no rate.
    """

    def render(self, task: Task) -> Text:
        """The text of one bar."""
        moved_at, left = task.fields.get("moved_at"), task.time_remaining
        if moved_at is None or left is None or task.finished:
            return Text("")
        seconds = left - (time.perf_counter() - moved_at)
        return Text(f"about {duration(seconds)} left" if seconds > 0 else "")


def duration(seconds: float) -> str:
    """Write e.g. ``42 s``, ``3 min``, ``1 h 05 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


class LiveDisplay(Callback):
    """One bar for all rows of the run, one for the trial under way."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", table_column=None),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TimeLeftColumn(),
            console=console,
            transient=True,
        )
        self._all: TaskID | None = None
        self._trial: TaskID | None = None
        self._name = ""
        self._rows = (0, 0)
        self._n_tokens = 0
        self._seconds = 0.0
        self._began = 0.0

    def started(self, n_trials: int, n_rows: int, n_rows_done: int) -> None:
        """Show the bar of the run."""
        self._all = self._progress.add_task("all rows", total=n_rows, completed=n_rows_done, unit="rows")
        if n_rows_done and n_rows_done < n_rows:
            self._console.print(f"Going on: {n_rows_done} of {n_rows} rows are stored already.")
        if n_rows_done < n_rows:
            self._progress.start()

    def loading(self, model: str) -> None:
        """Say that a model is being loaded."""
        self._replace(f"loading {model}", total=None, unit="")

    def trial_started(self, name: str, n_rows: int, n_rows_done: int) -> None:
        """Show that a strategy is being fitted."""
        self._name, self._rows = name, (n_rows_done, n_rows)
        self._n_tokens, self._seconds, self._began = 0, 0.0, time.perf_counter()
        self._replace(f"{name}: fit", total=None, unit="")

    def fit_progress(self, done: int, total: int) -> None:
        """Move the bar of a fit."""
        if self._trial is not None:
            now = time.perf_counter()
            self._progress.update(self._trial, completed=done, total=total, unit="steps", moved_at=now)

    def evaluation_started(self) -> None:
        """Show the bar of the trial's rows."""
        self._replace(f"{self._name}: rows", total=self._rows[1], completed=self._rows[0], unit="")

    def rows_done(self, records: Sequence[Record], seconds: float) -> None:
        """Move both bars."""
        self._n_tokens += sum(r.tokens["in"] + r.tokens["out"] for r in records)
        self._seconds += seconds
        rate = f"{self._n_tokens / self._seconds:,.0f} tokens/s" if self._seconds else ""
        if self._trial is not None:
            now = time.perf_counter()
            self._progress.update(self._trial, advance=len(records), unit=rate, moved_at=now)
        if self._all is not None:
            self._progress.update(self._all, advance=len(records))

    def trial_finished(self, name: str, status: str, reason: str | None) -> None:
        """Leave a line about the trial."""
        self._console.print(finished_line(name, status, reason, time.perf_counter() - self._began))

    def finished(self) -> None:
        """Take the bars away."""
        self._progress.stop()

    def _replace(self, description: str, *, total: int | None, unit: str, completed: int = 0) -> None:
        if self._trial is not None:
            self._progress.remove_task(self._trial)
        self._trial = self._progress.add_task(description, total=total, completed=completed, unit=unit)


class LineDisplay(Callback):
    """A line at the start and the end of each trial, for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = self._said = time.perf_counter()
        self._name = ""
        self._rows = (0, 0)

    def started(self, n_trials: int, n_rows: int, n_rows_done: int) -> None:
        """Say how much there is to do."""
        if n_rows_done < n_rows:
            stored = f", {n_rows_done} stored already" if n_rows_done else ""
            self._console.print(f"{n_trials} trials, {n_rows} rows{stored}.")

    def loading(self, model: str) -> None:
        """Say that a model is being loaded."""
        self._console.print(f"Loading {model} ...")

    def trial_started(self, name: str, n_rows: int, n_rows_done: int) -> None:
        """Say what begins."""
        self._began = self._said = time.perf_counter()
        self._name, self._rows = name, (n_rows_done, n_rows)
        self._console.print(f"{name}: {n_rows - n_rows_done} rows ...")

    def fit_progress(self, done: int, total: int) -> None:
        """Say every ten seconds how far a fit is."""
        self._say(f"fit, {done} of {total} steps")

    def rows_done(self, records: Sequence[Record], seconds: float) -> None:
        """Say every ten seconds how many rows are answered."""
        self._rows = (self._rows[0] + len(records), self._rows[1])
        self._say(f"{self._rows[0]} of {self._rows[1]} rows")

    def _say(self, text: str) -> None:
        now = time.perf_counter()
        if now - self._said >= SILENT_S:
            self._said = now
            self._console.print(f"{self._name}: {text}, {duration(now - self._began)} so far")

    def trial_finished(self, name: str, status: str, reason: str | None) -> None:
        """Say how it ended."""
        self._console.print(finished_line(name, status, reason, time.perf_counter() - self._began))


def finished_line(name: str, status: str, reason: str | None, seconds: float) -> str:
    """One line about a finished trial."""
    if status == "skipped":
        return f"{name}: skipped ({reason})"
    return f"{name}: {status} in {seconds:.0f} s" + (f" ({reason})" if reason else "")


def display(*, quiet: bool) -> Callback:
    """The display that fits where stderr goes."""
    shown_on = text_console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    if quiet:
        return Callback()
    return LiveDisplay(shown_on) if shown_on.is_terminal else LineDisplay(shown_on)
