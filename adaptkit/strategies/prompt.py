"""Prompt engineering: the best that words alone can do."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.types import Completion, Example, Prediction, Prompt, Request
from adaptkit.models.base import Model
from adaptkit.strategies.answer_format import AnswerFormat
from adaptkit.strategies.base import Strategy, leader_of
from adaptkit.strategies.calibration import ContentFreePrior, label_lengths, per_token
from adaptkit.strategies.checks import (
    ABOVE_ZERO,
    COUNT,
    COUNT_OR_ZERO,
    LINES,
    SHARE,
    SWITCH,
    TEXT_OR_NONE,
    Check,
    check_params,
)
from adaptkit.strategies.fitting import fit_to_context
from adaptkit.strategies.formats import ANSWER_LINE, FORMATS, NO_MARKS, Marks
from adaptkit.strategies.label_ways import CHOOSING_ROWS, WAYS, LabelWays, best_way, told
from adaptkit.strategies.prompt_changes import changes_worth_a_try
from adaptkit.strategies.proposing import PROPOSERS
from adaptkit.strategies.reading import Reading, is_one_line
from adaptkit.strategies.search import Search, in_turns, spread
from adaptkit.strategies.thinking import closed, closing_request, said, with_marks, with_reasoning
from adaptkit.strategies.updating import Update
from adaptkit.strategies.voting import as_one, draw_seed, vote
from adaptkit.strategies.wording import WORDINGS, answer_rules, marking_rule, shape_rules, worded
from adaptkit.tasks import Task, some_rows

SWITCH_OR_NONE: Check = (lambda v: v is None or isinstance(v, bool), "True, False or None")
_CHECKS = {
    "instruction_text": TEXT_OR_NONE,
    "role": TEXT_OR_NONE,
    "rules": LINES,
    "calibrate": SWITCH_OR_NONE,
    "normalise_length": SWITCH_OR_NONE,
    "decode": SWITCH_OR_NONE,
    "thinking": SWITCH,
    "thinking_tokens": COUNT,
    "samples": COUNT,
    "temperature": ABOVE_ZERO,
    "top_p": SHARE,
    "search": COUNT_OR_ZERO,
    "search_rows": COUNT,
    "seed": COUNT_OR_ZERO,
}


@dataclass(kw_only=True)
class PromptEngineering(Strategy):
    """Instruction, allowed answers and reply shape in the prompt; nothing is trained.

    A label of a classification is the one with the best score by log-probability, or is written and read.
    Where none of ``calibrate``, ``normalise_length`` and ``decode`` is given, the way is chosen on at most 32
    validation rows, of equals the simplest; without such rows it is the mean over a label's tokens.
    ``fit_notes_["labels_by"]`` tells the way and the score of each.

    Args:
        instruction_text: replaces the task's instruction and the rules about the reply.
        role: a sentence in front of the instruction, such as "You are a careful clerk."
        rules: further lines after the instruction.
        wording: ``full`` tells the shape of the reply, ``listed`` does so in a list, ``short`` leaves it out.
        format: how the prompt is set out, one of :data:`adaptkit.strategies.formats.FORMATS`.
        calibrate: for a classification, divide each label's probability by the one it gets on inputs
            without content, so that the model's liking for a label does not decide (contextual
            calibration, Zhao et al. 2021, arXiv:2102.09690). True where only others of the three are given.
        normalise_length: for a classification, score labels by the mean over their tokens, not the sum
            (Liu et al. 2022, arXiv:2205.05638).
        decode: for a classification, let the model write the label, and read it off what it writes.
        thinking: let the model reason before it answers, and ask again for the answer alone where it comes to
            none (Kojima et al. 2022, arXiv:2205.11916). It pays for arithmetic and logic and costs tokens
            everywhere.
        thinking_tokens: at most so many tokens of reasoning.
        samples: completions drawn for each input; the answer of most is given (self-consistency, Wang et al.
            2022, arXiv:2203.11171). Tokens count for all of them. A classification needs ``thinking`` for it:
            scored labels are the same each time.
        temperature: of the draws.
        top_p: of the draws.
        search: how many formats and wordings to try on validation rows; the best is kept, and how far apart
            they lie is told in ``fit_notes_["format_spread"]``. 0 takes ``format`` and ``wording`` as given.
        search_rows: at most this many validation rows.
        propose: who proposes instructions to be tried too: ``model``, or a name that a package registers (see
            :mod:`adaptkit.strategies.proposing`).
        seed: of the draws and proposals.
    """

    name: ClassVar[str] = "prompt"

    instruction_text: str | None = None
    role: str | None = None
    rules: str | Sequence[str] = ()
    wording: str = "full"
    format: str = "plain"
    calibrate: bool | None = None
    normalise_length: bool | None = None
    decode: bool | None = None
    thinking: bool = False
    thinking_tokens: int = 256
    samples: int = 1
    temperature: float = 0.7
    top_p: float = 1.0
    search: int = 0
    search_rows: int = 40
    propose: str | None = None
    seed: int = 0

    @property
    def draws_at_random(self) -> bool:
        """Votes over samples do, and a model that proposes instructions."""
        return self.samples > 1 or self.propose is not None

    @property
    def leads(self) -> bool:
        """Reasoning and voting are ways of asking that parts which only add to the prompt must not undo."""
        return self.thinking or self.samples > 1

    @property
    def _current(self) -> Self:
        """The configuration that was chosen on validation rows, once it has been."""
        return getattr(self, "chosen_", self)

    @property
    def _chooses_way(self) -> bool:
        """Whether it is left open how a label is got out of the model."""
        return self.calibrate is None and self.normalise_length is None and self.decode is None

    @property
    def _calibrates(self) -> bool:
        given = (self.normalise_length, self.decode)
        return any(g is not None for g in given) if self.calibrate is None else self.calibrate

    def check(self) -> None:
        """Counts, switches and names are such."""
        check_params(self, _CHECKS)
        super().check()
        for name, known in (("format", list(FORMATS)), ("wording", list(WORDINGS))):
            if getattr(self, name) not in known:
                raise UnknownNameError.for_name(name, str(getattr(self, name)), known)
        if self.propose is not None:
            PROPOSERS.get(self.propose)
            if self.search < 2:
                raise ConfigError.for_parameter(
                    "PromptEngineering", "search", "an int >= 2, to try what is proposed", self.search
                )

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """A format, a vote or a search that the task has nothing for."""
        if FORMATS[self.format].needs_labels and not task.labels:
            return f"The format '{self.format}' lists labels, and the task '{task.name}' has none."
        if self.samples > 1 and not self.thinking and _is_scored(task):
            return (
                f"The labels of the task '{task.name}' are scored, not drawn: there is nothing to vote on. "
                "Set thinking=True, or samples=1."
            )
        if self.search and not task.validation:
            return f"A search needs validation examples, and the task '{task.name}' has none."
        return None

    def instruction(self, task: Task) -> str:
        """The instruction with role and rules, and where to write the answer."""
        now = self._current
        marks = now._marks(task)
        rules = [*now._shape(task), *now._own_rules()]
        if marks.opening:
            rules.append(marking_rule(marks.opening, marks.closing, thinking=now.thinking))
        return worded(now.instruction_text or task.instruction, rules, role=now.role, wording=now.wording)

    def answer_format(self, task: Task, model: Model) -> AnswerFormat:
        """Room for reasoning, and for the marks around the answer."""
        now = self._current
        form, marks = AnswerFormat.of(task, model), now._marks(task)
        if now.decode and form.choices:
            return dataclasses.replace(form, choices=None)
        if now.thinking:
            return with_reasoning(form, marks=marks, thinking_tokens=now.thinking_tokens, model=model)
        return with_marks(form, marks=marks, model=model) if marks.opening else form

    def learn(self, model: Model, task: Task) -> Model:
        """Search for a format where that is asked for; measure the labels' probabilities without an input."""
        self.__dict__.pop("chosen_", None)
        # Where another part asks, what this one would ask is of no use.
        asks = leader_of((*self.before_, self)) is self
        if asks:
            self.format_ = self.answer_format(task, model)
            self._choose_way(model, task)
        if self.search and asks:
            self._choose(model, task)
        else:
            self._measure(model, task, asks=asks)
        return model

    def _choose_way(self, model: Model, task: Task) -> None:
        """Choose how a label is got out of the model, where that is left open."""
        if not self._chooses_way or not self.format_.choices:
            return
        self.reading_ = self._reading(task, parses=True)
        rows = some_rows(task.validation or (), CHOOSING_ROWS)
        scores: dict[str, float] = {}
        if rows:
            size, choices = self.format_.max_new_tokens, self.format_.choices
            prompts = [fit_to_context(p, model, size) for p in self.prompts([e.input for e in rows])]
            stop = self.format_.stop
            requests = [Request(prompt=p, max_new_tokens=size, choices=choices, stop=stop) for p in prompts]
            prior = ContentFreePrior.measure(model, self.prompts, self.format_)
            scores = LabelWays(model, task, rows, requests, prior, self.reading_).scores()
        way = best_way(scores)
        self.chosen_ = dataclasses.replace(self, **WAYS[way])
        self.format_ = self.answer_format(task, model)
        self.fit_notes_["labels_by"] = told(way, scores, len(rows))

    def _reading(self, task: Task, *, parses: bool) -> Reading:
        labels = tuple(task.labels) if task.kind == "classification" else ()
        marks = self._marks(task)
        return Reading(task.kind, labels, is_one_line(task), marks, thinking=self.thinking, parses=parses)

    def _measure(self, model: Model, task: Task, *, asks: bool) -> None:
        now = self._current
        self.reading_ = self._reading(task, parses=bool(now.decode) and _is_scored(task))
        self.closing_ = AnswerFormat.of(task, model) if self.thinking else None
        choices = self.format_.choices if asks else None
        self.n_tokens_ = label_lengths(model, choices) if now.normalise_length and choices else None
        self.prior_: ContentFreePrior | None = None
        if now._calibrates and choices:
            self.prior_ = ContentFreePrior.measure(model, self.prompts, self.format_, n_tokens=self.n_tokens_)
            self.fit_notes_["calibrated"] = self.prior_ is not None

    def _choose(self, model: Model, task: Task) -> None:
        rows = some_rows(task.validation or (), self.search_rows)
        search = Search(model=model, task=task, rows=rows, before=self.before_, progress=self.progress_)
        candidates = self._candidates(search)
        scores = search.scores(candidates)
        best = candidates[scores.index(max(scores))]  # of equals the first, so rather the one given
        self.instruction_, self.format_ = best.instruction_, best.format_
        self.reading_, self.closing_ = best.reading_, best.closing_
        self.n_tokens_, self.prior_ = best.n_tokens_, best.prior_
        self.chosen_ = dataclasses.replace(best)
        self.fit_notes_ |= best.fit_notes_
        self.fit_notes_["format_spread"] = {
            "metric": task.primary_metric,
            "n_rows": len(rows),
            **spread(scores),
            "chosen": best._told(),
            "tried": [{**c._told(), "score": score} for c, score in zip(candidates, scores, strict=True)],
        }

    def _told(self) -> dict[str, Any]:
        told = {"format": self.format, "wording": self.wording}
        return told if self.instruction_text is None else {**told, "instruction": self.instruction_text}

    def _candidates(self, search: Search) -> list[Self]:
        """This configuration first, then proposals, formats and wordings in turns."""
        given = dataclasses.replace(self._current, search=0, propose=None)
        formats = [dataclasses.replace(given, format=f) for f in FORMATS if f != self.format]
        wordings = [dataclasses.replace(given, wording=w) for w in WORDINGS if w != self.wording]
        proposed = given._proposed(self.propose, search, self.search // 2) if self.propose else []
        others = [c for c in in_turns([proposed, formats, wordings]) if c.refusal(search.task) is None]
        return [given, *others][: self.search]

    def _proposed(self, proposer: str, search: Search, n: int) -> list[Self]:
        def score(text: str) -> float:
            return search.score(self._with_text(text, search.task))

        texts = PROPOSERS.get(proposer)(search.model, search.task, score=score, n=n, seed=self.seed)
        return [self._with_text(text, search.task) for text in texts]

    def _with_text(self, text: str, task: Task) -> Self:
        """Another instruction, with the rules that the present one is followed by."""
        rules = (*self._shape(task), *self._own_rules())
        return dataclasses.replace(self, instruction_text=text, rules=rules)

    def _own_rules(self) -> list[str]:
        return [self.rules] if isinstance(self.rules, str) else list(self.rules)

    def _shape(self, task: Task) -> list[str]:
        if self.instruction_text is not None or self.wording == "short":
            return []
        return answer_rules(task) if self._marks(task).opening else shape_rules(task)

    def _marks(self, task: Task) -> Marks:
        """What stands around an answer; nothing where a label or JSON must follow at once."""
        marks = FORMATS[self.format].marks
        if self.thinking:
            return marks if marks.opening else ANSWER_LINE
        return NO_MARKS if _is_scored(task) or task.kind == "structured" else marks

    def lay_out(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """In the format chosen."""
        now, reading = self._current, self.reading_
        return [
            FORMATS[now.format].lay_out(p, labels=reading.labels, marks=reading.marks, cued=not now.thinking)
            for p in prompts
        ]

    def completion(self, example: Example) -> str:
        """The target between the marks; weights are not taught to reason, for want of examples."""
        return self.reading_.marks.around(example.target)

    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[Prediction]:
        """Answer; where asked to, reason first, or draw several completions and let them vote."""
        if not self.leads:
            return super().ask(prompts, looked_up_s)
        started = time.perf_counter()
        drawn = [self._draws(self._request(p)) for p in prompts]
        completions = iter(self._concluded([r for draws in drawn for r in draws]))
        seconds = None if looked_up_s is None else time.perf_counter() - started
        return [
            self._elected(draws[0].prompt, [next(completions) for _ in draws], looked_up_s, seconds)
            for draws in drawn
        ]

    def _draws(self, request: Request) -> list[Request]:
        if self.samples == 1:
            return [request]
        drawn = dataclasses.replace(request, temperature=self.temperature, top_p=self.top_p)
        return [dataclasses.replace(drawn, seed=draw_seed(self.seed, i)) for i in range(self.samples)]

    def _concluded(self, requests: Sequence[Request]) -> list[Completion]:
        """Completions; those that reason to no answer are asked for it once more."""
        completions = self._complete(requests)
        if self.closing_ is None:
            return completions
        unsaid = [i for i, c in enumerate(completions) if self.reading_.is_open(c)]
        again = [
            closing_request(requests[i], said(completions[i]), self.closing_, self.model_) for i in unsaid
        ]
        for i, answer in zip(unsaid, self._complete(again) if again else [], strict=True):
            completions[i] = closed(completions[i], answer, self.reading_.marks)
        return completions

    def _elected(
        self, prompt: Prompt, drawn: Sequence[Completion], looked_up_s: float | None, seconds: float | None
    ) -> Prediction:
        answers = [self.decide(c) for c in drawn]
        best = vote(answers, self.reading_.kind, self.reading_.labels)
        return self._prediction(prompt, as_one(drawn, best, seconds), looked_up_s)

    def decide(self, completion: Completion) -> str:
        """The answer read off the text, or the label with the best score."""
        if completion.choice_logprobs is None:
            return self.reading_.answer(completion.text)
        scores = per_token(completion.choice_logprobs, self.n_tokens_)
        if self.prior_ is not None:
            return self.prior_.decide(scores)
        return max(scores, key=lambda label: scores[label])

    def alternatives(self, task: Task) -> list[Self]:
        """This one, then by how often each change is reported to help; a search needs no others."""
        if self.search:
            return [self]
        found = [self]
        for change in changes_worth_a_try("labels" if _is_scored(task) else task.kind):
            changed = dataclasses.replace(self, **change)
            if changed not in found and changed.refusal(task) is None:
                found.append(changed)
        return found

    def update_needed(self, old: Task, new: Task) -> tuple[Update, ...]:
        """Only a search depends on rows, and on validation rows the choice of a way to get labels."""
        if self.search:
            return super().update_needed(old, new)
        chooses = self._chooses_way and _is_scored(new) and not self.thinking
        return (self.update,) if chooses and old.validation != new.validation else ()

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """The label probabilities, how answers are read, and what a search chose."""
        return {
            "prior": None if self.prior_ is None else self.prior_.to_json(),
            "n_tokens": self.n_tokens_,
            "reading": self.reading_.to_json(),
            "closing": self.closing_,
            "chosen": None if self._current is self else self.chosen_.described_params(),
        }

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Read them back."""
        prior, closing, chosen = state["prior"], state["closing"], state["chosen"]
        self.prior_ = None if prior is None else ContentFreePrior.from_json(prior)
        self.n_tokens_ = state["n_tokens"]
        self.reading_ = Reading.from_json(state["reading"])
        self.closing_ = None if closing is None else AnswerFormat.from_json(closing)
        if chosen is not None:
            self.chosen_ = type(self).from_params(chosen)
        return model


def _is_scored(task: Task) -> bool:
    """Whether answers are labels, which are scored where the model does not think first."""
    return task.kind == "classification" and bool(task.labels)
