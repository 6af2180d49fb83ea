"""Freed memory stays in the process while it trains, and goes back afterwards."""

from __future__ import annotations

import ctypes
import platform
import resource

import pytest

from adaptkit.strategies.training import allocator
from adaptkit.strategies.training.allocator import kept_memory

glibc_only = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
BLOCK, N_BLOCKS = 4 * 2**20, 32


def _touched() -> int:
    """Pages that the system had to give to allocate, fill and free 128 MB in blocks."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [libc.malloc(BLOCK) for _ in range(N_BLOCKS)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK)
    for block in reversed(blocks):
        libc.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@glibc_only
def test_memory_that_was_freed_is_used_again_without_asking_the_system() -> None:
    with kept_memory() as is_kept:
        assert is_kept
        _touched()
        with kept_memory():
            _touched()
        # The inner one's end is not the end.
        assert _touched() < 100
    assert _touched() > BLOCK * N_BLOCKS / 4096 / 2


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    with kept_memory() as is_kept:
        assert not is_kept
    assert allocator._users.n == 0
