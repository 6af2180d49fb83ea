"""The comparison as Markdown: tables for a pull request, and report.md."""

from __future__ import annotations

import json
from collections.abc import Sequence

from adaptkit.core.results import ComparisonResult
from adaptkit.core.shown import as_markdown, as_markdown_table, visible
from adaptkit.report.cells import columns
from adaptkit.report.tables import (
    Grid,
    cost_grid,
    failures_grid,
    metrics_grid,
    pairs_grid,
    speed_grid,
    tuning_grid,
)
from adaptkit.report.view import TaskView, general_notes, headline, task_views, warning_at_top


def markdown_table(result: ComparisonResult) -> str:
    """Return the main tables with their footnotes, as GitHub shows them."""
    parts = [_task_section(view, details=False) for view in task_views(result)]
    return "\n\n".join([*_warning(result), *parts, _bullets(general_notes(result))]).strip() + "\n"


def render_markdown(result: ComparisonResult) -> str:
    """Return report.md: recommendations first, then each task with all its tables, then the settings."""
    views = task_views(result)
    parts = ["# Comparison of strategies", *_warning(result), _bullets(_recommendations(views))]
    parts += [_task_section(view, details=True) for view in views]
    parts += ["## Notes", _bullets(general_notes(result))]
    settings = json.dumps(result.manifest, indent=2, ensure_ascii=False, default=str)
    parts += ["## Settings", f"```json\n{visible(settings)}\n```"]
    return "\n\n".join(part for part in parts if part) + "\n"


def _warning(result: ComparisonResult) -> list[str]:
    warning = warning_at_top(result)
    return [f"**{warning}**"] if warning else []


def _recommendations(views: Sequence[TaskView]) -> list[str]:
    found = [view.recommendation for view in views if view.recommendation is not None]
    return [f"**{as_markdown(r.task)}: {as_markdown(headline(r))}.** {as_markdown(r.reason)}" for r in found]


def _task_section(view: TaskView, *, details: bool) -> str:
    """Return one task; without details its recommendation stands here, because nothing stands above."""
    parts = [f"## {as_markdown(view.task)}"]
    if view.ran:
        every = columns(view)
        cells = [[c.cell(row) for c in every] for row in view.ran]
        cells = [
            [f"**{r[0]}**", *r[1:]] if view.chosen(row) else r for row, r in zip(view.ran, cells, strict=True)
        ]
        parts.append(_grid(Grid(title="", header=[c.title for c in every], rows=cells)))
    absent = [f"{view.label(r)} {r.status}: {r.reason or 'no reason given'}" for r in view.absent]
    parts.append(_bullets([as_markdown(text) for text in (*absent, *view.notes)]))
    if details:
        for g in _details(view):
            if g.rows:
                parts += [f"### {g.title}", _grid(g), _bullets([as_markdown(note) for note in g.notes])]
    else:
        parts.append(_bullets(_recommendations([view])))
    return "\n\n".join(part for part in parts if part)


def _details(view: TaskView) -> list[Grid]:
    grids = (metrics_grid, pairs_grid, failures_grid, cost_grid, speed_grid, tuning_grid)
    return [made(view) for made in grids]


def _grid(grid: Grid) -> str:
    lines = [list(grid.header), ["---"] * len(grid.header), *grid.rows]
    return as_markdown_table(lines)


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
