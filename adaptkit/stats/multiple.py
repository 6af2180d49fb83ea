"""Correction for testing several pairs at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values so that the chance of any false alarm among them stays below alpha.

    The i-th smallest of m becomes ``max over j <= i of min(1, (m - j + 1) p_(j))`` (S. Holm, Scandinavian
    Journal of Statistics 6, 1979). A p-value of None (a test that could not be made) stays None and
    does not count towards m.

    Examples:
        >>> holm([0.01, 0.04, None, 0.03, 0.005])
        [0.03, 0.06, None, 0.06, 0.02]
    """
    known = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, i) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        adjusted[i] = highest
    return adjusted
