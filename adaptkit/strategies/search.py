"""Search: several configurations on validation rows, and how far apart they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from adaptkit.core.types import Example
from adaptkit.models.base import Model
from adaptkit.strategies.base import FitProgress, Strategy
from adaptkit.strategies.choosing import answers_to, score_of
from adaptkit.tasks import Task


@dataclass(frozen=True, kw_only=True)
class ConfigurationSearch:
    """What candidates are fitted to and scored on.

    Args:
        model: what answers.
        task: what for.
        rows: validation rows.
        before: fitted strategies whose prompts the candidates add to.
        progress: called with candidates done and planned.
    """

    model: Model
    task: Task
    rows: Sequence[Example]
    before: Sequence[Strategy] = ()
    progress: FitProgress | None = None

    def score(self, candidate: Strategy) -> float:
        """Fit a candidate and score it by the task's first metric."""
        candidate.fit(self.model, self.task, before=self.before)
        tried = candidate.fit_notes_.get("labels_by") or {}
        if tried.get("n_rows") == len(self.rows):  # the same rows: that is how it chose among its ways
            return float(tried["scores"][tried["way"]])
        return score_of(answers_to(candidate, self.rows), self.rows, self.task)

    def scores(
        self, candidates: Sequence[Strategy], *, seconds_left: Callable[[], float | None] = lambda: None
    ) -> list[float]:
        """The score of each candidate, until there is no time left; the first is tried in any case."""
        found: list[float] = []
        for i, candidate in enumerate(candidates, start=1):
            if found and seconds_left() == 0:
                break
            found.append(self.score(candidate))
            if self.progress is not None:
                self.progress(i, len(candidates))
        return found


def spread(scores: Sequence[float]) -> dict[str, float]:
    """How much of a score is the luck of the prompt: lowest, median and highest.

    The spread over formats that mean the same is to be told beside any one of them (Sclar et al. 2024,
    arXiv:2310.11324).
    """
    return {"min": min(scores), "median": median(scores), "max": max(scores)}


def in_turns(kinds: Iterable[Sequence[Any]]) -> Iterator[Any]:
    """One of each kind after the other, until all are used up.

    Examples:
        >>> list(in_turns(["ab", "c", "de"]))
        ['a', 'c', 'd', 'b', 'e']
    """
    kinds = list(kinds)
    for turn in range(max(map(len, kinds), default=0)):
        yield from (kind[turn] for kind in kinds if turn < len(kind))
