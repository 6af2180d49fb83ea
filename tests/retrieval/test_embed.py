from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptkit.models.embedded import embedded_path
from adaptkit.retrieval.batches import token_batches
from adaptkit.retrieval.embed import SentenceEmbedder, Vectors, load_embedder


@given(lengths=st.lists(st.integers(0, 50), max_size=60), budget=st.integers(1, 120))
def test_batches_hold_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = token_batches(lengths, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget
    longest = [lengths[i] for batch in batches for i in batch]
    assert longest == sorted(longest, reverse=True)


TEXTS = ("a", "the kitten is napping", "interest rates rose " * 20, "", "naïve 日本 😀", "long " * 200)


@cache
def reference() -> Vectors:
    """What sentence-transformers gives, each text by itself."""
    embedder = load_embedder()
    assert isinstance(embedder, SentenceEmbedder)
    vectors = [embedder._model.encode([t], normalize_embeddings=True, show_progress_bar=False) for t in TEXTS]
    return np.concatenate(vectors)


@pytest.mark.slow
@settings(max_examples=15)
@given(chosen=st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=12), budget=st.integers(1, 2000))
def test_vectors_are_those_of_sentence_transformers_in_any_batch_and_order(
    chosen: list[int], budget: int
) -> None:
    embedder = load_embedder()
    assert isinstance(embedder, SentenceEmbedder)
    assert embedder._is_plain
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedder, "_batch_tokens", budget)
        vectors = embedder.embed([TEXTS[i] for i in chosen])
    np.testing.assert_allclose(vectors, reference()[chosen], atol=2e-6)
    assert ((vectors * reference()[chosen]).sum(axis=1) > 0.9999).all()


@pytest.mark.slow
def test_model_that_puts_a_prompt_in_front_is_left_to_sentence_transformers() -> None:
    embedder = SentenceEmbedder()
    embedder._model.prompts = {"query": "query: "}
    embedder._model.default_prompt_name = "query"
    expected = load_embedder().embed(["query: a cat"])
    np.testing.assert_allclose(embedder.embed(["a cat"]), expected, atol=2e-6)


@pytest.mark.slow
def test_revision_of_a_folder_is_its_content(tmp_path: Path) -> None:
    import torch

    embedder = SentenceEmbedder(str(embedded_path("all-minilm-l6-v2")))
    before = embedder.revision
    assert before.startswith("sha256:")
    assert SentenceEmbedder(embedder.name).revision == before
    other = SentenceEmbedder(embedder.name)
    with torch.no_grad():
        next(other._model.parameters()).view(-1)[0] += 1
    other._model.save_pretrained(str(tmp_path))
    assert SentenceEmbedder(str(tmp_path)).revision != before
