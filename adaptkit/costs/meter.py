"""Measuring a block of code: wall seconds and peak memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

# Often enough to see a model being loaded or a batch's activations, seldom enough to cost nothing.
_SAMPLE_S = 0.02


class Meter:
    """Measures the wall seconds of a ``with`` block.

    Args:
        sync: called before both readings of the clock, e.g. ``torch.cuda.synchronize``: a GPU's work is
            otherwise counted in whichever block waits for it.

    Attributes:
        seconds: of the finished block; inside the block, 0.

    Examples:
        >>> with Meter() as meter:
        ...     total = sum(range(10))
        >>> meter.seconds >= 0
        True
    """

    def __init__(self, *, sync: Callable[[], None] | None = None) -> None:
        self._sync = sync
        self._start = 0.0
        self.seconds = 0.0

    def _now(self) -> float:
        if self._sync is not None:
            self._sync()
        return time.perf_counter()

    def __enter__(self) -> Meter:
        self.seconds = 0.0
        self._start = self._now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After an error the device may refuse to synchronise, which would hide the error.
        self.seconds = (time.perf_counter() if error is not None else self._now()) - self._start


class PeakMemory:
    """Measures the most memory that this process holds during a ``with`` block.

    A thread reads the resident size every 20 ms, so a peak shorter than that can be missed; the readings at
    the start and the end of the block always count.

    Args:
        device_peak_bytes: called at the end for the device's own peak, e.g.
            ``torch.cuda.max_memory_allocated``; reset its counter before the block.

    Attributes:
        start_bytes: resident size at the start.
        peak_bytes: the largest reading.
        device_bytes: what ``device_peak_bytes`` said, None without it or after an error.
    """

    def __init__(self, *, device_peak_bytes: Callable[[], int] | None = None) -> None:
        import psutil

        self._process = psutil.Process()
        self._device_peak_bytes = device_peak_bytes
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.start_bytes = 0
        self.peak_bytes = 0
        self.device_bytes: int | None = None

    def _read(self) -> int:
        resident = int(self._process.memory_info().rss)
        self.peak_bytes = max(self.peak_bytes, resident)
        return resident

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_S):
            self._read()

    def __enter__(self) -> PeakMemory:
        self._stop.clear()
        self.peak_bytes = 0
        self.device_bytes = None
        self.start_bytes = self._read()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._read()
        if error is None and self._device_peak_bytes is not None:
            self.device_bytes = self._device_peak_bytes()
