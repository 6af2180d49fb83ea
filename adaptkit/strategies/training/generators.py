"""Keep the process's global random generators out of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def kept_generators() -> Iterator[None]:
    """Put the global generators back as they were: Trainer seeds all of them, and they are the user's."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - it is what is kept
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
