"""What an answer of a task looks like, read off its labels and its train targets.

Every strategy gets the same: the comparison is about strategies, not about who knew the answer's length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adaptkit.core.errors import ConfigError
from adaptkit.core.numbers import is_count
from adaptkit.models.base import Constrainable, Model
from adaptkit.models.reasoning import holds_marks
from adaptkit.tasks import Task

TOKENS_WITHOUT_TARGETS = {"classification": 16, "qa": 32, "arithmetic": 16, "structured": 256}
DEFAULT_TOKENS = 128
NUMBER: Mapping[str, object] = {"type": "number"}
SLACK = 1.5
SPARE_TOKENS = 16


@dataclass(frozen=True, kw_only=True)
class AnswerFormat:
    """How completions are bounded.

    Attributes:
        choices: allowed answers of a classification, scored by log-probability; None for free text.
        max_new_tokens: half as many again as the longest train target, and a few for a model that wraps its
            answer in words: cutting those off would take a right answer for a wrong one.
        stop: strings that end an answer.
        schema: JSON Schema that answers are held to while they are decoded: a structured task's own, or that
            of a number for arithmetic; None where there is none, or where they cannot be held to it.
        decoded_freely: why a task that has a schema is decoded without it.
        keeps_marks: whether right answers hold marks of reasoning, so that none is parted from an answer.
    """

    choices: tuple[str, ...] | None
    max_new_tokens: int
    stop: tuple[str, ...]
    schema: Mapping[str, object] | None = None
    decoded_freely: str | None = None
    keeps_marks: bool = False

    @classmethod
    def of(cls, task: Task, model: Model) -> AnswerFormat:
        """Derive the format from the task."""
        choices = tuple(task.labels) if is_scored(task) else None
        schema, reason = _schema(task), schema_refusal(task, model)
        return cls(
            choices=choices,
            max_new_tokens=_answer_tokens(task, model),
            stop=_stops(task),
            schema=schema if reason is None else None,
            # Numbers are held to their form where that can be done, which nobody asked for.
            decoded_freely=reason if task.kind == "structured" else None,
            keeps_marks=targets_hold_marks(task),
        )

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> AnswerFormat:
        """Read what ``to_json`` wrote."""
        choices, max_new_tokens = saved["choices"], saved["max_new_tokens"]
        texts = [*(choices or ()), *saved["stop"]]
        if not is_count(max_new_tokens, least=1) or not all(isinstance(t, str) for t in texts):
            raise ConfigError("The saved answer format has a value of a wrong type. Fit and save again.")
        return cls(
            choices=None if choices is None else tuple(choices),
            max_new_tokens=max_new_tokens,
            stop=tuple(saved["stop"]),
            # Strategies saved before answers were held to a schema have neither.
            schema=saved.get("schema"),
            decoded_freely=saved.get("decoded_freely"),
            keeps_marks=bool(saved.get("keeps_marks")),
        )


def is_scored(task: Task) -> bool:
    """Whether answers are labels, which can be scored."""
    return task.kind == "classification" and bool(task.labels)


def targets_hold_marks(task: Task) -> bool:
    """Whether any answer that may be looked at holds marks of reasoning."""
    rows = (*task.train, *(task.validation or ()))
    return holds_marks(text for row in rows for text in row.references) or holds_marks(task.labels)


def schema_refusal(task: Task, model: Model) -> str | None:
    """Why answers are not held to the task's schema; None where they are or there is none.

    A constraint that would not let a train target by is left out: it would forbid right answers.
    """
    schema = _schema(task)
    if schema is None:
        return None
    if not isinstance(model, Constrainable):
        return f"The model '{model.info.id}' cannot hold its completions to a schema."
    return model.refuses(schema, [e.target for e in task.train])


def _schema(task: Task) -> Mapping[str, object] | None:
    """What answers are held to. A small model writes sentences where it is asked for a number."""
    if task.kind == "arithmetic":
        return NUMBER
    return task.schema if task.kind == "structured" else None


def _answer_tokens(task: Task, model: Model) -> int:
    targets = [e.target for e in task.train] or list(task.labels)
    if not targets:
        return TOKENS_WITHOUT_TARGETS.get(task.kind, DEFAULT_TOKENS)
    # The longest by characters are the longest by tokens, nearly: no need to tokenise all.
    longest = sorted(targets, key=len)[-20:]
    return math.ceil(max(model.count_tokens(t) for t in longest) * SLACK) + SPARE_TOKENS


def _stops(task: Task) -> tuple[str, ...]:
    """A line break ends the answer where no train target holds one."""
    targets = [e.target for e in task.train]
    one_line = bool(targets) and not any("\n" in t for t in targets)
    return ("\n",) if one_line else ()
