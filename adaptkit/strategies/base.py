"""The one interface: ``fit(model, task)``, then ``generate(inputs)``, ``save(folder)``.

A strategy is a keyword-only dataclass of its parameters, stored as given; what it learns ends in ``_``.
A subclass says what a prompt shows (:meth:`Strategy.instruction`, :meth:`Strategy.extend`) and, where it
needs to, what is learnt (:meth:`Strategy.learn`). Batching, trimming to the context window, timing and
errors are done here.

Strategies compose: each is fitted to the model and the prompts that those before it leave.
"""

from __future__ import annotations

import dataclasses
import logging
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, final, overload

from adaptkit.core.codec import well_formed
from adaptkit.core.errors import (
    AdaptKitError,
    AnswerError,
    CapabilityError,
    NotFittedError,
)
from adaptkit.core.files import write_json_atomic
from adaptkit.core.sealed import sealed
from adaptkit.core.types import Completion, Example, Prediction, Prompt, Request, Traits
from adaptkit.models.base import Model
from adaptkit.models.reasoning import completed
from adaptkit.strategies.answer_format import AnswerFormat, is_scored
from adaptkit.strategies.calibration import CONTENT_FREE
from adaptkit.strategies.fitting import fit_to_context
from adaptkit.strategies.inputs import fault_of_input, listed, require_text
from adaptkit.strategies.label_ways import WAYS, LabelReader, LabelTrial, LabelWay
from adaptkit.strategies.parameters import Parameters
from adaptkit.strategies.seal import (
    FORMAT_VERSION,
    STATE_FILE,
    check_files,
    check_model,
    file_hashes,
    taken_up,
    written_apart,
)
from adaptkit.strategies.updating import Update
from adaptkit.tasks import Task

WARM_UP_TOKENS = 2
"""The first comes with the prompt, the second by decoding."""
logger = logging.getLogger(__name__)
FitProgress = Callable[[int, int], None]


