"""``measure_robustness()``: the same comparison again, with one thing otherwise at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from adaptkit.comparison import RunSettings, default_folder
from adaptkit.comparison.lazy_model import LazyModel, provider_of
from adaptkit.comparison.leakage_check import Leakage
from adaptkit.comparison.plan import check_counts, choose_rows
from adaptkit.comparison.select_strategies import everyone
from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.numbers import is_count
from adaptkit.models.base import Model
from adaptkit.strategies import Strategy
from adaptkit.studies.robustness.gather import gathered
from adaptkit.studies.robustness.result import Robustness
from adaptkit.studies.robustness.running import Runs
from adaptkit.studies.robustness.variants import CHANGES, MAKERS, PARAPHRASES, SLICE, Given
from adaptkit.tasks import Task


def measure_robustness(  # noqa: PLR0913 - all but the first three by name only
    task: Task,
    strategies: Sequence[Strategy],
    model: Model | LazyModel | None = None,
    *,
    changes: Sequence[str] = CHANGES,
    paraphrases: Mapping[str, str] | None = None,
    instruction: str | None = None,
    seeds: int = 3,
    seed: int = 0,
    limit: int | None = None,
    baselines: bool = True,
    leakage: Leakage = "refuse",
    out: str | Path | None = None,
    settings: RunSettings | None = None,
) -> Robustness:
    """Measure whether the choice among strategies stands when one thing is otherwise.

    * ``typos``, ``case``, ``wrapping``: test inputs with mistyped words, without capitals and end mark, with
      polite words around them; strategies meet them as they were fitted to the unchanged rows.
    * ``instruction``: the task's instruction in other words; strategies are fitted to it.
    * ``format``: prompts set out in another format, where a strategy has one.
    * ``distractors``: documents like those that hold answers, without the answers; strategies are fitted to
      them.
    * ``slice``: no further run: the test rows that ``metadata["slice"]`` names, against the others.

    Each change is a comparison of the strategies that it reaches, in a folder of its own (``out/typos``, ...)
    beside that without a change, stored as it goes: the same call again does only what is missing, and more
    changes, seeds or rows add to what is there.

    Args:
        task: what for.
        strategies: unfitted; they are not changed.
        model: what they are applied to; None for the embedded default.
        changes: names, of the above.
        paraphrases: test inputs in other words by example id, one more change; rows without one are left out
            of it.
        instruction: for that change, the instruction in other words; None for the old one in a frame that
            says nothing more.
        seeds: how often strategies that draw at random are run, each time with another seed.
        seed: of the changes: which words, wrappers and frame.
        limit: at most this many test rows; None for all.
        baselines: add what answers without a language model.
        leakage: see :func:`adaptkit.compare`.
        out: the folder; None for ``runs/<task name>+robustness``.
        settings: price, latency rows and progress.

    Raises:
        ConfigError: a parameter out of range.
        UnknownNameError: no such change.
        CapabilityError: no strategy can run.
        LeakageError: too many test rows stand in what strategies learn from.
        StoreError: the folder cannot be used.
    """
    check_counts(limit, seeds)
    _check(task, strategies, seed)
    names = _names(changes, paraphrases)
    given = Given(
        task=task,
        strategies=tuple(everyone(task, strategies, baselines=baselines)),
        rows=choose_rows(task.test, limit),
        seed=seed,
        paraphrases=_paraphrases(paraphrases, task),
        instruction=instruction,
    )
    folder = Path(out) if out else default_folder([task], kind="robustness")
    runs = Runs(
        given=given,
        provider=provider_of(model),
        folder=folder,
        options={"limit": limit, "seeds": seeds},
        settings=settings or RunSettings(),
        leakage=leakage,
    )
    base = runs.unchanged()
    readings, skipped = runs.changed([n for n in names if n != SLICE], base)
    chosen_by = {"changes": names, "seeds": seeds, "seed": seed, "limit": limit}
    return gathered(base, readings, skipped, rows=given.rows, slices=SLICE in names, settings=chosen_by)


def _check(task: object, strategies: object, seed: object) -> None:
    if not isinstance(task, Task):
        raise ConfigError.for_parameter("measure_robustness", "task", "a task, made by ak.load_task", task)
    listed = isinstance(strategies, list | tuple) and all(isinstance(s, Strategy) for s in strategies)
    if not strategies or not listed:
        raise ConfigError.for_parameter(
            "measure_robustness", "strategies", "a list of strategies such as ak.FewShot(k=8)", strategies
        )
    if not is_count(seed, least=0):
        raise ConfigError.for_parameter("measure_robustness", "seed", "an int >= 0", seed)


def _names(changes: object, paraphrases: object) -> list[str]:
    if not isinstance(changes, list | tuple) or not all(isinstance(c, str) for c in changes):
        raise ConfigError.for_parameter(
            "measure_robustness", "changes", f"a list of names, of {', '.join(CHANGES)}", changes
        )
    known = [*MAKERS, SLICE]
    for name in changes:
        if name not in known:
            raise UnknownNameError.for_name("change", name, known)
    return list(dict.fromkeys([*changes, *([PARAPHRASES] if paraphrases else [])]))


def _paraphrases(paraphrases: object, task: Task) -> Mapping[str, str]:
    if paraphrases is None:
        return {}
    texts = isinstance(paraphrases, Mapping) and all(
        isinstance(i, str) and isinstance(text, str) and text.strip() for i, text in paraphrases.items()
    )
    if not isinstance(paraphrases, Mapping) or not texts:
        raise ConfigError.for_parameter(
            "measure_robustness", "paraphrases", "texts by example id, none of them empty", paraphrases
        )
    known = [row.id for row in task.test]
    for example_id in paraphrases.keys() - set(known):
        raise UnknownNameError.for_name(f"test row of {task.name}", example_id, known)
    return paraphrases
