"""Passages that were not retrieved: the controls that tell what retrieval does and what it could do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adaptkit.core.types import Passage
from adaptkit.retrieval import Retriever
from adaptkit.strategies.draws import rng_for
from adaptkit.tasks import Task

UPPER_BOUND = (
    "Upper bound, not a strategy to deploy: the passages are those of each row's gold documents, test rows "
    "included."
)


def other_passages(retriever: Retriever, text: str, own: Sequence[Passage], seed: int) -> list[Passage]:
    """As many chunks of other documents, drawn by the input: the same in any batch and order.

    Args:
        own: the passages that were retrieved for the input.
    """
    rng = rng_for(seed, text)
    avoid = {p.document_id for p in own}
    order = (int(i) for i in rng.permutation(len(retriever.chunks)))
    others = (i for i in order if retriever.chunks[i].document_id not in avoid)
    return [retriever.passage(i) for i, _ in zip(others, own, strict=False)]


@dataclass
class GoldDocuments:
    """The gold documents by input, those of test rows included: perfect retrieval, which nobody has.

    What is saved does not hold the rows' texts: inputs are known by their hash.

    Attributes:
        by_input: document ids by hash; of an input that occurs in several rows, those of all.
        unknown: hashes of the inputs asked for that have none.
    """

    by_input: Mapping[str, tuple[str, ...]]
    unknown: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, task: Task) -> GoldDocuments:
        """Of all splits of a task."""
        found: dict[str, tuple[str, ...]] = {}
        for example in (*task.train, *(task.validation or ()), *task.test):
            if example.gold_documents:
                key = _key(example.input)
                found[key] = tuple(dict.fromkeys((*found.get(key, ()), *example.gold_documents)))
        return cls(found)

    def passages(self, retriever: Retriever, inputs: Sequence[str], k: int) -> list[list[Passage]]:
        """The ``k`` best chunks of each input's gold documents; one without is counted, and gets none."""
        documents = [self.by_input.get(_key(text), ()) for text in inputs]
        found = retriever.retrieve_of(inputs, documents, k)
        self.unknown |= {_key(text) for text, some in zip(inputs, found, strict=True) if not some}
        return found


def _key(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
