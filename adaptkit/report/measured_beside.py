"""What other measurements have left beside a run, as tables: learning curves and robustness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adaptkit.decision.curves import LabelWorth
from adaptkit.decision.wording import interval, percent, points
from adaptkit.report.tables import Grid


def curves_grid(found: Mapping[str, Any]) -> Grid:
    """Return quality by number of labels, a line a strategy, from curves.json."""
    curves: Sequence[Mapping[str, Any]] = found["curves"]
    sizes = sorted({p["n_labels"] for c in curves for p in c["points"]})
    rows = []
    for curve in curves:
        at = {p["n_labels"]: p for p in curve["points"]}
        rows.append([curve["strategy"], *(_quality(at.get(n)) for n in sizes)])
    worth = [LabelWorth(**w) for w in found.get("worth", ()) if w["task"] == curves[0]["task"]]
    return Grid(
        title=f"{curves[0]['metric']} by labelled examples",
        header=["strategy", *(f"{n:,}" for n in sizes)],
        rows=rows,
        notes=[*map(str, worth), *found.get("notes", ()), *found.get("gaps", ())],
    )


def _quality(point: Mapping[str, Any] | None) -> str:
    if point is None:
        return ""
    return f"{percent(point['quality'])} {interval(point['low'], point['high'])}".strip()


def robustness_grid(found: Mapping[str, Any]) -> Grid:
    """Return quality under each change with the difference that it makes, from robustness.json."""
    effects: Sequence[Mapping[str, Any]] = found.get("effects", ())
    strategies = list(dict.fromkeys(e["strategy"] for e in effects))
    named = {c["change"]: c.get("named") for c in (found["unchanged"], *found.get("choices", ()))}
    at = {(e["change"], e["strategy"]): e for e in effects}
    rows = [
        [change, *(_effect(at.get((change, s))) for s in strategies), name or ""]
        for change, name in named.items()
    ]
    skipped = [f"{change} was not measured: {why}." for change, why in found.get("skipped", {}).items()]
    return Grid(
        title="Quality under changes",
        header=["change", *strategies, "named"],
        rows=rows,
        notes=["* the rows show a difference, corrected after Holm.", *skipped, *found.get("gaps", ())],
    )


def _effect(effect: Mapping[str, Any] | None) -> str:
    if effect is None or effect["quality"] is None:
        return ""
    if effect["delta"] is None:
        return percent(effect["quality"])
    if not effect["touched"]:
        return f"{percent(effect['quality'])} ="
    shown = effect["p_adjusted"] is not None and effect["p_adjusted"] < 0.05
    return f"{percent(effect['quality'])} ({points(effect['delta'])}){'*' if shown else ''}"
