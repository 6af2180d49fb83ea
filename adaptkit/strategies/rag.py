"""Retrieval-augmented generation: passages from the task's documents in the prompt."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from adaptkit.core.errors import ConfigError
from adaptkit.core.types import Passage, Prompt
from adaptkit.models.base import Model
from adaptkit.retrieval import DEFAULT_EMBEDDER, Retriever, load_embedder
from adaptkit.strategies.base import Strategy, is_int
from adaptkit.strategies.wording import full_instruction
from adaptkit.tasks import Task

Passages = Literal["retrieved", "shuffled"]
INDEX_FOLDER = "index"


@dataclass(kw_only=True)
class RAG(Strategy):
    """The ``k`` nearest chunks of the documents in front of the input.

    Args:
        k: passages in a prompt.
        chunk_tokens: longest chunk, in the embedder's word pieces.
        overlap_tokens: word pieces that neighbouring chunks share.
        passages: ``retrieved``, or ``shuffled`` for a negative control: as many chunks of random
            other documents. If that answers as well, retrieval is not what helps.
        embedder: embeds chunks and inputs.
        seed: of the shuffled passages.
    """

    name: ClassVar[str] = "rag"

    k: int = 3
    chunk_tokens: int = 200
    overlap_tokens: int = 40
    passages: Passages = "retrieved"
    embedder: str = DEFAULT_EMBEDDER
    seed: int = 0

    @property
    def draws_at_random(self) -> bool:
        """Only the control with shuffled passages does."""
        return self.passages == "shuffled"

    def check(self) -> None:
        """Sizes are positive and the overlap smaller than a chunk."""
        for name in ("k", "chunk_tokens"):
            if not is_int(getattr(self, name)) or getattr(self, name) < 1:
                raise ConfigError.for_parameter("RAG", name, "an int >= 1", getattr(self, name))
        if not is_int(self.overlap_tokens) or not 0 <= self.overlap_tokens < self.chunk_tokens:
            raise ConfigError.for_parameter(
                "RAG", "overlap_tokens", f"between 0 and chunk_tokens - 1 ({self.chunk_tokens - 1})",
                self.overlap_tokens,
            )  # fmt: skip
        if self.passages not in get_args(Passages):
            expected = " or ".join(repr(s) for s in get_args(Passages))
            raise ConfigError.for_parameter("RAG", "passages", expected, self.passages)

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """Passages come from documents."""
        if not task.documents:
            return f"RAG needs documents, and the task '{task.name}' has none."
        return None

    def instruction(self, task: Task) -> str:
        """The full instruction, and what the documents are for."""
        return f"{full_instruction(task)}\nUse the documents given; the answer follows from them."

    def learn(self, model: Model, task: Task) -> Model:
        """Cut, embed and index the documents."""
        self.retriever_ = Retriever.build(
            task.documents,
            embedder=load_embedder(self.embedder),
            chunk_tokens=self.chunk_tokens,
            overlap_tokens=self.overlap_tokens,
            questions=[e.input for e in task.train or ()],
            progress=self.progress_,
        )
        self.fit_notes_ |= self.retriever_.notes
        return model

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Add the passages."""
        inputs = [p.input for p in prompts]
        found = self.retriever_.retrieve(inputs, self.k)
        if self.passages == "shuffled":
            found = [self._others(text, own) for text, own in zip(inputs, found, strict=True)]
        return [
            dataclasses.replace(prompt, context=(*prompt.context, *passages))
            for prompt, passages in zip(prompts, found, strict=True)
        ]

    def _others(self, text: str, own: Sequence[Passage]) -> list[Passage]:
        """As many chunks of other documents, drawn by the input: the same in any batch and order."""
        digest = hashlib.sha256(f"{self.seed}:{text}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        avoid = {p.document_id for p in own}
        order = (int(i) for i in rng.permutation(len(self.retriever_.chunks)))
        others = (i for i in order if self.retriever_.chunks[i].document_id not in avoid)
        return [self.retriever_.passage(i) for i, _ in zip(others, own, strict=False)]

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """Chunks and index."""
        self.retriever_.save(folder / INDEX_FOLDER)
        return {}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Read them back."""
        self.retriever_ = Retriever.load(folder / INDEX_FOLDER, embedder=load_embedder(self.embedder))
        return model
