"""Plots of a finished comparison as matplotlib figures: a kind a file, and a line of the registry."""

from adaptkit.report.plots.registry import PLOTS, check_figure_path, draw, plot, save_figure
from adaptkit.report.plots.source import Accounts, PlotSource

__all__ = ["PLOTS", "Accounts", "PlotSource", "check_figure_path", "draw", "plot", "save_figure"]
