"""What a measurement of freshness leaves: plain data. Undefined is None everywhere."""

from __future__ import annotations

import html as markup
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptkit.core.codec import to_json
from adaptkit.core.files import write_json_atomic
from adaptkit.core.results import Estimate
from adaptkit.core.shown import ShownAsText, as_markdown, as_markdown_table
from adaptkit.decision.wording import MINUS, interval, percent, points
from adaptkit.report.cells import duration, usd
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
        return frame(self)

    def to_markdown(self) -> str:
        """The table with its notes, as GitHub shows it."""
        return markdown(self)

    def to_text(self) -> str:
        """The same table, which is read in a terminal as it stands."""
        return self.to_markdown()

    def _repr_html_(self) -> str:
        return html(self)

    def save(self, folder: str | Path) -> Path:
        """Write ``freshness.json`` into a folder, which is made if need be; return the file's path."""
        path = Path(folder) / FRESHNESS_FILE
        write_json_atomic(path, to_json(self))
        return path


GROUPS = ("affected", "unaffected", "still_told")
WHAT = {"change": "answers changed", "add": "documents added", "delete": "documents deleted"}
HEADER = (
    "change", "strategy", "needed", "update", "USD", "affected: before", "stale", "updated",
    f"updated {MINUS} stale", "unaffected: before", "updated", f"updated {MINUS} before",
    "still told: stale", "updated",
)  # fmt: skip


def frame(freshness: Freshness) -> pd.DataFrame:
    """One line a strategy and kind of change."""
    import pandas as pd

    return pd.DataFrame([_flat(row) for row in freshness.rows])


def _flat(row: FreshnessRow) -> dict[str, Any]:
    flat: dict[str, Any] = {
        name: getattr(row, name)
        for name in ("kind", "strategy", "update", "update_s", "update_usd", "fit_s", "n_affected")
    }
    flat |= {"n_unaffected": row.n_unaffected, "n_errors": row.n_errors}
    for group in GROUPS:
        phases: Phases | None = getattr(row, group)
        for phase in ("before", "stale", "after"):
            flat |= _bounds(f"{group}_{phase}", getattr(phases, phase, None))
        for difference in ("gain", "change"):
            flat |= _bounds(f"{group}_{difference}", getattr(phases, difference, None))
            flat[f"{group}_{difference}_p_value"] = getattr(
                getattr(phases, difference, None), "p_value", None
            )
    return {
        **{k: float("nan") if v is None and _is_number(k) else v for k, v in flat.items()},
        "reason": row.reason,
    }


def _is_number(column: str) -> bool:
    return column not in ("kind", "strategy", "update")


def _bounds(name: str, found: Estimate | Difference | None) -> dict[str, float | None]:
    value = found.value if isinstance(found, Estimate) else None if found is None else found.delta
    return {
        name: value,
        f"{name}_low": None if found is None else found.low,
        f"{name}_high": None if found is None else found.high,
    }


def markdown(freshness: Freshness) -> str:
    """The table, then the notes."""
    lines = [list(HEADER), ["---"] * len(HEADER), *(_cells(row) for row in freshness.rows)]
    bullets = "\n".join(f"- {as_markdown(note)}" for note in notes(freshness))
    return f"{as_markdown_table(lines)}\n\n{bullets}\n"


def html(freshness: Freshness) -> str:
    """The table, then the notes, for a notebook."""
    head = "".join(f"<th>{markup.escape(title)}</th>" for title in HEADER)
    body = "".join(
        "<tr>" + "".join(f"<td>{markup.escape(cell)}</td>" for cell in _cells(row)) + "</tr>"
        for row in freshness.rows
    )
    told = "".join(f"<li>{markup.escape(note)}</li>" for note in notes(freshness))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><ul>{told}</ul>"


def _cells(row: FreshnessRow) -> list[str]:
    named = [WHAT[row.kind], row.strategy]
    if row.reason is not None:
        return [*named, f"not measured: {row.reason}", *[""] * (len(HEADER) - len(named) - 1)]
    affected, unaffected, told = row.affected, row.unaffected, row.still_told
    return [
        *named,
        row.update or "",
        duration(row.update_s),
        usd(row.update_usd, least=0.0001),
        *(_estimate(getattr(affected, phase, None)) for phase in ("before", "stale", "after")),
        _difference(getattr(affected, "gain", None)),
        *(_estimate(getattr(unaffected, phase, None)) for phase in ("before", "after")),
        _difference(getattr(unaffected, "change", None)),
        *(_estimate(getattr(told, phase, None)) for phase in ("stale", "after")),
    ]


def _estimate(found: Estimate | None) -> str:
    return "" if found is None else f"{percent(found.value)} {interval(found.low, found.high)}".strip()


def _difference(found: Difference | None) -> str:
    return "" if found is None else f"{points(found.delta)} {interval(found.low, found.high)}".strip()


def notes(freshness: Freshness) -> Iterator[str]:
    """What a reader has to know: the rows, how they were chosen, and what the intervals do not cover."""
    settings = freshness.settings
    yield (
        f"{settings['task']}, {settings['model']}, {settings['metric']}: quality of the old strategy under "
        "the old truth (before) and the new one (stale), and of the updated strategy under the new one."
    )
    for kind, counts in freshness.changes.items():
        yield f"{WHAT[kind].capitalize()}: {_counted(counts)}."
    if any(row.update_s for row in freshness.rows):
        machine = settings["hardware"]
        yield f"Seconds on {machine['cpu']}, {machine['n_cores']} cores, the model on {settings['device']}."
    yield (
        "95 % intervals over test rows; rows of one cluster or document are drawn together. They cover "
        "neither another training run nor another choice of documents, and are not corrected for their "
        "number."
    )
    if any(row.update_s and row.update_usd is None for row in freshness.rows):
        yield "Blank USD: no price of this machine was given."


def _counted(counts: Any) -> str:
    asked = f"{counts['n_affected']} affected and {counts['n_unaffected']} unaffected test rows"
    if counts["n_not_asked"]:
        asked += f" ({counts['n_not_asked']} more were not asked)"
    parts = [
        f"{counts['n_used']} of {counts['n_documents']} documents (a share of {counts['share']:g} of "
        f"{counts['n_candidates']})",
        asked,
        f"{counts['n_train_changed']} train rows differ ({counts['n_train_old']} before, "
        f"{counts['n_train_new']} after)",
    ]
    if counts["n_left_out"]:
        parts.append(f"{counts['n_left_out']} test rows left out, whose answer is not clear afterwards")
    if counts.get("n_without_verbatim_target"):
        parts.append(
            f"{counts['n_without_verbatim_target']} documents not used, which state no target word for word"
        )
    if counts.get("n_without_other_answer"):
        parts.append(f"{counts['n_without_other_answer']} for whose answers there is no other of the shape")
    return "; ".join(parts)
