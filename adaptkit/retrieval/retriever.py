"""Documents in, passages out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adaptkit.core.codec import to_json
from adaptkit.core.errors import ConfigError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.types import Document, Passage
from adaptkit.retrieval.chunk import Chunk, chunk_documents
from adaptkit.retrieval.documents import Progress
from adaptkit.retrieval.embed import Embedder
from adaptkit.retrieval.index import VectorIndex, index_texts, read_json

SPECIAL_TOKENS = 2
CHUNKS_FILE = "chunks.json"


class Retriever:
    """Chunks with their index.

    Args:
        chunks: what may be returned.
        index: their vectors, in the same order.
        notes: what a report should tell about how they were made.
    """

    def __init__(
        self, chunks: Sequence[Chunk], index: VectorIndex, notes: Mapping[str, Any] | None = None
    ) -> None:
        self.chunks = list(chunks)
        self.index = index
        self.notes = dict(notes or {})

    @classmethod
    def build(
        cls,
        documents: Sequence[Document],
        *,
        embedder: Embedder,
        chunk_tokens: int,
        overlap_tokens: int,
        questions: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Retriever:
        """Cut, embed and index documents.

        Vectors are cached by content, so building again after one document changed embeds that
        document's chunks only.

        Args:
            questions: such as will be asked: a large index is tuned on them.
            progress: called with texts embedded and in all; then, where the index is large, with
                vectors indexed and in all.

        Raises:
            ConfigError: chunks would be longer than the embedder reads.
        """
        limit = embedder.max_tokens - SPECIAL_TOKENS
        if chunk_tokens > limit:
            raise ConfigError(
                f"chunk_tokens is {chunk_tokens} and the embedder '{embedder.name}' reads {limit} word "
                f"pieces: the rest would be dropped unseen. Use chunk_tokens <= {limit}."
            )
        chunks = chunk_documents(
            documents, embedder.offsets, max_tokens=chunk_tokens, overlap_tokens=overlap_tokens
        )
        index, notes = index_texts([c.embedded_text for c in chunks], embedder, questions, progress)
        return cls(chunks, index, {"n_chunks": len(chunks), **notes})

    def retrieve(self, queries: Sequence[str], k: int) -> list[list[Passage]]:
        """The ``k`` nearest chunks of each query, best first."""
        scores, positions = self.index.search(self.index.embedder.embed(queries), k)
        return [
            [self._passage(int(at), float(score)) for score, at in zip(row, places, strict=True) if at >= 0]
            for row, places in zip(scores, positions, strict=True)
        ]

    def _passage(self, at: int, score: float) -> Passage:
        chunk = self.chunks[at]
        return Passage(
            id=chunk.id, document_id=chunk.document_id, text=chunk.text, score=score, title=chunk.title
        )

    def passage(self, at: int) -> Passage:
        """Chunk number ``at`` as a passage, without a score."""
        return self._passage(at, 0.0)

    def save(self, folder: Path) -> None:
        """Write chunks and index."""
        self.index.save(folder)
        write_json_atomic(folder / CHUNKS_FILE, to_json(self.chunks))

    @classmethod
    def load(cls, folder: Path, *, embedder: Embedder) -> Retriever:
        """Read what :meth:`save` wrote.

        Raises:
            ConfigError: another embedder made the index, it does not fit the chunks, or a file is damaged.
        """
        chunks = [Chunk(**c) for c in read_json(folder / CHUNKS_FILE)]
        index = VectorIndex.load(folder, embedder)
        if len(index) != len(chunks):
            raise ConfigError(
                f"'{folder}' holds {len(chunks)} chunks and {len(index)} vectors. Build the index again."
            )
        return cls(chunks, index)
