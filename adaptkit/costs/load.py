"""How busy other processes keep the machine while something is measured."""

from __future__ import annotations

import os
import time

# From here on a measurement is called noisy: with two cores, where others take 40 % of one.
BUSY = 0.2
# The system counts in hundredths of a second: what is measured for less says nothing.
MIN_SECONDS = 0.3


class OtherLoad:
    """Reads how many seconds of the machine's cores others use, from its making to each reading.

    What a hypervisor gives to other machines (steal time) counts as others'. Own threads do not; child
    processes do. A reading takes less than a millisecond: make and read it outside of what is timed.
    """

    def __init__(self) -> None:
        self._began = _now()

    def share(self) -> float | None:
        """The share of all cores that others kept busy since, None where the system does not count.

        Ticks of the system's clock make it inexact for short times, and perhaps negative: means over many
        requests are what to look at.
        """
        seconds, busy, own = (b - a for a, b in zip(self._began, _now(), strict=True))
        if seconds <= 0 or self._began[1] <= 0:
            return None
        return (busy - own) / (seconds * (os.cpu_count() or 1))


def _now() -> tuple[float, float, float]:
    """Seconds on the clock, of all cores busy, and of this process."""
    import psutil

    times = psutil.cpu_times()
    busy = sum(getattr(times, kind, 0.0) for kind in ("user", "nice", "system", "irq", "softirq", "steal"))
    return time.perf_counter(), busy, time.process_time()


def mean_load(shares: list[tuple[float, float]]) -> float | None:
    """The mean share over requests, from each one's share and seconds; None for too short a time.

    Examples:
        >>> mean_load([(0.5, 1.0), (0.0, 1.0)])
        0.25
        >>> mean_load([(0.5, 0.01)]) is None
        True
    """
    seconds = sum(s for _, s in shares)
    if seconds < MIN_SECONDS:
        return None
    return max(0.0, sum(share * s for share, s in shares) / seconds)
