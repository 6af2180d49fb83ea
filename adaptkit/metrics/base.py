"""What a metric is: a function from an answer to a score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adaptkit.core.errors import ConfigError
from adaptkit.core.types import Example, Passage


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An output with all that is needed to judge it.

    Attributes:
        output: what the strategy answered.
        example: the row that was asked, with its references.
        contexts: the passages that the prompt held, best first.
        labels: the labels of the task, for classification.
        schema: the JSON Schema of the task, for structured answers.
        tool_calls: what was called on the way to the answer, each with ``name`` and ``arguments``.
    """

    output: str
    example: Example
    contexts: tuple[Passage, ...] = ()
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Score:
    """The value of a metric on one answer, from 0 to 1; None where it is undefined.

    Attributes:
        strict: the answer as it was given.
        lenient: the answer that a reader finds in it. A gap between the two means that the format was
            missed, not the content.
    """

    strict: float | None
    lenient: float | None

    def __post_init__(self) -> None:
        for name in ("strict", "lenient"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ConfigError.for_parameter("Score", name, "between 0 and 1, or None", value)

    @classmethod
    def same(cls, value: float | None) -> Score:
        """Build the score of a metric to which the format makes no difference."""
        return cls(strict=value, lenient=value)


Metric = Callable[[Answer], Score]
UNDEFINED = Score(strict=None, lenient=None)
WRONG = Score(strict=0.0, lenient=0.0)


def best_match(answer: Answer, compare: Callable[[str, str], Score]) -> Score:
    """Return the best score over the references, strict and lenient each for itself.

    Args:
        answer: what to judge.
        compare: takes the output and one reference.
    """
    scores = [compare(answer.output, reference) for reference in answer.example.references]
    return Score(strict=_best(s.strict for s in scores), lenient=_best(s.lenient for s in scores))


def _best(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
