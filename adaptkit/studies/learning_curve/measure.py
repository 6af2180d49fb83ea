"""``learning_curve()``: every strategy with more and more labels, on the same test rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adaptkit.comparison import Comparison, RunSettings, compare, default_folder
from adaptkit.comparison.lazy_model import LazyModel, provider_of
from adaptkit.comparison.leakage_check import Leakage
from adaptkit.comparison.plan import check_counts, strategy_labels
from adaptkit.comparison.select_strategies import everyone
from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.core.numbers import is_count
from adaptkit.models.base import Model
from adaptkit.strategies import Strategy
from adaptkit.studies.learning_curve.curves import LearningCurves
from adaptkit.tasks import Task

SIZES = (16, 64, 256, 1000)
DRAW, WITHOUT_LABELS = "draw", "without-labels"


def learning_curve(  # noqa: PLR0913 - all but the first two by name only
    task: Task,
    strategies: Sequence[Strategy],
    *,
    model: Model | LazyModel | None = None,
    sizes: Sequence[int] = SIZES,
    seeds: int = 3,
    limit: int | None = None,
    baselines: bool = True,
    leakage: Leakage = "refuse",
    out: str | Path | None = None,
    settings: RunSettings | None = None,
) -> LearningCurves:
    """Measure quality against the number of labelled examples.

    Each seed draws the train rows in an order of its own and trains with itself; the first 16 of them are
    part of the first 64, and so on. All strategies learn from the same rows, validation rows stay, and all
    are judged on the same test rows. What learns from no labels runs once, and is a flat line.

    Each seed is a comparison in a folder of its own (``out/draw0``, ...), stored as it goes: the same call
    again does only what is missing, and more seeds or sizes add to what is there.

    Args:
        task: with train rows.
        strategies: unfitted; they are not changed.
        model: what the strategies are applied to; None for the embedded default.
        sizes: numbers of train rows; of those above what the task has, one stands for all of its rows, and
            ``notes`` says so.
        seeds: how often rows are drawn; with one, intervals do not cover which rows these were.
        limit: at most this many test rows; None for all.
        baselines: add what answers without a language model.
        leakage: see :func:`adaptkit.compare`.
        out: the folder; None for ``runs/<task name>+curve``.
        settings: price, assumptions about wages, latency rows and progress.

    Raises:
        ConfigError: a parameter out of range.
        CapabilityError: no strategy learns from labels, or none can run.
        LeakageError: too many test rows stand in what strategies learn from.
        StoreError: the folder cannot be used.
    """
    check_counts(limit, seeds)
    sizes = _checked(sizes, task)
    learning, free = _parted(task, strategies, baselines)
    provider = provider_of(model)
    folder = Path(out) if out else default_folder([task], kind="curve")
    made: list[Comparison] = []

    def run(name: str, given: Sequence[Strategy], tasks: Sequence[Task], seed: int) -> None:
        made.append(
            compare(
                given,
                tasks,
                model=provider,
                limit=limit,
                first_seed=seed,
                baselines=False,
                noise_floor=False,
                leakage=leakage,
                out=folder / name,
                settings=settings,
            )
        )

    for seed in range(seeds):
        run(f"{DRAW}{seed}", learning, [task.with_train(n, seed=seed) for n in sizes], seed)
    if free:
        run(WITHOUT_LABELS, free, [task], 0)
    return LearningCurves.of(*made)


def _checked(sizes: object, task: object) -> list[int]:
    """The sizes in order; of those that ask for more rows than there are, the first, which takes all."""
    if not isinstance(task, Task):
        raise ConfigError.for_parameter("learning_curve", "task", "a task, made by ak.load_task", task)
    if not isinstance(sizes, list | tuple) or not sizes or not all(is_count(n, least=1) for n in sizes):
        raise ConfigError.for_parameter("learning_curve", "sizes", "a list of ints >= 1", sizes)
    if not task.train:
        raise CapabilityError(f"A learning curve needs train examples, and '{task.name}' has none.")
    n_train = len(task.train)
    enough = sorted({n for n in sizes if n <= n_train})
    more = min((n for n in sizes if n > n_train), default=None)
    return enough if more is None or n_train in enough else [*enough, more]


def _parted(
    task: Task, strategies: Sequence[Strategy], baselines: bool
) -> tuple[list[Strategy], list[Strategy]]:
    """The strategies that learn from train rows, and those to which these mean nothing.

    Of two with one name neither is free: side by side, their parameters tell them apart.
    """
    entered = everyone(task, strategies, baselines=baselines)
    if not all(isinstance(s, Strategy) for s in entered) or not strategies:
        raise ConfigError.for_parameter(
            "learning_curve", "strategies", "a list of strategies such as ak.FewShot(k=8)", strategies
        )
    alike = [s.label for s in entered]
    free = [s for s in entered if alike.count(s.label) == 1 and "train" not in s.labels_used(task)]
    learning = [s for s in entered if not any(s is f for f in free)]
    if not learning:
        raise CapabilityError(f"None of {', '.join(strategy_labels(free))} learns from labels.")
    return learning, free
