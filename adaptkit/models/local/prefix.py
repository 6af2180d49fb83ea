"""Keys and values of a prompt prefix, computed once and shared by the rows that start with it.

Rows of one strategy share a long beginning (instruction, fixed demonstrations). The store keeps the
most recent prefixes as plain tensors, so that a batch gets a copy and a later call starts from them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

MIN_PREFIX_TOKENS = 16
"""Below this the copy costs more than computing the tokens again."""


@dataclass(frozen=True)
class Prefix:
    """Token ids and, per layer, keys and values of shape [1, kv_heads, n_tokens, head_dim]."""

    ids: tuple[int, ...]
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]

    def __len__(self) -> int:
        return len(self.ids)

    def cropped(self, n_tokens: int) -> Prefix:
        """The first ``n_tokens`` of it, as views."""
        layers = tuple((k[:, :, :n_tokens], v[:, :, :n_tokens]) for k, v in self.layers)
        return Prefix(self.ids[:n_tokens], layers)

    def cache(self, batch_size: int) -> Any:
        """A fresh ``DynamicCache`` holding this prefix for each of ``batch_size`` rows."""
        from transformers import DynamicCache

        cache = DynamicCache()
        for index, (keys, values) in enumerate(self.layers):
            cache.update(keys.expand(batch_size, -1, -1, -1), values.expand(batch_size, -1, -1, -1), index)
        return cache


def shared_length(a: Sequence[int], b: Sequence[int]) -> int:
    """Number of equal tokens at the start of both."""
    n = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        n += 1
    return n


def common_prefix_length(rows: Sequence[list[int]]) -> int:
    """Number of tokens that all rows start with, leaving each row at least one token of its own."""
    if not rows:
        return 0
    # The prefix shared by all is the one shared by the two extremes in sorted order.
    lowest, highest = min(rows), max(rows)
    return min(shared_length(lowest, highest), min(len(r) for r in rows) - 1)


class PrefixStore:
    """The most recently used prefixes of one model.

    Args:
        max_tokens: total tokens kept; the least recently used prefix leaves first.
    """

    def __init__(self, max_tokens: int = 16_384) -> None:
        self._max_tokens = max_tokens
        self._prefixes: OrderedDict[tuple[int, ...], Prefix] = OrderedDict()

    def longest_match(self, ids: Sequence[int]) -> Prefix | None:
        """The stored prefix, cropped, that shares most tokens with ``ids``."""
        best: Prefix | None = None
        best_length = MIN_PREFIX_TOKENS - 1
        for stored in self._prefixes.values():
            n = shared_length(stored.ids, ids)
            if n > best_length:
                best, best_length = stored, n
        if best is None:
            return None
        self._prefixes.move_to_end(best.ids)
        return best.cropped(best_length)

    def put(self, prefix: Prefix) -> None:
        """Keep a prefix, dropping the oldest ones past the limit."""
        self._prefixes[prefix.ids] = prefix
        self._prefixes.move_to_end(prefix.ids)
        while sum(len(p) for p in self._prefixes.values()) > self._max_tokens and len(self._prefixes) > 1:
            self._prefixes.popitem(last=False)

    def clear(self) -> None:
        """Forget all prefixes and free their memory."""
        self._prefixes.clear()
