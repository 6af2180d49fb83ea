"""Chunking, embedding, indexes of vectors and of words: documents in, passages out."""

from adaptkit.retrieval.embed import DEFAULT_EMBEDDER, Embedder, load_embedder
from adaptkit.retrieval.index import VectorIndex, index_texts
from adaptkit.retrieval.lexical import LexicalIndex
from adaptkit.retrieval.quality import quality_on, retrieval_quality
from adaptkit.retrieval.rerank import Reranker, load_reranker
from adaptkit.retrieval.retriever import Retriever, RetrieverSettings
from adaptkit.retrieval.search import Method

__all__ = [
    "DEFAULT_EMBEDDER",
    "Embedder",
    "LexicalIndex",
    "Method",
    "Reranker",
    "Retriever",
    "RetrieverSettings",
    "VectorIndex",
    "index_texts",
    "load_embedder",
    "load_reranker",
    "quality_on",
    "retrieval_quality",
]
