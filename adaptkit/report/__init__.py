"""Tables, charts and pages from a finished comparison; libraries load when they are used."""

from adaptkit.report.console import console_table, console_text, csv_text, json_text
from adaptkit.report.frame import to_frame
from adaptkit.report.html import html_table, render_html
from adaptkit.report.markdown import markdown_table, render_markdown
from adaptkit.report.plots import check_figure_path, draw, plot, save_figure

__all__ = [
    "check_figure_path",
    "console_table",
    "console_text",
    "csv_text",
    "draw",
    "html_table",
    "json_text",
    "markdown_table",
    "plot",
    "render_html",
    "render_markdown",
    "save_figure",
    "to_frame",
]
