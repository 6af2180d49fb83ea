"""What an answer has to be, cost and respect, and the facts of the situation that no task can tell."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from adaptkit.core.errors import ConfigError
from adaptkit.core.numbers import is_amount, is_count, is_positive, is_range, is_share
from adaptkit.metrics import check_metrics
from adaptkit.tasks import KINDS

Missing = Literal["knowledge", "format", "both", "nothing"]
Volume = float | tuple[float, float] | Literal["unknown"]
MISSING: tuple[str, ...] = get_args(Missing)
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What is required and known. None is "not stated": no rule and no check takes it for anything else.

    Attributes:
        metric: what quality is judged by; with a task, one of the task's metrics.
        target_quality: the quality that is good enough, 0..1.
        margin: the largest difference in quality that does not matter, 0..1.
        prompt_quality: the best quality that a prompt alone has reached so far, 0..1.
        max_p95_s: the longest that 95 % of the requests may take, seconds.
        max_first_token_s: likewise to the first token.
        max_usd_per_1k: the most that 1,000 requests may cost, USD.
        max_usd_per_month: the most that a month may cost in all, USD.
        requests_per_month: a number, the lowest and the highest, or ``"unknown"`` where nobody can say.
        horizon_months: for how long it will run; 12 where it is not stated.
        usd_per_request_prompted: what a request costs with the long prompt that tuning would replace.
        usd_per_request_tuned: what it would cost tuned, with the short prompt.
        usd_to_tune: what tuning costs once: labels, training, evaluation.
        hosting_usd_per_month: what serving the tuned model costs each month beside its requests.
        missing: what a prompt alone lacks: ``"knowledge"`` (outside, private or new facts), ``"format"``
            (the facts are there, and form, tone, rules or consistency are not), ``"both"`` or ``"nothing"``.
        knowledge_changes_every_days: days between changes of the facts that answers rest on.
        days_to_retrain: days to train and evaluate again after such a change.
        n_facts: how many facts answers may rest on.
        rare_entities: whether they are about things that few texts tell of.
        needs_citations: whether an answer has to name the passages that it rests on.
        whole_document: whether an answer needs all of a document, as a summary does.
        needs_actions: whether answers need live data or act on other systems.
        n_tools: functions that may be called.
        kind: the kind of task; with a task it is read from there.
        n_classes: of a classification; with a task they are counted.
        examples_now: labelled examples to learn from; with a task its train rows are counted.
        examples_obtainable: labelled examples that could be had beside them.
        minutes_per_label: of a person, for each of those.
        may_enter_weights: whether a model may be trained on the examples and documents.
        may_leave_premises: whether inputs may be sent to a provider.
        has_gpu: whether a GPU and somebody to train with it are at hand.
        keeps_other_tasks: whether the same model goes on doing other tasks.
        n_tenants: how many customers or tasks need a version of their own.
        needs_robust_prompt: whether answers must not hang on how a prompt or an input is worded.
        usd_per_success: what a right answer gains, ``usd_per_failure`` what a wrong one loses, USD.
        usd_per_failure: see ``usd_per_success``.

    Raises:
        ConfigError: a value that the attribute cannot have.
        UnknownNameError: no such metric.

    Examples:
        >>> Requirements(missing="knowledge", requests_per_month=(1e3, 5e4)).volumes
        (1000.0, 50000.0)
    """

    metric: str | None = None
    target_quality: float | None = None
    margin: float | None = None
    prompt_quality: float | None = None
    max_p95_s: float | None = None
    max_first_token_s: float | None = None
    max_usd_per_1k: float | None = None
    max_usd_per_month: float | None = None
    requests_per_month: Volume | None = None
    horizon_months: float | None = None
    usd_per_request_prompted: float | None = None
    usd_per_request_tuned: float | None = None
    usd_to_tune: float | None = None
    hosting_usd_per_month: float | None = None
    missing: Missing | None = None
    knowledge_changes_every_days: float | None = None
    days_to_retrain: float | None = None
    n_facts: int | None = None
    rare_entities: bool | None = None
    needs_citations: bool | None = None
    whole_document: bool | None = None
    needs_actions: bool | None = None
    n_tools: int | None = None
    kind: str | None = None
    n_classes: int | None = None
    examples_now: int | None = None
    examples_obtainable: int | None = None
    minutes_per_label: float | None = None
    may_enter_weights: bool | None = None
    may_leave_premises: bool | None = None
    has_gpu: bool | None = None
    keeps_other_tasks: bool | None = None
    n_tenants: int | None = None
    needs_robust_prompt: bool | None = None
    usd_per_success: float | None = None
    usd_per_failure: float | None = None

    def __post_init__(self) -> None:
        volume: object = self.requests_per_month
        if isinstance(volume, list):  # as TOML and JSON give it
            object.__setattr__(self, "requests_per_month", tuple(volume))
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if value is not None:
                check_value(f.name, value)

    @property
    def volumes(self) -> tuple[float, ...]:
        """Requests a month: none where not stated or unknown, one, or the lowest and the highest."""
        stated = self.requests_per_month
        if stated is None or isinstance(stated, str):
            return ()
        return stated if isinstance(stated, tuple) else (stated,)

    @property
    def limits_time_or_price(self) -> bool:
        """Whether a latency or a price is limited."""
        limits = (self.max_p95_s, self.max_first_token_s, self.max_usd_per_1k, self.max_usd_per_month)
        return any(limit is not None for limit in limits)

    def stated(self) -> dict[str, Any]:
        """What is stated, by name, in the order of the attributes."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def with_values(self, **values: object) -> Requirements:
        """The same requirements with some values replaced.

        Raises:
            ConfigError: a value that the attribute cannot have.
        """
        return dataclasses.replace(self, **values)  # type: ignore[arg-type]


def names() -> tuple[str, ...]:
    """Everything that can be stated, in the order of the attributes."""
    return tuple(f.name for f in dataclasses.fields(Requirements))


def check_value(name: str, value: object) -> None:
    """Refuse a value that the attribute ``name`` of ``Requirements`` cannot have.

    Raises:
        ConfigError: it cannot have it.
        UnknownNameError: no such metric.
    """
    expected, holds = _RULES[name]
    if not holds(value):
        raise ConfigError.for_parameter("Requirements", name, expected, value)
    if name == "metric":
        check_metrics([str(value)])


def _is_volume(value: object) -> bool:
    return value == UNKNOWN or is_range(value) or is_positive(value)


_Check = tuple[str, Callable[[object], bool]]
AMOUNT: _Check = ("a number >= 0", is_amount)
POSITIVE: _Check = ("a number above 0", is_positive)
SHARE: _Check = ("a number from 0 to 1", is_share)
COUNT: _Check = ("an int >= 0", lambda value: is_count(value, least=0))
YES_OR_NO: _Check = ("true or false", lambda value: isinstance(value, bool))

_RULES: Mapping[str, _Check] = {
    "metric": ("the name of a metric", lambda value: isinstance(value, str)),
    "target_quality": SHARE,
    "margin": ("above 0 and at most 1", lambda value: is_positive(value) and is_share(value)),
    "prompt_quality": SHARE,
    "max_p95_s": POSITIVE,
    "max_first_token_s": POSITIVE,
    "max_usd_per_1k": POSITIVE,
    "max_usd_per_month": POSITIVE,
    "requests_per_month": (
        f'a number above 0, the lowest and the highest, or "{UNKNOWN}"',
        _is_volume,
    ),
    "horizon_months": POSITIVE,
    "usd_per_request_prompted": AMOUNT,
    "usd_per_request_tuned": AMOUNT,
    "usd_to_tune": AMOUNT,
    "hosting_usd_per_month": AMOUNT,
    "missing": (f"one of {', '.join(MISSING)}", lambda value: value in MISSING),
    "knowledge_changes_every_days": POSITIVE,
    "days_to_retrain": POSITIVE,
    "n_facts": COUNT,
    "rare_entities": YES_OR_NO,
    "needs_citations": YES_OR_NO,
    "whole_document": YES_OR_NO,
    "needs_actions": YES_OR_NO,
    "n_tools": COUNT,
    "kind": (f"one of {', '.join(KINDS)}", lambda value: value in KINDS),
    "n_classes": COUNT,
    "examples_now": COUNT,
    "examples_obtainable": COUNT,
    "minutes_per_label": AMOUNT,
    "may_enter_weights": YES_OR_NO,
    "may_leave_premises": YES_OR_NO,
    "has_gpu": YES_OR_NO,
    "keeps_other_tasks": YES_OR_NO,
    "n_tenants": COUNT,
    "needs_robust_prompt": YES_OR_NO,
    "usd_per_success": AMOUNT,
    "usd_per_failure": AMOUNT,
}
