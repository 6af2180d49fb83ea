"""An embedder of English that has no pieces of other scripts but letters of Greek."""

from __future__ import annotations

import string
from collections.abc import Sequence

from tiny import HashEmbedder
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from adaptkit.retrieval.embed import Vectors
from adaptkit.retrieval.pieces import EmbeddedPieces, Pieces

KNOWN = (
    "the",
    "parcel",
    "is",
    "late",
    "invoice",
    "wrong",
    "where",
    "refund",
    "my",
    "shoes",
    "return",
    "please",
)
GREEK = "αβγδεζηθικλμνξοπρσςτυφχψω"


class EnglishEmbedder(HashEmbedder):
    """Texts without words that it knows have one and the same vector."""

    name = "english"

    def __init__(self, *, max_tokens: int = 256) -> None:
        super().__init__(max_tokens=max_tokens)
        letters = [*string.ascii_lowercase, *string.digits, *GREEK]
        pieces = ["[UNK]", *KNOWN, *letters, *(f"##{c}" for c in letters), *string.punctuation]
        model = WordPiece({piece: i for i, piece in enumerate(dict.fromkeys(pieces))}, unk_token="[UNK]")
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = BertPreTokenizer()
        self.pieces = Pieces(self.name, tokenizer, 0, max_tokens)
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        known = (" ".join(w for w in text.casefold().split() if w in KNOWN) for text in texts)
        vectors: Vectors = super().embed([text or "nothing" for text in known])
        return vectors

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return self.pieces.offsets(text)

    def reading(self, texts: Sequence[str]) -> list[EmbeddedPieces]:
        return self.pieces.reading(texts)
