"""From the answers of a pilot to the seconds and tokens of many more."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from adaptkit.core.results import Record
from adaptkit.stats import t_interval
from adaptkit.studies.pilot.span import Range, of_rows, total

BATCH_ROWS = 64
"""Rows that a comparison hands over at once."""
MIN_ALONE = 2


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch that a pilot timed."""

    n_rows: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """What a pilot measured of a strategy's answers.

    Attributes:
        alone_s: seconds of rows that were sent alone.
        batch: those of the rows that were sent together; None where one of them failed.
        tokens: read and written, of each row.
    """

    alone_s: tuple[float, ...]
    batch: Batch | None
    tokens: tuple[float, ...]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Throughput | None:
        """Read them off records; None where too few rows were answered to tell a spread."""
        good = [r for r in records if r.error is None]
        alone = tuple(r.batch_s for r in good if r.batch_size == 1 and r.batch_s is not None)
        if len(alone) < MIN_ALONE:
            return None
        tokens = tuple(float(r.tokens["in"] + r.tokens["out"]) for r in good)
        return cls(alone_s=alone, batch=_batch(records), tokens=tokens)

    def rows_s(self, n_rows: int, n_alone: int) -> Range:
        """Seconds of so many rows, the first of them sent alone."""
        alone = min(n_rows, n_alone)
        batches = total(self.batch_s(n) for n in _sizes(n_rows - alone))
        return of_rows(self.alone_s, alone) + batches

    def batch_s(self, n_rows: int) -> Range:
        """Seconds of a batch.

        It takes a fixed part and a part a row; the seconds of one row and of the pilot's batch give both.
        Highest: each row takes what it did in the pilot's batch. Lowest: a row alone takes the upper end of
        its 95 % interval, so that a further row takes less. Without a batch: as one row, up to row by row.
        """
        one = fmean(self.alone_s)
        if self.batch is None:
            return Range(low=one, value=n_rows * one, high=n_rows * t_interval(self.alone_s)[1])
        value = _line(n_rows, one, self.batch)
        if n_rows <= self.batch.n_rows:
            return Range(low=min(one, value), value=value, high=max(n_rows * one, value))
        low = _line(n_rows, t_interval(self.alone_s)[1], self.batch)
        high = self.batch.seconds / self.batch.n_rows * n_rows
        return Range(low=min(low, value), value=value, high=max(high, value))

    def rows_tokens(self, n_rows: int) -> Range:
        """Tokens of so many rows."""
        return of_rows(self.tokens, n_rows)


def _batch(records: Sequence[Record]) -> Batch | None:
    together = [r for r in records if r.batch_size > 1]
    # A batch with a failure is sent again row by row: its seconds are not those of a batch.
    if not together or any(r.error is not None for r in together) or together[0].batch_s is None:
        return None
    return Batch(n_rows=together[0].batch_size, seconds=together[0].batch_s)


def _line(n_rows: int, one: float, known: Batch) -> float:
    """Seconds by the line through one row and a known batch; a batch is no quicker for being larger."""
    slope = max(0.0, (known.seconds - one) / (known.n_rows - 1))
    return known.seconds + (n_rows - known.n_rows) * slope


def _sizes(n_rows: int) -> Iterator[int]:
    for i in range(math.ceil(n_rows / BATCH_ROWS)):
        yield min(BATCH_ROWS, n_rows - i * BATCH_ROWS)
