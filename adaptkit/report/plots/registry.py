"""The kinds of plots by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptkit.core.errors import ConfigError
from adaptkit.core.registry import Registry
from adaptkit.core.results import ComparisonResult
from adaptkit.report.plots.source import PlotSource

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
_DPI = 150

PLOTS: Registry[Callable[[PlotSource], Any]] = Registry(
    "kind of plot",
    {
        "quality": "adaptkit.report.plots.quality:quality",
        "pareto": "adaptkit.report.plots.pareto:pareto",
        "cost": "adaptkit.report.plots.cost:cost",
        "latency": "adaptkit.report.plots.latency:latency",
        # Curves are gathered from comparisons, and so stand above this package: it knows them by name only.
        "learning-curve": "adaptkit.studies.learning_curve.plot:of_comparison",
        "breakdown": "adaptkit.report.plots.breakdown:breakdown",
    },
    group="adaptkit.plots",
)


def draw(kind: str, source: PlotSource) -> Figure:
    """Draw one kind of plot.

    Where the comparison has nothing of the kind, the figure says so in a sentence, and what would give it.

    Raises:
        UnknownNameError: no such kind.
        StoreError: the run's files cannot be read.
    """
    figure: Figure = PLOTS.get(kind)(source)
    return figure


def plot(result: ComparisonResult) -> Figure:
    """Draw quality beside latency, for which the table alone is enough."""
    # matplotlib is loaded when something is drawn.
    from adaptkit.report.plots.quality import of_result

    return of_result(result)


def check_figure_path(path: str | Path) -> Path:
    """Return the path.

    Raises:
        ConfigError: its suffix is of no form that figures are written in.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        forms = f"a name that ends in {', '.join(SUFFIXES)}"
        raise ConfigError.for_parameter("plot()", "path", forms, str(path))
    return path


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, SVG or PDF, by the name's suffix; folders are made if need be.

    Raises:
        ConfigError: the name has another suffix.
    """
    path = check_figure_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=_DPI)
    return path
