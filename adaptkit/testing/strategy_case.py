"""A strategy under test: what checks share, made when it is first asked for."""

from __future__ import annotations

import copy
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from adaptkit.core.codec import to_json
from adaptkit.core.errors import AdaptKitError, ConfigError
from adaptkit.core.types import Prediction, Prompt
from adaptkit.models.base import Model
from adaptkit.strategies.base import Strategy
from adaptkit.tasks import Task
from adaptkit.testing import new_process
from adaptkit.testing.answers import AnsweredInputs, answers
from adaptkit.testing.failure import CheckFailed, NotApplicable, expect, first_difference, shown_short
from adaptkit.testing.spying import Seen, seen_by
from adaptkit.testing.supply import GivenModel, Supply, address_of
from adaptkit.testing.tasks import SMALL_TASKS, changed, commands, secretive
from adaptkit.testing.weight_hash import fingerprint

GivenStrategy = Strategy | Callable[[], Strategy]
N_TEST_INPUTS = 3
OTHER_INPUTS = ("What does a unicorn do?", "x")


@dataclass(frozen=True)
class Fitted:
    """A fitted strategy, with what was seen before and after."""

    strategy: Strategy
    returned: object
    params_before: dict[str, Any]
    model_before: dict[str, Any]
    model_after: dict[str, Any]
    task_before: Any
    task_after: Any
    progress: list[tuple[int, int]]


@dataclass(frozen=True)
class Loaded:
    """A strategy that was read back, with what its model was before and after."""

    strategy: Strategy
    model_before: dict[str, Any]
    model_after: dict[str, Any]


@dataclass(frozen=True)
class Watched:
    """A strategy fitted to a task full of secrets, with what the model saw of them."""

    strategy: Strategy
    task: Task
    asked: str
    fitting: Seen
    answering: Seen

    @property
    def prompts(self) -> list[Prompt]:
        """All prompts, those that the strategy builds for the asked input among them."""
        return [*self.fitting.prompts, *self.answering.prompts, *self.strategy.prompts([self.asked])]


