"""Near copies by their letters: typing slips, case, another order of words, a word or two changed.

Similarity is RapidFuzz's normalised indel similarity, ``2 * (letters in common, in order) / (letters of
both)``, of the texts as they stand or with their words sorted, whichever is larger. On rows with planted
slips it found more at equal false alarms than MinHash over 3 or 5 letters: short texts that are alike by
nature lie too near for a Jaccard estimate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from rapidfuzz import process
from rapidfuzz.distance import Indel

from adaptkit.leakage.words import WordIndex

Alike = tuple[int, int, float]
"""Position among the rows, position among the others, similarity 0..1."""
LEAST_WORDS = 4
"""Of fewer words, almost all are alike or none: only equal inputs count."""
LONG_WORDS = 20
"""A longer text is compared with those only that share its words: comparing all takes too long."""
N_CLOSEST = 50
MOST_PAIRS = 20_000_000
"""With more pairs than this, short texts too are compared only with those that share their words."""
BLOCK_CELLS = 2_000_000


def similarity(a: str, b: str) -> float:
    """How alike two canonical texts are, 0..1.

    Examples:
        >>> similarity("book a table for two", "for two book a table")
        1.0
    """
    plain = Indel.normalized_similarity(a, b)
    return max(plain, Indel.normalized_similarity(_sorted(a), _sorted(b)))


def is_judged(text: str) -> bool:
    """Whether a canonical text has words enough to be compared by its letters."""
    return text.count(" ") + 1 >= LEAST_WORDS


def alike(rows: Sequence[str], others: Sequence[str], *, least: float) -> Iterator[Alike]:
    """Pairs of different canonical texts that are at least so similar.

    Args:
        rows: what to look for; texts of fewer than four words are passed over.
        others: where to look.
        least: lowest similarity, above 0.5.
    """
    judged = [i for i, text in enumerate(rows) if is_judged(text)]
    too_many = len(judged) * len(others) > MOST_PAIRS
    long = [i for i in judged if too_many or rows[i].count(" ") >= LONG_WORDS]
    short = [i for i in judged if not too_many and rows[i].count(" ") < LONG_WORDS]
    yield from _every_pair(rows, short, others, least)
    yield from _with_shared_words(rows, long, others, least)


def _every_pair(
    rows: Sequence[str], chosen: Sequence[int], others: Sequence[str], least: float
) -> Iterator[Alike]:
    # Longer ones cannot be that similar: twice the shorter length over the sum of both is the most there is.
    most = max((len(rows[i]) for i in chosen), default=0) * (2 / least - 1)
    places = [j for j, text in enumerate(others) if len(text) <= most]
    texts = [others[j] for j in places]
    in_order = [_sorted(text) for text in texts]
    step = max(1, BLOCK_CELLS // max(1, len(texts)))
    for start in range(0, len(chosen), step):
        block = chosen[start : start + step]
        scores = np.maximum(
            _scores([rows[i] for i in block], texts, least),
            _scores([_sorted(rows[i]) for i in block], in_order, least),
        )
        for a, b in zip(*np.nonzero(scores), strict=True):
            i, j = block[a], places[b]
            if rows[i] != others[j]:
                yield i, j, float(scores[a, b])


def _with_shared_words(
    rows: Sequence[str], chosen: Sequence[int], others: Sequence[str], least: float
) -> Iterator[Alike]:
    if not chosen:
        return
    index = WordIndex(others)
    for i in chosen:
        places = [j for j in index.closest(rows[i], N_CLOSEST) if rows[i] != others[j]]
        texts = [others[j] for j in places]
        scores = np.maximum(
            _scores([rows[i]], texts, least),
            _scores([_sorted(rows[i])], [_sorted(text) for text in texts], least),
        )
        yield from ((i, places[b], float(scores[0, b])) for b in np.flatnonzero(scores[0]))


def _scores(rows: Sequence[str], others: Sequence[str], least: float) -> npt.NDArray[np.float64]:
    """Similarities [n_rows, n_others]; 0 below ``least``."""
    if not rows or not others:
        return np.zeros((len(rows), len(others)))
    # Its cutoff is rounded another way than the result: exactly as similar as asked for is similar enough.
    scores: npt.NDArray[np.float64] = process.cdist(
        rows, others, scorer=Indel.normalized_similarity, score_cutoff=least - 1e-6, dtype=np.float64
    )
    return np.where(scores >= least, scores, 0.0)


def _sorted(text: str) -> str:
    return " ".join(sorted(text.split()))
