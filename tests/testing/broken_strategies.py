"""A strategy that keeps to the contract, and one for each check that breaks it in just that place."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from adaptkit.core.errors import ConfigError, ContextLengthError, DataError
from adaptkit.core.types import Completion, Demonstration, Prediction, Prompt, Usage
from adaptkit.models.base import Model
from adaptkit.models.fake import FakeModel
from adaptkit.strategies.base import Strategy
from adaptkit.tasks import Task

BROKEN: dict[str, type[Sound]] = {}
SEED = 1
"""All are made with this one, which is not the default."""


@dataclass(kw_only=True)
class Sound(Strategy):
    """Shows the train rows that share most words with the input; their texts stand in a file of its own."""

    name: ClassVar[str] = "sound"
    file: ClassVar[str] = "pool.txt"

    k: int = 2
    seed: int = 0

    def __init_subclass__(cls, breaks: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if breaks:
            assert breaks not in BROKEN
            BROKEN[breaks] = cls

    def check(self) -> None:
        if self.k < 1:
            raise ConfigError.for_parameter(type(self).__name__, "k", "an int >= 1", self.k)

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        return None if task.train else "It needs train rows."

    def instruction(self, task: Task) -> str:
        return task.instruction

    def learn(self, model: Model, task: Task) -> Model:
        self.pool_ = [(e.input, e.target) for e in task.train]
        return model

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        return [
            dataclasses.replace(p, demonstrations=(*p.demonstrations, *self.shown(p.input))) for p in prompts
        ]

    def shown(self, text: str) -> list[Demonstration]:
        words = set(text.split())
        others = [row for row in self.pool_ if row[0] != text]
        nearest = sorted(others, key=lambda row: len(words & set(row[0].split())))[-self.k :]
        return [Demonstration(input=x, target=y) for x, y in nearest]

    def alternatives(self, task: Task) -> list[Self]:
        return [self, dataclasses.replace(self, k=1, seed=0)]

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        (folder / self.file).write_bytes(self.as_bytes())
        return {}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        self.from_bytes((folder / self.file).read_bytes())
        return model

    def as_bytes(self) -> bytes:
        return "\n".join("\t".join(row) for row in self.pool_).encode()

    def from_bytes(self, content: bytes) -> None:
        rows = [line.partition("\t") for line in content.decode(errors="replace").split("\n")]
        self.pool_ = [(x, y) for x, _, y in rows]


def with_more(prompts: Sequence[Prompt], more: object) -> list[Prompt]:
    """Prompts whose instruction says more: the stand-in answers otherwise."""
    return [dataclasses.replace(p, instruction=f"{p.instruction} {more}") for p in prompts]


class OddlyNamed(Sound, breaks="the_name_can_stand_in_a_command"):
    name = "sound: version 2"


@dataclass(kw_only=True)
class Clamping(Sound, breaks="parameters_are_stored_as_given"):
    def __post_init__(self) -> None:
        self.k = min(self.k, 8)


class TakingAnything(Sound, breaks="an_unknown_parameter_is_named"):
    @classmethod  # type: ignore[misc]
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        return super().from_params({k: v for k, v in params.items() if k in ("k", "seed")})


class ForgettingItsSeed(Sound, breaks="described_parameters_build_the_strategy_again"):
    def described_params(self) -> dict[str, Any]:  # type: ignore[misc]
        return {"k": self.k}


class ReturningItself(Sound, breaks="with_seed_makes_an_unfitted_copy"):
    def with_seed(self, offset: int) -> Self:  # type: ignore[misc]
        return self


class DrawingInSecret(Sound, breaks="another_seed_gives_the_same_answers_where_nothing_is_drawn"):
    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        return with_more(super().extend(prompts), self.seed)


class LeavingItselfOut(Sound, breaks="alternatives_begin_with_the_strategy_itself"):
    def alternatives(self, task: Task) -> list[Self]:
        return super().alternatives(task)[1:]


class GoingTooFar(Sound, breaks="alternatives_are_valid"):
    def alternatives(self, task: Task) -> list[Self]:
        return [self, dataclasses.replace(self, k=self.k - 2)]


class ReturningNothing(Sound, breaks="fit_returns_the_strategy"):
    def fit(self, *arguments: Any, **options: Any) -> Any:  # type: ignore[misc]
        super().fit(*arguments, **options)


class Overwriting(Sound, breaks="fit_leaves_the_parameters_alone"):
    def learn(self, model: Model, task: Task) -> Model:
        self.seed = len(task.train)
        return super().learn(model, task)

    def described_params(self) -> dict[str, Any]:  # type: ignore[misc]
        return {"k": self.k, "seed": min(self.seed, SEED)}


class Marking(Sound, breaks="fit_leaves_the_model_alone"):
    def learn(self, model: Model, task: Task) -> Model:
        assert isinstance(model, FakeModel)
        model.info = dataclasses.replace(model.info, notes=("fitted to",))
        return super().learn(model, task)


class Ticking(Sound, breaks="fit_leaves_the_task_alone"):
    def learn(self, model: Model, task: Task) -> Model:
        for example in task.train:
            example.metadata["read"] = True  # type: ignore[index]
        return super().learn(model, task)


class Unmarked(Sound, breaks="what_is_learnt_ends_in_an_underscore"):
    def learn(self, model: Model, task: Task) -> Model:
        self.n_rows = len(task.train)
        return super().learn(model, task)


class NotingObjects(Sound, breaks="notes_of_the_fit_are_json"):
    def learn(self, model: Model, task: Task) -> Model:
        self.fit_notes_["folder"] = Path("somewhere")
        return super().learn(model, task)


class Overcounting(Sound, breaks="progress_counts_up_to_what_is_planned"):
    def learn(self, model: Model, task: Task) -> Model:
        if self.progress_:
            self.progress_(3, 2)
        return super().learn(model, task)


class ByAddress(Sound, breaks="same_seed_gives_the_same_answers"):
    def learn(self, model: Model, task: Task) -> Model:
        self.address_ = id(model)
        return super().learn(model, task)

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        return with_more(super().extend(prompts), self.address_)

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        return {**super().save_state(folder), "address": self.address_}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        self.address_ = state["address"]
        return super().load_state(folder, state, model)


class Hoarding(Sound, breaks="a_second_fit_forgets_the_first"):
    def learn(self, model: Model, task: Task) -> Model:
        before = getattr(self, "pool_", [])
        super().learn(model, task)
        self.pool_ = [*self.pool_, *before]
        return model


class NeedingTheModel(Sound, breaks="a_refusal_is_found_without_the_model"):
    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        assert model is not None
        return super().refusal(task, model)


class NeedingValidation(Sound, breaks="a_task_without_some_parts_is_served_or_refused"):
    def learn(self, model: Model, task: Task) -> Model:
        assert task.validation
        return super().learn(model, task)


class Untimed(Sound, breaks="a_string_gives_one_timed_prediction"):
    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[Prediction]:
        return [dataclasses.replace(p, latency_s=None) for p in super().ask(prompts, looked_up_s)]


class TimingBatches(Sound, breaks="a_list_gives_untimed_predictions"):
    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[Prediction]:
        found = super().ask(prompts, looked_up_s)
        return [dataclasses.replace(p, latency_s=1.0) for p in found] if len(found) > 1 else found


class CarryingObjects(Sound, breaks="predictions_can_be_recorded"):
    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[Prediction]:
        calls = ({"function": object()},)
        return [dataclasses.replace(p, tool_calls=calls) for p in super().ask(prompts, looked_up_s)]


class CountingNothing(Sound, breaks="usage_is_what_the_requests_took"):
    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[Prediction]:
        nothing = Usage(tokens_in=0, tokens_out=0)
        return [dataclasses.replace(p, usage=nothing) for p in super().ask(prompts, looked_up_s)]


class AnsweringNone(Sound, breaks="no_input_gives_no_prediction"):
    def generate(self, inputs: Any) -> Any:  # type: ignore[misc]
        return super().generate(inputs) or None


class Unpacking(Sound, breaks="a_list_of_one_gives_a_list_of_one"):
    def generate(self, inputs: Any) -> Any:  # type: ignore[misc]
        found = super().generate(inputs)
        return found[0] if isinstance(found, list) and len(found) == 1 else found


class Regrouping(Sound, breaks="answers_come_in_the_order_of_the_inputs"):
    """Sorts the inputs of anything but a list, and does not put them back."""

    def generate(self, inputs: Any) -> Any:  # type: ignore[misc]
        return super().generate(inputs if isinstance(inputs, str | list) else sorted(inputs))


class ByPairs(Sound, breaks="answers_do_not_depend_on_the_batch"):
    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        found = super().extend(prompts)
        return with_more(found, "(pair)") if len(found) == 2 else found


class PointingBack(Sound, breaks="the_same_input_twice_gets_the_same_answer"):
    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[Prediction]:
        found = super().ask(prompts, looked_up_s)
        texts = [p.input for p in prompts]
        return [
            dataclasses.replace(p, output="as above") if texts.index(text) < i else p
            for i, (p, text) in enumerate(zip(found, texts, strict=True))
        ]


class Remembering(Sound, breaks="asking_again_gives_the_same_answers"):
    def learn(self, model: Model, task: Task) -> Model:
        self.asked_: list[list[str]] = []
        return super().learn(model, task)

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        self.asked_ = []
        return super().load_state(folder, state, model)

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        asked, found = [p.input for p in prompts], super().extend(prompts)
        again = asked in self.asked_
        if len(asked) > 2:
            self.asked_.append(asked)
        return with_more(found, "(again)") if again else found


class Formatting(Sound, breaks="odd_inputs_are_answered"):
    def shown(self, text: str) -> list[Demonstration]:
        return super().shown(text.format())


class Hedging(Sound, breaks="answers_to_a_classification_are_labels"):
    def decide(self, completion: Completion) -> str:
        return f"perhaps {completion.text}" if self.format_.choices else completion.text


class AllOrNothing(Sound, breaks="an_input_that_fails_loses_no_other"):
    def generate(self, inputs: Any) -> Any:  # type: ignore[misc]
        self._require_fitted("generate()")
        if isinstance(inputs, str):
            return super().generate(inputs)
        try:
            return self._answer(inputs)
        except ContextLengthError:
            return super().generate(inputs)


class RefusingLists(Sound, breaks="an_input_that_is_too_long_loses_no_other"):
    def generate(self, inputs: Any) -> Any:  # type: ignore[misc]
        if not isinstance(inputs, str) and any(len(text) > 5_000 for text in inputs):
            raise DataError("One of the inputs is too long.")
        return super().generate(inputs)


class AnsweringUnfitted(Sound, breaks="nothing_works_before_fit"):
    def generate(self, inputs: Any) -> Any:  # type: ignore[misc]
        return super().generate(inputs) if inputs else []


class TellingMetadata(Sound, breaks="prompts_hold_no_metadata"):
    def instruction(self, task: Task) -> str:
        return f"{task.instruction} {dict(task.train[0].metadata)}"


class LearningFromTestRows(Sound, breaks="prompts_hold_nothing_of_test_rows"):
    def learn(self, model: Model, task: Task) -> Model:
        super().learn(model, task)
        self.pool_ += [(e.input, e.target) for e in task.test]
        return model


class GivingAway(Sound, breaks="prompts_of_train_rows_do_not_hold_their_own_answer"):
    def shown(self, text: str) -> list[Demonstration]:
        own = [Demonstration(input=x, target=y) for x, y in self.pool_ if x == text]
        return [*super().shown(text), *own]


class Replacing(Sound, breaks="extend_keeps_what_others_added"):
    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        return super().extend([dataclasses.replace(p, demonstrations=()) for p in prompts])


class SavingHalf(Sound, breaks="a_saved_strategy_answers_as_before"):
    def learn(self, model: Model, task: Task) -> Model:
        self.learnt_ = "(learnt)"
        return super().learn(model, task)

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        return with_more(super().extend(prompts), getattr(self, "learnt_", ""))


class Hashing(Sound, breaks="a_saved_strategy_answers_alike_in_a_new_process"):
    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        return with_more(super().extend(prompts), hash("word"))


class LoadingHalf(Sound, breaks="a_loaded_strategy_can_be_saved_again"):
    def learn(self, model: Model, task: Task) -> Model:
        self.n_rows_ = len(task.train)
        return super().learn(model, task)

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        return {**super().save_state(folder), "n_rows": self.n_rows_}


class MarkingWhenLoaded(Sound, breaks="a_loaded_strategy_leaves_the_model_alone"):
    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        assert isinstance(model, FakeModel)
        model.info = dataclasses.replace(model.info, notes=("loaded on",))
        return super().load_state(folder, state, model)


class Pickling(Sound, breaks="a_saved_folder_holds_no_pickle"):
    def as_bytes(self) -> bytes:
        return pickle.dumps(self.pool_)

    def from_bytes(self, content: bytes) -> None:
        self.pool_ = pickle.loads(content)


class ServingAnyModel(Sound, breaks="a_strategy_of_another_model_is_refused"):
    def restore(self, folder: Path, saved: Mapping[str, Any], model: Model, **options: Any) -> Self:  # type: ignore[misc]
        fitted_to = {"id": model.info.id, "revision": model.info.revision}
        return super().restore(folder, {**saved, "model": fitted_to}, model, **options)


class Unsealed(Sound):
    """Reads its file whatever the hashes say."""

    def restore(self, folder: Path, saved: Mapping[str, Any], model: Model, **options: Any) -> Self:  # type: ignore[misc]
        if not (folder / self.file).is_file():
            raise ConfigError(f"{self.file} is missing.")
        return super().restore(folder, {**saved, "files": {}}, model, **options)


class BySize(Unsealed, breaks="a_damaged_file_is_refused"):
    def save_state(self, folder: Path) -> Mapping[str, Any]:
        return {**super().save_state(folder), "size": len(self.as_bytes())}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        if (folder / self.file).stat().st_size != state["size"]:
            raise ConfigError(f"{self.file} has another size.")
        return super().load_state(folder, state, model)


class VouchingForItself(Unsealed, breaks="files_of_another_strategy_are_refused"):
    def as_bytes(self) -> bytes:
        content = json.dumps(self.pool_).encode()
        return hashlib.sha256(content).digest() + content

    def from_bytes(self, content: bytes) -> None:
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            raise ConfigError(f"{self.file} is damaged.")
        self.pool_ = [(x, y) for x, y in json.loads(content[32:])]
