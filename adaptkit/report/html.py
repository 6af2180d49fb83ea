"""One self-contained HTML page, and a fragment of it for notebooks. No network, no scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adaptkit.core.results import ComparisonResult, Record
from adaptkit.report.cells import columns
from adaptkit.report.charts import quality_chart
from adaptkit.report.tables import (
    Grid,
    best_flips,
    cost_grid,
    examples_grid,
    failures_grid,
    flips_grid,
    metrics_grid,
    pairs_grid,
    speed_grid,
    tuning_grid,
)
from adaptkit.report.view import TaskView, general_notes, headline, task_views

if TYPE_CHECKING:
    import jinja2


GRIDS = (metrics_grid, pairs_grid, failures_grid, cost_grid, speed_grid, tuning_grid)


def render_html(result: ComparisonResult, examples: Sequence[Record] = ()) -> str:
    """Return report.html: recommendations, then each task with its chart and tables, then the settings.

    Args:
        result: the comparison.
        examples: records to show answers from; without them the page shows none.
    """
    settings = json.dumps(result.manifest, indent=2, ensure_ascii=False, default=str)
    tasks = [_context(view, examples) for view in task_views(result)]
    return _render("report.html.jinja", tasks=tasks, notes=general_notes(result), settings=settings)


def html_table(result: ComparisonResult) -> str:
    """Return the main tables as an HTML fragment, e.g. for a notebook's ``_repr_html_``."""
    tasks = [_context(view, ()) for view in task_views(result)]
    return _render("fragment.html.jinja", tasks=tasks, notes=general_notes(result))


def _context(view: TaskView, examples: Sequence[Record]) -> dict[str, Any]:
    """Return what the templates show of one task, as texts; only the SVG is markup."""
    from markupsafe import Markup

    every = columns(view)
    main = Grid(
        title="", header=[c.title for c in every], rows=[[c.cell(r) for c in every] for r in view.ran]
    )
    grids = [*(made(view) for made in GRIDS), examples_grid(view, examples)]
    if (found := best_flips(view, examples)) is not None:
        grids.append(flips_grid(found))
    return {
        "name": view.task,
        "headline": headline(view.recommendation) if view.recommendation else None,
        "recommendation": view.recommendation,
        "main": main,
        "chosen": [view.chosen(row) for row in view.ran],
        "absent": [(view.label(r), r.status, r.reason or "no reason given") for r in view.absent],
        # charts.py escapes every name that it draws.
        "chart": Markup(quality_chart(view)),
        "grids": [grid for grid in grids if grid.rows],
        "notes": view.notes,
    }


def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("adaptkit.report", "templates"),
        # Outputs of a model stand in the page: everything is escaped.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(template: str, **context: object) -> str:
    return _environment().get_template(template).render(**context)
