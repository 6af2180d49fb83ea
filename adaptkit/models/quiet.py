"""Silence for libraries that talk while they load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence progress bars and advice of transformers while a model loads; settings are put back."""
    from transformers.utils import logging

    hf: Any = logging  # its functions have no types
    level = hf.get_verbosity()
    bars = hf.is_progress_bar_enabled()
    hf.set_verbosity_error()
    hf.disable_progress_bar()
    try:
        yield
    finally:
        hf.set_verbosity(level)
        if bars:
            hf.enable_progress_bar()
