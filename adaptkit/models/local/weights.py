"""Whether weights are still those that something was made of."""

from __future__ import annotations

from collections.abc import Iterable

import torch


def state_of(weights: Iterable[torch.Tensor]) -> tuple[int, ...]:
    """Another tuple once one of them was replaced or changed in place.

    Changes that torch does not count, such as those of fused optimizers, are not seen.
    """
    return tuple(x for w in weights for x in (w.data_ptr(), w._version))
