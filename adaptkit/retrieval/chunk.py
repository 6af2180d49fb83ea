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
LONGEST_WORD = 8
"""Word pieces that are gone back to start at a word; scripts without spaces start where they are."""
# Latin and Greek, Arabic, Urdu, Hindi, Ethiopic, Armenian; those after which no space need stand; lines.
SENTENCE_END = re.compile(
    r"(?<=[.!?\u061f\u06d4\u0964\u0965\u1362\u1367\u0589])[\"')\]\u201d\u2019\u00bb]*\s+"
    r"|(?<=[\u3002\uff01\uff1f\uff61\u17d4\u104b\u0f0d])[\"')\]\u201d\u2019\u300d\u300f\uff09]*\s*"
    r"|\n+"
)


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
        max_tokens: limit, without special tokens; a title longer than half of it is cut short.
        overlap_tokens: at least this many word pieces of a chunk's end start the next one, or half a
            chunk where that is less.
    """
    chunks: list[Chunk] = []
    for document in documents:
        title, title_tokens = _title(document, offsets, max_tokens // 2)
        room = max_tokens - title_tokens
        spans = split_text(document.text, offsets, max_tokens=room, overlap_tokens=overlap_tokens)
        for number, (start, end) in enumerate(spans):
            chunks.append(
                Chunk(
                    id=f"{document.id}#{number}",
                    document_id=document.id,
                    text=document.text[start:end].strip(),
                    title=title,
                    start=start,
                    end=end,
                )
            )
    return chunks


def _title(document: Document, offsets: Offsets, limit: int) -> tuple[str | None, int]:
    """The title, cut to ``limit`` word pieces, and how many it has."""
    tokens = offsets(document.title or "")
    if len(tokens) <= limit:
        return document.title, len(tokens)
    return (document.title or "")[: tokens[limit][0]].strip() or None, limit


def split_text(text: str, offsets: Offsets, *, max_tokens: int, overlap_tokens: int) -> list[tuple[int, int]]:
    """Character spans of the chunks of a text; together they cover all of it.

    Each ends further on than the one before. The overlap is half a chunk at most: one that is nearly as
    long as the chunk would make a chunk a word.
    """
    tokens = offsets(text)
    ends = sentence_ends(text)
    spans: list[tuple[int, int]] = []
    first, start, cut = 0, 0, 0  # the chunk's first token and character; where the last chunk ended
    while first + max_tokens < len(tokens):
        limit = tokens[first + max_tokens][0]
        middle = (tokens[first][0] + limit) // 2
        cut = _cut(text, (max(middle, cut), limit), ends)
        spans.append((start, cut))
        after = next(i for i in range(first, len(tokens)) if tokens[i][0] >= cut)
        first = _next_first(text, tokens, (first, after), overlap_tokens)
        # What the tokenizer drops between two chunks (white space, control characters) is kept.
        start = min(tokens[first][0], cut)
    return [*spans, (start, len(text))]


def sentence_ends(text: str) -> list[int]:
    """Character positions at which a sentence or a line has ended."""
    return [m.end() for m in SENTENCE_END.finditer(text)]


def _cut(text: str, between: tuple[int, int], ends: list[int]) -> int:
    """The last sentence end between two characters, else the last word end, else the second of them."""
    low, high = between
    near = [e for e in ends if low < e <= high]
    if near:
        return near[-1]
    # Half a word may be more word pieces than it was within the whole word.
    return next((at for at in range(high, low, -1) if text[at - 1].isspace()), high)


def _next_first(text: str, tokens: list[tuple[int, int]], chunk: tuple[int, int], overlap: int) -> int:
    """First token of the next chunk: ``overlap`` before the cut, then back to the start of a word.

    Args:
        chunk: the chunk's first token, and the first one after it.
    """
    first, after = chunk
    if not overlap:
        return after
    wanted = after - min(overlap, (after - first) // 2)
    near = range(wanted, max(wanted - LONGEST_WORD, first), -1)
    return next((i for i in near if text[tokens[i][0] - 1].isspace()), wanted)
