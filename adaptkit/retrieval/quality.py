"""How good a retriever is, told without a model: on rows that name the documents which hold the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adaptkit import metrics
from adaptkit.core.types import Example
from adaptkit.retrieval.retriever import Retriever
from adaptkit.tasks import some_rows

RANKS = 10
"""Mean reciprocal rank and nDCG look so far down."""
MOST_ROWS = 100
"""Enough to tell a good retriever from a poor one; a few tenths of a second."""


def quality_on(
    splits: Sequence[tuple[str, Sequence[Example]]], retriever: Retriever, k: int
) -> dict[str, Any] | None:
    """The quality on the first split with rows that name gold documents; None where no row does.

    At most ``MOST_ROWS`` rows are taken, drawn by their ids.
    """
    for name, examples in splits:
        rows = [e for e in examples if e.gold_documents]
        if rows:
            return {"split": name, **retrieval_quality(retriever, some_rows(rows, MOST_ROWS), k)}
    return None


def retrieval_quality(retriever: Retriever, rows: Sequence[Example], k: int) -> dict[str, Any]:
    """Recall at ``k``, and mean reciprocal rank and nDCG at ten, or at ``k`` where that is more.

    Args:
        rows: rows with gold documents.

    Returns:
        The metrics by name, rounded to four digits, and ``n_rows``.
    """
    depth = max(k, RANKS)
    found = retriever.retrieve([e.input for e in rows], depth)
    answers = [
        metrics.Answer(output="", example=row, contexts=tuple(passages))
        for row, passages in zip(rows, found, strict=True)
    ]
    names = (f"recall_at_{k}", f"mrr_at_{depth}", f"ndcg_at_{depth}")
    values = {name: metrics.aggregate(name, answers) for name in names}
    return {"n_rows": len(rows)} | {n: None if v is None else round(v, 4) for n, v in values.items()}