@dataclasses.dataclass(kw_only=True)
class Strategy(Parameters, ABC):
    """A recipe that turns a model and a task into something that answers.

    Attributes set by :meth:`fit`:
        model_: the model that answers (its own, where the strategy replaces weights).
        before_: the strategies that add to the prompts before this one, where it is part of a composition.
        format_: what an answer looks like: choices, schema, length, stop strings.
        label_reader_: how the label of a classification is got out of a completion; None where there are no
            labels.
        fit_notes_: what a report should tell about the fit (losses, sizes, choices made).
    """

    name: ClassVar[str]
    learns_from: ClassVar[tuple[str, ...]] = ("train", "validation", "documents")
    """Parts of a task that what is learnt depends on, where anything is."""
    update: ClassVar[Update] = "re-fit"
    """What has to be done again when they change."""
    _default_label_way: ClassVar[str] = "sum"
    """Which of :attr:`_label_ways` is taken where there is nothing to choose by."""

    @property
    def traits(self) -> Traits:
        """What it is, for requirements, costs and checks; a subclass may set a class attribute.

        A fit that returns a model other than the one given counts as training, whatever is said here.
        """
        return Traits()

    @property
    def label(self) -> str:
        """What tables call it: the registered name, or names."""
        return self.name

    @property
    def draws_at_random(self) -> bool:
        """Whether another ``seed`` can give another result."""
        return False

    @property
    def _leads(self) -> bool:
        """Whether, in a composition, the way of asking is this strategy's although others come after it.

        Its instruction, answer format, :meth:`ask` and :meth:`decide` are taken then. Where no part leads,
        the last one's are.
        """
        return False

    @property
    def _label_ways(self) -> Mapping[str, LabelWay]:
        """Ways to get a label out of the model, of which one is chosen on validation rows.

        None where :meth:`ask` is the strategy's own: it gets its labels itself.
        """
        return WAYS if type(self).ask is Strategy.ask else {}

    @final
    def fit(
        self,
        model: Model,
        task: Task,
        *,
        progress: FitProgress | None = None,
        before: Sequence[Strategy] = (),
        seconds: float | None = None,
    ) -> Self:
        """Learn what there is to learn from ``task.train`` and ``task.validation``.

        Args:
            model: what to apply the strategy to; it is left as it is.
            task: what for.
            progress: called with steps done and steps planned, by strategies that take long.
            before: fitted strategies whose prompts this one adds to.
            seconds: what it may take, for strategies that can do with less: those that train. None for no
                bound.

        Returns:
            The strategy itself.

        Raises:
            ConfigError: a parameter is out of range.
            CapabilityError: this model or task cannot serve this strategy.
        """
        self._fit_part(model, task, progress=progress, before=before, seconds=seconds)
        self._choose(task)
        return self

    def _fit_part(
        self,
        model: Model,
        task: Task,
        *,
        progress: FitProgress | None = None,
        before: Sequence[Strategy] = (),
        seconds: float | None = None,
    ) -> None:
        """As :meth:`fit`, without :meth:`_choose`: in a composition only the part that asks has a choice."""
        self.check()
        reason = self.refusal(task, model)
        if reason:
            raise CapabilityError(reason)
        self.progress_ = progress
        self.ends_at_ = None if seconds is None else time.monotonic() + seconds
        self.before_: tuple[Strategy, ...] = tuple(before)
        self.fit_notes_: dict[str, Any] = {}
        self.label_reader_: LabelReader | None = None
        leader = leader_of((*before, self))
        self.instruction_: str = leader.instruction(task)
        self.format_: AnswerFormat = leader.answer_format(task, model)
        if self.format_.decoded_freely:
            self.fit_notes_["decoded_freely"] = self.format_.decoded_freely
        self.model_: Model = self.learn(model, task)

    def _choose(self, task: Task) -> None:
        """Choose on validation rows what is left open about asking: how a label is got out of the model."""
        own = type(self).decide is not Strategy.decide
        if not self.format_.choices or not self._label_ways or own:
            return
        trial = LabelTrial(
            model=self.model_,
            task=task,
            form=self.format_,
            request=self._request,
            prompts=self.prompts,
            typical=self._prior_prompts,
        )
        self.label_reader_, told = trial.chosen(self._label_ways, self._default_label_way)
        self.fit_notes_["labels_by"] = told
        if self.label_reader_.reading is not None:
            self.format_ = dataclasses.replace(self.format_, choices=None)

    def _prior_prompts(self, task: Task) -> list[Prompt]:
        """Prompts that tell what the labels get whatever is asked: those of inputs without content."""
        return self.prompts(CONTENT_FREE)

    # A string is a sequence of strings too: the first signature wins, as the code does.
    @overload
    def generate(self, inputs: str) -> Prediction: ...  # type: ignore[overload-overlap]
    @overload
    def generate(self, inputs: Sequence[str]) -> list[Prediction]: ...
    @final
    def generate(self, inputs: str | Sequence[str]) -> Prediction | list[Prediction]:
        """Answer one input or many.

        Args:
            inputs: a string, or a sequence of strings.

        Returns:
            A prediction for a string; for a sequence a list in its order and of its length, in which
            an input that failed carries ``error`` and harms no other.

        Raises:
            NotFittedError: ``fit()`` has not been called.
            ConfigError: ``inputs`` is neither a string nor a sequence.
            AdaptKitError: the single input given as a string failed; or all of several did, by no fault that
                the strategy or model names.
        """
        self._require_fitted("generate()")
        if isinstance(inputs, str):
            require_text(inputs)
            return self._answer([inputs])[0]
        inputs = listed(inputs)
        refused = [fault_of_input(text) for text in inputs]
        if any(refused):
            answered = iter(self.generate([t for t, f in zip(inputs, refused, strict=True) if f is None]))
            return [next(answered) if f is None else Prediction.failed(f) for f in refused]
        try:
            return self._answer(inputs)
        except Exception:  # whatever one input brings about, the others are answered
            answers = [self._answer_alone(text) for text in inputs]
        faults = [p.error for p in answers if p.error and p.error.type == AnswerError.__name__]
        if len(faults) == len(inputs) > 1:
            raise AnswerError(faults[0].message)  # no input's fault
        return answers

    @final
    def warm_up(self, inputs: Sequence[str]) -> None:
        """Begin to answer, as far as it takes to set up what is set up once.

        Inputs that fail together are tried alone, until one does not fail.

        Raises:
            Exception: all failed, by a fault that nobody names.
        """
        self._require_fitted("warm_up()")
        if not self.traits.uses_llm:
            self.generate(list(inputs))
            return
        fault: Exception | None = None
        for part in (inputs, *([text] for text in inputs)):
            try:
                requests = [self._request(p) for p in self.prompts(part)]
                self.model_.complete(
                    [dataclasses.replace(r, max_new_tokens=WARM_UP_TOKENS) for r in requests]
                )
            except Exception as error:
                fault = error
                continue
            return
        if fault is not None and not isinstance(fault, AdaptKitError):
            raise fault  # no input's fault

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """Why this strategy cannot run on this task and model; None when it can.

        Args:
            task: what for.
            model: None when it is not loaded yet: then only the task is judged.
        """
        return None

    @abstractmethod
    def instruction(self, task: Task) -> str:
        """The instruction, the same for all inputs."""

    def answer_format(self, task: Task, model: Model) -> AnswerFormat:
        """How completions are bounded."""
        return AnswerFormat.of(task, model)

    def learn(self, model: Model, task: Task) -> Model:
        """Learn from the task; return the model that answers."""
        return model

    @final
    def prompts(self, inputs: Sequence[str]) -> list[Prompt]:
        """Build the prompts: instruction and input, with what each strategy in turn adds."""
        return leader_of((*self.before_, self))._format_prompts(self.extend(self.prompts_before(inputs)))

    @final
    def prompts_before(self, inputs: Sequence[str]) -> list[Prompt]:
        """Prompts as the strategies before this one leave them."""
        prompts = [Prompt(instruction=self.instruction_, input=text) for text in inputs]
        for strategy in self.before_:
            prompts = strategy.extend(prompts)
        return prompts

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Add what this strategy shows; one that looks something up does it for all prompts at once.

        Train inputs come here too, when a strategy that is fitted later trains on these prompts: nothing
        that is added may give away the answer to the prompt's own input.
        """
        return list(prompts)

    @final
    def training_prompts(self, examples: Sequence[Example]) -> list[Prompt]:
        """The prompts of train examples, for training on them: as served, unless a strategy says otherwise.

        Of rows that only judge the weights (validation), the prompts are those of :meth:`prompts`.
        """
        prompts = [Prompt(instruction=self.instruction_, input=e.input) for e in examples]
        for strategy in (*self.before_, self):
            prompts = strategy._extend_training(prompts, examples)
        return leader_of((*self.before_, self))._format_prompts(prompts)

    def _extend_training(self, prompts: Sequence[Prompt], examples: Sequence[Example]) -> list[Prompt]:
        """Add what a strategy that is fitted later is to train on; as :meth:`extend` does, by default.

        Args:
            prompts: one for each example.
            examples: train rows. No answer of theirs may be given away, no more than by ``extend``.
        """
        return self.extend(prompts)

    def _format_prompts(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Set out prompts that every strategy has added to, in training as in serving.

        Only the leading strategy's is called: the others look things up by inputs as they were given.
        """
        return list(prompts)

    def completion(self, example: Example) -> str:
        """What a model should write to this strategy's prompt for a train example, if weights are trained."""
        return example.target

    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[Prediction]:
        """Answer prompts, in order: one request each, unless a strategy asks otherwise.

        Args:
            prompts: what :meth:`prompts` built.
            looked_up_s: seconds that building them took, to be counted; None where no times are told.
        """
        requests = [self._request(p) for p in prompts]
        completions = self._complete(requests)
        return [
            self._prediction(request.prompt, completion, looked_up_s)
            for request, completion in zip(requests, completions, strict=True)
        ]

    def decide(self, completion: Completion) -> str:
        """The answer that a completion stands for."""
        return (
            self._read_answer(completion.text)
            if self.label_reader_ is None
            else self.label_reader_.label(completion)
        )

    def _read_answer(self, text: str) -> str:
        """The answer that a text holds, where no label is scored."""
        return text

    @final
    def update_needed(self, old: Task, new: Task) -> tuple[Update, ...]:
        """What has to be done to a fitted strategy when rows and documents change; empty for nothing.

        Args:
            old: the task that it was fitted to.
            new: the same task as it is now.
        """
        return self._update_needed(old, new)

    def _update_needed(self, old: Task, new: Task) -> tuple[Update, ...]:
        learns = type(self).learn is not Strategy.learn
        changed = any(getattr(old, part) != getattr(new, part) for part in self.learns_from)
        return (self.update,) if learns and changed else ()

    def _chooses(self, task: Task) -> bool:
        """Whether :meth:`_choose` depends on validation rows; what it chose stays when they change."""
        own = type(self).decide is not Strategy.decide
        return self.traits.uses_llm and is_scored(task) and len(self._label_ways) > 1 and not own

    @final
    def labels_used(self, task: Task) -> tuple[str, ...]:
        """Splits whose labels it learns from, or chooses by: those whose rows it would miss."""
        splits: tuple[Literal["train", "validation"], ...] = ("train", "validation")
        found: list[str] = [split for member in self._members for split in member.labels_used(task)]
        if not self._members:
            found += [split for split in splits if self.update_needed(task.without(split), task)]
        if self._chooses(task):
            found.append("validation")
        return tuple(dict.fromkeys(found))

    @final
    def updated(self, model: Model, old: Task, new: Task) -> Self:
        """A fitted strategy brought up to date in the cheapest way that it has; this one stays as it is.

        Args:
            model: the one that it was fitted to, with its weights of then.
            old: the task that it was fitted to.
            new: the same task as it is now: other rows or documents, the same question.

        Raises:
            NotFittedError: ``fit()`` has not been called.
        """
        self._require_fitted("updated()")
        return self._updated(model, old, new) if self.update_needed(old, new) else self

    def _updated(self, model: Model, old: Task, new: Task) -> Self:
        return dataclasses.replace(self).fit(model, new, before=self.before_)

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """Write what was learnt to ``folder``; return what goes into strategy.json."""
        return {}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Read what :meth:`save_state` wrote; return the model that answers."""
        return model

    def alternatives(self, task: Task) -> list[Self]:
        """Configurations worth trying on validation rows: this one first, then by what is known to help."""
        return [self]

    @final
    @property
    def takes_seed(self) -> bool:
        """Whether runs with several seeds differ."""
        if self._members:
            return any(member.takes_seed for member in self._members)
        return self.draws_at_random and "seed" in self.params()

    @final
    def with_leaves(self, change: Callable[[Strategy], Strategy]) -> Strategy:
        """The strategy, not fitted, with each strategy that is made of no others replaced by its change."""

        def changed(value: Any) -> Any:
            if isinstance(value, Strategy):
                return value.with_leaves(change)
            many = isinstance(value, tuple) and any(isinstance(v, Strategy) for v in value)
            return tuple(map(changed, value)) if many else value

        if not self._members:
            return change(self)
        return type(self)(**{name: changed(value) for name, value in self.params().items()})

    @property
    def _members(self) -> tuple[Strategy, ...]:
        """The strategies that it is made of; none where it is one of its own."""
        return ()

    @final
    def save(self, folder: str | Path) -> Path:
        """Write the fitted strategy (JSON, safetensors, FAISS; no pickle) and return its folder.

        ``strategy.json`` is written last, so a folder that has it is whole; it holds the hashes of all
        files, its own content included, and a folder that does not match them is refused.
        """
        self._require_fitted("save()")
        folder = Path(folder)
        with written_apart(folder) as made:
            state = self.save_state(made)
            hashes = file_hashes(made)
        model = self.model_.info
        content = {
            "format_version": FORMAT_VERSION,
            "strategy": self.name,
            "class": f"{type(self).__module__}:{type(self).__qualname__}",
            "params": self.described_params(),
            "model": {"id": model.id, "revision": model.revision},
            "instruction": self.instruction_,
            "format": self.format_,
            "labels": self.label_reader_ and self.label_reader_.to_json(),
            "fit_notes": self.fit_notes_,
            "state": state,
            "files": hashes,
        }
        write_json_atomic(folder / STATE_FILE, sealed(content))
        return folder

    @final
    def restore(
        self, folder: Path, saved: Mapping[str, Any], model: Model, *, before: Sequence[Strategy] = ()
    ) -> Self:
        """Take up what :meth:`save` wrote; used by :func:`adaptkit.load_strategy`.

        Raises:
            ConfigError: a file is missing or is not the one that was saved, or the model is another one.
        """
        with taken_up(folder):
            check_model(folder, saved["model"], model.info)
            check_files(folder, saved["files"])
            self.before_ = tuple(before)
            self.fit_notes_ = dict(saved["fit_notes"])
            self.instruction_ = str(saved["instruction"])
            self.format_ = AnswerFormat.from_json(saved["format"])
            # Strategies saved before each had its way to get a label have none here.
            labels = saved.get("labels")
            self.label_reader_ = labels and LabelReader.from_json(labels)
            self.model_ = self.load_state(folder, saved["state"], model)
        return self

    @final
    @property
    def seconds_left(self) -> float | None:
        """Of what ``fit()`` may take; None for no bound."""
        ends_at: float | None = getattr(self, "ends_at_", None)
        return None if ends_at is None else max(0.0, ends_at - time.monotonic())

    def _require_fitted(self, call: str) -> None:
        if getattr(self, "model_", None) is None:
            raise NotFittedError(
                f"This {type(self).__name__} is not fitted. Call fit(model, task) before {call}."
            )

    def _answer_alone(self, text: str) -> Prediction:
        try:
            return self._answer([text])[0]
        except Exception as error:
            return Prediction.failed(error)

    def _answer(self, inputs: Sequence[str]) -> list[Prediction]:
        if not inputs:
            return []
        started = time.perf_counter()
        try:
            prompts = self.prompts(inputs)
            looked_up_s = time.perf_counter() - started
            predictions = self.ask(prompts, looked_up_s if len(inputs) == 1 else None)
        except AdaptKitError:
            raise
        except Exception as error:
            # Where, and not the message: it may quote what somebody asked.
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.debug("%s while answering %d input(s):\n%s", type(error).__name__, len(inputs), where)
            raise AnswerError(f"{self.label} failed ({type(error).__name__}: {error}).") from error
        return self._checked(predictions, len(inputs))

    def _checked(self, predictions: Sequence[Prediction], n: int) -> list[Prediction]:
        """Predictions as all that comes after takes them: one an input, with a text that a file takes."""
        if len(predictions) != n:
            raise AnswerError(f"{self.label} gave {len(predictions)} predictions for {n} inputs.")
        for prediction in predictions:
            if not isinstance(prediction.output, str):
                raise AnswerError(f"{self.label} answered {prediction.output!r}, and a text is expected.")
        return [dataclasses.replace(p, output=well_formed(p.output)) for p in predictions]

    def _complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Have the model answer; what it reasons before an answer is parted from it."""
        return completed(self.model_, requests, parts=not self.format_.keeps_marks)

    def _request(self, prompt: Prompt) -> Request:
        form = self.format_
        prompt = fit_to_context(prompt, self.model_, form.max_new_tokens)
        return Request(
            prompt=prompt,
            max_new_tokens=form.max_new_tokens,
            choices=form.choices,
            stop=form.stop,
            schema=form.schema,
        )

    def _prediction(self, prompt: Prompt, completion: Completion, looked_up_s: float | None) -> Prediction:
        def with_lookup(seconds: float | None) -> float | None:
            return None if seconds is None or looked_up_s is None else seconds + looked_up_s

        looks_up = bool(prompt.context or prompt.demonstrations)
        return Prediction(
            output=self.decide(completion),
            finish_reason=completion.finish_reason,
            usage=completion.usage,
            contexts=prompt.context,
            retrieve_s=looked_up_s if looks_up else None,
            first_token_s=with_lookup(completion.first_token_s),
            latency_s=with_lookup(completion.latency_s),
        )


def leader_of(strategies: Sequence[Strategy]) -> Strategy:
    """The one of several strategies whose way of asking is taken: the last that leads, or the last."""
    return next((s for s in reversed(strategies) if s._leads), strategies[-1])
