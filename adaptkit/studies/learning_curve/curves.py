"""What a measurement of learning curves leaves: the curves, and what they say of labels and crossings."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from adaptkit.comparison import Comparison
from adaptkit.comparison.stored import stored_run
from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.shown import ShownAsText
from adaptkit.decision.curves import (
    Crossover,
    LabelWorth,
    LearningCurve,
    crossover,
    usd_per_label,
    worth_of_labels,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MORE_LABELS = 200
CURVES_FILE = "curves.json"


@dataclass(frozen=True, kw_only=True)
class LearningCurves(ShownAsText):
    """Quality of strategies against the number of labelled examples.

    Attributes:
        curves: one a task and strategy.
        gaps: a sentence for each point that is missing.
        notes: a sentence for each size that is not the one asked for.
        settings: model, and the price of a label where wages were given.
    """

    curves: tuple[LearningCurve, ...]
    gaps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, *comparisons: Comparison) -> Self:
        """Read curves off finished comparisons, from their stored records; loads neither a model nor torch.

        Their tasks are cut to numbers of train rows by ``task.with_train(n)``: that is what a suite's
        ``train_rows`` and ``--train-rows`` do. Several comparisons may hold several draws of rows or
        several strategies. A strategy that uses as many labels at every size, or was run on the whole task
        only, is a flat line.

        Raises:
            ConfigError: no comparison, no task that was cut, or two models.
            StoreError: a run folder cannot be read.
        """
        if not comparisons:
            raise ConfigError("Give at least one comparison, for example from ak.load_comparison.")
        from adaptkit.studies.learning_curve.gather import gather

        curves, gaps, notes = gather(comparisons)
        manifest = comparisons[-1].result.manifest
        run = stored_run(comparisons[-1].folder, manifest)
        settings = {
            "model": manifest.get("model", {}).get("id"),
            "usd_per_label": usd_per_label(run.assumptions),
        }
        return cls(curves=tuple(curves), gaps=tuple(gaps), notes=tuple(notes), settings=settings)

    def __getitem__(self, strategy: str) -> LearningCurve:
        """The curve of a strategy by its name in the table; of several tasks, the first's."""
        for curve in self.curves:
            if curve.strategy == strategy:
                return curve
        raise UnknownNameError.for_name("strategy", strategy, [c.strategy for c in self.curves])

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in order."""
        return tuple(dict.fromkeys(c.task for c in self.curves))

    def of_task(self, task: str) -> tuple[LearningCurve, ...]:
        """The curves of one task."""
        return tuple(c for c in self.curves if c.task == task)

    def worth(self, more: int = MORE_LABELS, price_usd: float | None = None) -> tuple[LabelWorth, ...]:
        """What more labels than the most measured would bring to each strategy, and cost.

        Args:
            more: labels to be made.
            price_usd: of one label; None for what the run's assumptions about wages say.

        Raises:
            ConfigError: a number out of range.
        """
        price = self.settings.get("usd_per_label") if price_usd is None else price_usd
        most = {task: max(c.most_labels for c in self.of_task(task)) for task in self.tasks}
        return tuple(
            worth_of_labels(c, more, price, n_labels=c.most_labels if c.learns else most[c.task])
            for c in self.curves
        )

    def crossovers(self) -> tuple[Crossover, ...]:
        """From how many labels on one strategy beats another, for every two of a task that share sizes."""
        found = []
        for task in self.tasks:
            for a, b in itertools.combinations(self.of_task(task), 2):
                if _share_sizes([c for c in (a, b) if c.learns]) and a.is_whole and b.is_whole:
                    found.append(crossover(a, b))
        return tuple(found)

    def to_frame(self) -> pd.DataFrame:
        """One line a task, strategy and number of labels; undefined is NaN."""
        from adaptkit.studies.learning_curve.point_table import frame

        return frame(self)

    def to_text(self, *, more: int = MORE_LABELS) -> str:
        """The table, and in sentences the laws, what more labels are worth, and crossings."""
        from adaptkit.studies.learning_curve.point_table import text

        return text(self, more)

    def plot(self) -> Figure:
        """Quality against labels on a log axis: points with intervals, laws with bands."""
        from adaptkit.studies.learning_curve.plot import plot

        return plot(self)

    def _repr_html_(self) -> str:
        from adaptkit.studies.learning_curve.point_table import html

        return html(self)

    def save(self, folder: str | Path) -> Path:
        """Write ``curves.json`` into a folder, which is made if need be; return the file's path."""
        from adaptkit.studies.learning_curve.point_table import as_json

        path = Path(folder) / CURVES_FILE
        write_json_atomic(path, as_json(self))
        return path


def _share_sizes(learning: Sequence[LearningCurve]) -> bool:
    if not learning:
        return False
    least = max(min(c.sizes, default=0) for c in learning)
    return 0 < least <= min(c.most_labels for c in learning)
