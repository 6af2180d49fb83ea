"""Prompt engineering: the best that words alone can do."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.numbers import is_count
from adaptkit.core.types import Completion, Example, Prediction, Prompt, Request, Traits
from adaptkit.models.base import Model
from adaptkit.strategies.answer_format import AnswerFormat, is_scored
from adaptkit.strategies.base import Strategy, leader_of
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
from adaptkit.strategies.formats import ANSWER_LINE, FORMATS, NO_MARKS, Marks
from adaptkit.strategies.label_ways import CHOOSING_ROWS, WAYS, LabelWay
from adaptkit.strategies.prompt_changes import changes_worth_a_try
from adaptkit.strategies.proposing import PROPOSERS
from adaptkit.strategies.reading import AnswerParser, is_one_line
from adaptkit.strategies.search import ConfigurationSearch, in_turns, spread
from adaptkit.strategies.thinking import closed, closing_request, said, with_marks, with_reasoning
from adaptkit.strategies.updating import Update
from adaptkit.strategies.voting import as_one, draw_seed, vote
from adaptkit.strategies.wording import WORDINGS, answer_rules, marking_rule, shape_rules, worded
from adaptkit.tasks import Task, some_rows

TRIED = 4
"""Formats and wordings that are tried where nobody says how many: as many as tuning tries by default."""
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
    "search": (lambda v: v is None or is_count(v, least=0), "an int >= 0, or None"),
    "search_rows": COUNT,
    "seed": COUNT_OR_ZERO,
}


@dataclass(kw_only=True)
class PromptEngineering(Strategy):
    """Instruction, allowed answers and reply shape in the prompt; nothing is trained.

    Formats and wordings are tried on validation rows, four by default, as many as tuning tries. A label of a
    classification is the one with the best score by log-probability, or is written and read: where none of
    ``calibrate``, ``normalise_length`` and ``decode`` is given, the way is chosen on the same rows (see
    :attr:`_label_ways`), for each format anew; without such rows it is the mean over a label's tokens.

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
        search: how many formats and wordings to try on validation rows; the best is kept, and what each
            scored is told in ``fit_notes_["format_spread"]``. 0 takes ``format`` and ``wording`` as given.
            None tries the given ones and three that are known to help, where there are validation rows and
            nothing else is asked for: no text of one's own, no reasoning, no other format or wording.
        search_rows: at most this many validation rows.
        propose: who proposes instructions to be tried too: ``model``, or a name that a package registers (see
            :mod:`adaptkit.strategies.proposing`).
        seed: of the draws and proposals.
    """

    name: ClassVar[str] = "prompt"
    traits: ClassVar[Traits] = Traits(complexity=1)
    _default_label_way: ClassVar[str] = "mean per token"

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
    search: int | None = None
    search_rows: int = CHOOSING_ROWS
    propose: str | None = None
    seed: int = 0

    @property
    def draws_at_random(self) -> bool:
        """Votes over samples do, and a model that proposes instructions."""
        return self.samples > 1 or self.propose is not None

    @property
    def _leads(self) -> bool:
        """Reasoning and voting are ways of asking that parts which only add to the prompt must not undo."""
        return self.thinking or self.samples > 1

    @property
    def _current(self) -> Self:
        """The configuration that was chosen on validation rows, once it has been."""
        return getattr(self, "chosen_", self)

    @property
    def _label_ways(self) -> Mapping[str, LabelWay]:
        """All, unless ``calibrate``, ``normalise_length`` or ``decode`` says which; none where it thinks."""
        given = (self.calibrate, self.normalise_length, self.decode)
        if self.thinking:
            return {}
        if all(g is None for g in given):
            return WAYS
        calibrated = True if self.calibrate is None else self.calibrate
        way = LabelWay(
            calibrated=calibrated, per_token=bool(self.normalise_length), written=bool(self.decode)
        )
        return {way.words: way}

    def _searches(self, task: Task) -> bool:
        """Whether formats are tried although nobody asked for it."""
        given = (self.instruction_text, self.role, self.propose)
        as_it_is = self.format == "plain" and self.wording == "full" and not (self.rules or any(given))
        return self.search is None and as_it_is and not self._leads and bool(task.validation)

    def check(self) -> None:
        """Counts, switches and names are such."""
        check_params(self, _CHECKS)
        super().check()
        for name, known in (("format", list(FORMATS)), ("wording", list(WORDINGS))):
            if getattr(self, name) not in known:
                raise UnknownNameError.for_name(name, str(getattr(self, name)), known)
        if self.propose is not None:
            PROPOSERS.get(self.propose)
            if (self.search or 0) < 2:
                raise ConfigError.for_parameter(
                    "PromptEngineering", "search", "an int >= 2, to try what is proposed", self.search
                )

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """A format, a vote or a search that the task has nothing for."""
        if FORMATS[self.format].needs_labels and not task.labels:
            return f"The format '{self.format}' lists labels, and the task '{task.name}' has none."
        if self.samples > 1 and not self.thinking and is_scored(task):
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
        if now.thinking:
            return with_reasoning(form, marks=marks, thinking_tokens=now.thinking_tokens, model=model)
        return with_marks(form, marks=marks, model=model) if marks.opening else form

    def learn(self, model: Model, task: Task) -> Model:
        """Search for a format where that is asked for; how answers are read."""
        self.__dict__.pop("chosen_", None)
        # Where another part asks, what this one would ask is of no use.
        if self.search and leader_of((*self.before_, self)) is self:
            self._search(self._candidates(task, model), model, task)
        else:
            self._read(task, model)
        return model

    def _read(self, task: Task, model: Model) -> None:
        labels = tuple(task.labels) if task.kind == "classification" else ()
        marks = self._marks(task)
        self.reading_ = AnswerParser(task.kind, labels, is_one_line(task), marks, thinking=self.thinking)
        self.closing_ = AnswerFormat.of(task, model) if self.thinking else None

    def _choose(self, task: Task) -> None:
        """How a label is got out of the model, and in which format it is asked, where that is left open."""
        if "chosen_" in self.__dict__:
            return
        if not self._searches(task):
            super()._choose(task)
            return
        self._search(self._tried(task), self.model_, task)

    def _tried(self, task: Task) -> list[Self]:
        """What is tried by default: this configuration, then formats and wordings that are known to help."""
        given = dataclasses.replace(self, search=0)
        kind = "labels" if is_scored(task) else task.kind
        changes = [c for c in changes_worth_a_try(kind) if c.keys() <= {"format", "wording"}]
        others = [dataclasses.replace(given, **c) for c in changes]
        return [given, *(c for c in others if c.refusal(task) is None)][:TRIED]

    def _search(self, candidates: Sequence[Self], model: Model, task: Task) -> None:
        """Keep the best of several configurations."""
        search, began = self._on_validation(model, task), time.perf_counter()
        scores = search.scores(candidates, seconds_left=lambda: self.seconds_left)
        best = candidates[scores.index(max(scores))]  # of equals the first, so rather the one given
        self.instruction_, self.format_, self.label_reader_ = (
            best.instruction_,
            best.format_,
            best.label_reader_,
        )
        self.reading_, self.closing_ = best.reading_, best.closing_
        self.chosen_: PromptEngineering = dataclasses.replace(best)
        self.fit_notes_ |= best.fit_notes_
        if untried := len(candidates) - len(scores):
            seconds = (time.perf_counter() - began) / len(scores) * untried
            cut = {"what": "tuning", "by": "seconds", "n_tried": len(scores), "n_planned": len(candidates)}
            self.fit_notes_["cut_short"] = [{**cut, "more_s": round(seconds, 1)}]
        self.fit_notes_["format_spread"] = {
            "metric": task.primary_metric,
            "n_rows": len(search.rows),
            **spread(scores),
            "chosen": best._told(),
            "tried": [{**c._told(), "score": score} for c, score in zip(candidates, scores, strict=False)],
        }

    def _on_validation(self, model: Model, task: Task) -> ConfigurationSearch:
        rows = some_rows(task.validation or (), self.search_rows)
        return ConfigurationSearch(
            model=model, task=task, rows=rows, before=self.before_, progress=self.progress_
        )

    def _told(self) -> dict[str, Any]:
        told = {"format": self.format, "wording": self.wording}
        return told if self.instruction_text is None else {**told, "instruction": self.instruction_text}

    def _candidates(self, task: Task, model: Model) -> list[Self]:
        """This configuration first, then proposals, formats and wordings in turns."""
        given = dataclasses.replace(self, search=0, propose=None)
        n = self.search or 0
        formats = [dataclasses.replace(given, format=f) for f in FORMATS if f != self.format]
        wordings = [dataclasses.replace(given, wording=w) for w in WORDINGS if w != self.wording]
        proposed = []
        if self.propose:
            proposed = given._proposed(self.propose, self._on_validation(model, task), n // 2)
        others = [c for c in in_turns([proposed, formats, wordings]) if c.refusal(task) is None]
        return [given, *others][:n]

    def _proposed(self, proposer: str, search: ConfigurationSearch, n: int) -> list[Self]:
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
        return NO_MARKS if is_scored(task) or task.kind == "structured" else marks

    def _format_prompts(self, prompts: Sequence[Prompt]) -> list[Prompt]:
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
        if not self._leads:
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

    def _read_answer(self, text: str) -> str:
        """The answer read off the text."""
        return self.reading_.answer(text)

    def alternatives(self, task: Task) -> list[Self]:
        """This one, then by how often each change is reported to help; a search needs no others.

        What is tried by default beside this one is not tried again.
        """
        if self.search:
            return [self]
        given = dataclasses.replace(self, search=0)
        tried = self._tried(task) if self._searches(task) else [given]
        found = [self]
        for change in changes_worth_a_try("labels" if is_scored(task) else task.kind):
            changed = dataclasses.replace(given, **change)
            if changed not in (*found, *tried) and changed.refusal(task) is None:
                found.append(changed)
        return found

    def _update_needed(self, old: Task, new: Task) -> tuple[Update, ...]:
        """Only a search that was asked for depends on rows."""
        return super()._update_needed(old, new) if self.search else ()

    def _chooses(self, task: Task) -> bool:
        """Also where formats are tried."""
        return super()._chooses(task) or self._searches(task)

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """How answers are read, and what a search chose."""
        return {
            "reading": self.reading_.to_json(),
            "closing": self.closing_,
            "chosen": None if self._current is self else self.chosen_.described_params(),
        }

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Read them back."""
        closing, chosen = state["closing"], state["chosen"]
        self.reading_ = AnswerParser.from_json(state["reading"])
        self.closing_ = None if closing is None else AnswerFormat.from_json(closing)
        if chosen is not None:
            self.chosen_ = type(self).from_params(chosen)
        return model
