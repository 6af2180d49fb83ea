"""One self-contained HTML page, and a fragment of it for notebooks. No network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adaptkit.core.results import ComparisonResult, Record
from adaptkit.report.answer import answer_of
from adaptkit.report.cells import columns
from adaptkit.report.charts import quality_chart
from adaptkit.report.findings import PageData
from adaptkit.report.measured_beside import curves_grid, robustness_grid
from adaptkit.report.parts import RULES, STYLE, VIEW, as_inert, page_data, policy, source
from adaptkit.report.tables import (
    Grid,
    best_flips,
    cost_grid,
    examples_grid,
    failures_grid,
    flips_grid,
    leakage_grid,
    metrics_grid,
    pairs_grid,
    speed_grid,
    tuning_grid,
)
from adaptkit.report.view import TaskView, general_notes, headline, task_views, warning_at_top
from adaptkit.report.why import why_of

if TYPE_CHECKING:
    import jinja2


GRIDS = (metrics_grid, pairs_grid, failures_grid, cost_grid, speed_grid, tuning_grid, leakage_grid)


def render_html(
    result: ComparisonResult,
    examples: Sequence[Record] = (),
    findings: Mapping[str, PageData] | None = None,
) -> str:
    """Return report.html: the answers, then each task with what-if, charts and tables, then the settings.

    All tables stand in the page as they are; scripts add what moves: the what-if, the charts that follow it,
    and the browser of rows. With neither records nor findings the page has no script.

    Args:
        result: the comparison.
        examples: records to show answers from; without them the page shows none.
        findings: by task, what is known beyond the table.
    """
    from markupsafe import Markup

    views, findings = task_views(result), findings or {}
    data = page_data(views, examples, findings)
    moves = any(value is not None for task in data for value in task.values())
    scripts = [source(*RULES), source(*VIEW)] if moves else []
    style = source(STYLE)
    return _render(
        "report.html.jinja",
        tasks=[_of_page(v, examples, findings.get(v.task, PageData())) for v in views],
        notes=general_notes(result),
        about=_about(result),
        warning=warning_at_top(result),
        settings=json.dumps(result.manifest, indent=2, ensure_ascii=False, default=str),
        # Files of this package, and data in which nothing can end the element that holds them.
        style=Markup(style),
        scripts=[Markup(text) for text in scripts],
        data=Markup(as_inert(data)) if moves else None,
        policy=policy(scripts, [style]),
    )


def html_table(result: ComparisonResult) -> str:
    """Return the main tables as an HTML fragment, e.g. for a notebook's ``_repr_html_``."""
    tasks = [_context(view) for view in task_views(result)]
    return _render("fragment.html.jinja", tasks=tasks, notes=general_notes(result))


def _about(result: ComparisonResult) -> str:
    """Model, rows and day, in a line under the title."""
    model, rows = result.manifest.get("model"), sorted({row.n for row in result.rows if row.n})
    parts = [str(model["id"])] if isinstance(model, Mapping) and model.get("id") else []
    if rows:
        parts.append(f"{rows[0]} test rows" if len(rows) == 1 else f"{rows[0]} to {rows[-1]} test rows")
    day = str(result.manifest.get("finished_at") or "")[:10]
    return " · ".join([*parts, *([day] if day else [])])


def _context(view: TaskView) -> dict[str, Any]:
    """Return what every form shows of one task, as texts."""
    every = columns(view)
    main = Grid(
        title="", header=[c.title for c in every], rows=[[c.cell(r) for c in every] for r in view.ran]
    )
    return {
        "name": view.task,
        "headline": headline(view.recommendation) if view.recommendation else None,
        "recommendation": view.recommendation,
        "main": main,
        "chosen": [view.chosen(row) for row in view.ran],
        "absent": [(view.label(r), r.status, r.reason or "no reason given") for r in view.absent],
        "notes": view.notes,
    }


def _of_page(view: TaskView, examples: Sequence[Record], found: PageData) -> dict[str, Any]:
    """Return what the page shows of one task, as texts; only the SVG is markup."""
    from markupsafe import Markup

    grids = [*(made(view) for made in GRIDS), examples_grid(view, examples)]
    if (flips := best_flips(view, examples)) is not None:
        grids.append(flips_grid(flips))
    return {
        **_context(view),
        "metric": view.metric,
        "answer": answer_of(view, found),
        # charts.py escapes every name that it draws.
        "chart": Markup(quality_chart(view)),
        "grids": [grid for grid in grids if grid.rows],
        "what_if": found.evidence is not None,
        "causes": None if found.causes is None else why_of(found.causes),
        "curves": None if found.curves is None else curves_grid(found.curves),
        "robustness": None if found.robustness is None else robustness_grid(found.robustness),
        "robustness_summary": (found.robustness or {}).get("summary", ""),
        "rows": bool(examples),
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
