from __future__ import annotations

import dataclasses

import pytest
from tiny import CAPITALS, HashEmbedder, qa_task

from adaptkit.core.types import Example
from adaptkit.retrieval import Retriever, quality_on, retrieval_quality
from adaptkit.retrieval.quality import MOST_ROWS


def retriever() -> Retriever:
    return Retriever.build(qa_task().documents, embedder=HashEmbedder(), chunk_tokens=16, overlap_tokens=4)


def row(country: str, *gold: str) -> Example:
    return Example(id=country, input=f"What is the capital of {country}?", target="x", gold_documents=gold)


def test_right_documents_in_front_are_perfect() -> None:
    rows = [row(country, country.lower()) for country in CAPITALS]
    told = retrieval_quality(retriever(), rows, 3)
    assert told == {"n_rows": len(rows), "recall_at_3": 1.0, "mrr_at_10": 1.0, "ndcg_at_10": 1.0}


def test_quality_is_the_mean_over_rows() -> None:
    found = [p.document_id for p in retriever().retrieve([row("Peru").input], 10)[0]]
    second = next(d for d in found if d != "peru")
    rank = found.index(second) + 1
    told = retrieval_quality(retriever(), [row("Peru", "peru"), row("Peru", second), row("Peru", "no")], 1)
    assert told["recall_at_1"] == pytest.approx(1 / 3, abs=1e-4)
    assert told["mrr_at_10"] == pytest.approx((1 + 1 / rank) / 3, abs=1e-4)
    assert 1 / 3 < told["ndcg_at_10"] < 1


def test_looks_as_far_as_k() -> None:
    assert retrieval_quality(retriever(), [row("Peru", "peru")], 12).keys() == {
        "n_rows",
        "recall_at_12",
        "mrr_at_12",
        "ndcg_at_12",
    }


def test_first_split_with_gold_documents_is_taken() -> None:
    bare, gold = row("Peru"), row("Chile", "chile")
    told = quality_on((("validation", [bare]), ("train", [bare, gold])), retriever(), 3)
    assert told is not None
    assert (told["split"], told["n_rows"]) == ("train", 1)
    assert quality_on((("validation", [bare]), ("train", [])), retriever(), 3) is None


def test_no_more_rows_than_tell_enough_drawn_by_their_ids() -> None:
    rows = [
        dataclasses.replace(row("Peru", "peru" if i % 2 else "none"), id=f"{i % 2}-{i:04}")
        for i in range(400)
    ]
    told = quality_on((("train", sorted(rows, key=lambda e: e.id)),), retriever(), 3)
    assert told is not None
    assert told["n_rows"] == MOST_ROWS
    assert 0.3 < told["recall_at_3"] < 0.7
