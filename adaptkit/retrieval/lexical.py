"""Search by words: BM25, computed by ``bm25s``, saved as safetensors and JSON.

It finds what an embedder blurs: names, codes, numbers, words of a trade.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from adaptkit.core.errors import ConfigError
from adaptkit.metrics.normalise import fold
from adaptkit.metrics.words import (
    WORDS_VERSION,
    character_pairs,
    find_words,
    is_simple,
    western_digits,
    without_optional_signs,
)
from adaptkit.retrieval.sidecar import AGAIN, read_sidecar, write_sidecar

SCORES_FILE = "lexical.safetensors"
LEXICAL_SIDECAR = "lexical.json"
VARIANT = "lucene"
K1, B = 1.5, 0.75
_FULL_WIDTH = re.compile("[\uff00-\uffef]+")
_UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff]")  # where a word may be broken, within it
# tram's, isn't; but l'eau has two words. Begun with the sign itself, which is quick to find.
_APOSTROPHE = re.compile(r"['\u2019](?:(?<=\w.)s\b|(?<=n.)(?=t\b))")
_WITH_SIGNS = re.compile(r"(?<!\w)\w{1,12}(?:\+\+?|#)(?!\w)")

Scores = npt.NDArray[np.float32]


def words(text: str) -> list[str]:
    """The words that a text is found by: lower case, English endings cut off.

    Characters of scripts without spaces are words of their own, and so are single letters and digits ("plan
    B", "type 2"). A word that signs belong to, such as C++, stands beside the word without.

    Examples:
        >>> words("Trams run daily; a tram's fare: 東京")
        ['tram', 'run', 'daili', 'a', 'tram', 'fare', '東', '京']
        >>> words("C++ isn't plan B")
        ['c', 'isnt', 'plan', 'b', 'c++']
    """
    return list(map(_stem, split(search_form(text))))


def split(form: str) -> list[str]:
    """The words of a text in its search form, then those with signs."""
    signed = _WITH_SIGNS.findall(form) if "+" in form or "#" in form else ()
    return [*find_words(form), *signed]


def search_form(text: str) -> str:
    """A text so that forms of a word that readers take for one are equal: case, width, optional signs.

    Examples:
        >>> search_form("\uff21\uff22 مُحَمَّد")
        'ab محمد'
    """
    narrow = _FULL_WIDTH.sub(lambda wide: unicodedata.normalize("NFKC", wide[0]), _UNSEEN.sub("", text))
    return _APOSTROPHE.sub("", without_optional_signs(fold(western_digits(narrow))))


def _terms(text: str) -> list[str]:
    """The words, and the pairs of characters where words are not spaced: a character alone tells little."""
    return [*words(text), *character_pairs(search_form(text))]


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    """Snowball's English stemmer (Porter 2); words of other scripts stay as they are."""
    return str(_stemmer().stemWord(word)) if word.isascii() else word


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english")


@lru_cache(maxsize=1)
def _library() -> Any:
    import bm25s

    # It turns its own debug messages on, which would then go to the user's handlers.
    logging.getLogger("bm25s").setLevel(logging.NOTSET)
    return bm25s


class LexicalIndex:
    """BM25 over texts (Robertson & Zaragoza 2009), in the variant of Lucene, whose scores are never negative.

    Args:
        texts: what is searched.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        found = [_terms(text) for text in texts]
        vocabulary = sorted({word for some in found for word in some})
        ids = {word: i for i, word in enumerate(vocabulary)}
        self._take(vocabulary, len(texts))
        if vocabulary:
            numbered = [[ids[word] for word in some] for some in found]
            self._bm25.index((numbered, ids), create_empty_token=False, show_progress=False)

    def _take(self, vocabulary: Sequence[str], n_texts: int) -> None:
        self._ids = {word: i for i, word in enumerate(vocabulary)}
        self._n_texts = n_texts
        self._bm25: Any = _library().BM25(method=VARIANT, k1=K1, b=B)

    def __len__(self) -> int:
        return self._n_texts

    def scores(self, query: str) -> Scores:
        """The score of each text, float32 [n]; 0 for one that shares no word with the query."""
        ids = [self._ids[word] for word in _terms(query) if word in self._ids]
        if not ids:
            return np.zeros(self._n_texts, dtype=np.float32)
        found: Scores = self._bm25.get_scores_from_ids(ids)
        return found

    def search(self, query: str, k: int) -> dict[int, float]:
        """Scores of the ``k`` best texts by position, best first; texts that share no word are none."""
        scores = self.scores(query)
        places = np.flatnonzero(scores)
        if len(places) > k:
            places = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
        # Stable: of equal scores, the earlier text comes first.
        best = places[np.argsort(-scores[places], kind="stable")][:k]
        return {int(at): float(scores[at]) for at in best}

    def save(self, folder: Path) -> None:
        """Write the scores of words in texts, and the words."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        parts = self._bm25.scores if self._ids else {}
        arrays = {name: np.ascontiguousarray(parts[name]) for name in ("data", "indices", "indptr") if parts}
        save_file(arrays, folder / SCORES_FILE)
        write_sidecar(
            folder / LEXICAL_SIDECAR,
            {
                "metric": f"BM25 ({VARIANT}, k1 {K1}, b {B})",
                "n_texts": self._n_texts,
                "words": WORDS_VERSION,
                "vocabulary": list(self._ids),
            },
            [SCORES_FILE],
        )

    @classmethod
    def load(cls, folder: Path) -> LexicalIndex:
        """Read an index back.

        Raises:
            ConfigError: a file is missing, or is not the one that was saved.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        sidecar = read_sidecar(folder / LEXICAL_SIDECAR)
        require_same_words(folder / LEXICAL_SIDECAR, sidecar.get("words"), sidecar["vocabulary"])
        index = cls.__new__(cls)
        try:
            index._take(sidecar["vocabulary"], int(sidecar["n_texts"]))
            if index._ids:
                arrays = load_file(folder / SCORES_FILE)
                index._bm25.scores = {**_checked(arrays, index), "num_docs": len(index)}
                index._bm25.nonoccurrence_array = None
        except (KeyError, TypeError, ValueError, SafetensorError) as error:
            raise ConfigError(f"{folder / SCORES_FILE} is no index of words ({error}). {AGAIN}") from None
        return index


def require_same_words(path: Path, version: object, vocabulary: Iterable[str]) -> None:
    """Refuse words that were saved by a version that found others in such texts.

    Raises:
        ConfigError: they would be looked for in vain.
    """
    if version != WORDS_VERSION and not all(map(is_simple, vocabulary)):
        raise ConfigError(
            f"{path} holds words of a script that an earlier version of the library split wrongly. {AGAIN}"
        )


def _checked(arrays: dict[str, Any], index: LexicalIndex) -> dict[str, Any]:
    """The arrays, if every word's texts lie within them."""
    data, indices, indptr = (arrays[name] for name in ("data", "indices", "indptr"))
    if len(indptr) != len(index._ids) + 1 or len(data) != len(indices) or int(indptr[-1]) != len(data):
        raise ValueError("its parts do not fit each other")
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < len(index):
        raise ValueError("it names texts that are not there")
    return {"data": data, "indices": indices, "indptr": indptr}
