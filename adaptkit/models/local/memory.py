"""How much memory the engine may take, and what to do when it was too much."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

PASS_TOKENS = {"cpu": 2_048, "cuda": 16_384}
"""Tokens of one pass: past this a device gains nothing."""
MAX_ROWS = {"cpu": 64, "cuda": 512}
"""Rows under way at once: past this a step costs as much more as it does more."""
ROWS_SHARE, PREFIX_SHARE = 0.5, 0.1
"""Parts of the free memory for the rows' keys and values, and for the prefixes kept between calls."""
MAX_PREFIX_BYTES = 2**30


@dataclass(frozen=True, kw_only=True)
class MemoryBudget:
    """Limits of the engine.

    Attributes:
        slot_tokens: tokens of keys and values that all slots may hold together.
        prefix_bytes: keys and values kept between calls.
    """

    pass_tokens: int
    max_rows: int
    slot_tokens: int
    prefix_bytes: int

    @classmethod
    def of(cls, module: Any) -> MemoryBudget:
        """By the device and what of its memory is free."""
        device = next(module.parameters()).device
        kind = device.type if device.type in PASS_TOKENS else "cpu"
        free = free_bytes(device)
        return cls(
            pass_tokens=PASS_TOKENS[kind],
            max_rows=MAX_ROWS[kind],
            slot_tokens=max(1, int(free * ROWS_SHARE) // bytes_per_token(module)),
            prefix_bytes=min(MAX_PREFIX_BYTES, int(free * PREFIX_SHARE)),
        )

    def halved(self) -> MemoryBudget | None:
        """Half of it; None when it is down to a row."""
        if self.max_rows == 1 and self.pass_tokens <= 1:
            return None
        return replace(
            self,
            pass_tokens=max(1, self.pass_tokens // 2),
            max_rows=max(1, self.max_rows // 2),
            slot_tokens=max(1, self.slot_tokens // 2),
        )

    def n_slots(self, n_rows: int, capacity: int) -> int:
        """Rows that may be under way, of ``capacity`` tokens each; one is always tried."""
        return max(1, min(n_rows, self.max_rows, self.slot_tokens // capacity))


def free_bytes(device: torch.device) -> int:
    """Memory that is free on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def bytes_per_token(module: Any) -> int:
    """Keys and values of one token in all layers."""
    config = module.config.get_text_config()
    n_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    itemsize = torch.empty((), dtype=module.dtype).element_size()
    return int(2 * config.num_hidden_layers * n_heads * size * itemsize)


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
