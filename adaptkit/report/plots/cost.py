"""Total cost against the number of requests, with where strategies break even."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adaptkit.costs import BreakEvenVolume, StrategyCosts, total_usd
from adaptkit.report.plots import style
from adaptkit.report.plots.quality import NOTHING
from adaptkit.report.plots.source import Accounts, PlotSource

_TASK_INCHES, _NOTE_INCHES = 4.0, 0.16
_N_PLACES = 121
# Requests a month that are shown where nothing is assumed and nothing breaks even.
_USUAL = (1e3, 1e7)
# Further out a break-even is a number and no place that anybody will reach.
_LEAST, _MOST = 1.0, 1e10
_LINE_INCHES = 6.0
NO_RECORDS = "The run folder holds no records, so costs cannot be worked out."


def cost(source: PlotSource) -> Figure:
    """Draw, for each task, what each strategy costs in total against the number of requests, both on logs.

    A ringed mark is where a strategy breaks even with the baseline, the band its 95 % interval; a band that
    reaches the edge has no end. A strategy whose cost is unknown is named below, with what is not known.
    """
    accounts = source.accounts()
    if not accounts:
        return style.sentence(NO_RECORDS if source.result.rows else NOTHING)
    figure = style.new_figure(sum(_height(a) for a in accounts.values()))
    marks = style.marks_of(c.strategy for a in accounts.values() for c in a.costs)
    panels = figure.subplots(
        len(accounts), squeeze=False, gridspec_kw={"height_ratios": [_height(a) for a in accounts.values()]}
    )[:, 0]
    for axes, (task, own) in zip(panels, accounts.items(), strict=True):
        _draw(axes, own, marks)
        style.title(axes, task)
    drawn = {c.strategy for a in accounts.values() for c in a.costs if total_at(c, 1.0)}
    style.legend(figure, [style.key(name, marks[name], line="-") for name in marks if name in drawn])
    return figure


def _height(own: Accounts) -> float:
    return _TASK_INCHES + _NOTE_INCHES * len(_notes(own))


def _draw(axes: Axes, own: Accounts, marks: dict[str, tuple[str, str]]) -> None:
    known = [c for c in own.costs if total_at(c, 1.0) is not None]
    low, high = volumes_shown(own)
    ends: list[float] = []
    for costs in known:
        ends += _line(axes, costs, np.geomspace(low, high, _N_PLACES), marks[costs.strategy])
    for row, costs in zip(own.rows, own.costs, strict=True):
        if row.break_even is not None and costs in known:
            _break_even(axes, row.break_even, costs, marks[costs.strategy][0], (low, high))
    style.plain(axes)
    style.in_logs(axes, "x", [low, high], room=1.0)
    style.in_logs(axes, "y", ends, room=1.3)
    if not ends:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "No total is known.", transform=axes.transAxes, ha="center", color=style.GREY)
    months = own.costs[0].assumptions.horizon_months
    axes.set_ylabel("USD in all" if months is None else f"USD in {months:g} months (log)")
    title = "requests in all (log)" if months is None else "requests a month (log)"
    style.notes_below(axes, title, _notes(own), width=_LINE_INCHES)


def total_at(costs: StrategyCosts, requests: float) -> float | None:
    """What a strategy costs with so many requests: a month over the horizon or, without one, in all.

    None where a part of it is unknown, or where the machine that is kept on could not answer so many.
    """
    once, monthly, request = (t.usd for t in (costs.once, costs.each_month, costs.marginal))
    if once is None or monthly is None or request is None:
        return None
    if costs.capacity is not None and requests > costs.capacity:
        return None
    months = costs.assumptions.horizon_months
    if months is None:
        return None if monthly else once + requests * request
    return total_usd(once, monthly, request, requests, months)


def volumes_shown(own: Accounts) -> tuple[float, float]:
    """The fewest and the most requests: a decade around what is assumed and where strategies break even."""
    found = [r.break_even for r in own.rows if r.break_even is not None]
    points = [x for b in found for x in (b.requests, b.low, b.high) if x is not None]
    # An interval that reaches far has its bound at the edge.
    points = [x for x in points if _LEAST <= x <= _MOST] + list(own.costs[0].assumptions.volumes)
    if not points:
        return _USUAL
    return 10 ** (np.floor(np.log10(min(points))) - 1), 10 ** (np.ceil(np.log10(max(points))) + 1)


def _line(axes: Axes, costs: StrategyCosts, places: Iterable[float], mark: tuple[str, str]) -> list[float]:
    """Draw a strategy's totals; return the lowest and the highest. Nothing of 0 USD is on a log axis."""
    totals = [(x, total_at(costs, x)) for x in places]
    drawn = [(x, usd) for x, usd in totals if usd]
    if not drawn:
        return []
    color, shape = mark
    axes.plot(
        *zip(*drawn, strict=True),
        color=color,
        marker=shape,
        markevery=(_N_PLACES // 12, _N_PLACES // 6),
        markersize=5,
        linewidth=1.6,
        label=costs.strategy,
    )
    return [drawn[0][1], drawn[-1][1]]


def _break_even(
    axes: Axes, found: BreakEvenVolume, costs: StrategyCosts, color: str, shown: tuple[float, float]
) -> None:
    if found.low is not None:
        # Without an upper bound it may be never: the band goes on to the edge.
        high = shown[1] if found.high is None else found.high
        axes.axvspan(max(found.low, shown[0]), min(high, shown[1]), color=color, alpha=0.12, linewidth=0)
    usd = None if found.requests is None else total_at(costs, found.requests)
    if found.requests is not None and usd:
        axes.plot(
            [found.requests], [usd], "o", color=color, markersize=11, markerfacecolor="none",
            markeredgewidth=2, label=f"break-even of {costs.strategy}",
        )  # fmt: skip


def _notes(own: Accounts) -> list[str]:
    """Where each breaks even, in words, and what of others is not known."""
    said = []
    for costs, row in zip(own.costs, own.rows, strict=True):
        missing = "; ".join(dict.fromkeys(row.blank.get(n, "") for n in ("fixed_usd", "monthly_usd")))
        missing = "; ".join(filter(None, (missing.strip("; "), costs.marginal.unknown)))
        if missing:
            said.append(f"Not drawn: {costs.strategy} ({missing}).")
        elif row.break_even is not None and row.break_even.kind != "unknown":
            said.append(f"{costs.strategy} costs less than {own.baseline}: {row.break_even.words}.")
    return said
