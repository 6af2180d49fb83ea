"""Questions that the documents do not answer: what rows say about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from adaptkit.core.types import Example, Passage, Prediction, Usage
from adaptkit.metrics.normalise import normalise
from adaptkit.tasks import Task


def unanswerable_target(task: Task) -> str | None:
    """What train rows answer that the documents do not: the target that rows without gold documents share.

    None where no row names gold documents, or those without do not mostly share one.
    """
    without = [e.target for e in task.train if not e.gold_documents]
    if len(without) < 2 or len(without) == len(task.train):
        return None
    target, n = Counter(without).most_common(1)[0]
    return target if n >= 2 and n > len(without) / 2 else None


def declined(no_answer: str, looked_up_s: float | None) -> Prediction:
    """The prediction for an input without passages: no model is asked, so no tokens are used."""
    return Prediction(
        output=no_answer,
        finish_reason="stop",
        usage=Usage(tokens_in=0, tokens_out=0),
        retrieve_s=looked_up_s,
        first_token_s=looked_up_s,
        latency_s=looked_up_s,
    )


def left_without_passages(
    rows: Sequence[Example], found: Sequence[Sequence[Passage]], no_answer: str | None
) -> dict[str, int]:
    """How many rows no passage was found for; where it is known, how many of those have no answer.

    Args:
        found: the passages of each row.
        no_answer: the target of rows without an answer, where the task has such rows.
    """
    bare = [row for row, passages in zip(rows, found, strict=True) if not passages]
    told = {"n_rows": len(rows), "n_without_passages": len(bare)}
    if no_answer is not None:
        told["n_without_answer"] = _n_unanswerable(rows, no_answer)
        told["n_without_both"] = _n_unanswerable(bare, no_answer)
    return told


def _n_unanswerable(rows: Sequence[Example], no_answer: str) -> int:
    return sum(normalise(no_answer) in map(normalise, row.references) for row in rows)
