"""What strategies share that are made of others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import reduce
from operator import or_

from adaptkit.core.types import Completion, Example, Prediction, Prompt, Traits
from adaptkit.models.base import Model
from adaptkit.strategies.answer_format import AnswerFormat
from adaptkit.strategies.base import Strategy, leader_of
from adaptkit.tasks import Task


class Delegating(Strategy):
    """Adds to prompts what all its members add, in turn; one of them, the leading one, asks the model."""

    @property
    @abstractmethod
    def _members(self) -> tuple[Strategy, ...]:
        """Fitted where they are, in order."""

    @property
    def label(self) -> str:
        """The members' names, joined by ``+``."""
        return "+".join(m.label for m in self._members)

    @property
    def traits(self) -> Traits:
        """Of all members together."""
        return reduce(or_, (m.traits for m in self._members))

    @property
    def draws_at_random(self) -> bool:
        """When any member does."""
        return any(m.draws_at_random for m in self._members)

    @property
    def _leads(self) -> bool:
        return any(m._leads for m in self._members)

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """The first member's that has one."""
        return next((reason for m in self._members if (reason := m.refusal(task, model))), None)

    def instruction(self, task: Task) -> str:
        """The leading member's, as are the answer format and all else that is asked."""
        return leader_of(self._members).instruction(task)

    def answer_format(self, task: Task, model: Model) -> AnswerFormat:
        """The leading member's."""
        return leader_of(self._members).answer_format(task, model)

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """All members in turn."""
        for member in self._members:
            prompts = member.extend(prompts)
        return list(prompts)

    def _extend_training(self, prompts: Sequence[Prompt], examples: Sequence[Example]) -> list[Prompt]:
        for member in self._members:
            prompts = member._extend_training(prompts, examples)
        return list(prompts)

    def _format_prompts(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        return leader_of(self._members)._format_prompts(prompts)

    def completion(self, example: Example) -> str:
        """The leading member's."""
        return leader_of(self._members).completion(example)

    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[Prediction]:
        """The leading member asks, of the model that a composition may have put in its place."""
        leader = leader_of(self._members)
        leader.model_ = self.model_
        return leader.ask(prompts, looked_up_s)

    def decide(self, completion: Completion) -> str:
        """The leading member's."""
        return leader_of(self._members).decide(completion)
