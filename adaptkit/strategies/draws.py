"""Random draws for one input: the same in any batch and order."""

from __future__ import annotations

import hashlib

import numpy as np


def rng_for(seed: int, text: str) -> np.random.Generator:
    """A generator that depends on a strategy's seed and a text only, whatever else is drawn."""
    digest = hashlib.sha256(f"{seed}:{text}".encode(errors="surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
