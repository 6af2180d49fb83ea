"""What a provider bills for a request, from its tokens.

Two conventions are about. Here, as in ``Usage``, the cached and the written tokens are *part of* the tokens
in, and the reasoning tokens part of the tokens out. A provider that reports them *beside* the tokens in
(Anthropic's API does) has to be converted by its backend, by adding them: otherwise the cached ones would be
taken off twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from adaptkit.core.types import Usage
from adaptkit.costs.model_price import ModelPrice

_MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class RequestCost:
    """USD of one request, None when unknown; then ``reason`` says why."""

    usd: float | None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class TokenBills:
    """What a provider bills for the requests of a strategy.

    Attributes:
        usd: of one request, by example id; the mean where an example was answered several times. Empty
            when unknown.
        uncached_usd: likewise, had nothing been read from or stored in the provider's cache.
        total_usd: of all answers together, None when unknown.
        reason: why it is unknown, None where it is known.
        uncached_reason: likewise for ``uncached_usd``.
    """

    usd: Mapping[str, float] = field(default_factory=dict)
    uncached_usd: Mapping[str, float] = field(default_factory=dict)
    total_usd: float | None = None
    reason: str | None = None
    uncached_reason: str | None = None


def request_usd(usage: Usage, price: ModelPrice | None) -> RequestCost:
    """Return what the tokens of a request cost.

    ``(in - cached - written) * input + cached * cached + written * cache_write + (out - reasoning) * output
    + reasoning * reasoning``, a millionth of it.

    Args:
        usage: its tokens; ``tokens_cached`` and ``tokens_written`` are part of ``tokens_in``.
        price: of the model, None when unknown.

    Returns:
        Unknown when the price of a kind of token is that occurs, or when the counts contradict each other.

    Examples:
        >>> price = ModelPrice(input=0.15, cached=0.075, output=0.6, label="example", source="example")
        >>> round(request_usd(Usage(tokens_in=2200, tokens_cached=2000, tokens_out=100), price).usd, 6)
        0.00024
    """
    if price is None:
        return RequestCost(usd=None, reason="no price is known for this model")
    contradiction = _contradiction(usage)
    if contradiction:
        return RequestCost(usd=None, reason=contradiction)
    parts = _parts(usage, price)
    missing = [name for name, (tokens, usd) in parts.items() if tokens and usd is None]
    if missing:
        kinds = " and no ".join(f"'{name}'" for name in missing)
        return RequestCost(usd=None, reason=f"the price of {price.label} has no {kinds}")
    return RequestCost(usd=math.fsum(n * usd for n, usd in parts.values() if usd is not None) / _MILLION)


def _parts(usage: Usage, price: ModelPrice) -> dict[str, tuple[int, float | None]]:
    """Tokens of each kind with what a million of them cost."""
    fresh = usage.tokens_in - usage.tokens_cached - usage.tokens_written
    return {
        "input": (fresh, price.input),
        "cached": (usage.tokens_cached, price.cached),
        "cache_write": (usage.tokens_written, price.cache_write),
        "output": (usage.tokens_out - usage.tokens_reasoning, price.output),
        "reasoning": (
            usage.tokens_reasoning,
            price.output if price.reasoning is None else price.reasoning,
        ),
    }


def _contradiction(usage: Usage) -> str | None:
    """Why the counts cannot be right, before they make a negative or doubled bill."""
    stored = usage.tokens_cached + usage.tokens_written
    if stored > usage.tokens_in:
        return (
            f"{stored} tokens cached or written are more than the {usage.tokens_in} tokens in, "
            "which they are part of"
        )
    if usage.tokens_reasoning > usage.tokens_out:
        return (
            f"{usage.tokens_reasoning} reasoning tokens are more than the {usage.tokens_out} tokens out, "
            "which they are part of"
        )
    return None


def uncached(usage: Usage) -> Usage:
    """The same request without the provider's cache: a discount that another traffic may not give."""
    return replace(usage, tokens_cached=0, tokens_written=0)


def token_bills(usages: Mapping[str, Sequence[Usage]], price: ModelPrice | None) -> TokenBills:
    """Price the answers of a strategy.

    One request of unknown cost makes all unknown: the mean of the others would be that of another kind of
    request, e.g. of those that the cache did not help.

    Args:
        usages: by example id, the tokens of each time that it was answered; without failed rows, whose
            tokens nobody reported.
        price: of the model, None when unknown.
    """
    if not any(usages.values()):
        return TokenBills(reason="no request was answered", uncached_reason="no request was answered")
    usd, reason = _priced(usages, price)
    plain, plain_reason = _priced({i: [uncached(u) for u in us] for i, us in usages.items()}, price)
    return TokenBills(
        usd={i: math.fsum(each) / len(each) for i, each in usd.items()},
        uncached_usd={i: math.fsum(each) / len(each) for i, each in plain.items()},
        total_usd=None if reason else math.fsum(u for each in usd.values() for u in each),
        reason=reason,
        uncached_reason=plain_reason,
    )


def _priced(
    usages: Mapping[str, Sequence[Usage]], price: ModelPrice | None
) -> tuple[dict[str, list[float]], str | None]:
    """USD of every answer by example; none of them, with the reason, where one is unknown."""
    priced: dict[str, list[float]] = {}
    for example_id, each in usages.items():
        for usage in each:
            cost = request_usd(usage, price)
            if cost.usd is None:
                return {}, cost.reason
            priced.setdefault(example_id, []).append(cost.usd)
    return priced, None
