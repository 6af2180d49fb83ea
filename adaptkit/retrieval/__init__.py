"""Chunking, embedding, FAISS index: documents in, passages out."""

from adaptkit.retrieval.embed import DEFAULT_EMBEDDER, Embedder, load_embedder
from adaptkit.retrieval.index import VectorIndex, index_texts
from adaptkit.retrieval.retriever import Retriever

__all__ = ["DEFAULT_EMBEDDER", "Embedder", "Retriever", "VectorIndex", "index_texts", "load_embedder"]
