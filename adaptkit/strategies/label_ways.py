"""Ways to get a label out of a model: which of them a strategy takes is chosen on validation rows.

All scores of labels come out of one pass: sums of log-probabilities, means over a label's tokens, and
probabilities divided by those that labels get without an input. Which is best depends on model, labels and
prompt, and so does whether a label is better written and read; no rule picks it beforehand. Every strategy
has the same ways to choose among, and the same rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from adaptkit import metrics
from adaptkit.core.errors import AdaptKitError
from adaptkit.core.types import Completion, Example, Prompt, Request
from adaptkit.models.base import Model
from adaptkit.models.reasoning import completed
from adaptkit.strategies.answer_format import AnswerFormat
from adaptkit.strategies.calibration import ContentFreePrior, label_lengths, per_token
from adaptkit.strategies.formats import NO_MARKS
from adaptkit.strategies.reading import AnswerParser, is_one_line
from adaptkit.tasks import Task, some_rows

CHOOSING_ROWS = 32


@dataclass(frozen=True)
class LabelWay:
    """One way to get a label.

    Attributes:
        calibrated: scores are divided by those without an input.
        per_token: scores are means over a label's tokens, not sums.
        written: the model writes the label, which is read off the text; nothing is scored.
    """

    calibrated: bool = False
    per_token: bool = False
    written: bool = False

    @property
    def words(self) -> str:
        """What tables call it.

        Examples:
            >>> LabelWay().words, LabelWay(calibrated=True, per_token=True).words
            ('sum', 'calibrated, mean per token')
        """
        if self.written:
            return "written"
        scored = {"calibrated": self.calibrated, "mean per token": self.per_token}
        return ", ".join(word for word, said in scored.items() if said) or "sum"


OWN_PICK = "the model's own pick"
"""Of a model that tells no probabilities: it picks one of the labels itself."""
WAYS: Mapping[str, LabelWay] = {
    way.words: way
    for way in (LabelWay(), LabelWay(per_token=True), LabelWay(calibrated=True), LabelWay(written=True))
}
"""The ways, the simplest first: of equals it is taken."""


@dataclass(frozen=True, kw_only=True)
class LabelReader:
    """How a fitted strategy gets the label out of a completion.

    Attributes:
        prior: what labels get without an input; None where scores are not divided by it.
        n_tokens: tokens of each label, where scores are means over them.
        reading: how a label that was written is read.
    """

    prior: ContentFreePrior | None = None
    n_tokens: Mapping[str, int] | None = None
    reading: AnswerParser | None = None

    def label(self, completion: Completion) -> str:
        """The label with the best score, or the one read; of equal scores the first."""
        if completion.choice_logprobs is None:
            return completion.text if self.reading is None else self.reading.answer(completion.text)
        scores = per_token(completion.choice_logprobs, self.n_tokens)
        if self.prior is not None:
            return self.prior.decide(scores)
        return max(scores, key=lambda label: scores[label])

    def to_json(self) -> dict[str, Any]:
        """What :meth:`from_json` reads."""
        return {
            "prior": self.prior and self.prior.to_json(),
            "n_tokens": self.n_tokens and dict(self.n_tokens),
            "reading": self.reading and self.reading.to_json(),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave."""
        prior, reading = saved["prior"], saved["reading"]
        return cls(
            prior=prior and ContentFreePrior.from_json(prior),
            n_tokens=saved["n_tokens"],
            reading=reading and AnswerParser.from_json(reading),
        )


@dataclass(frozen=True, kw_only=True)
class LabelTrial:
    """What the ways are tried with.

    Attributes:
        form: holds the labels as its choices.
        request: turns a prompt into what the model is asked.
        prompts: builds the prompts of inputs.
        typical: builds prompts that tell what labels get without an input.
    """

    model: Model
    task: Task
    form: AnswerFormat
    request: Callable[[Prompt], Request]
    prompts: Callable[[Sequence[str]], list[Prompt]]
    typical: Callable[[Task], list[Prompt]]

    def chosen(self, ways: Mapping[str, LabelWay], default: str) -> tuple[LabelReader, dict[str, Any]]:
        """The reader of the way that scores best by the task's first metric, and what a report tells of it.

        A single way is taken untried. Without validation rows, or where the model tells no probabilities,
        it is the default.
        """
        rows = some_rows(self.task.validation or (), CHOOSING_ROWS) if len(ways) > 1 else []
        requests = [self.request(p) for p in self.prompts([e.input for e in rows])] if rows else []
        told = self._completions(requests)
        if not any(c and c.choice_logprobs for c in told):
            name = default if len(ways) > 1 else next(iter(ways))
            reader = self._reader(ways[name])
            silent = bool(requests) or (ways[name].calibrated and reader.prior is None)
            return reader, {"way": OWN_PICK if silent else name, "n_rows": 0, "scores": {}}
        written = self._completions([dataclasses.replace(r, choices=None) for r in requests])
        readers = {name: self._reader(way) for name, way in ways.items()}
        scores = {
            name: self._score(rows, written if ways[name].written else told, reader)
            for name, reader in readers.items()
        }
        way = max(scores, key=lambda name: scores[name])
        return readers[way], {"way": way, "n_rows": len(rows), "scores": scores}

    def _completions(self, requests: Sequence[Request]) -> list[Completion | None]:
        """A completion each, None where a request fails; the first alone tells whether labels are scored."""
        if not requests:
            return []
        first = self._completion(requests[0])
        if first and first.choice_logprobs is None and requests[0].choices:
            return [first]
        try:
            return [first, *completed(self.model, requests[1:])]
        except AdaptKitError:  # one of them: the others are answered
            return [first, *map(self._completion, requests[1:])]

    def _completion(self, request: Request) -> Completion | None:
        try:
            return completed(self.model, [request])[0]
        except AdaptKitError:
            return None

    def _reader(self, way: LabelWay) -> LabelReader:
        if way.written:
            task = self.task
            return LabelReader(
                reading=AnswerParser(task.kind, tuple(task.labels), is_one_line(task), NO_MARKS, parses=True)
            )
        n_tokens = label_lengths(self.model, self.form.choices or ()) if way.per_token else None
        prior = None
        if way.calibrated:
            typical = self.typical(self.task)
            prior = ContentFreePrior.measure(self.model, lambda _: typical, self.form, n_tokens=n_tokens)
        return LabelReader(prior=prior, n_tokens=n_tokens)

    def _score(
        self, rows: Sequence[Example], found: Sequence[Completion | None], reader: LabelReader
    ) -> float:
        answers = [
            metrics.Answer(output=reader.label(c) if c else "", example=e, labels=tuple(self.task.labels))
            for c, e in zip(found, rows, strict=True)
        ]
        return metrics.aggregate(self.task.primary_metric, answers) or 0.0
