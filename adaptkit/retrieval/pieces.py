"""Word pieces of an embedder: where they stand in a text, and what of it they say nothing about."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from adaptkit.metrics.words import character_spans, word_spans
from adaptkit.models.embedded import embedded_path
from adaptkit.retrieval.chunk import split_text

SPECIAL_TOKENS = 2
SPELT_PIECE = 1.5
"""A word in pieces of fewer letters each is spelt out: the embedder does not know its script."""
TOKENIZER_FILE, LENGTH_FILE = "tokenizer.json", "sentence_bert_config.json"


class EmbeddedPieces(NamedTuple):
    """How an embedder reads a text.

    Attributes:
        whole: the text is no longer than what the embedder reads at once.
        unread: share of its word pieces that are unknown to the embedder, or single letters of words.
    """

    whole: bool
    unread: float


class Pieces:
    """The word pieces of an embedder.

    Args:
        name: of the embedder.
        tokenizer: of the library ``tokenizers``.
        unknown: id of the piece that stands for what has no piece; None where everything has one.
        max_tokens: word pieces that are read at once, special tokens included.
    """

    def __init__(self, name: str, tokenizer: Any, unknown: int | None, max_tokens: int) -> None:
        self.name = name
        self.max_tokens = max_tokens
        self._tokenizer = tokenizer
        self._unknown = unknown
        self._limit = max_tokens - SPECIAL_TOKENS

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span of each word piece, special tokens left out and nothing cut.

        What has no piece counts a piece a character: it may be a whole text, which is then one unknown piece.
        """
        encoded = self._encoded(text)
        spans: list[tuple[int, int]] = []
        for token, (start, end) in zip(encoded.ids, encoded.offsets, strict=True):
            if token == self._unknown:
                spans += [(start + a, start + b) for a, b in character_spans(text[start:end])]
            else:
                spans.append((int(start), int(end)))
        return spans

    def reading(self, texts: Sequence[str]) -> list[EmbeddedPieces]:
        """Whether each text is longer than what is read at once, and what of it is unread."""
        return [self._reading(text) for text in texts]

    def _reading(self, text: str) -> EmbeddedPieces:
        if text.isascii() and len(text) <= self._limit:  # any embedder has pieces for these
            return EmbeddedPieces(whole=True, unread=0.0)
        encoded = self._encoded(text)
        n_pieces = len(encoded.ids)
        whole = n_pieces <= self._limit
        if text.isascii() or not n_pieces:
            return EmbeddedPieces(whole=whole, unread=0.0)
        # As offsets() counts them: a sentence of an unknown script may be one piece.
        unknown = [
            b - a for id, (a, b) in zip(encoded.ids, encoded.offsets, strict=True) if id == self._unknown
        ]
        n_unread = sum(unknown)
        n_counted = n_pieces - len(unknown) + n_unread
        starts = [start for start, _ in encoded.offsets]
        for start, end in word_spans(text):
            n = bisect_left(starts, end) - bisect_left(starts, start)
            word = text[start:end]
            n_letters = sum(map(str.isalpha, word))
            if n > 1 and not word.isascii() and 2 <= n_letters < SPELT_PIECE * n:
                n_unread += n
        return EmbeddedPieces(whole=whole, unread=min(1.0, n_unread / n_counted))

    def parts(self, text: str) -> list[str]:
        """The text, or where it is longer than what is read at once its parts, half of that each.

        Of halves the mean keeps more than of whole ones: a request within much else fills more of its part.
        """
        # No piece is less than a byte.
        if len(text) * (1 if text.isascii() else 4) <= self._limit:
            return [text]
        if len(self._encoded(text).ids) <= self._limit:
            return [text]
        spans = split_text(text, self.offsets, max_tokens=max(1, self._limit // 2), overlap_tokens=0)
        return [text[start:end] for start, end in spans]

    def _encoded(self, text: str) -> Any:
        # Left over from the last call to embed(): filler would be counted as part of the text.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        return self._tokenizer.encode(text, add_special_tokens=False)


@cache
def embedded_pieces(name: str) -> Pieces:
    """The word pieces of an embedded embedder that is on this machine; neither torch nor weights are loaded.

    Raises:
        ModelError: it is not here yet.
    """
    from tokenizers import Tokenizer

    folder = embedded_path(name, offline=True)
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    length = json.loads((folder / LENGTH_FILE).read_bytes())["max_seq_length"]
    return Pieces(name, tokenizer, tokenizer.token_to_id("[UNK]"), int(length))
