"""ROUGE beside the package that computes it; recall, reciprocal rank and cumulative gain."""

from __future__ import annotations

import pytest

from adaptkit.core.types import Example, Passage
from adaptkit.metrics import Answer, Score, score


def judge(name: str, output: str, target: str, *aliases: str) -> float | None:
    example = Example(id="1", input="?", target=target, aliases=aliases)
    return score(name, Answer(output=output, example=example)).strict


@pytest.mark.parametrize(
    ("name", "kind"), [("rouge_1", "rouge1"), ("rouge_2", "rouge2"), ("rouge_l", "rougeL")]
)
def test_rouge_is_that_of_the_package(name: str, kind: str) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    output, target = "The dogs were running over the hills.", "A dog ran quickly over the green hill"
    expected = RougeScorer([kind], use_stemmer=True).score(target, output)[kind].fmeasure
    assert judge(name, output, target) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("rouge_1", 10 / 12), ("rouge_2", 6 / 10), ("rouge_l", 10 / 12)],
)
def test_rouge_golden(name: str, expected: float) -> None:
    # 5 of 6 words and 3 of 5 pairs are shared.
    assert judge(name, "the cat sat on the mat", "the cat lay on the mat") == pytest.approx(expected)


def test_rouge_of_other_scripts() -> None:
    assert judge("rouge_1", "мама мыла раму", "мама мыла окно") == pytest.approx(2 / 3)
    assert judge("rouge_1", "東京", "東大") == pytest.approx(0.5)


def test_rouge_stems_latin_words_beside_others() -> None:
    assert judge("rouge_1", "naïve dogs", "naïve dog") == 1


def test_rouge_2_of_one_word() -> None:
    assert judge("rouge_2", "Lima", "lima") == 1
    assert judge("rouge_2", "Cusco", "lima") == 0


def test_rouge_takes_the_best_reference() -> None:
    assert judge("rouge_l", "a b c", "x y z", "a b c") == 1


def passages(*documents: str) -> tuple[Passage, ...]:
    return tuple(
        Passage(id=f"{d}#{i}", document_id=d, text="...", score=1 - i / 10) for i, d in enumerate(documents)
    )


def retrieved(name: str, gold: tuple[str, ...], *documents: str) -> Score:
    example = Example(id="1", input="?", target="x", gold_documents=gold)
    return score(name, Answer(output="x", example=example, contexts=passages(*documents)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("recall_at_k", 1.0),
        ("recall_at_1", 0.0),
        ("recall_at_2", 0.5),
        ("recall_at_3", 0.5),
        ("recall_at_50", 1.0),
        ("mrr", 0.5),
        ("mrr_at_k", 0.5),
        ("mrr_at_1", 0.0),
        ("mrr_at_2", 0.5),
        # Found at the ranks 2 and 4, of 1 and 2: (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3)).
        ("ndcg", 0.650921),
        ("ndcg_at_k", 0.650921),
        ("ndcg_at_1", 0.0),
        ("ndcg_at_2", 0.386853),
        ("ndcg_at_4", 0.650921),
    ],
)
def test_retrieval(name: str, expected: float) -> None:
    found = retrieved(name, ("d1", "d2"), "d9", "d1", "d1", "d2")
    assert found.strict == found.lenient == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "expected"), [("ndcg", 0.613147), ("ndcg_at_1", 1.0), ("ndcg_at_9", 0.613147)]
)
def test_ndcg_expects_no_more_documents_than_it_looks_at(name: str, expected: float) -> None:
    assert retrieved(name, ("d1", "d2"), "d1").strict == pytest.approx(expected, abs=1e-6)


def test_ndcg_of_all_gold_documents_in_front_is_exactly_one() -> None:
    gold = tuple(f"d{i}" for i in range(7))
    assert retrieved("ndcg", gold, *gold, "other").strict == 1.0
    assert retrieved("ndcg", gold, *gold[::-1]).strict == 1.0


@pytest.mark.parametrize("name", ["recall_at_k", "recall_at_3", "mrr", "mrr_at_3", "ndcg", "ndcg_at_3"])
def test_retrieval_without_gold_documents_is_undefined(name: str) -> None:
    assert retrieved(name, (), "d1") == Score(strict=None, lenient=None)


@pytest.mark.parametrize("name", ["recall_at_k", "recall_at_3", "mrr", "mrr_at_3", "ndcg", "ndcg_at_3"])
def test_nothing_retrieved_scores_zero(name: str) -> None:
    assert retrieved(name, ("d1",)).strict == 0
