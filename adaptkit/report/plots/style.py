"""What all plots share: the figure, colours and marks that can be told apart, axes, and notes below them."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Sequence
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from adaptkit.core.shorten import shorten

# The palette of Okabe and Ito, which colour-blind readers can tell apart, without its yellow, which is faint
# on white. Seven colours and ten marks: two strategies share both from the 71st on only.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = "osD^vPX<>*"
GREY = "0.45"
WIDTH = 9.0
"""Of a figure, inches: what a notebook shows without shrinking it."""
NOTE_SIZE = 8
_LETTERS_AN_INCH = 16


class Drawing(Figure):
    """A figure that a notebook shows though pyplot does not know it."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()


def new_figure(height: float, width: float = WIDTH) -> Drawing:
    """A figure of so many inches, which belongs to the caller: nothing is registered with pyplot."""
    return Drawing(figsize=(width, max(1.5, height)), layout="constrained")


def sentence(text: str) -> Drawing:
    """A figure that says only why there is nothing to draw."""
    figure = new_figure(1.5)
    figure.text(0.5, 0.5, literal(textwrap.fill(text, 90)), ha="center", va="center")
    return figure


def marks_of(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """A colour and a mark for each name, the same in all plots of a figure."""
    known = dict.fromkeys(names)
    return {n: (COLORS[i % len(COLORS)], MARKS[i % len(MARKS)]) for i, n in enumerate(known)}


def key(name: str, mark: tuple[str, str], *, line: Literal["", "-", ":"] = "") -> Line2D:
    """A strategy's entry in a legend."""
    color, shape = mark
    return Line2D([], [], color=color, marker=shape, linestyle=line, label=_shortened(name))


def legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Explain marks on the right of all axes, where the list covers nothing."""
    figure.legend(handles=list(handles), loc="outside right upper", frameon=False, fontsize=NOTE_SIZE + 1)


def _shortened(name: str, longest: int = 34) -> str:
    return literal(shorten(name, longest))


def literal(text: str) -> str:
    """Keep matplotlib from reading what stands between two dollars as a formula."""
    return text.replace("$", r"\$")


def title(axes: Axes, task: str) -> None:
    """Name the task of a panel."""
    axes.set_title(literal(task), loc="left", fontweight="bold")


def by_strategy(axes: Axes, labels: Sequence[str]) -> None:
    """Give each strategy a line of its own, in the table's order from top to bottom."""
    axes.set_yticks(range(len(labels)))
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticklabels([_shortened(label) for label in labels])
    axes.tick_params(axis="y", length=0)
    plain(axes, grid="x")
    axes.spines["left"].set_visible(False)


def plain(axes: Axes, *, grid: str = "both") -> None:
    """A faint grid behind the data, and no box around it."""
    axes.grid(axis=grid, color="0.9")  # type: ignore[arg-type]  # one of matplotlib's three words
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def in_percent(axes: Axes, which: str) -> None:
    """Shares from 0 to 1 on an axis (``x`` or ``y``), as percentages."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:.0f} %"))
    # So that marks at either end are whole.
    (axes.set_xlim if which == "x" else axes.set_ylim)(-0.04, 1.04)


def in_logs(axes: Axes, which: str, values: Sequence[float], *, room: float = 1.6) -> None:
    """A log axis around some values, labelled so that a range within one decade has several labels.

    Args:
        values: above 0; without any the axis stays as it is.
        room: factor by which it reaches beyond them.
    """
    if not values:
        return
    low, high = min(values) / room, max(values) * room
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    (axes.set_xlim if which == "x" else axes.set_ylim)(low, high)
    # A narrow panel has no room for three labels a decade over many decades.
    steps = (1.0, 2.0, 5.0) if high / low < 60 else (1.0, 3.0) if high / low < 1000 else (1.0,)
    axis.set_major_locator(LogLocator(subs=steps, numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda x, _: number(x)))
    axis.set_minor_locator(NullLocator())


def number(value: float) -> str:
    """A round number in few letters.

    Examples:
        >>> [number(x) for x in (0.005, 0.1, 1, 20, 500, 2_000, 1e5, 3e6, 1e9)]
        ['0.005', '0.1', '1', '20', '500', '2k', '100k', '3M', '1G']
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:.6f}".rstrip("0").rstrip(".")


def notes_below(axes: Axes, title: str, notes: Sequence[str], *, width: float = WIDTH) -> None:
    """The axis's title, and below it sentences for which the layout makes room.

    Args:
        width: inches that a line may take.
    """
    axes.set_xlabel(title)
    if notes:
        letters = int(width * _LETTERS_AN_INCH)
        lines = [line for note in notes for line in textwrap.wrap(note, letters)]
        text = literal("\n".join([title, "", *lines]))
        axes.set_xlabel(text, loc="left", fontsize=NOTE_SIZE + 1)
