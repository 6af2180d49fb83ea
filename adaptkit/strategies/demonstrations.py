"""Train examples as demonstrations, and those of them that a prompt may be given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adaptkit.core.codec import to_json
from adaptkit.core.types import Demonstration, Prompt
from adaptkit.metrics.normalise import fold
from adaptkit.retrieval import VectorIndex
from adaptkit.retrieval.embed import Embedder, Vectors

INDEX_FOLDER = "demonstrations"


def distinct(demonstrations: Iterable[Demonstration]) -> list[Demonstration]:
    """One demonstration for each input, inputs being equal up to case and white space.

    Where an input comes with several targets, the most frequent is shown, of equals the first.
    """
    by_input: dict[str, list[Demonstration]] = {}
    for shown in demonstrations:
        by_input.setdefault(fold(shown.input), []).append(shown)
    return [_usual(same) for same in by_input.values()]


def _usual(same: Sequence[Demonstration]) -> Demonstration:
    counts = Counter(fold(d.target) for d in same)
    return max(same, key=lambda d: counts[fold(d.target)])


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """What a prompt may be given.

    Attributes:
        demonstrations: the nearest to the prompt's input first; without an index, as they were drawn.
        labels: theirs.
        positions: theirs in the pool.
        similarities: theirs to the input; zeros without an index.
    """

    demonstrations: Sequence[Demonstration]
    labels: Sequence[str]
    positions: Sequence[int]
    similarities: Vectors


class DemonstrationPool:
    """Demonstrations to choose from, with an index of their inputs where they are chosen by nearness.

    Args:
        demonstrations: no two with the same input.
        labelled: whether targets are labels; otherwise each demonstration has a label of its own.
        index: of the inputs, in the same order.
    """

    def __init__(
        self, demonstrations: Sequence[Demonstration], *, labelled: bool, index: VectorIndex | None = None
    ) -> None:
        self.demonstrations = list(demonstrations)
        self.labels = [d.target if labelled else str(i) for i, d in enumerate(self.demonstrations)]
        self.index = index
        self._labelled = labelled
        self._keys = [fold(d.input) for d in self.demonstrations]

    def __len__(self) -> int:
        return len(self.demonstrations)

    def __iter__(self) -> Iterator[Demonstration]:
        return iter(self.demonstrations)

    def only(self, positions: Sequence[int]) -> DemonstrationPool:
        """Those at these positions, in this order, without an index."""
        return DemonstrationPool([self.demonstrations[i] for i in positions], labelled=self._labelled)

    def candidates(self, prompts: Sequence[Prompt], n: int) -> list[Candidates]:
        """For each prompt up to ``n`` that repeat neither its input nor what it shows already."""
        if self.index is None:
            everything = np.arange(len(self)), np.zeros(len(self), dtype=np.float32)
            return [self._allowed(p, *everything, n) for p in prompts]
        queries = self.index.embedder.embed([p.input for p in prompts])
        found = []
        for prompt, query in zip(prompts, queries, strict=True):
            # One search each: together they would be rounded otherwise, and a batch would matter.
            more = 1 + len(prompt.demonstrations)
            (similarities,), (positions,) = self.index.search(query[None], n + more)
            found.append(self._allowed(prompt, positions, similarities, n))
        return found

    def _allowed(self, prompt: Prompt, positions: Any, similarities: Vectors, n: int) -> Candidates:
        known = {fold(prompt.input), *(fold(d.input) for d in prompt.demonstrations)}
        kept = [j for j, i in enumerate(positions) if i >= 0 and self._keys[i] not in known][:n]
        places = [int(positions[j]) for j in kept]
        return Candidates(
            demonstrations=[self.demonstrations[i] for i in places],
            labels=[self.labels[i] for i in places],
            positions=places,
            similarities=similarities[kept],
        )

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the index; return what :meth:`load` reads beside it."""
        if self.index is not None:
            self.index.save(folder / INDEX_FOLDER)
        return {
            "demonstrations": to_json(self.demonstrations),
            "labelled": self._labelled,
            "indexed": self.index is not None,
        }

    @classmethod
    def load(cls, folder: Path, saved: Mapping[str, Any], embedder: Embedder | None) -> DemonstrationPool:
        """Read back what :meth:`save` wrote; the embedder is asked for where there is an index."""
        index = None if embedder is None else VectorIndex.load(folder / INDEX_FOLDER, embedder)
        shown = [Demonstration(**d) for d in saved["demonstrations"]]
        return cls(shown, labelled=bool(saved["labelled"]), index=index)
