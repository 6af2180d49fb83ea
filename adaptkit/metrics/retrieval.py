"""Metrics for the passages that were looked up; undefined for rows without gold documents."""

from __future__ import annotations

from adaptkit.metrics.base import UNDEFINED, Answer, Score


def recall_at_k(answer: Answer, *, n: int | None = None) -> Score:
    """Share of the gold documents that are among the contexts.

    Args:
        answer: what to judge.
        n: look at the first ``n`` contexts only; ``recall_at_5`` in a task stands for ``n=5``. None
            looks at all of them, so at the strategy's own k.

    Examples:
        >>> from adaptkit.core.types import Example, Passage
        >>> row = Example(id="1", input="?", target="x", gold_documents=("d1", "d2"))
        >>> passage = Passage(id="d1#0", document_id="d1", text="...", score=0.9)
        >>> recall_at_k(Answer(output="x", example=row, contexts=(passage,))).strict
        0.5
    """
    gold = set(answer.example.gold_documents)
    if not gold:
        return UNDEFINED
    found = {passage.document_id for passage in answer.contexts[:n]}
    return Score.same(len(gold & found) / len(gold))


def mrr(answer: Answer) -> Score:
    """One over the rank of the first context that is of a gold document; 0 when none is.

    The mean over rows is the mean reciprocal rank (Voorhees 1999, TREC-8 question answering track).
    """
    gold = set(answer.example.gold_documents)
    if not gold:
        return UNDEFINED
    ranks = (i for i, passage in enumerate(answer.contexts, start=1) if passage.document_id in gold)
    rank = next(ranks, None)
    return Score.same(0.0 if rank is None else 1 / rank)
