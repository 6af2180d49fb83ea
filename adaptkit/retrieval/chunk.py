"""Documents to chunks that the embedder reads whole.

An embedder drops silently whatever is past its limit (256 word pieces for all-MiniLM-L6-v2), so chunks
are measured in its word pieces. A chunk ends at a sentence's end where one is near; neighbours overlap,
so that a fact at a cut stands whole in one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from adaptkit.core.types import Document

Offsets = Callable[[str], list[tuple[int, int]]]
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+")


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A piece of a document: ``document.text[start:end]``."""

    id: str
    document_id: str
    text: str
    title: str | None
    start: int
    end: int

    @property
    def embedded_text(self) -> str:
        """What the embedder reads: the title tells what a middle chunk is about."""
        return f"{self.title}\n{self.text}" if self.title else self.text


def chunk_documents(
    documents: Iterable[Document], offsets: Offsets, *, max_tokens: int, overlap_tokens: int
) -> list[Chunk]:
    """Cut documents into chunks of at most ``max_tokens`` word pieces, title included.

    Args:
        offsets: character spans of a text's word pieces.
        max_tokens: limit, without special tokens.
        overlap_tokens: at least this many word pieces of a chunk's end start the next one, unless a
            sentence ends exactly at the cut.
    """
    chunks: list[Chunk] = []
    for document in documents:
        title_tokens = len(offsets(document.title)) if document.title else 0
        room = max(max_tokens - title_tokens, max_tokens // 2)
        spans = split_text(document.text, offsets, max_tokens=room, overlap_tokens=overlap_tokens)
        for number, (start, end) in enumerate(spans):
            chunks.append(
                Chunk(
                    id=f"{document.id}#{number}",
                    document_id=document.id,
                    text=document.text[start:end].strip(),
                    title=document.title,
                    start=start,
                    end=end,
                )
            )
    return chunks


def split_text(text: str, offsets: Offsets, *, max_tokens: int, overlap_tokens: int) -> list[tuple[int, int]]:
    """Character spans of the chunks of a text; together they cover all of it."""
    tokens = offsets(text)
    if len(tokens) <= max_tokens:
        return [(0, len(text))]
    ends = sentence_ends(text)
    spans: list[tuple[int, int]] = []
    first = 0  # index of the chunk's first token
    while first < len(tokens):
        start = tokens[first][0] if spans else 0
        stop = first + max_tokens
        if stop >= len(tokens):
            spans.append((start, len(text)))
            break
        cut = _cut(start, tokens[stop][0], ends)
        spans.append((start, cut))
        first = _next_first(tokens, cut, first, overlap_tokens)
    return spans


def sentence_ends(text: str) -> list[int]:
    """Character positions at which a sentence or a line has ended."""
    return [m.end() for m in SENTENCE_END.finditer(text)]


def _cut(start: int, limit: int, ends: list[int]) -> int:
    """The last sentence end in the second half of the chunk, else the limit itself."""
    near = [e for e in ends if (start + limit) // 2 < e <= limit]
    return near[-1] if near else limit


def _next_first(tokens: list[tuple[int, int]], cut: int, first: int, overlap: int) -> int:
    """First token of the next chunk: ``overlap`` before the cut, and always further on than the last."""
    after = next((i for i, (a, _) in enumerate(tokens) if a >= cut), len(tokens))
    if after >= len(tokens):
        return len(tokens)
    return max(after - overlap, first + 1)
