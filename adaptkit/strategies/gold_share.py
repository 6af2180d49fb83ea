"""Passages to train on: in a share of the rows the right one among others, in the rest others only.

A model that always finds its answer in the passages learns to copy, and is lost when retrieval fails (RAFT,
Zhang et al. 2024, arXiv:2403.10131). Draws depend on the row's id and the seed only, not on its batch.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from adaptkit.core.types import Example, Passage, Prompt
from adaptkit.retrieval import Retriever
from adaptkit.strategies.draws import rng_for

Retrieve = Callable[[Sequence[str], int], list[list[Passage]]]
NOBODY_TRAINED = {"n_gold": 0, "n_distractors_only": 0, "n_unknown": 0}
"""What is told of the train rows, before any are trained on."""


@dataclass(frozen=True)
class GoldShare:
    """The draw, and the passages that follow from it.

    Args:
        share: of the rows with known gold documents, those that get them.
        seed: of the draw and of the passages' order.
        retriever: knows the gold documents' chunks.
        retrieve: the passages of inputs as they are served, so many of each.
    """

    share: float
    seed: int
    retriever: Retriever
    retrieve: Retrieve

    def draws_gold(self, example: Example) -> bool:
        """Whether a row is one of the share."""
        return bool(self._rng("share", example).random() < self.share)

    def passages(self, examples: Sequence[Example], k: int) -> list[list[Passage]]:
        """Up to ``k`` passages of each row: gold ones first, where it gets any; then others, best first.

        Rows without known gold documents get what is retrieved.
        """
        gold = self._gold(examples, k)
        return [
            [*(own if self.draws_gold(example) else ()), *others][:k]
            for example, own, others in zip(examples, gold, self._others(examples, k), strict=True)
        ]

    def _gold(self, examples: Sequence[Example], k: int) -> list[list[Passage]]:
        """The best chunk of each gold document."""
        documents = [e.gold_documents for e in examples]
        found = self.retriever.retrieve_of([e.input for e in examples], documents, k)
        # The best of each document come first, then their second best.
        return [own[: len({p.document_id for p in own})] for own in found]

    def _others(self, examples: Sequence[Example], k: int) -> list[list[Passage]]:
        """The passages that are retrieved for each row when its gold documents are not there."""
        alike: dict[int, list[int]] = defaultdict(list)
        for i, example in enumerate(examples):
            # So deep that k are left without the gold documents' chunks, whatever other rows need.
            alike[k + sum(self._n_chunks[d] for d in set(example.gold_documents))].append(i)
        others: list[list[Passage]] = [[] for _ in examples]
        for depth, rows in alike.items():
            for i, found in zip(rows, self.retrieve([examples[i].input for i in rows], depth), strict=True):
                others[i] = [p for p in found if p.document_id not in examples[i].gold_documents][:k]
        return others

    @cached_property
    def _n_chunks(self) -> Counter[str]:
        return Counter(chunk.document_id for chunk in self.retriever.chunks)

    def _is_known(self, example: Example) -> bool:
        return any(d in self._n_chunks for d in example.gold_documents)

    def counted(self, prompts: Sequence[Prompt], examples: Sequence[Example]) -> dict[str, int]:
        """How many rows' prompts hold a gold passage, passages of others only, or what is retrieved."""
        known = [(p, e) for p, e in zip(prompts, examples, strict=True) if self._is_known(e)]
        n_gold = sum(any(c.document_id in e.gold_documents for c in p.context) for p, e in known)
        return {
            "n_gold": n_gold,
            "n_distractors_only": len(known) - n_gold,
            "n_unknown": len(examples) - len(known),
        }

    def shuffled(
        self, prompts: Sequence[Prompt], examples: Sequence[Example], n_before: Sequence[int]
    ) -> list[Prompt]:
        """The prompts with their passages in an order that is drawn: the gold one's place tells nothing.

        Args:
            n_before: how many passages of each prompt were there before, and keep their places.
        """
        return [
            self._shuffled(prompt, example, n) if self._is_known(example) else prompt
            for prompt, example, n in zip(prompts, examples, n_before, strict=True)
        ]

    def _shuffled(self, prompt: Prompt, example: Example, n_before: int) -> Prompt:
        kept, own = prompt.context[:n_before], prompt.context[n_before:]
        order = self._rng("order", example).permutation(len(own))
        return dataclasses.replace(prompt, context=(*kept, *(own[int(i)] for i in order)))

    def _rng(self, what: str, example: Example) -> np.random.Generator:
        return rng_for(self.seed, f"{what}:{example.id}")
