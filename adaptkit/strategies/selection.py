"""Which examples to show, and in what order: functions of labels, similarities and vectors."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Literal

import numpy as np
import numpy.typing as npt

Order = Literal["nearest-last", "nearest-first", "interleaved", "sorted", "shuffled"]
Floats = npt.NDArray[np.float32]


def balanced_sample(labels: Sequence[str], k: int, rng: np.random.Generator) -> list[int]:
    """Draw ``k`` positions, labels in turn, so that no label crowds out or follows itself needlessly.

    Free-text targets, each its own label, give a plain random sample.

    Returns:
        Positions in ``labels``; all of them, shuffled, when ``k`` is larger.
    """
    order = rng.permutation(len(labels))
    waiting: dict[str, list[int]] = {}
    for at in order:
        waiting.setdefault(labels[int(at)], []).append(int(at))
    return in_turns(waiting.values(), k)


def balanced_nearest(labels: Sequence[str], k: int) -> list[int]:
    """The nearest of each label, then the second nearest of each, and so on; labels by their nearest.

    Args:
        labels: those of the candidates, the nearest first.
        k: how many to take.

    Returns:
        Ranks among the candidates. Where each has a label of its own, the ``k`` nearest.

    Examples:
        >>> balanced_nearest(["a", "a", "a", "b", "b", "c"], 5)
        [0, 3, 5, 1, 4]
    """
    waiting: dict[str, list[int]] = {}
    for rank, label in enumerate(labels):
        waiting.setdefault(label, []).append(rank)
    return in_turns(waiting.values(), k)


def in_turns(queues: Iterable[Sequence[int]], k: int) -> list[int]:
    """The first of each queue, then the second of each: ``k`` in all, or all there are."""
    turns = zip_longest(*queues)
    return [at for turn in turns for at in turn if at is not None][:k]


def diverse(similarities: Floats, vectors: Floats, k: int, diversity: float) -> list[int]:
    """Choose by maximal marginal relevance: near the input, and unlike what is chosen already.

    Each next candidate has the largest ``(1 - diversity) * similarity to the input - diversity * largest
    similarity to a chosen one`` (Carbonell & Goldstein 1998, doi:10.1145/290941.291025, their lambda being
    ``1 - diversity``).

    Args:
        similarities: of the candidates to the input, [n].
        vectors: of the candidates, of length 1, [n, dimension].
        k: how many to take.
        diversity: 0 takes the most similar, 1 looks at nothing but difference once one is chosen.

    Returns:
        Positions among the candidates, in the order chosen; of equals the first.
    """
    chosen: list[int] = []
    likeness = np.full(len(similarities), -np.inf)
    # The first is the most similar, however little similarity counts.
    gains = similarities.astype(np.float64)
    for _ in range(min(k, len(similarities))):
        chosen.append(int(gains.argmax()))
        likeness = np.maximum(likeness, vectors @ vectors[chosen[-1]])
        gains = (1 - diversity) * similarities - diversity * likeness
        gains[chosen] = -np.inf
    return chosen


def arrange(
    ranks: Sequence[int], labels: Sequence[str], order: Order, rng: np.random.Generator, *, best_last: bool
) -> list[int]:
    """Put chosen demonstrations in order.

    Args:
        ranks: places of the demonstrations by nearness, 0 the nearest; no two the same.
        labels: theirs, in the order of ``ranks``.
        order: ``interleaved`` lets labels follow themselves as little as can be; ``sorted`` puts each label's
            together, which cost tens of points of accuracy in Bertsch et al. 2024 (arXiv:2405.00200) and is
            there to be compared with.
        rng: for ``shuffled``.
        best_last: whether ``interleaved`` begins at the end.

    Returns:
        The ranks as they are to be shown.
    """
    label_of = dict(zip(ranks, labels, strict=True))
    nearest_first = sorted(ranks)
    if order == "nearest-first":
        return nearest_first
    if order == "interleaved":
        mixed = [nearest_first[i] for i in interleave(tuple(label_of[r] for r in nearest_first))]
        return mixed[::-1] if best_last else mixed
    nearest_last = nearest_first[::-1]
    if order == "sorted":
        return sorted(nearest_last, key=lambda r: label_of[r])
    if order == "shuffled":
        return [nearest_last[int(i)] for i in rng.permutation(len(nearest_last))]
    return nearest_last


@lru_cache(maxsize=256)
def interleave(labels: tuple[str, ...]) -> tuple[int, ...]:
    """Positions in an order in which as few neighbours as possible share a label, near to the given one.

    The first whose label differs from the last one's comes next, unless another label makes up more than
    half of what is left: that one has to be taken now. Remembered, because random demonstrations are
    arranged alike for every input.

    Examples:
        >>> interleave(("a", "a", "b", "a", "b", "c"))
        (0, 2, 1, 4, 3, 5)
        >>> interleave(("b", "a", "a"))
        (1, 0, 2)
    """
    left, counts = list(range(len(labels))), Counter(labels)
    placed: list[int] = []
    while left:
        last = labels[placed[-1]] if placed else None
        label, n = counts.most_common(1)[0]
        urgent = label if label != last and 2 * n > len(left) else None
        at = next((i for i in left if (labels[i] == urgent if urgent else labels[i] != last)), left[0])
        placed.append(at)
        left.remove(at)
        counts[labels[at]] -= 1
    return tuple(placed)


def vote(labels: Sequence[str], similarities: Iterable[float]) -> str:
    """The label whose neighbours are most similar in sum; of equals the nearest's.

    Args:
        labels: of the neighbours, the nearest first; at least one.
        similarities: theirs; a negative one counts as 0.
    """
    votes: dict[str, float] = defaultdict(float)
    for label, similarity in zip(labels, similarities, strict=True):
        votes[label] += max(0.0, float(similarity))
    return max(votes, key=lambda label: votes[label])
