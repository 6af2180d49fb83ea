"""Documents in, passages out."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from adaptkit.core.codec import to_json
from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.types import Document, Passage
from adaptkit.retrieval.chunk import Chunk, chunk_documents
from adaptkit.retrieval.documents import Progress
from adaptkit.retrieval.embed import Embedder, Vectors
from adaptkit.retrieval.index import identity
from adaptkit.retrieval.pieces import SPECIAL_TOKENS
from adaptkit.retrieval.readable import embedder_as_saved, embedder_that_reads, with_warnings
from adaptkit.retrieval.rerank import Reranker
from adaptkit.retrieval.search import CombinedSearch, Method, Scored
from adaptkit.retrieval.sidecar import AGAIN, check_same, read_json, read_sidecar, write_sidecar

CHUNKS_FILE = "chunks.json"
RETRIEVER_SIDECAR = "retriever.json"
RERANKED = 30
"""Chunks that a reranker looks at: each costs a pass of its model."""


@dataclass(frozen=True, kw_only=True)
class RetrieverSettings:
    """How documents are cut and searched.

    Attributes:
        method: ``dense`` compares vectors, ``bm25`` words, ``hybrid`` fuses both rankings: where the words
            of a question are those of the documents, words do best; where they are not, both together.
        chunk_tokens: longest chunk, in the embedder's word pieces.
        overlap_tokens: word pieces that neighbouring chunks share.
        titles: documents' titles are part of every chunk: searched with it, and shown above it.
    """

    method: Method = "hybrid"
    chunk_tokens: int = 200
    overlap_tokens: int = 40
    titles: bool = True

    def cut(self, documents: Iterable[Document], embedder: Embedder) -> list[Chunk]:
        """Cut documents.

        Raises:
            ConfigError: chunks would be longer than the embedder reads.
        """
        limit = embedder.max_tokens - SPECIAL_TOKENS
        if self.chunk_tokens > limit:
            raise ConfigError(
                f"chunk_tokens is {self.chunk_tokens} and the embedder '{embedder.name}' reads {limit} word "
                f"pieces: the rest would be dropped unseen. Use chunk_tokens <= {limit}."
            )
        if not self.titles:
            documents = [dataclasses.replace(d, title=None) for d in documents]
        return chunk_documents(
            documents, embedder.offsets, max_tokens=self.chunk_tokens, overlap_tokens=self.overlap_tokens
        )


class Retriever:
    """Chunks with what finds them.

    Args:
        chunks: what may be returned, those of a document side by side.
        search: finds positions of chunks.
        settings: how the chunks were cut.
        reranker: looks at the best chunks again; None to take them as they were found.

    Attributes:
        notes: what a report should tell about how the chunks were cut and indexed.
    """

    def __init__(
        self,
        chunks: Sequence[Chunk],
        search: CombinedSearch,
        settings: RetrieverSettings,
        *,
        reranker: Reranker | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        self.chunks = list(chunks)
        self.search = search
        self.settings = settings
        self.reranker = reranker
        self.notes = {"method": settings.method, "n_chunks": len(self.chunks), **(notes or {})}

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
        """Cut and index documents, all else as :class:`RetrieverSettings` has it; see :meth:`built_as`."""
        settings = RetrieverSettings(chunk_tokens=chunk_tokens, overlap_tokens=overlap_tokens)
        return cls.built_as(settings, documents, embedder=embedder, questions=questions, progress=progress)

    @classmethod
    def built_as(
        cls,
        settings: RetrieverSettings,
        documents: Sequence[Document],
        *,
        embedder: Embedder,
        reranker: Reranker | None = None,
        questions: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Retriever:
        """Cut and index documents.

        Vectors are cached by content, so building again after one document changed embeds that
        document's chunks only.

        Args:
            reranker: looks at the best chunks again.
            questions: such as will be asked: a large index is tuned on them.
            progress: called with texts embedded and in all; then, where the index is large, with
                vectors indexed and in all.

        Raises:
            ConfigError: chunks would be longer than the embedder reads, or two documents share an id.
        """
        _check_ids(documents)
        warned: dict[str, Any] = {}
        if settings.method != "bm25":
            embedder, warned = embedder_that_reads(questions, embedder, documents=[d.text for d in documents])
        chunks = settings.cut(documents, embedder)
        texts = [c.embedded_text for c in chunks]
        search, notes = CombinedSearch.over(
            texts, embedder, settings.method, questions=questions, progress=progress
        )
        return cls(chunks, search, settings, reranker=reranker, notes=with_warnings(notes, warned))

    def updated(
        self,
        documents: Sequence[Document] = (),
        *,
        remove: Collection[str] = (),
        progress: Progress | None = None,
    ) -> Retriever:
        """A retriever with some documents added, changed or removed; this one stays as it is.

        It finds what one that is built anew finds. Only chunks whose text is new are embedded; a large,
        approximate index takes the vectors of the others from the cache, and is tuned on its own vectors.

        Args:
            documents: new ones, put last, and changed ones, known by their id, put where they stood.
            remove: ids of those to leave out.

        Raises:
            UnknownNameError: there is no document to remove by that id.
            ConfigError: two documents share an id, or one is to be added and removed.
        """
        _check_ids(documents, remove)
        by_document = {d: [self.chunks[at] for at in places] for d, places in self._places.items()}
        for gone in dict.fromkeys(remove):
            if gone not in by_document:
                raise UnknownNameError.for_name("document", gone, list(by_document))
            del by_document[gone]
        by_document |= {d.id: self.settings.cut([d], self.search.embedder) for d in documents}
        chunks = [chunk for some in by_document.values() for chunk in some]
        search, notes = CombinedSearch.over(
            [c.embedded_text for c in chunks],
            self.search.embedder,
            self.settings.method,
            progress=progress,
            known=self._known_vectors(),
        )
        return Retriever(chunks, search, self.settings, reranker=self.reranker, notes=notes)

    def _known_vectors(self) -> dict[str, Vectors]:
        index = self.search.index
        if index is None or not index.is_exact or not self.chunks:
            return {}
        vectors = index.vectors(range(len(self.chunks)))
        return {c.embedded_text: vector for c, vector in zip(self.chunks, vectors, strict=True)}

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Positions of each document's chunks."""
        places: dict[str, list[int]] = {}
        for at, chunk in enumerate(self.chunks):
            places.setdefault(chunk.document_id, []).append(at)
        return places

    def retrieve(self, queries: Sequence[str], k: int) -> list[list[Passage]]:
        """The ``k`` best chunks of each query, best first.

        A passage's score is that of :class:`CombinedSearch`, or the reranker's.
        """
        if not self.chunks or not queries:
            return [[] for _ in queries]
        depth = max(k, RERANKED) if self.reranker else k
        found = self.search.best(queries, depth)
        return [self._passages(query, scored)[:k] for query, scored in zip(queries, found, strict=True)]

    def retrieve_of(
        self, queries: Sequence[str], documents: Sequence[Collection[str]], k: int
    ) -> list[list[Passage]]:
        """The ``k`` best chunks of given documents: first the best of each document, then the second best.

        Args:
            documents: ids, for each query; those that are not there are passed over.
        """
        places = [[at for d in ids for at in self._places.get(d, [])] for ids in documents]
        found = self.search.among(queries, places)
        return [
            _in_turn(self._passages(query, scored))[:k] for query, scored in zip(queries, found, strict=True)
        ]

    def _passages(self, query: str, scored: Scored) -> list[Passage]:
        if self.reranker is not None and scored:
            places = list(scored)
            scores = self.reranker.scores(query, [self.chunks[at].embedded_text for at in places])
            again = {at: float(score) for at, score in zip(places, scores, strict=True)}
            # The sort is stable: of equal scores, the one that was found first stays first.
            scored = dict(sorted(again.items(), key=lambda item: -item[1]))
        return [self._passage(at, score) for at, score in scored.items()]

    def _passage(self, at: int, score: float) -> Passage:
        chunk = self.chunks[at]
        return Passage(
            id=chunk.id, document_id=chunk.document_id, text=chunk.text, score=score, title=chunk.title
        )

    def passage(self, at: int) -> Passage:
        """Chunk number ``at`` as a passage, without a score."""
        return self._passage(at, 0.0)

    def save(self, folder: Path) -> None:
        """Write chunks, indexes, and last what vouches for them."""
        sidecars = self.search.save(folder)
        write_json_atomic(folder / CHUNKS_FILE, to_json(self.chunks))
        content = {
            "settings": to_json(self.settings),
            "n_chunks": len(self.chunks),
            "embedder": identity(self.search.embedder),
            "reranker": _identity(self.reranker),
        }
        write_sidecar(folder / RETRIEVER_SIDECAR, content, [CHUNKS_FILE, *sidecars])

    @classmethod
    def load(cls, folder: Path, *, embedder: Embedder, reranker: Reranker | None = None) -> Retriever:
        """Read what :meth:`save` wrote.

        Raises:
            ConfigError: another embedder or reranker was used, or a file is missing, damaged or foreign.
        """
        path = folder / RETRIEVER_SIDECAR
        sidecar = read_sidecar(path)
        embedder = embedder_as_saved(sidecar.get("embedder"), embedder)
        check_same(path, "embedder", sidecar.get("embedder"), identity(embedder))
        check_same(path, "reranker", sidecar.get("reranker"), _identity(reranker))
        settings = RetrieverSettings(**sidecar["settings"])
        chunks = [Chunk(**c) for c in read_json(folder / CHUNKS_FILE)]
        search = CombinedSearch.load(folder, embedder, settings.method)
        if search.sizes != {len(chunks)}:
            raise ConfigError(f"'{folder}' holds {len(chunks)} chunks and {search.sizes} indexed. {AGAIN}")
        return cls(chunks, search, settings, reranker=reranker)


def _identity(reranker: Reranker | None) -> dict[str, str] | None:
    return None if reranker is None else {"name": reranker.name, "revision": reranker.revision}


def _check_ids(documents: Sequence[Document], others: Collection[str] = ()) -> None:
    seen = set(others)
    for document in documents:
        if document.id in seen:
            raise ConfigError(f"The document '{document.id}' is given twice. Give each id once.")
        seen.add(document.id)


def _in_turn(passages: Sequence[Passage]) -> list[Passage]:
    """The documents' best passages first, then their second best: each document gets its turn."""
    turns: dict[str, int] = {}
    rounds = []
    for passage in passages:
        turns[passage.document_id] = turns.get(passage.document_id, 0) + 1
        rounds.append(turns[passage.document_id])
    return [passages[i] for i in sorted(range(len(passages)), key=lambda i: rounds[i])]
