"""Let the process keep freed memory while it trains.

A step allocates some hundred megabytes of activations and frees them all. The C library hands that memory
back to the system, which has to give it anew, page by page and filled with zeros, at the next step: measured,
a quarter of the time of a step on a CPU.
"""

from __future__ import annotations

import ctypes
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Names of glibc's mallopt: free memory at the heap's end that is handed back, and the smallest block that
is never part of the heap."""
NEVER = 2**31 - 1
LARGEST_BLOCK = 32 * 2**20
USUAL_TRIM = 2 * LARGEST_BLOCK
"""What glibc sets by itself once a block of the largest kind was freed; the value before cannot be asked."""


class _Users:
    """How many trainings want it; the setting is the process's."""

    def __init__(self) -> None:
        self.n = 0
        self.lock = threading.Lock()


_users = _Users()


@contextmanager
def kept_memory() -> Iterator[bool]:
    """Keep freed memory in the process for as long as it lasts, and hand it back at the end.

    Yields:
        Whether it is so: only glibc can be told.
    """
    libc = _glibc()
    if libc is None:
        yield False
        return
    with _users.lock:
        _users.n += 1
        if _users.n == 1:
            libc.mallopt(MMAP_THRESHOLD, LARGEST_BLOCK)
            libc.mallopt(TRIM_THRESHOLD, NEVER)
    try:
        yield True
    finally:
        with _users.lock:
            _users.n -= 1
            if _users.n == 0:
                libc.mallopt(TRIM_THRESHOLD, USUAL_TRIM)
                libc.malloc_trim(0)


def _glibc() -> Any:
    """The C library where it is glibc; None elsewhere."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
