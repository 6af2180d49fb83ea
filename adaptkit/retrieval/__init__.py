"""Chunking, embedding, FAISS index: documents in, passages out."""

from adaptkit.retrieval.embed import DEFAULT_EMBEDDER, Embedder, load_embedder
from adaptkit.retrieval.index import VectorIndex
from adaptkit.retrieval.retriever import Retriever

__all__ = ["DEFAULT_EMBEDDER", "Embedder", "Retriever", "VectorIndex", "load_embedder"]
