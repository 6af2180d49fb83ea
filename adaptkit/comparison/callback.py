"""What a run tells while it goes on. The default says nothing; the command line shows bars."""

from __future__ import annotations

from collections.abc import Sequence

from adaptkit.core.results import Record


class Callback:
    """Override what is of interest; all methods do nothing."""

    def started(self, n_trials: int, n_rows: int, n_rows_done: int) -> None:
        """The run begins: rows planned over all trials, and how many have a record already."""

    def loading(self, model: str) -> None:
        """The model is about to be loaded."""

    def trial_started(self, name: str, n_rows: int, n_rows_done: int) -> None:
        """A trial begins with its fit."""

    def fit_progress(self, done: int, total: int) -> None:
        """Steps of a long fit."""

    def evaluation_started(self) -> None:
        """The fit is over, rows follow."""

    def rows_done(self, records: Sequence[Record], seconds: float) -> None:
        """Rows were answered, in so many seconds."""

    def trial_finished(self, name: str, status: str, reason: str | None) -> None:
        """A trial ended."""

    def finished(self) -> None:
        """The run ended, however it did."""
