from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tiny import HashEmbedder, qa_task, tiny_tokenizer

from adaptkit.core.errors import ModelError
from adaptkit.retrieval import Retriever, RetrieverSettings, load_reranker
from adaptkit.retrieval.rerank import CrossEncoderReranker

TEXTS = ["Lima is the capital.", "Trains leave at noon, and late.", "tea", "tea", "rice " * 40]


def save_cross_encoder(folder: Path, *, seed: int = 0, n_scores: int = 1) -> Path:
    """A random two-layer cross-encoder, written as transformers does."""
    tokenizer = tiny_tokenizer("llama")
    tokenizer.chat_template = None
    bert: Any = transformers.BertConfig
    config = bert(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_labels=n_scores,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module: Any = transformers.BertForSequenceClassification(config)
    module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_cross_encoder(tmp_path_factory.mktemp("cross-encoder"))


def test_scores_are_those_of_the_cross_encoder(folder: Path) -> None:
    reranker = load_reranker(str(folder))
    assert reranker is load_reranker(str(folder))
    scores = reranker.scores("Which city is it?", TEXTS)
    assert scores.dtype == np.float32
    assert scores.shape == (len(TEXTS),)
    assert len(set(scores.round(4).tolist())) == len(TEXTS) - 1
    module = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        logits = [module(**tokenizer("Which city is it?", t, return_tensors="pt")).logits for t in TEXTS]
    expected = torch.sigmoid(torch.cat(logits).flatten()).numpy()
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert reranker.scores("x", []).shape == (0,)


def test_revision_follows_the_weights(folder: Path, tmp_path: Path) -> None:
    same, other = CrossEncoderReranker(str(folder)), save_cross_encoder(tmp_path, seed=1)
    assert same.revision == load_reranker(str(folder)).revision
    assert same.revision.startswith("sha256:")
    assert same.revision != CrossEncoderReranker(str(other)).revision


def test_model_with_several_scores_a_pair_is_refused(tmp_path: Path) -> None:
    save_cross_encoder(tmp_path, n_scores=3)
    with pytest.raises(ModelError, match="gives 3 scores a pair, and one is needed"):
        load_reranker(str(tmp_path))


def test_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"The reranker '{tmp_path}' could not be loaded"):
        load_reranker(str(tmp_path))


def test_retriever_with_it_gives_the_same_in_any_batch(folder: Path) -> None:
    retriever = Retriever.built_as(
        RetrieverSettings(chunk_tokens=16, overlap_tokens=4),
        qa_task().documents,
        embedder=HashEmbedder(),
        reranker=load_reranker(str(folder)),
    )
    questions = [e.input for e in qa_task().test[:2]]
    together = retriever.retrieve(questions, 3)
    assert [retriever.retrieve([q], 3)[0] for q in questions] == together
    for passages in together:
        assert [p.score for p in passages] == sorted((p.score for p in passages), reverse=True)


def test_long_queries_are_read_to_their_end_in_parts(folder: Path) -> None:
    reranker = CrossEncoderReranker(str(folder))
    reranker._model.max_seq_length = 64
    filler = "Where do trains leave? " * 30
    scores = [reranker.scores(f"{filler}{request}", TEXTS) for request in ("A city?", "Rice and tea?")]
    assert not np.allclose(scores[0], scores[1])  # cut, both were the filler
    assert scores[0].shape == (len(TEXTS),)
    short = CrossEncoderReranker(str(folder)).scores("Which city is it?", TEXTS[:4])
    np.testing.assert_allclose(reranker.scores("Which city is it?", TEXTS[:4]), short, atol=1e-5)
