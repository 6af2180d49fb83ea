"""One cell of a table as text. Undefined is the empty string."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adaptkit.core.results import Row
from adaptkit.decision.wording import digits_for, interval, percent, points
from adaptkit.report.view import TaskView

# Marks rather than colours alone: they survive a pipe, a printer and colour blindness.
LOWER_BOUND = "≥"
MARKS = {"better": "▲", "worse": "▼", "equivalent": "=", "undecided": "?"}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the main table.

    Attributes:
        title: its heading.
        cell: the text for a row.
        keep: where width is short, columns with the smallest number go first; 0 is never shown there.
    """

    title: str
    cell: Callable[[Row], str]
    keep: int


def columns(view: TaskView, *, wide: bool = True) -> list[Column]:
    """Return the columns of the main table of one task.

    Args:
        view: the task.
        wide: also how often each is the best, for which a terminal has no room.
    """
    every = [
        Column(title="strategy", cell=view.label, keep=9),
        Column(title=view.metric, cell=quality, keep=8),
        Column(title=f"Δ {view.baseline or ''}".rstrip(), cell=lambda r: delta(r, view.baseline), keep=7),
        Column(title="p50/p95 s", cell=latency, keep=6),
        Column(title="tokens", cell=tokens, keep=2),
        Column(title="fit", cell=lambda r: duration(r.fit_s), keep=3),
        Column(title="fit USD", cell=lambda r: usd(r.fit_usd, least=0.001), keep=1),
        Column(title="USD/1k", cell=lambda r: usd(r.usd_per_1k_requests), keep=5),
        Column(title="best", cell=lambda r: percent(r.p_best, 0), keep=0),
        Column(title="scored", cell=lambda r: "" if r.n_scored is None else str(r.n_scored), keep=7),
        Column(title="n/err", cell=lambda r: f"{r.n}/{r.n_errors}", keep=4),
    ]
    known = any(row.p_best is not None for row in view.ran)
    left_out = set() if wide and known else {"best"}
    if not any(is_partly_scored(row) for row in view.ran):
        left_out.add("scored")
    return [c for c in every if c.title not in left_out]


def is_partly_scored(row: Row) -> bool:
    """Whether the metric could not score some of the rows."""
    return row.n_scored is not None and row.n_scored != row.n


def quality(row: Row) -> str:
    """Write e.g. ``93.3 % [84.1, 97.4]``; of a strategy that a budget cut short, ``≥`` in front."""
    bound = f"{LOWER_BOUND} " if row.cut_short and row.quality is not None else ""
    return f"{bound}{percent(row.quality)} {interval(row.quality_low, row.quality_high)}".strip()


def delta(row: Row, baseline: str | None) -> str:
    """Write e.g. ``+42 [28, 55] ▲``, in points."""
    if row.delta is None:
        return "baseline" if row.strategy == baseline else ""
    mark = MARKS[row.verdict] if row.verdict else ""
    digits = digits_for(row.n)
    bounds = interval(row.delta_low, row.delta_high, digits)
    return " ".join(filter(None, [points(row.delta, digits), bounds, mark]))


def latency(row: Row) -> str:
    """Write e.g. ``0.41/0.92``, in seconds."""
    ends = [significant(x) for x in (row.p50_latency_s, row.p95_latency_s) if x is not None]
    return "/".join(ends)


def tokens(row: Row) -> str:
    """Write the mean numbers of tokens of a request, e.g. ``431/4``."""
    ends = [f"{x:.0f}" for x in (row.tokens_in, row.tokens_out) if x is not None]
    return "/".join(ends)


def duration(seconds: float | None) -> str:
    """Write e.g. ``0.8 s``, ``42 s``, ``3m12s``, ``1h05m``."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return "0 s" if seconds < 0.05 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    minutes = round(seconds / 60)
    return f"{minutes // 60}h{minutes % 60:02}m"


def usd(value: float | None, least: float = 0.0) -> str:
    """Write an amount with two significant digits; below ``least`` only that it is less."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    if value < least:
        return f"<{least:g}"
    return f"{value:,.2f}" if value >= 1 else significant(value)


def significant(value: float, digits: int = 2) -> str:
    """Write without an exponent, e.g. ``0.034``, ``0.41``, ``12``.

    Examples:
        >>> [significant(x) for x in (0.0, 0.00003456, 0.0996, 0.412, 1.26, 12.6, 1260.0)]
        ['0', '0.000035', '0.10', '0.41', '1.3', '13', '1260']
    """
    if value == 0:
        return "0"
    exponent = int(f"{value:.{digits - 1}e}".split("e")[1])
    return f"{value:.{max(0, digits - 1 - exponent)}f}"
