"""What the benchmark finds: a list of entries, one a workload and peer, as JSON and as a table."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from adaptkit.core.files import write_text_atomic

COLUMNS = ("theirs", "ours", "ratio [min, max]", "of floor", "agree", "ours")
"""Heads of what :func:`figures` gives."""
TABLE_WIDTH = 130
"""Columns that the table needs: redirected output has no width of its own, and figures must not be cut."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One workload beside one peer.

    Attributes:
        workload: its letter, with the variant behind it.
        peer: the engine; ``adaptkit`` at another size where growth is measured.
        version: the peer's; empty where it did not start.
        dtype: of the peer's weights.
        unit: what ``seconds`` and ``ours_seconds`` count: ``s`` for the whole workload, or for a part of it.
        seconds: of each repeat, empty where the peer gave none.
        ours_seconds: of adaptkit, in the same repeats.
        floor_s: the physical floor, by :mod:`benchmarks.perf.floor`; None where none is counted.
        agreement: share of the peer's answers that equal plain float32 greedy generation.
        ours_agreement: the same of adaptkit's answers.
        note: how the peer was set up, or why it is blank.
        hardware: the machine and its measured rates.
    """

    workload: str
    peer: str
    version: str = ""
    dtype: str = ""
    ours_dtype: str = ""
    unit: str = "s"
    seconds: list[float] = field(default_factory=list)
    ours_seconds: list[float] = field(default_factory=list)
    floor_s: float | None = None
    agreement: float | None = None
    ours_agreement: float | None = None
    source: str = ""
    note: str = ""
    hardware: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """How many times adaptkit's time the peer took, repeat by repeat."""
        return [theirs / ours for theirs, ours in zip(self.seconds, self.ours_seconds, strict=False)]

    @property
    def ratio(self) -> float | None:
        """The median ratio."""
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def peer_label(self) -> str:
        """The peer with what tells it apart."""
        return " ".join(part for part in (self.peer, self.version, self.dtype) if part)

    @property
    def floor_share(self) -> float | None:
        """The floor as a share of adaptkit's median time: 1 leaves nothing to win."""
        if self.floor_s is None or not self.ours_seconds:
            return None
        return self.floor_s / statistics.median(self.ours_seconds)

    def to_json(self) -> dict[str, Any]:
        """All fields, and what follows from them."""
        return {
            **dataclasses.asdict(self),
            "ratio": self.ratio,
            "ratio_low": min(self.ratios, default=None),
            "ratio_high": max(self.ratios, default=None),
            "floor_share": self.floor_share,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Entry:
        """Read an entry that another module made; what it does not know is left out."""
        known = {f.name for f in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


def share_equal(outputs: Sequence[str], reference: Sequence[str] | None) -> float | None:
    """Share of equal answers, over the rows that the reference has; None without one."""
    if not reference:
        return None
    pairs = list(zip(outputs, reference, strict=False))
    return sum(a == b for a, b in pairs) / len(pairs)


def write_json(path: Path, entries: Sequence[Entry]) -> None:
    """Write the list, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([e.to_json() for e in entries], indent=1, ensure_ascii=False, allow_nan=False)
    write_text_atomic(path, text + "\n")


def show(entries: Sequence[Entry], console: Console) -> None:
    """Print the table, notes below it."""
    table = Table(title="Seconds beside peers; a ratio above 1 means that adaptkit is faster")
    for name in ("workload", "peer"):
        table.add_column(name, no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for e in entries:
        table.add_row(e.workload, e.peer_label, *figures(e))
    console.print(table)
    notes = dict.fromkeys(f"{e.workload}, {e.peer}: {e.note}" for e in entries if e.note)
    sources = dict.fromkeys(f"{e.workload}: {e.source}" for e in entries if e.source)
    for line in (*sources, *notes):
        console.print(line, style="dim", markup=False, highlight=False)


def figures(e: Entry) -> tuple[str, ...]:
    """The columns of figures, as texts; what is unknown is blank."""
    spread = f"{e.ratio:.2f} [{min(e.ratios):.2f}, {max(e.ratios):.2f}]" if e.ratio is not None else ""
    return (
        _median(e.seconds, e.unit),
        _median(e.ours_seconds, e.unit),
        spread,
        *(f"{v:.0%}" if v is not None else "" for v in (e.floor_share, e.agreement, e.ours_agreement)),
    )


def _median(seconds: Sequence[float], unit: str) -> str:
    return f"{statistics.median(seconds):.3g} {unit}" if seconds else ""
