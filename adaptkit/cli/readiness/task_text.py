"""A checked task as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from adaptkit.core.shorten import shorten
from adaptkit.report.lines import aligned, section

if TYPE_CHECKING:
    from adaptkit.cli.readiness.task import TaskCheck

MAX_LABELS = 12


def as_text(found: TaskCheck) -> str:
    """A line a fact, then what is doubtful."""
    facts = aligned([[name, value] for name, value in _facts(found)])
    notes = [*found.notes, *found.leakage.sentences]
    return f"{facts}\n" + (f"\n{section('To know', notes)}" if notes else "")


def _facts(found: TaskCheck) -> Iterator[tuple[str, str]]:
    yield "task", f"{found.name}, {found.kind}"
    yield "metrics", ", ".join(found.metrics) + " (the first decides)"
    yield "instruction", _short(found.instruction)
    yield "rows", ", ".join(f"{n} {name}" for name, n in found.counts.items())
    if found.labels:
        shown = [f"{label} {n}" for label, n in list(found.labels.items())[:MAX_LABELS]]
        more = len(found.labels) - len(shown)
        yield f"{len(found.labels)} labels", ", ".join(shown) + (f", and {more} more" if more > 0 else "")
    yield "length", f"inputs {found.input_chars:.0f} characters, targets {found.target_chars:.0f} (medians)"
    yield "repeats in train", str(len(found.repeated))
    yield "leakage", found.leakage.verdict
    for name, reason in found.refused.items():
        yield f"without {name}", reason


def _short(text: str) -> str:
    line = " ".join(text.split())
    return shorten(line, 80)
