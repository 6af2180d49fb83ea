"""The one table of a measurement: as a frame, as Markdown, as HTML."""

from __future__ import annotations

import html as markup
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from adaptkit.core.results import Estimate
from adaptkit.core.shown import as_markdown, as_markdown_table
from adaptkit.decision.wording import MINUS, interval, percent, points
from adaptkit.report.cells import duration, usd
from adaptkit.studies.freshness.result import Difference, Freshness, FreshnessRow, Phases

if TYPE_CHECKING:
    import pandas as pd

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
