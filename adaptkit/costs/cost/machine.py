"""A machine that is paid by the hour: from seconds to USD, at a stated utilisation."""

from __future__ import annotations

import math
from collections.abc import Collection

from adaptkit.core.errors import ConfigError
from adaptkit.costs.pricing import MachinePrice

HOURS_PER_MONTH = 730.0
"""8,760 hours of a year, over 12."""
UTILISATIONS = (0.1, 0.3, 1.0)
"""Shares of its paid time in which a machine works. An idle one is why a request that looks cheap is dear."""


def usd_for_seconds(seconds: float | None, price: MachinePrice | None) -> float | None:
    """Return what a machine costs for this long, None when the time or the price is unknown."""
    if seconds is None or price is None:
        return None
    return seconds / 3600 * price.usd_per_hour


def machine_s_per_request(request_s: Collection[float], rows_per_s: float | None) -> float | None:
    """Return the seconds of a machine that one request takes.

    Args:
        request_s: seconds of requests that were sent alone.
        rows_per_s: of batched runs, None where there were none. Where it is known it counts: a machine under
            load answers several requests together.

    Returns:
        None when neither was measured.

    Examples:
        >>> machine_s_per_request([0.5, 0.7], 20.0)
        0.05
        >>> machine_s_per_request([0.5, 0.7], None)
        0.6
    """
    if rows_per_s:
        return 1 / rows_per_s
    return math.fsum(request_s) / len(request_s) if request_s else None


def machine_usd_per_request(
    seconds: float | None, price: MachinePrice | None, utilisation: float = 1.0
) -> float | None:
    """Return what one request costs on a machine that is paid by the hour.

    ``usd_per_hour / 3600 * seconds / utilisation``: the hours without work are paid by the requests too.

    Args:
        seconds: of the machine for one request, see ``machine_s_per_request``.
        price: of the machine.
        utilisation: share of the paid time in which it works, above 0 and at most 1.

    Returns:
        USD, None when the seconds or the price are unknown.

    Raises:
        ConfigError: ``utilisation`` is out of range.
    """
    if not 0 < utilisation <= 1:
        raise ConfigError.for_parameter(
            "machine_usd_per_request()", "utilisation", "above 0 and at most 1", utilisation
        )
    usd = usd_for_seconds(seconds, price)
    return None if usd is None else usd / utilisation


def hosting_usd_per_month(price: MachinePrice | None, hours: float = HOURS_PER_MONTH) -> float | None:
    """Return what a machine costs in a month that is kept on for so many hours, None when unknown."""
    return usd_for_seconds(hours * 3600, price)
