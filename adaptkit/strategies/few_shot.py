"""Few-shot in-context learning: solved examples in the prompt."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from adaptkit.core.codec import to_json
from adaptkit.core.errors import ConfigError
from adaptkit.core.types import Demonstration, Prompt
from adaptkit.models.base import Model
from adaptkit.retrieval import DEFAULT_EMBEDDER, VectorIndex, index_texts, load_embedder
from adaptkit.strategies.base import Strategy, is_int
from adaptkit.strategies.selection import balanced_sample
from adaptkit.strategies.wording import full_instruction
from adaptkit.tasks import Task

Selection = Literal["nearest", "random"]
INDEX_FOLDER = "demonstrations"


@dataclass(kw_only=True)
class FewShot(Strategy):
    """``k`` solved train examples in front of the input.

    Args:
        k: demonstrations in a prompt; fewer where the context window or the train rows are short.
        selection: ``nearest`` takes, for each input, the train examples most similar to it (Liu et
            al. 2021, arXiv:2101.06804), the nearest last; ``random`` takes the same ones for all
            inputs, labels in turn, so that a long shared prompt can be computed once.
        embedder: embeds inputs for ``nearest``.
        seed: of the random draw.
    """

    name: ClassVar[str] = "few-shot"

    k: int = 8
    selection: Selection = "nearest"
    embedder: str = DEFAULT_EMBEDDER
    seed: int = 0

    @property
    def draws_at_random(self) -> bool:
        """Random demonstrations do, nearest ones do not."""
        return self.selection == "random"

    def check(self) -> None:
        """K is a positive int, selection a known one."""
        if not is_int(self.k) or self.k < 1:
            raise ConfigError.for_parameter("FewShot", "k", "an int >= 1", self.k)
        if self.selection not in get_args(Selection):
            expected = " or ".join(repr(s) for s in get_args(Selection))
            raise ConfigError.for_parameter("FewShot", "selection", expected, self.selection)

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """Demonstrations come from train rows."""
        if not task.train:
            return f"FewShot needs train examples, and the task '{task.name}' has none."
        return None

    def instruction(self, task: Task) -> str:
        """The full instruction: demonstrations add to it."""
        return full_instruction(task)

    def learn(self, model: Model, task: Task) -> Model:
        """Draw the demonstrations, or index the train inputs."""
        pool = [Demonstration(input=e.input, target=e.target, example_id=e.id) for e in task.train]
        if self.selection == "random":
            rng = np.random.default_rng(self.seed)
            chosen = balanced_sample([e.target for e in task.train], self.k + 1, rng)
            self.pool_: list[Demonstration] = [pool[i] for i in chosen]
            self.index_: VectorIndex | None = None
        else:
            self.pool_ = pool
            embedder = load_embedder(self.embedder)
            self.index_, notes = index_texts([d.input for d in pool], embedder, progress=self.progress_)
            self.fit_notes_ |= notes
        return model

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Add the demonstrations."""
        inputs = [p.input for p in prompts]
        chosen = self._nearest(inputs) if self.index_ else [self._drawn(text) for text in inputs]
        return [
            dataclasses.replace(prompt, demonstrations=(*prompt.demonstrations, *shown))
            for prompt, shown in zip(prompts, chosen, strict=True)
        ]

    def _drawn(self, text: str) -> list[Demonstration]:
        """The drawn demonstrations; one was drawn to spare, in case one of them is the input itself."""
        return [d for d in self.pool_ if d.input != text][: self.k]

    def _nearest(self, inputs: Sequence[str]) -> list[list[Demonstration]]:
        assert self.index_ is not None
        queries = self.index_.embedder.embed(inputs)
        # More than k, because copies of the input itself are left out: a demonstration never gives
        # away the answer to its own row.
        most_copies = max(Counter(d.input for d in self.pool_).values())
        _, positions = self.index_.search(queries, self.k + most_copies)
        found = []
        for text, row in zip(inputs, positions, strict=True):
            others = [self.pool_[int(i)] for i in row if i >= 0 and self.pool_[int(i)].input != text]
            found.append(others[: self.k][::-1])
        return found

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """The demonstrations, and their index."""
        if self.index_:
            self.index_.save(folder / INDEX_FOLDER)
        return {"pool": to_json(self.pool_), "indexed": self.index_ is not None}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Read them back."""
        self.pool_ = [Demonstration(**d) for d in state["pool"]]
        self.index_ = None
        if state["indexed"]:
            self.index_ = VectorIndex.load(folder / INDEX_FOLDER, load_embedder(self.embedder))
        return model
