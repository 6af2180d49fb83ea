"""What a request is worth: right answers, and the value of success and failure."""

from __future__ import annotations

from adaptkit.core.errors import ConfigError


def usd_per_correct(mean_cost: float | None, quality: float | None) -> float | None:
    """Return the cost of one right answer: wrong answers are paid for too.

    Args:
        mean_cost: USD a request.
        quality: share of requests answered right, 0..1.

    Returns:
        USD, or None when either is unknown or nothing is right.
    """
    if mean_cost is None or not quality:
        return None
    return mean_cost / quality


def expected_utility(
    quality: float | None,
    request_usd: float | None,
    usd_per_success: float | None,
    usd_per_failure: float | None,
) -> float | None:
    """Return what a request brings on average: ``q * success - (1 - q) * failure - cost``, USD.

    Args:
        quality: ``q``, share of requests answered right.
        request_usd: what a request costs.
        usd_per_success: what a right answer gains.
        usd_per_failure: what a wrong one loses, as a number >= 0.

    Returns:
        USD, below 0 where answering loses money; None when any of the four is unknown.

    Examples:
        >>> round(expected_utility(0.9, 0.5, 20.0, 88.0), 2)
        8.7
    """
    if quality is None or request_usd is None or usd_per_success is None or usd_per_failure is None:
        return None
    return quality * usd_per_success - (1 - quality) * usd_per_failure - request_usd


def break_even_accuracy(
    usd_per_success: float, usd_per_failure: float, request_usd: float = 0.0
) -> float | None:
    """Return the share of right answers from which on answering pays: ``(F + c) / (V + F)``.

    The zero of ``expected_utility``. Without a request's cost it is ``F / (V + F)``, the form in OpenAI's
    guide "Optimizing LLM accuracy".

    Args:
        usd_per_success: ``V``, what a right answer gains.
        usd_per_failure: ``F``, what a wrong one loses: the mean, where it can end in several ways.
        request_usd: ``c``, what a request costs.

    Returns:
        A share; above 1 where not even right answers pay for the requests. None when neither a right nor a
        wrong answer matters.

    Examples:
        >>> round(break_even_accuracy(20.0, 88.0), 4)
        0.8148
    """
    for name, usd in (("usd_per_success", usd_per_success), ("usd_per_failure", usd_per_failure)):
        if not usd >= 0:
            raise ConfigError.for_parameter("break_even_accuracy()", name, "a number >= 0", usd)
    at_stake = usd_per_success + usd_per_failure
    return (usd_per_failure + request_usd) / at_stake if at_stake else None