class StrategyCase:
    """A strategy with a model and a task.

    Args:
        strategy: an unfitted strategy, or what makes one (its class, where its defaults will do).
        model: what to apply it to: a model; a function that makes one, equal each time (one that stands in
            a module can be called in another process too); or a folder or name for ``load_model``. None
            for a stand-in without weights.
        task: what for; None for the first small task that the strategy serves.

    Raises:
        ConfigError: the strategy is fitted already, or serves none of the small tasks.
    """

    def __init__(
        self, strategy: GivenStrategy, *, model: GivenModel | None = None, task: Task | None = None
    ) -> None:
        self.make: Callable[[], Strategy] = _maker(strategy)
        self._supply = Supply.of(model)
        self._told: new_process.Told | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="adaptkit-check-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self.task = task or self._first_served()
        inputs = [e.input for e in self.task.test[:N_TEST_INPUTS]]
        self.inputs: list[str] = [*inputs, *OTHER_INPUTS]

    def __repr__(self) -> str:
        return f"StrategyCase({shown_short(self.make())}, task={self.task.name!r})"

    def _first_served(self) -> Task:
        strategy = self.make()
        tasks = [make() for make in SMALL_TASKS]
        reasons = [strategy.refusal(task, self.model) for task in tasks]
        for task, reason in zip(tasks, reasons, strict=True):
            if reason is None:
                return task
        raise ConfigError(
            f"{type(strategy).__name__} serves none of the small tasks with this model ({reasons[0]}) "
            "Give others: check_strategy(..., task=..., model=...)."
        )

    @cached_property
    def model(self) -> Model:
        """The model that strategies are fitted to."""
        return self._supply.make()

    @cached_property
    def fresh_model(self) -> Model:
        """A model like it that has seen no strategy being fitted."""
        return self._supply.make()

    def fit(self, model: Model, task: Task) -> Strategy:
        """A new strategy, fitted; what ``fit`` returns is left to a check."""
        strategy = self.make()
        strategy.fit(model, task)
        return strategy

    @cached_property
    def fitted(self) -> Fitted:
        """The strategy, fitted once."""
        strategy, progress = self.make(), list[tuple[int, int]]()
        params = snapshot(strategy)
        model, task = fingerprint(self.model), copy.deepcopy(to_json(self.task))
        returned = strategy.fit(self.model, self.task, progress=lambda *counts: progress.append(counts))
        after = (fingerprint(self.model), to_json(self.task))
        return Fitted(strategy, returned, params, model, after[0], task, after[1], progress)

    @property
    def strategy(self) -> Strategy:
        """The fitted strategy."""
        return self.fitted.strategy

    @cached_property
    def together(self) -> list[AnsweredInputs]:
        """Its answers to ``inputs``, asked as one list."""
        return answers(self.generate(self.inputs))

    def generate(self, inputs: Sequence[str]) -> list[Prediction]:
        """Ask the fitted strategy; whatever it returns is expected to be a list."""
        return listed(self.strategy, inputs)

    def expect_alike(self, found: list[AnsweredInputs], expected: str, remedy: str) -> None:
        """Raise CheckFailed unless answers are those of the fitted strategy."""
        expect(found == self.together, expected, first_difference(self.together, found), remedy)

    @cached_property
    def one(self) -> Prediction:
        """Its answer to the first input, asked alone."""
        return self.strategy.generate(self.inputs[0])

    @cached_property
    def twin(self) -> tuple[Strategy, list[AnsweredInputs]]:
        """Another strategy of the same parameters, fitted to the fresh model, and its answers then."""
        strategy = self.fit(self.fresh_model, self.task)
        return strategy, answers(listed(strategy, self.inputs))

    @cached_property
    def other_task(self) -> Task:
        """A task like it from which something else is learnt."""
        return changed(self.task)

    @cached_property
    def fitted_to_other(self) -> Strategy:
        """Another strategy of the kind, fitted to the other task."""
        return self.fit(self.fresh_model, self.other_task)

    @cached_property
    def saved(self) -> Path:
        """The folder of the saved strategy."""
        folder = self._folder / "new" / "saved"
        self.strategy.save(folder)
        return folder

    @cached_property
    def saved_other(self) -> Path:
        """The folder of the one that was fitted to the other task."""
        folder = self._folder / "other"
        self.fitted_to_other.save(folder)
        return folder

    def new_folder(self, copied: Path | None = None) -> Path:
        """A folder of its own, with what another one holds."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        return shutil.copytree(copied, folder, dirs_exist_ok=True) if copied else folder

    def load(self, folder: Path, model: Model) -> Strategy:
        """Read a saved strategy."""
        return new_process.restored(self.make(), folder, model)

    @cached_property
    def loading(self) -> Loaded:
        """The saved strategy, read back on the fresh model, once."""
        before = fingerprint(self.fresh_model)
        strategy = self.load(self.saved, self.fresh_model)
        return Loaded(strategy, before, fingerprint(self.fresh_model))

    @property
    def loaded(self) -> Strategy:
        """The saved strategy, read back."""
        return self.loading.strategy

    @cached_property
    def loaded_answers(self) -> list[AnsweredInputs]:
        """Its answers to ``inputs``."""
        return answers(listed(self.loaded, self.inputs))

    @cached_property
    def job(self) -> new_process.ProcessJob:
        """What another process is told.

        Raises:
            NotApplicable: it could not find the model or the strategy's class.
        """
        where = address_of(type(self.make()))
        if self._supply.address is None:
            raise NotApplicable(
                "Another process cannot make this model: give a function of a module, or a folder."
            )
        if where is None:
            raise NotApplicable("Another process cannot import this class: put it into a module.")
        return new_process.ProcessJob(str(self.saved), where, self._supply.address, tuple(self.inputs))

    @cached_property
    def answers_elsewhere(self) -> list[AnsweredInputs]:
        """Answers of the saved strategy in another process."""
        if self._told is None:
            (self._told,) = new_process.answer_in_new_process([self.job])
        if self._told.answers is None:
            raise CheckFailed(f"A saved strategy could not answer in another process: {self._told.error}")
        return self._told.answers

    @cached_property
    def watched(self) -> Watched:
        """The strategy fitted to a task full of secrets."""
        task, strategy = secretive(self.task), self.make()
        with seen_by(self.model) as fitting:
            strategy.fit(self.model, task)
        asked = task.test[0].input
        with seen_by(strategy.model_) as answering:
            strategy.generate(asked)
        return Watched(strategy, task, asked, fitting, answering)

    @cached_property
    def classifier(self) -> tuple[Strategy, Task]:
        """The strategy fitted to a classification.

        Raises:
            NotApplicable: it serves none.
        """
        task = self.task if self.task.kind == "classification" else commands()
        reason = self.make().refusal(task, self.model)
        if reason is not None:
            raise NotApplicable(f"It serves no classification like the small one: {reason}")
        if task is self.task:
            return self.strategy, task
        return self.fit(self.model, task), task


def share_new_process(cases: Sequence[StrategyCase]) -> None:
    """Let one other process answer for several cases: for suites that check many strategies."""
    able: list[tuple[StrategyCase, new_process.ProcessJob]] = []
    for case in cases:
        try:
            able.append((case, case.job))
        except (NotApplicable, AdaptKitError):
            continue  # its own check says so
    told = new_process.answer_in_new_process([job for _, job in able])
    for (case, _), outcome in zip(able, told, strict=True):
        case._told = outcome


def listed(strategy: Strategy, inputs: Sequence[str]) -> list[Prediction]:
    """The strategy's answers to a list.

    Raises:
        CheckFailed: they are no list.
    """
    predictions: object = strategy.generate(inputs)
    if not isinstance(predictions, list):
        raise CheckFailed(
            f"Expected generate([...]) to return a list. Found {shown_short(predictions)}. "
            "Return a list of as many predictions as there are inputs."
        )
    return predictions


def snapshot(strategy: Strategy) -> dict[str, Any]:
    """The parameters as they are now; of strategies among them, all that they hold."""
    return {name: _frozen(value) for name, value in strategy.params().items()}


def _frozen(value: Any) -> Any:
    if isinstance(value, Strategy):
        return type(value), {name: _frozen(v) for name, v in vars(value).items()}
    if isinstance(value, list | tuple):
        return type(value), [_frozen(v) for v in value]
    return copy.deepcopy(value)


def _maker(given: GivenStrategy) -> Callable[[], Strategy]:
    if not isinstance(given, Strategy):
        return given
    if getattr(given, "model_", None) is not None:
        raise ConfigError(
            f"This {type(given).__name__} is fitted already. Give a new one: checks fit it themselves."
        )
    return lambda: copy.deepcopy(given)
