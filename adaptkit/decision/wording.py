"""Figures as they stand in sentences and tables. Undefined is the empty string."""

from __future__ import annotations

from collections.abc import Sequence

from adaptkit.core.results import Row
from adaptkit.costs import BUSY

MINUS = "\N{MINUS SIGN}"


def percent(value: float | None, digits: int = 1) -> str:
    """Write a share, e.g. ``93.3 %``."""
    return "" if value is None else f"{100 * value:.{digits}f} %"


def points(value: float | None, digits: int = 1) -> str:
    """Write a difference of shares in percentage points, with its sign, e.g. ``+41.7``."""
    if value is None:
        return ""
    text = f"{100 * value:+.{digits}f}"
    if float(text) == 0:
        return text[1:]
    return text.replace("-", MINUS)


def interval(low: float | None, high: float | None, digits: int = 1) -> str:
    """Write the bounds of a share or difference in percent, e.g. ``[84.1, 97.4]``."""
    if low is None or high is None:
        return ""
    return f"[{_bound(low, digits)}, {_bound(high, digits)}]"


def _bound(value: float, digits: int) -> str:
    text = f"{100 * value:.{digits}f}"
    # The ends of the scale are exact, and a sign before zero means nothing.
    return f"{float(text):.0f}".removeprefix("-") if float(text) in (0, 100) else text.replace("-", MINUS)


def digits_for(n: int) -> int:
    """Return the decimals that a mean over ``n`` rows bears: up to 200, one row is half a point or more."""
    return 0 if n <= 200 else 1


def p_value(p: float | None) -> str:
    """Write a p-value, e.g. ``p = .012`` or ``p < .001``."""
    if p is None:
        return ""
    if p < 0.001:
        return "p < .001"
    return f"p = {p:.3f}".replace("0.", ".", 1) if p < 0.9995 else "p = 1"


def counted(n: int, noun: str) -> str:
    """Write a number with its noun.

    Examples:
        >>> counted(1, "task"), counted(3, "strategy")
        ('1 task', '3 strategies')
    """
    if n == 1:
        return f"1 {noun}"
    return f"{n:,} {noun[:-1]}ies" if noun.endswith("y") else f"{n:,} {noun}s"


def listing(names: Sequence[str]) -> str:
    """Join names as a sentence does, e.g. ``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def busy_machine(rows: Sequence[Row]) -> list[str]:
    """Say where others used the machine while latency was measured; nothing where nobody did."""
    noisy = {r.strategy: r.other_load for r in rows if r.other_load is not None and r.other_load >= BUSY}
    if not noisy:
        return []
    return [
        "The machine was busy while latency was measured: other processes kept up to "
        f"{100 * max(noisy.values()):.0f} % of its cores occupied ({listing(list(noisy))}). Latency and "
        "costs that rest on it may be several times too high: measure again on an idle machine."
    ]
