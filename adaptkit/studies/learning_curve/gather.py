"""Comparisons to learning curves: which trial of which task is which point, from stored records only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from adaptkit.comparison import Comparison
from adaptkit.comparison.pairs import RESAMPLING_SEED, estimate_of
from adaptkit.comparison.rows import cut_short
from adaptkit.comparison.scores import clusters_of
from adaptkit.comparison.scoring import aggregate
from adaptkit.comparison.stored import stored_run
from adaptkit.comparison.trial_data import StrategyTrials, groups_of
from adaptkit.core.errors import ConfigError
from adaptkit.costs import Prices
from adaptkit.decision.curves import CurvePoint, LearningCurve, Measurements, make_curves
from adaptkit.metrics import is_row_mean
from adaptkit.stats import Scores
from adaptkit.tasks import read_cut

Values = dict[str, dict[int, float]]
"""Score by example and column: a draw of labels or, where there was one, a training seed."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What one comparison measured of a strategy with one number of labels.

    Attributes:
        n_labels: train rows, ``asked`` how many were asked for; None for a task that was not cut.
        draw: seed by which they were drawn; None for a task that was not cut.
    """

    n_labels: int
    asked: int | None
    draw: int | None
    group: StrategyTrials


Cells = Mapping[str, list[Cell]]
"""By strategy, in the order of the comparisons."""


def gather(comparisons: Sequence[Comparison]) -> tuple[list[LearningCurve], list[str], list[str]]:
    """Make the curves of all tasks that were run with several numbers of train rows.

    Returns:
        The curves, a sentence for each point that is missing, and one where a task had fewer rows than were
        asked for.

    Raises:
        ConfigError: no task was cut, or the comparisons are of two models.
        StoreError: a folder cannot be read.
    """
    _check_models(comparisons)
    curves: list[LearningCurve] = []
    gaps: list[str] = []
    notes: list[str] = []
    cut = {
        task: cells
        for task, cells in _by_task(comparisons).items()
        if any(cell.draw is not None for own in cells.values() for cell in own)
    }
    if not cut:
        raise ConfigError(
            "No task was run with a number of train rows. Compare task.with_train(n) for several n, or give "
            "a suite train_rows."
        )
    for task, cells in cut.items():
        curves += _curves_of(task, cells, gaps)
        notes += [*_fewer_than_asked(task, cells), *_cut_short(cells)]
    return curves, gaps, notes


def _fewer_than_asked(task: str, cells: Cells) -> list[str]:
    every = [cell for own in cells.values() for cell in own if cell.asked is not None]
    short = sorted({(c.asked or 0, c.n_labels) for c in every if c.n_labels < (c.asked or 0)})
    return [
        f"{asked:,} labels were asked for and {task} has {n:,}: the point at {n:,} is all of them."
        for asked, n in short
    ]


def _cut_short(cells: Cells) -> list[str]:
    """Points that lie too low, since a budget ended their training: a curve through them says too little."""
    every = [
        (cell.n_labels, cut_short(cell.group, Prices(machine=None))) for own in cells.values() for cell in own
    ]
    return [f"Lower bound at {n:,} labels: {said}." for n, said in every if said]


def _check_models(comparisons: Sequence[Comparison]) -> None:
    keys = sorted({str(c.result.manifest.get("config", {}).get("model")) for c in comparisons})
    if len(keys) > 1:
        raise ConfigError(f"One curve is of one model, and these are of {' and '.join(keys)}.")


def _by_task(comparisons: Iterable[Comparison]) -> dict[str, dict[str, list[Cell]]]:
    found: dict[str, dict[str, list[Cell]]] = {}
    for comparison in comparisons:
        manifest = comparison.result.manifest
        run = stored_run(comparison.folder, manifest)
        n_train = {t["name"]: int(t["n_train"]) for t in manifest["tasks"]}
        for task in run.tasks:
            cut = read_cut(task.name)
            own = found.setdefault(cut.task if cut else task.name, {})
            for group in groups_of(task, run.trials):
                cell = Cell(
                    n_labels=n_train[task.name],
                    asked=cut.n_train if cut else None,
                    draw=cut.seed if cut else None,
                    group=group,
                )
                own.setdefault(group.label, []).append(cell)
    return found


def _curves_of(task: str, cells: Cells, gaps: list[str]) -> list[LearningCurve]:
    every = [cell for own in cells.values() for cell in own]
    metric = every[0].group.task.primary_metric
    several_draws = len({cell.draw for cell in every if cell.draw is not None}) > 1
    gaps += _gaps(task, cells)
    if not is_row_mean(metric):
        return [_without_interval(task, metric, strategy, own) for strategy, own in cells.items()]
    measured = []
    for strategy, own in cells.items():
        done = [cell for cell in own if cell.group.values]
        found = _measurements(strategy, done, several_draws) if done else None
        if done and found is None:
            gaps.append(f"{strategy} on {task}: nothing was measured under one seed at all sizes")
        elif found is not None:
            measured.append(found)
    records = [r for cell in every for r in cell.group.records]
    rng = np.random.default_rng(RESAMPLING_SEED)
    return make_curves(task, metric, measured, rng=rng, clusters=clusters_of(records))


def _gaps(task: str, cells: Cells) -> Iterator[str]:
    for strategy, own in cells.items():
        for cell in own:
            for trial in cell.group.trials:
                if trial.status != "done":
                    where = f"{strategy} on {task} with {cell.n_labels:,} labels, seed {trial.seed}"
                    yield f"{where}: {trial.status}: {trial.reason}"


def _measurements(strategy: str, done: Sequence[Cell], several_draws: bool) -> Measurements | None:
    """The scores by size, over the columns that all sizes have; None where they share none."""
    if _is_free(done):
        values = _merged([cell.group.values_by_seed for cell in done])
        return Measurements(strategy=strategy, by_size={0: Scores.from_seeds(values)}, learns=False)
    by_size: dict[int, list[Cell]] = defaultdict(list)
    for cell in done:
        by_size[cell.n_labels].append(cell)
    tables = {n: _by_column(own, several_draws) for n, own in by_size.items()}
    shared = set.intersection(*({c for row in t.values() for c in row} for t in tables.values()))
    if not shared:
        return None
    vary = several_draws or any(cell.group.seeds_vary for cell in done)
    scores = {n: Scores.from_seeds(_only(t, shared), seeds_vary=vary) for n, t in tables.items()}
    return Measurements(strategy=strategy, by_size=scores)


def _is_free(done: Sequence[Cell]) -> bool:
    """Whether train rows mean nothing to a strategy: it ran on the whole task only, or uses no more."""
    if all(cell.draw is None for cell in done):
        return True
    used = {t.n_labels for cell in done for t in cell.group.done}
    several = len({cell.n_labels for cell in done}) > 1
    return used == {0} or (several and len(used) == 1 and None not in used)


def _merged(tables: Iterable[Mapping[str, Mapping[int, float]]]) -> Values:
    """Tables side by side, their columns numbered through."""
    found: Values = defaultdict(dict)
    for number, table in enumerate(tables):
        for example_id, by_seed in table.items():
            found[example_id][number] = fmean(by_seed.values())
    return dict(found)


def _by_column(cells: Sequence[Cell], several_draws: bool) -> Values:
    """Columns are draws, or training seeds where there is one draw."""
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        for example_id, by_seed in cell.group.values_by_seed.items():
            for seed, value in by_seed.items():
                found[example_id][(cell.draw or 0) if several_draws else seed].append(value)
    return {i: {column: fmean(v) for column, v in row.items()} for i, row in found.items()}


def _only(table: Values, columns: set[int]) -> Values:
    return {i: {c: v for c, v in row.items() if c in columns} for i, row in table.items()}


def _without_interval(task: str, metric: str, strategy: str, cells: Sequence[Cell]) -> LearningCurve:
    """The curve of a metric that is no mean over rows, such as macro_f1: points, and nothing between them."""
    done = [cell for cell in cells if cell.group.done]
    learns = not (done and _is_free(done))
    by_size: dict[int, list[Cell]] = defaultdict(list)
    for cell in done:
        by_size[cell.n_labels if learns else 0].append(cell)
    points = [_bare_point(n, by_size[n], metric) for n in sorted(by_size)]
    return LearningCurve(
        task=task,
        strategy=strategy,
        metric=metric,
        points=tuple(points),
        learns=learns,
        undetermined=f"{metric} is no mean over rows, and no curve is fitted to such a metric",
    )


def _bare_point(n_labels: int, cells: Sequence[Cell], metric: str) -> CurvePoint:
    found = [aggregate(c.group.records, c.group.task, metric) for c in cells]
    known = [value for value in found if value is not None]
    # Of several draws of labels, each has an interval of its own and their mean has none.
    alone = estimate_of(cells[0].group) if len(cells) == 1 else None
    return CurvePoint(
        n_labels=n_labels,
        quality=fmean(known) if known else None,
        low=alone.low if alone else None,
        high=alone.high if alone else None,
        n_rows=len({r.example_id for c in cells for r in c.group.records}),
        n_seeds=sum(len(c.group.done) for c in cells),
    )
