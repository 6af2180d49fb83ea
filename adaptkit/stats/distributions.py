"""Student's t distribution. scipy is imported where it is used, so that ``import adaptkit`` stays quick."""

from __future__ import annotations


def t_tail(t: float, df: float) -> float:
    """Return P(|T| >= t) of Student's t with ``df > 0`` degrees of freedom, whole or not."""
    from scipy.special import stdtr

    return 2 * float(stdtr(df, -abs(t)))


def t_quantile(q: float, df: float) -> float:
    """Return the ``q`` quantile (0..1) of Student's t with ``df > 0`` degrees of freedom, whole or not."""
    from scipy.special import stdtrit

    return float(stdtrit(df, q))
