"""What a provider bills for a strategy's tokens, as far as one answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adaptkit.comparison.trial_data import StrategyTrials
from adaptkit.core.results import Record
from adaptkit.core.types import Completion, Request, Usage
from adaptkit.costs import Prices, Spent, TokenBills, request_usd, token_bills
from adaptkit.models.base import Model


class TokenMeter:
    """A model whose tokens are counted: what a fit asks of a provider is paid for as well.

    Args:
        model: answers; everything else about it is handed on.

    Attributes:
        usage: of all completions so far.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self.usage = Usage(tokens_in=0, tokens_out=0)

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer each request, and add up its tokens."""
        completions = self._model.complete(requests)
        self.usage = sum((c.usage for c in completions), self.usage)
        return completions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def usage_of(tokens: Mapping[str, int]) -> Usage:
    """Tokens by kind, as a record holds them; records of older versions lack some kinds."""
    return Usage(**{f"tokens_{kind}": n for kind, n in tokens.items()})


def bills_of(group: StrategyTrials, prices: Prices) -> TokenBills | None:
    """The provider's bills for the rows of a strategy; None where it asks no provider.

    Args:
        group: the strategy's trials.
        prices: of the comparison.
    """
    if prices.billed_by is None:
        return None
    answered = [r for r in group.records if r.error is None]
    if not any(prices.billed(usage_of(r.tokens)) for r in answered):
        return None
    return token_bills(_usages(answered), prices.model)


def _usages(records: Sequence[Record]) -> dict[str, list[Usage]]:
    found: dict[str, list[Usage]] = {}
    for record in records:
        found.setdefault(record.example_id, []).append(usage_of(record.tokens))
    return found


def fit_bill(group: StrategyTrials, prices: Prices) -> Spent:
    """What a provider bills for one fit, the mean of several; no seconds of the own machine.

    One of unknown price makes the bill unknown.
    """
    counts = [t.fit_tokens for t in group.done]
    known = [usage_of(tokens) for tokens in counts if tokens is not None]
    if len(known) < len(counts):
        return Spent(seconds=0.0, billed_usd=None, reason="the tokens of its fit were not counted")
    total = sum(known, Usage(tokens_in=0, tokens_out=0))
    cost = request_usd(total, prices.model)
    if cost.usd is None:
        return Spent(seconds=0.0, billed_usd=None, reason=cost.reason)
    return Spent(seconds=0.0, billed_usd=cost.usd / len(counts))
