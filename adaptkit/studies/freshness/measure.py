"""Fit to what was, answer, update to what is, answer again: every strategy, every kind of change."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from adaptkit.comparison.plan import strategy_labels
from adaptkit.core.errors import AdaptKitError, ConfigError
from adaptkit.core.numbers import is_count, is_number
from adaptkit.core.types import Prediction
from adaptkit.core.version import __version__
from adaptkit.costs import (
    MachinePrice,
    Meter,
    describe_hardware,
    fixed_usd_per_hour,
    spared_s,
    usd_for_seconds,
)
from adaptkit.models.base import Model
from adaptkit.strategies import Strategy
from adaptkit.studies.freshness.judging import judged, metric_of, quality, still_told
from adaptkit.studies.freshness.result import FreshAnswer, Freshness, FreshnessRow
from adaptkit.studies.freshness.worlds import Kind, Scenario, make_world
from adaptkit.tasks import Task

logger = logging.getLogger(__name__)

KINDS: tuple[Kind, ...] = get_args(Kind)
BATCH_ROWS = 64
NOTHING = "nothing"


def measure_freshness(  # noqa: PLR0913 - all but the first two by name only
    strategies: Sequence[Strategy],
    task: Task,
    *,
    model: Model,
    share: float = 0.1,
    kinds: Sequence[str] = KINDS,
    limit: int | None = None,
    seed: int = 0,
    usd_per_hour: float | None = None,
) -> Freshness:
    """Change, add and delete documents, and measure what each strategy needs and how good it is then.

    * ``change``: answers in a share of the documents become others of the same shape, and so do the truths of
      the rows that ask for them, train rows among them.
    * ``add``: a share of the documents is missing at first, with the rows that they answer.
    * ``delete``: a share of the documents goes. The rows that they answered have no answer any more and leave
      the quality; how often they are still told what was deleted is measured instead.

    A strategy is fitted to the old task and answers; its answers are held against the old truth (before)
    and the new one (stale). Then it is updated in the cheapest way that it has (``Strategy.updated``), and
    answers again (after). Documents, answers and rows are the same for all strategies, and drawn without any
    of them.

    Args:
        strategies: unfitted; they are not changed.
        task: with documents that answer its test rows.
        model: what the strategies are applied to.
        share: of the documents: for ``change`` of those that state a row's target word for word, else of all.
        kinds: of change.
        limit: at most this many affected and this many unaffected test rows of each kind; None for all.
        seed: of the choice of documents and answers.
        usd_per_hour: price of this machine; None leaves USD undefined.

    Returns:
        One row a strategy and kind. A strategy that fails has a row with the reason.

    Raises:
        ConfigError: a parameter out of range.
        CapabilityError: the task has no documents that answer test rows.
        DataError: the share leaves no row or document on one side.
    """
    _check(strategies, task, share, kinds, limit)
    labels = strategy_labels(strategies)
    price = None if usd_per_hour is None else fixed_usd_per_hour(usd_per_hour)
    chosen = [kind for kind in KINDS if kind in kinds]
    worlds = [make_world(task, kind, share=share, seed=seed).limited(limit) for kind in chosen]
    trial = _Trial(model=model, metric=metric_of(task), price=price)
    rows: list[FreshnessRow] = []
    answers: list[FreshAnswer] = []
    for strategy, label in zip(strategies, labels, strict=True):
        for row, own in _measured(strategy, label, worlds, trial):
            rows.append(row)
            answers += own
        gc.collect()  # trained weights are as large as the model: free them before the next strategy
    chosen_by = {"share": share, "limit": limit, "seed": seed, "usd_per_hour": usd_per_hour}
    return Freshness(
        rows=tuple(sorted(rows, key=lambda r: KINDS.index(r.kind))),
        changes={w.kind: {**w.counts, "share": share, "documents": w.documents} for w in worlds},
        answers=answers,
        settings=_settings(task, trial, dict(zip(labels, strategies, strict=True))) | chosen_by,
    )


def _settings(task: Task, trial: _Trial, strategies: Mapping[str, Strategy]) -> dict[str, Any]:
    """What the figures depend on, beside the choice of documents and rows."""
    model, hardware = trial.model.info, describe_hardware(gpu_name=None)
    return {
        "task": task.name,
        "task_hash": task.content_hash,
        "model": model.id,
        "model_revision": model.revision,
        "device": model.device,
        "hardware": {"cpu": hardware.cpu, "n_cores": hardware.n_cores, "platform": hardware.platform},
        "metric": trial.metric,
        "strategies": {name: s.described_params() for name, s in strategies.items()},
        "version": __version__,
    }


def _check(strategies: object, task: object, share: object, kinds: Sequence[str], limit: object) -> None:
    listed = isinstance(strategies, list | tuple) and all(isinstance(s, Strategy) for s in strategies)
    if not strategies or not listed:
        raise ConfigError.for_parameter(
            "measure_freshness", "strategies", "a list of strategies such as ak.RAG()", strategies
        )
    for strategy in strategies:  # type: ignore[attr-defined]
        strategy.check()
    if not isinstance(task, Task):
        raise ConfigError.for_parameter("measure_freshness", "task", "a task, made by ak.load_task", task)
    if not is_number(share) or not 0 < share <= 1:
        raise ConfigError.for_parameter("measure_freshness", "share", "above 0 and at most 1", share)
    known = isinstance(kinds, list | tuple) and set(kinds) <= set(KINDS) and len(set(kinds)) == len(kinds)
    if not kinds or not known:
        raise ConfigError.for_parameter("measure_freshness", "kinds", f"some of {KINDS}, each once", kinds)
    if limit is not None and not is_count(limit, least=1):
        raise ConfigError.for_parameter("measure_freshness", "limit", "an int >= 1, or None", limit)


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """What all strategies share."""

    model: Model
    metric: str
    price: MachinePrice | None


Outcome = tuple[FreshnessRow, list[FreshAnswer]]


def _measured(strategy: Strategy, label: str, worlds: Sequence[Scenario], trial: _Trial) -> Iterator[Outcome]:
    """Fit once for all kinds of change that begin with the same task, and measure each."""
    by_past = sorted(worlds, key=lambda w: w.old.content_hash)
    for _, group in itertools.groupby(by_past, key=lambda w: w.old.content_hash):
        alike = list(group)
        try:
            fitted, fit_s = _fitted(strategy, alike[0].old, trial.model)
        except Exception as error:  # one strategy's failure must not take the others along
            logger.debug("%s could not be fitted", label, exc_info=True)
            yield from ((_failed(label, world, error), []) for world in alike)
            continue
        for world in alike:
            try:
                yield _outcome(fitted, label, world, trial, fit_s)
            except Exception as error:
                logger.debug("%s failed on %s", label, world.kind, exc_info=True)
                yield _failed(label, world, error), []


def _fitted(strategy: Strategy, task: Task, model: Model) -> tuple[Strategy, float]:
    made = dataclasses.replace(strategy)
    with Meter() as meter:
        made.fit(model, task)
    logger.info("%s: fitted in %.1f s", made.label, meter.seconds)
    return made, meter.seconds + spared_s(made.fit_notes_)


def _failed(label: str, world: Scenario, error: Exception) -> FreshnessRow:
    said = str(error).strip().partition("\n")[0]
    if not isinstance(error, AdaptKitError):  # whose sentences say it all
        said = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return FreshnessRow(strategy=label, kind=world.kind, reason=said)


def _outcome(fitted: Strategy, label: str, world: Scenario, trial: _Trial, fit_s: float) -> Outcome:
    inputs = [*(a.row.input for a in world.affected), *(e.input for e in world.unaffected)]
    old = _predictions(fitted, inputs)
    updated, needed, seconds = _updated(fitted, world, trial.model)
    # Where nothing was updated, asking again would measure nothing but the model's own noise.
    new = _predictions(updated, inputs) if needed else old
    answers = judged(world, label, old, new, trial.metric)
    affected = [a for a in answers if a.affected]
    rows = [a.row for a in world.affected]
    return (
        FreshnessRow(
            strategy=label,
            kind=world.kind,
            update="+".join(needed) or NOTHING,
            update_s=seconds,
            update_usd=usd_for_seconds(seconds, trial.price),
            fit_s=fit_s,
            n_affected=len(affected),
            n_unaffected=len(answers) - len(affected),
            n_errors=sum(a.error is not None for a in answers),
            affected=quality(affected, rows),
            unaffected=quality([a for a in answers if not a.affected], world.unaffected),
            still_told=still_told(affected, rows),
        ),
        answers,
    )


def _updated(fitted: Strategy, world: Scenario, model: Model) -> tuple[Strategy, Sequence[Any], float]:
    """The strategy brought up to date, what that took, and its seconds."""
    needed = fitted.update_needed(world.old, world.new)
    if not needed:
        return fitted, needed, 0.0
    with Meter() as meter:
        updated = fitted.updated(model, world.old, world.new)
    logger.info("%s: %s for %s in %.1f s", fitted.label, "+".join(needed), world.kind, meter.seconds)
    # Parts of a composition that were left alone keep their notes, which are no part of the update.
    notes = {k: v for k, v in updated.fit_notes_.items() if v != fitted.fit_notes_.get(k)}
    return updated, needed, meter.seconds + spared_s(notes)


def _predictions(strategy: Strategy, inputs: Sequence[str]) -> list[Prediction]:
    found: list[Prediction] = []
    for start in range(0, len(inputs), BATCH_ROWS):
        found += strategy.generate(inputs[start : start + BATCH_ROWS])
    return found
