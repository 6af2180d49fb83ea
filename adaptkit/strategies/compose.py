"""Several strategies as one: retrieval with fine-tuning, demonstrations with a searched prompt."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from adaptkit.core.errors import ConfigError
from adaptkit.models.base import Model
from adaptkit.strategies.base import Strategy, leader_of
from adaptkit.strategies.delegating import Delegating
from adaptkit.strategies.registry import STRATEGIES
from adaptkit.strategies.seal import read_state
from adaptkit.strategies.updating import Update
from adaptkit.tasks import Task


@dataclass(kw_only=True)
class Compose(Delegating):
    """Strategies applied one after the other.

    Each is fitted to the model and the prompts that those before it leave: ``Compose((RAG(), LoRASFT()))``
    trains on prompts that hold retrieved passages, wrong ones among them (the recipe of RAFT, Zhang et al.
    2024, arXiv:2403.10131, whose share of rows with the right passage is ``RAG(gold_share=0.8)``). In the
    other order ``fit_notes_["warning"]`` tells what to fear. The last one's way of asking is taken, unless
    one before it ``_leads``.

    Args:
        parts: at least two, in order.
    """

    name: ClassVar[str] = "compose"

    parts: tuple[Strategy, ...] = field(kw_only=False)

    @property
    def _members(self) -> tuple[Strategy, ...]:
        return tuple(getattr(self, "parts_", self.parts))

    def check(self) -> None:
        """Every part is a strategy, and its parameters are in range."""
        if (
            not isinstance(self.parts, tuple | list)
            or len(self.parts) < 2
            or not all(isinstance(p, Strategy) for p in self.parts)
        ):
            raise ConfigError.for_parameter("Compose", "parts", "at least two strategies", self.parts)
        for part in self.parts:
            part.check()
        reason = _senseless(self.parts)
        if reason:
            raise ConfigError(f"'{self.label}' makes no sense: {reason}")

    def learn(self, model: Model, task: Task) -> Model:
        """Fit each part, on copies: the parameters stay unfitted."""
        self.parts_: list[Strategy] = []
        for i, given in enumerate(self.parts):
            part = dataclasses.replace(given)
            part._fit_part(
                model,
                task,
                progress=self.progress_,
                before=(*self.before_, *self.parts_),
                seconds=self._share_of_seconds(i),
            )
            model = part.model_
            self._note(part)
            self.parts_.append(part)
        # A part that chooses its configuration knows these only now.
        self.instruction_, self.format_ = self.parts_[-1].instruction_, self.parts_[-1].format_
        if warnings := passages_after_training(self.parts_):
            self.fit_notes_["warning"] = [*self.fit_notes_.get("warning", ()), *warnings]
        self._serve_all_with(model)
        return model

    def _choose(self, task: Task) -> None:
        """The leading part's choice, with the prompts of all."""
        leader = leader_of(self.parts_)
        known = dict(leader.fit_notes_)
        leader._choose(task)
        self.instruction_, self.format_ = leader.instruction_, leader.format_
        self.fit_notes_ |= {n: v for n, v in leader.fit_notes_.items() if known.get(n) != v}

    def _chooses(self, task: Task) -> bool:
        """Whether the leading part does."""
        return leader_of(self.parts)._chooses(task)

    def _share_of_seconds(self, i: int) -> float | None:
        """What is left, in equal parts for those that train and are still to come."""
        n_training = sum(p.traits.trains_weights for p in self.parts[i:])
        return None if self.seconds_left is None else self.seconds_left / max(1, n_training)

    def _note(self, part: Strategy) -> None:
        """Take over the notes of a part; those of a name that is taken get the part's in front."""
        for name, value in part.fit_notes_.items():
            if name in ("cut_short", "warning"):
                known = self.fit_notes_.get(name, [])
                self.fit_notes_[name] = [*known, *(v for v in value if v not in known)]
                continue
            self.fit_notes_[f"{part.name}_{name}" if name in self.fit_notes_ else name] = value

    def _serve_all_with(self, model: Model) -> None:
        for part in self.parts_:
            part.model_ = model

    def _changed(self, params: dict[str, Any]) -> dict[str, Any]:
        """Those of the parts, their names in front."""
        return {f"{p.label}.{k}": v for p in self.parts for k, v in p.changed_params().items()}

    @classmethod
    def _decoded(cls, params: Mapping[str, Any]) -> dict[str, Any]:
        described = params.get("parts")
        if not isinstance(described, list | tuple):
            raise ConfigError.for_parameter("Compose", "parts", "a list of strategies", params)
        return {"parts": tuple(_part(p) for p in described)}

    def alternatives(self, task: Task) -> list[Self]:
        """The parts' alternatives, one part changed at a time, in turns."""
        others = [
            [(i, changed) for changed in part.alternatives(task)[1:]] for i, part in enumerate(self.parts)
        ]
        found = [self]
        for turn in range(max(map(len, others))):
            for i, changed in (o[turn] for o in others if turn < len(o)):
                found.append(type(self)((*self.parts[:i], changed, *self.parts[i + 1 :])))
        return found

    def _update_needed(self, old: Task, new: Task) -> tuple[Update, ...]:
        """What the parts need; weights that read documents stay, once those are looked up anew."""
        needed = dict.fromkeys(kind for p in self._members for kind in p.update_needed(old, new))
        if "re-index" in needed:
            needed.pop("re-train", None)
        return tuple(needed)

    def _updated(self, model: Model, old: Task, new: Task) -> Self:
        """The parts brought up to date, on the weights that there are; all anew where those are trained."""
        if "re-train" in self.update_needed(old, new):
            return super()._updated(model, old, new)
        made = copy.copy(self)
        made.fit_notes_, made.parts_ = dict(self.fit_notes_), []
        for given in self.parts_:
            part = copy.copy(given)
            part.before_ = (*self.before_, *made.parts_)
            if "re-train" not in part.update_needed(old, new):
                part = part.updated(self.model_, old, new)
            made._note_again(part, given)
            made.parts_.append(part)
        made._serve_all_with(self.model_)
        return made

    def _note_again(self, part: Strategy, given: Strategy) -> None:
        """Put a part's notes where those of the part before its update stand."""
        for name, value in part.fit_notes_.items():
            own = f"{part.name}_{name}"
            stands = own if own in self.fit_notes_ else name
            if value != given.fit_notes_.get(name):
                self.fit_notes_[stands] = value

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """Each part in a folder of its own."""
        for i, part in enumerate(self.parts_):
            part.save(_part_folder(folder, i))
        return {"n_parts": len(self.parts_)}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Restore each part on the model that the one before it left."""
        self.parts_ = []
        for i, given in enumerate(self.parts):
            where = _part_folder(folder, i)
            part = dataclasses.replace(given)
            part.restore(where, read_state(where), model, before=(*self.before_, *self.parts_))
            model = part.model_
            self.parts_.append(part)
        self._serve_all_with(model)
        return model


def _senseless(parts: Sequence[Strategy]) -> str | None:
    """Why these parts cannot stand in one composition, in any order."""
    for part in parts:
        if not part.traits.uses_llm:
            return f"{part.label} answers without the model, so the others have no effect. Leave it out."
    names = [p.label for p in parts]
    twice = next((n for n in names if names.count(n) > 1), None)
    return None if twice is None else f"{twice} stands in it twice. Keep one of them."


def passages_after_training(parts: Sequence[Strategy]) -> list[str]:
    """A sentence for each part whose weights were trained on prompts without passages and then meet some."""
    return [
        f"{part.label} was trained without passages and is given them afterwards: retrieval may make it "
        "worse (RAFT, Zhang et al. 2024)."
        for i, part in enumerate(parts)
        if part.traits.trains_weights
        and not any(p.traits.retrieves for p in parts[: i + 1])
        and any(p.traits.retrieves for p in parts[i + 1 :])
    ]


def _part(described: object) -> Strategy:
    if isinstance(described, Strategy):
        return described
    if not isinstance(described, Mapping) or "name" not in described:
        raise ConfigError.for_parameter("Compose", "parts", "strategies, or tables with a name", described)
    return STRATEGIES.get(str(described["name"])).from_params(described.get("params", {}))


def _part_folder(folder: Path, i: int) -> Path:
    return folder / f"part-{i}"
