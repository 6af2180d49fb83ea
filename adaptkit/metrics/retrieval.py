"""Metrics for the passages that were looked up; undefined for rows without gold documents."""

from __future__ import annotations

from math import fsum, log2

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


def mrr(answer: Answer, *, n: int | None = None) -> Score:
    """One over the rank of the first context that is of a gold document; 0 when none is.

    The mean over rows is the mean reciprocal rank (Voorhees 1999, TREC-8 question answering track).

    Args:
        answer: what to judge.
        n: look at the first ``n`` contexts only (``mrr_at_10``); None looks at all of them.
    """
    gold = set(answer.example.gold_documents)
    if not gold:
        return UNDEFINED
    ranks = (i for i, passage in enumerate(answer.contexts[:n], start=1) if passage.document_id in gold)
    rank = next(ranks, None)
    return Score.same(0.0 if rank is None else 1 / rank)


def ndcg(answer: Answer, *, n: int | None = None) -> Score:
    """Normalised discounted cumulative gain: a gold document counts the less the later it comes.

    A document found at rank ``r`` gains ``1 / log2(r + 1)``, divided by what the gold documents at the
    first ranks would gain (Järvelin & Kekäläinen 2002, ACM TOIS 20(4), gains of 0 and 1). Further
    passages of a document that was found gain nothing and take up a rank.

    Args:
        answer: what to judge.
        n: look at the first ``n`` contexts only (``ndcg_at_10``); None looks at all of them, and
            expects all gold documents to be there.

    Examples:
        >>> from adaptkit.core.types import Example, Passage
        >>> row = Example(id="1", input="?", target="x", gold_documents=("d1",))
        >>> shown = [Passage(id=f"{d}#0", document_id=d, text="...", score=0.9) for d in ("d2", "d0", "d1")]
        >>> ndcg(Answer(output="x", example=row, contexts=tuple(shown))).strict
        0.5
    """
    gold = set(answer.example.gold_documents)
    if not gold:
        return UNDEFINED
    first_ranks: dict[str, int] = {}
    for rank, passage in enumerate(answer.contexts[:n], start=1):
        first_ranks.setdefault(passage.document_id, rank)
    gained = fsum(_gain(rank) for document, rank in first_ranks.items() if document in gold)
    n_best = len(gold) if n is None else min(len(gold), n)
    # Rounding may leave a perfect ranking a hair above 1.
    return Score.same(min(1.0, gained / fsum(_gain(rank) for rank in range(1, n_best + 1))))


def _gain(rank: int) -> float:
    return 1 / log2(rank + 1)
