"""Label scores made comparable: what a label gets without any input, and how long it is.

A model likes some labels whatever is asked: common words, and in a prompt with demonstrations those shown
last or most often. Contextual calibration measures that on inputs without content and divides by it (Zhao
et al. 2021, arXiv:2102.09690). A label of many tokens loses against one of few, because its log-probability
is a sum over them; the mean is the remedy of T-Few (Liu et al. 2022, arXiv:2205.05638).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from adaptkit.core.types import Prompt, Request
from adaptkit.models.base import Model
from adaptkit.strategies.answer_format import AnswerFormat
from adaptkit.strategies.fitting import fit_to_context

CONTENT_FREE = ("N/A", "[MASK]", "...")
"""Inputs without content, as in section 5 of Zhao et al.; dots stand for their empty string, which an
embedder or a chat template may take for no input at all."""


@dataclass(frozen=True, kw_only=True)
class ContentFreePrior:
    """How much a model likes each label when the input says nothing.

    Attributes:
        logprobs: logarithm of each label's share of the labels' probability, averaged over content-free
            inputs.

    Examples:
        >>> prior = ContentFreePrior(logprobs={"good": math.log(0.8), "bad": math.log(0.2)})
        >>> prior.decide({"good": math.log(0.6), "bad": math.log(0.4)})
        'bad'
    """

    logprobs: Mapping[str, float]

    @classmethod
    def measure(
        cls,
        model: Model,
        prompts_of: Callable[[Sequence[str]], Sequence[Prompt]],
        form: AnswerFormat,
        *,
        n_tokens: Mapping[str, int] | None = None,
    ) -> Self | None:
        """Ask the model about inputs without content.

        Args:
            model: what answers.
            prompts_of: builds the prompts of inputs, with all that a strategy and those before it show
                (usually ``Strategy.prompts``): the prior depends on the demonstrations.
            form: holds the labels as its choices.
            n_tokens: lengths of the labels, where scores are means over tokens (see :func:`per_token`).

        Returns:
            None where there are no labels to score, or the model does not tell log-probabilities.
        """
        if not form.choices:
            return None
        requests = [
            Request(
                prompt=fit_to_context(prompt, model, form.max_new_tokens),
                max_new_tokens=form.max_new_tokens,
                choices=form.choices,
            )
            for prompt in prompts_of(CONTENT_FREE)
        ]
        found = [completion.choice_logprobs for completion in model.complete(requests)]
        told = [per_token(f, n_tokens) for f in found if f is not None]
        return cls.of(told) if len(told) == len(requests) else None

    @classmethod
    def of(cls, scores: Sequence[Mapping[str, float]]) -> Self:
        """Average the labels' probabilities over content-free inputs.

        The labels' probabilities are made to sum to one for each input, as the paper's p-hat is, and then
        averaged as probabilities: an input at which all labels are unlikely counts as much as another.

        Examples:
            >>> found = ContentFreePrior.of([{"a": math.log(0.3), "b": math.log(0.1)}, {"a": -9, "b": -9}])
            >>> {label: round(math.exp(p), 3) for label, p in found.logprobs.items()}
            {'a': 0.625, 'b': 0.375}
        """
        shares = [_shares(s) for s in scores]
        mean = {
            label: _log_sum_exp([s[label] for s in shares]) - math.log(len(shares)) for label in shares[0]
        }
        return cls(logprobs=mean)

    def decide(self, choice_logprobs: Mapping[str, float]) -> str:
        """The label that gains most over its prior: the largest p / p_cf; of equals the first."""
        return max(choice_logprobs, key=lambda label: choice_logprobs[label] - self.logprobs[label])

    def to_json(self) -> dict[str, float]:
        """What :meth:`from_json` reads."""
        return dict(self.logprobs)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave."""
        return cls(logprobs={str(label): float(value) for label, value in saved.items()})


def per_token(logprobs: Mapping[str, float], n_tokens: Mapping[str, int] | None) -> dict[str, float]:
    """Turn sums over tokens into means; with no lengths they stay as they are.

    Examples:
        >>> per_token({"yes": -2.0, "not at all": -3.0}, {"yes": 1, "not at all": 3})
        {'yes': -2.0, 'not at all': -1.0}
    """
    if n_tokens is None:
        return dict(logprobs)
    return {label: value / n_tokens[label] for label, value in logprobs.items()}


def label_lengths(model: Model, labels: Sequence[str]) -> dict[str, int]:
    """Tokens that are scored for each label: its own, and the one that ends the completion."""
    return {label: model.count_tokens(label) + 1 for label in labels}


def _shares(logprobs: Mapping[str, float]) -> dict[str, float]:
    total = _log_sum_exp(list(logprobs.values()))
    return {label: value - total for label, value in logprobs.items()}


def _log_sum_exp(values: Sequence[float]) -> float:
    """The logarithm of a sum of probabilities of which each alone may be too small for a float."""
    largest = max(values)
    return largest + math.log(sum(math.exp(v - largest) for v in values))
