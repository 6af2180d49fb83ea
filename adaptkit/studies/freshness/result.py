"""What a measurement of freshness leaves: plain data. Undefined is None everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptkit.core.codec import to_json
from adaptkit.core.files import write_json_atomic
from adaptkit.core.results import Estimate
from adaptkit.core.shown import ShownAsText
from adaptkit.studies.freshness.worlds import Kind

if TYPE_CHECKING:
    import pandas as pd

FRESHNESS_FILE = "freshness.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A paired difference of means with its 95 % interval; ``n`` rows, and the test behind ``p_value``."""

    delta: float | None
    low: float | None
    high: float | None
    n: int
    p_value: float | None
    test: str


@dataclass(frozen=True, kw_only=True)
class Phases:
    """The same rows three times.

    Attributes:
        before: the old strategy, held against what was true then.
        stale: the same answers, held against what is true now.
        after: the updated strategy, held against what is true now.
        gain: ``after`` less ``stale``: what the update brings.
        change: ``after`` less ``before``: what is lost or won for good.
    """

    before: Estimate | None
    stale: Estimate | None
    after: Estimate | None
    gain: Difference | None
    change: Difference | None


@dataclass(frozen=True, kw_only=True)
class FreshnessRow:
    """One strategy and one kind of change.

    Attributes:
        update: what the strategy needs: ``re-index``, ``re-fit``, ``re-train``, several joined by ``+``, or
            ``nothing``; None where it was not measured.
        update_s: seconds of the update, ``fit_s`` of the fit before it; vectors kept from earlier runs count
            as if they had been made.
        update_usd: None without a price.
        affected: quality on test rows whose truth changed.
        unaffected: quality on test rows that have nothing to do with the change.
        still_told: after a deletion, the share of answers that cite a deleted document or hold its answer.
        reason: why there are no figures.
    """

    strategy: str
    kind: Kind
    update: str | None = None
    update_s: float | None = None
    update_usd: float | None = None
    fit_s: float | None = None
    n_affected: int = 0
    n_unaffected: int = 0
    n_errors: int = 0
    affected: Phases | None = None
    unaffected: Phases | None = None
    still_told: Phases | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class FreshAnswer:
    """One test row, before and after: what the table is made from.

    Attributes:
        old_target: None where the row had no answer before the change, ``new_target`` where after it.
        before: score of ``old_output`` against what was true then, ``stale`` against what is true now,
            ``after`` that of ``new_output``.
        told_before: whether ``old_output`` cites or holds what is deleted, ``told_after`` likewise.
    """

    strategy: str
    kind: Kind
    example_id: str
    affected: bool
    old_target: str | None
    new_target: str | None
    old_output: str
    new_output: str
    before: float | None
    stale: float | None
    after: float | None
    told_before: bool | None = None
    told_after: bool | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Freshness(ShownAsText):
    """What strategies need when documents change, and how good they are before and after.

    Attributes:
        rows: one a strategy and kind of change.
        changes: by kind, how many documents and rows were used and left out, and the documents' ids.
        answers: every answer behind the rows.
        settings: task, model, metric, share, seed, limit and price.
    """

    rows: tuple[FreshnessRow, ...]
    changes: Mapping[str, Mapping[str, Any]]
    answers: Sequence[FreshAnswer]
    settings: Mapping[str, Any]
    schema_version: int = SCHEMA_VERSION

    def to_frame(self) -> pd.DataFrame:
        """One line a strategy and kind of change; qualities in 0..1, undefined is NaN."""
        from adaptkit.studies.freshness.phase_table import frame

        return frame(self)

    def to_markdown(self) -> str:
        """The table with its notes, as GitHub shows it."""
        from adaptkit.studies.freshness.phase_table import markdown

        return markdown(self)

    def to_text(self) -> str:
        """The same table, which is read in a terminal as it stands."""
        return self.to_markdown()

    def _repr_html_(self) -> str:
        from adaptkit.studies.freshness.phase_table import html

        return html(self)

    def save(self, folder: str | Path) -> Path:
        """Write ``freshness.json`` into a folder, which is made if need be; return the file's path."""
        path = Path(folder) / FRESHNESS_FILE
        write_json_atomic(path, to_json(self))
        return path
