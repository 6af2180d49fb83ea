"""Few-shot in-context learning: solved examples in the prompt."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np

from adaptkit.core.errors import ConfigError
from adaptkit.core.numbers import is_int, is_number
from adaptkit.core.types import Demonstration, Prediction, Prompt, Traits, Usage
from adaptkit.models.base import Model
from adaptkit.retrieval import DEFAULT_EMBEDDER, index_texts, load_embedder
from adaptkit.strategies.base import Strategy
from adaptkit.strategies.checks import COUNT_OR_ZERO, Check, check_params
from adaptkit.strategies.choosing import score_of
from adaptkit.strategies.demonstrations import Candidates, DemonstrationPool, distinct
from adaptkit.strategies.draws import rng_for
from adaptkit.strategies.fitting import DemonstrationRoom
from adaptkit.strategies.label_ways import WAYS, LabelWay
from adaptkit.strategies.selection import (
    Order,
    arrange,
    balanced_nearest,
    balanced_sample,
    diverse,
    vote,
)
from adaptkit.strategies.wording import full_instruction
from adaptkit.tasks import Task, some_rows

Selection = Literal["nearest", "diverse", "balanced", "random"]
DEFAULT_ORDERS: dict[str, Order] = {
    "nearest": "nearest-last",
    "diverse": "nearest-last",
    "balanced": "nearest-last",
    "random": "interleaved",
}
DIVERSE_POOL = 5
"""Diverse demonstrations are chosen among this many times as many nearest ones."""
BALANCED_POOL = 10_000
"""A label that none of so many nearest ones has is not shown."""
VOTERS = 8
"""Neighbours that vote where ``k`` does not say how many."""
N_VOTED_ON = 100
"""Validation rows that the vote is scored on."""
N_COUNTED = 16
"""Rows on which demonstrations are counted, for the notes."""
N_CALIBRATED, MOST_CALIBRATED = 24, 200
"""Prompts that calibration is measured on: at least so many, so that all labels come equally often."""
ROOM_FOR = 0.95
"""Random demonstrations are as many as leave room for this share of inputs; the others get fewer."""
_CHECKS: dict[str, Check] = {
    "k": (lambda v: v is None or (is_int(v) and v >= 1), "an int >= 1"),
    "diversity": (lambda v: is_number(v) and 0 <= v <= 1, "a number from 0 to 1"),
    "calibrate": (lambda v: v is None or isinstance(v, bool), "True, False or None"),
    "seed": COUNT_OR_ZERO,
}


@dataclass(kw_only=True)
class FewShot(Strategy):
    """``k`` solved train examples in front of the input.

    None of them is the input itself or a copy of it, and none is shown twice; texts that differ in case and
    white space only count as copies. Where the context window is short, the least useful are left out.

    For a classification ``fit_notes_["knn_vote"]`` is the score, on validation rows, of letting the nearest
    train examples vote: where few-shot is no better, no language model is needed.

    Args:
        k: demonstrations in a prompt; fewer where the context window or the train rows are short. None
            for as many as the window holds (many-shot, Agarwal et al. 2024, arXiv:2404.11018).
        selection: ``nearest`` takes, for each input, the train examples most similar to it (Liu et
            al. 2021, arXiv:2101.06804); ``diverse`` those of the nearest that are also unlike each other;
            ``balanced`` the nearest of each label in turn; ``random`` takes the same ones for all inputs,
            labels in turn, so that a long shared prompt can be computed once.
        order: ``nearest-last``, ``nearest-first``, ``interleaved`` (labels follow themselves as little as
            can be), ``shuffled``, or ``sorted`` by label, which is known to be bad (Bertsch et al. 2024,
            arXiv:2405.00200). None for the nearest last, and interleaved where they are random.
        diversity: of ``diverse``, from 0 (as ``nearest``) to 1.
        calibrate: for a classification, divide each label's probability by its mean over train inputs, each
            label as often, behind demonstrations of their own (batch calibration, Zhou et al. 2023,
            arXiv:2309.17249). It did more than inputs without content (Zhao et al. 2021, arXiv:2102.09690).
            None leaves the way to get a label open (see :attr:`_label_ways`); without validation rows to
            choose by it is taken for random demonstrations only. There it makes up for the model's liking
            for the labels shown last; behind similar ones, whose labels are a hint, it was of no use.
        embedder: embeds inputs, for all selections but ``random``.
        seed: of the random draw, and of the shuffled order.
    """

    name: ClassVar[str] = "few-shot"
    traits: ClassVar[Traits] = Traits(complexity=2)
    learns_from: ClassVar[tuple[str, ...]] = ("train", "validation")

    k: int | None = 8
    selection: Selection = "nearest"
    order: Order | None = None
    diversity: float = 0.3
    calibrate: bool | None = None
    embedder: str = DEFAULT_EMBEDDER
    seed: int = 0

    @property
    def draws_at_random(self) -> bool:
        """Random demonstrations and a shuffled order do."""
        return self.selection == "random" or self.order == "shuffled"

    @property
    def _label_ways(self) -> Mapping[str, LabelWay]:
        """All, unless ``calibrate`` says which."""
        if self.calibrate is None:
            return WAYS
        name = "calibrated" if self.calibrate else "sum"
        return {name: WAYS[name]}

    @property
    def _default_label_way(self) -> str:  # type: ignore[override]
        """Calibrated behind random demonstrations."""
        return "calibrated" if self.selection == "random" else "sum"

    @property
    def _order(self) -> Order:
        return self.order or DEFAULT_ORDERS[self.selection]

    def check(self) -> None:
        """Numbers are in range, selection and order are known and go together."""
        check_params(self, _CHECKS)
        _check_name("selection", self.selection, get_args(Selection))
        if self.order is not None:
            _check_name("order", self.order, get_args(Order))
        if self.selection == "random" and self.order in ("nearest-last", "nearest-first"):
            expected = "None, 'interleaved', 'sorted' or 'shuffled' where the selection is random"
            raise ConfigError.for_parameter("FewShot", "order", expected, self.order)
        super().check()

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """Demonstrations come from train rows."""
        if not task.train:
            return f"FewShot needs train examples, and the task '{task.name}' has none."
        return None

    def instruction(self, task: Task) -> str:
        """The full instruction: demonstrations add to it."""
        return full_instruction(task)

    def learn(self, model: Model, task: Task) -> Model:
        """Draw the demonstrations or index the train inputs; measure how the model likes the labels."""
        self.room_ = DemonstrationRoom(model, self.format_.max_new_tokens)
        self.limit_: int = self.room_.most if self.k is None else self.k
        rows = (Demonstration(input=e.input, target=e.target, example_id=e.id) for e in task.train)
        pool = DemonstrationPool(distinct(rows), labelled=task.kind == "classification")
        if self.selection == "random":
            self.pool_: DemonstrationPool = self._drawn(pool, task)
        else:
            self.pool_ = self._indexed(pool)
            self._note_vote(task)
        self._note_shown(task)
        return model

    def _drawn(self, pool: DemonstrationPool, task: Task) -> DemonstrationPool:
        """As many as fit beside a long input, so that all prompts begin alike, and one to spare.

        The spare one is shown to an input that was itself drawn.
        """
        rng = np.random.default_rng(self.seed)
        drawn = pool.only(balanced_sample(pool.labels, self.limit_ + 1, rng))
        inputs = sorted((e.input for e in (*task.train, *(task.validation or ()))), key=len)
        (long,) = self.prompts_before([inputs[int(ROOM_FOR * (len(inputs) - 1))]])
        self.limit_ = max(1, self.room_.n_that_fit(long, drawn.demonstrations[: self.limit_]))
        return drawn.only(range(min(len(drawn), self.limit_ + 1)))

    def _indexed(self, pool: DemonstrationPool) -> DemonstrationPool:
        texts = [d.input for d in pool.demonstrations]
        pool.index, notes = index_texts(texts, load_embedder(self.embedder), progress=self.progress_)
        self.fit_notes_ |= notes
        return pool

    def _note_vote(self, task: Task) -> None:
        """The score of a vote of the neighbours: what can be had without a language model."""
        rows = some_rows(task.validation or (), N_VOTED_ON)
        if task.kind != "classification" or not rows:
            return
        prompts = [Prompt(instruction="", input=e.input) for e in rows]
        found = self.pool_.candidates(prompts, self.k or VOTERS)
        outputs = [vote(c.labels, c.similarities) if c.labels else "" for c in found]
        nothing = Usage(tokens_in=0, tokens_out=0)
        answers = [Prediction(output=o, finish_reason="choice", usage=nothing) for o in outputs]
        self.fit_notes_["knn_vote"] = round(score_of(answers, rows, task), 4)
        self.fit_notes_["knn_vote_n_rows"] = len(rows)

    def _note_shown(self, task: Task) -> None:
        """How many demonstrations prompts hold."""
        rows = some_rows(task.validation or task.train, N_COUNTED)
        before = self.prompts_before([e.input for e in rows])
        pairs = zip(before, self.extend(before), strict=True)
        n_shown = [len(after.demonstrations) - len(b.demonstrations) for b, after in pairs]
        counts = {"min": min(n_shown), "mean": round(fmean(n_shown), 1), "max": max(n_shown)}
        self.fit_notes_["n_shown"] = max(n_shown) if self.selection == "random" else counts

    def _prior_prompts(self, task: Task) -> list[Prompt]:
        """Prompts of train inputs, each label as often: some twice, where a label has few.

        What a label gets in the mean over them is what it is liked. Inputs that are shown themselves come
        last: for them the demonstrations would differ.
        """
        drawn = {d.example_id for d in self.pool_} if self.selection == "random" else set()
        inputs: dict[str, list[str]] = {}
        for row in sorted(some_rows(task.train, len(task.train)), key=lambda e: e.id in drawn):
            inputs.setdefault(row.target, []).append(row.input)
        turns = range(math.ceil(N_CALIBRATED / len(inputs)))
        return self.prompts([own[i % len(own)] for i in turns for own in inputs.values()][:MOST_CALIBRATED])

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Add the demonstrations."""
        found = self.pool_.candidates(prompts, self._n_candidates())
        return [self._with(prompt, candidates) for prompt, candidates in zip(prompts, found, strict=True)]

    def _n_candidates(self) -> int:
        wide = {"diverse": DIVERSE_POOL * self.limit_, "balanced": max(BALANCED_POOL, self.limit_)}
        return wide.get(self.selection, self.limit_)

    def _with(self, prompt: Prompt, found: Candidates) -> Prompt:
        """The prompt with the most useful candidates that it has room for."""
        ranks = self._chosen(found)
        n = self.room_.n_that_fit(prompt, [found.demonstrations[r] for r in ranks])
        order = arrange(
            ranks[:n],
            [found.labels[r] for r in ranks[:n]],
            self._order,
            self._rng(prompt.input),
            best_last=self.selection != "random",
        )
        shown = [found.demonstrations[r] for r in order]
        return dataclasses.replace(prompt, demonstrations=(*prompt.demonstrations, *shown))

    def _chosen(self, found: Candidates) -> list[int]:
        """Ranks among the candidates, the most useful first."""
        if self.selection == "balanced":
            return balanced_nearest(found.labels, self.limit_)
        if self.selection == "diverse" and self.pool_.index is not None:
            vectors = self.pool_.index.vectors(found.positions)
            return diverse(found.similarities, vectors, self.limit_, self.diversity)
        return list(range(min(self.limit_, len(found.demonstrations))))

    def _rng(self, text: str) -> np.random.Generator:
        """For a shuffled order: by the input, so that its batch does not matter; one for all if random."""
        return rng_for(self.seed, "" if self.selection == "random" else text)

    def alternatives(self, task: Task) -> list[Self]:
        """More demonstrations, other selections and scores, then fewer demonstrations."""
        more, fewer = (32, 8) if self.k is None else (2 * self.k, max(1, self.k // 2))
        changes: list[dict[str, Any]] = [
            {"k": more},
            {"selection": "nearest"},
            {"selection": "diverse"},
            {"k": fewer},
            {"selection": "random", "k": more, "order": None},
        ]
        if task.kind == "classification":
            # Among balanced labels only their places tell how near they are.
            changes.insert(4, {"selection": "balanced", "order": self.order or "nearest-last"})
            if self.calibrate is not None:
                changes.insert(5, {"calibrate": not self.calibrate})
            changes.append({"order": "interleaved"})
        found = {self._effect: self}
        for change in changes:
            changed = dataclasses.replace(self, **change)
            found.setdefault(changed._effect, changed)
        return list(found.values())

    @property
    def _effect(self) -> tuple[object, ...]:
        """Equal for configurations that do the same: defaults filled in, what is of no effect left out."""
        diversity = self.diversity if self.selection == "diverse" else None
        return (self.k, self.selection, self._order, diversity, self.calibrate, self.embedder, self.seed)

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """The demonstrations and their index."""
        return {
            "pool": self.pool_.save(folder),
            "limit": self.limit_,
        }

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Read them back."""
        embedder = load_embedder(self.embedder) if state["pool"]["indexed"] else None
        self.pool_ = DemonstrationPool.load(folder, state["pool"], embedder)
        self.limit_ = int(state["limit"])
        self.room_ = DemonstrationRoom(model, self.format_.max_new_tokens)
        return model


def _check_name(parameter: str, given: object, known: Sequence[str]) -> None:
    if given not in known:
        *others, last = map(repr, known)
        raise ConfigError.for_parameter("FewShot", parameter, f"{', '.join(others)} or {last}", given)
