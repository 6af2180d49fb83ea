"""A finished comparison: its table, plot, report and recommendation; needs no model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from adaptkit import decision, report
from adaptkit.comparison import exports
from adaptkit.comparison.costs import costs_of
from adaptkit.comparison.error_analysis import causes_of, most_asked_about
from adaptkit.comparison.evidence import evidence_of
from adaptkit.comparison.page import findings_of
from adaptkit.comparison.plan import baseline_of
from adaptkit.comparison.plot_data import PlotData, in_short
from adaptkit.comparison.store import RunStore
from adaptkit.comparison.stored import records_of, require_records, stored_run
from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.files import write_text_atomic
from adaptkit.core.result_io import read_comparison
from adaptkit.core.results import ComparisonResult, Pair, Record, Row, TaskRecommendation
from adaptkit.costs import CostAssumptions, CostRow
from adaptkit.decision import Causes, Flips, Recommendation, Requirements
from adaptkit.tasks import Task

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from adaptkit.report.console import ConsoleReport


@dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes:
        result: rows, pairs, recommendation and manifest, as written to ``folder``.
        folder: the run folder.
    """

    result: ComparisonResult
    folder: Path

    @property
    def rows(self) -> tuple[Row, ...]:
        """One line a task and strategy."""
        return self.result.rows

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All pairs of strategies, compared on the same rows."""
        return self.result.pairs

    def records(self) -> list[Record]:
        """Every row's output, scores, times and tokens, for the trials of this comparison.

        Strategies have their names in the table: an earlier run in the folder may have had others for them.
        """
        names = {t["key"]: t["strategy"] for t in self.result.manifest.get("trials", ())}
        records = records_of(RunStore(self.folder), self.result.manifest)
        return [dataclasses.replace(r, strategy=names[r.trial]) for r in records if r.trial in names]

    def to_frame(self) -> pd.DataFrame:
        """The table as a data frame, one row a task and strategy, columns as in comparison.csv."""
        return report.to_frame(self.result)

    def plot(
        self,
        kind: str = "quality",
        *,
        path: str | Path | None = None,
        assumptions: CostAssumptions | None = None,
    ) -> Figure:
        """Draw it, as a figure that a notebook shows; nothing is registered with pyplot.

        Where the comparison has nothing of the kind, the figure says so, and what would give it.

        Args:
            kind: ``quality`` (with its interval, beside median latency), ``pareto`` (quality against cost and
                latency, with what nothing else beats), ``cost`` (in total against the number of requests,
                with break-evens), ``latency`` (of single requests), ``learning-curve`` (quality against the
                number of labels) or ``breakdown`` (where wrong answers come from).
            path: where to write it too, as PNG, SVG or PDF.
            assumptions: of the costs, None for those of the run.

        Raises:
            UnknownNameError: no such kind.
            ConfigError: ``path`` has another suffix.
            StoreError: the run's files cannot be read.
        """
        if path is not None:
            report.check_figure_path(path)
        figure = report.draw(kind, PlotData(self.result, self.folder, assumptions))
        if path is not None:
            report.save_figure(figure, path)
        return figure

    def report(self, path: str | Path, *, tasks: Sequence[Task] = ()) -> Path:
        """Write a page (``.html``) or a text (``.md``).

        Args:
            path: where to.
            tasks: those that were run: the page shows the inputs of their rows. One that is not given is read
                again from where the run had it, if it is still the same.

        Returns:
            The path.

        Raises:
            ConfigError: the path has another suffix.
        """
        path = Path(path)
        if path.suffix == ".md":
            write_text_atomic(path, report.render_markdown(self.result))
        elif path.suffix in {".html", ".htm"}:
            found = findings_of(self.folder, self.result, tasks)
            write_text_atomic(path, report.render_html(self.result, self.records(), found))
        else:
            raise ConfigError.for_parameter("report()", "path", "a name that ends in .html or .md", str(path))
        return path

    def export(self, path: str | Path, *, form: str | None = None, part: exports.Part = "table") -> Path:
        """Write a part of the comparison as CSV, JSON, Markdown, LaTeX or Parquet.

        Args:
            path: the file.
            form: ``csv``, ``json``, ``markdown``, ``latex`` or ``parquet``; None goes by the path's suffix.
            part: the ``table`` (a line a strategy), the ``pairs``, or all ``records``.

        Returns:
            The path.

        Raises:
            ConfigError: a suffix that says nothing, or a form that has no such part.
            MissingDependencyError: Parquet without pyarrow.
        """
        records = self.records() if part == "records" else ()
        exports.export_table(self.result, records, Path(path), form=form, part=part)
        return Path(path)

    def log_to_mlflow(
        self,
        tracking_uri: str | Path | None = None,
        *,
        experiment: str = exports.EXPERIMENT,
        name: str | None = None,
    ) -> str:
        """Log the comparison to MLflow: a run with its files, and below it a run a line of the table.

        Args:
            tracking_uri: of a server, a database or a folder; None for what MLflow is set to.
            experiment: made where it does not exist.
            name: of the run; None for the run folder's.

        Returns:
            The id of the run that holds the others.

        Raises:
            MissingDependencyError: MLflow is not installed.
            ConfigError: its store cannot be used.
        """
        return exports.log_to_mlflow(
            self.result, self.folder, tracking_uri=tracking_uri, experiment=experiment, name=name
        )

    def costs(self, assumptions: CostAssumptions | None = None) -> dict[str, list[CostRow]]:
        """The cost table of each task under other assumptions; nothing is run again.

        Args:
            assumptions: wages, volume, horizon and cadence; None for those of the run.

        Raises:
            StoreError: the run's files cannot be read.
        """
        run = stored_run(self.folder, self.result.manifest)
        found = {}
        for task in run.tasks:
            groups = run.groups(task)
            baseline = baseline_of([g.label for g in groups])
            found[task.name] = costs_of(
                groups, assumptions or run.assumptions, baseline=baseline, prices=run.prices
            )
        return found

    def flips(self, strategy: str, baseline: str, task: str | None = None) -> Flips:
        """The rows that one strategy wins over another and those that it loses, with both answers.

        Args:
            strategy: its name in the table, ``baseline`` the other's.
            baseline: see ``strategy``.
            task: needed where the comparison has several.

        Raises:
            ConfigError: the task has to be named.
            UnknownNameError: no such task or strategy.
        """
        task = self._task(task)
        metric = self._row(task, strategy).metric
        self._row(task, baseline)
        return decision.flips(self.records(), task, metric, strategy, baseline)

    def causes(self, strategy: str | None = None, task: str | None = None) -> Causes:
        """Why a strategy is wrong where it is wrong, as far as the controls tell, and what would help most.

        Controls are strategies of the same comparison: without passages, and with those of gold documents
        (``RAG(passages="oracle")``). What was not run is named, and nothing is said that it would tell.

        Args:
            strategy: its name in the table; None for the one recommended or named for now.
            task: needed where the comparison has several.

        Raises:
            ConfigError: the task has to be named, or nothing was measured.
            UnknownNameError: no such task or strategy.
            StoreError: the run's files cannot be read.
        """
        task = self._task(task)
        strategy = self._row(task, strategy).strategy if strategy else most_asked_about(self.result, task)
        run = stored_run(self.folder, self.result.manifest)
        return causes_of(run, self.result, task, strategy)

    def _task(self, name: str | None) -> str:
        """The task of this name, or the only one."""
        tasks = sorted({r.task for r in self.rows})
        if name is None and len(tasks) != 1:
            raise ConfigError(f"Several tasks were compared: say which one, task=... of {', '.join(tasks)}.")
        return name or tasks[0]

    def _row(self, task: str, strategy: str) -> Row:
        """A line of the table."""
        rows = {(r.task, r.strategy): r for r in self.rows}
        if (task, strategy) not in rows:
            known = [s for t, s in rows if t == task] or sorted({r.task for r in self.rows})
            raise UnknownNameError.for_name("strategy or task", f"{task} {strategy}", known)
        return rows[task, strategy]

    @overload
    def recommend(self) -> tuple[TaskRecommendation, ...]: ...

    @overload
    def recommend(
        self, requirements: Requirements, *, assumptions: CostAssumptions | None = None
    ) -> tuple[Recommendation, ...]: ...

    def recommend(
        self, requirements: Requirements | None = None, *, assumptions: CostAssumptions | None = None
    ) -> tuple[TaskRecommendation, ...]:
        """What to take for each task, or why the evidence does not say; nothing is run again.

        Args:
            requirements: what is required; with them also how sure it is, what would change it, and what
                became of the hypotheses. None for what the table alone says.
            assumptions: of the costs, None for those of the run.

        Raises:
            StoreError: the run's files cannot be read, or are of an older version.
            UnknownNameError: a task has not the metric that is required.
        """
        if requirements is None:
            return decision.Recommendations(self.result.recommendation)
        found = evidence_of(self.folder, self.result, assumptions=assumptions, metric=requirements.metric)
        return decision.Recommendations(decision.recommend_for(e, requirements) for e in found)

    def __repr__(self) -> str:
        return f"Comparison({in_short(self.result)}, folder={str(self.folder)!r})"

    def __str__(self) -> str:
        return report.console_text(self.result)

    def __rich__(self) -> ConsoleReport:
        return report.console_table(self.result)

    def _repr_html_(self) -> str:
        return report.html_table(self.result)


def load_comparison(folder: str | Path) -> Comparison:
    """Read a finished comparison; loads neither a model nor torch.

    Raises:
        StoreError: there is none, its files are damaged, or records are missing.
    """
    result = read_comparison(Path(folder))
    require_records(Path(folder), result.manifest)
    return Comparison(result, Path(folder))
