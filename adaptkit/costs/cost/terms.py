"""A sum in which one unknown part makes the whole unknown, and says which part it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Term:
    """One figure of an account.

    Attributes:
        name: what it is for, e.g. ``labels``.
        usd: None when unknown.
        unknown: why it is, None where it is known.
    """

    name: str
    usd: float | None = None
    unknown: str | None = None

    def times(self, factor: float, name: str) -> Term:
        """The same so many times. What never happens costs nothing, also where its price is unknown."""
        if factor == 0:
            return Term(name=name, usd=0.0)
        if self.usd is None:
            return replace(self, name=name)
        return Term(name=name, usd=factor * self.usd)


def total(name: str, terms: Sequence[Term]) -> Term:
    """Add terms up.

    Returns:
        An unknown term where one of them is, with the names of all that are.

    Examples:
        >>> total("fixed", [Term(name="labels", usd=5.0), Term(name="index", unknown="not timed")])
        Term(name='fixed', usd=None, unknown='index: not timed')
    """
    missing = [f"{t.name}: {t.unknown}" for t in terms if t.usd is None]
    if missing:
        return Term(name=name, unknown="; ".join(missing))
    return Term(name=name, usd=math.fsum(t.usd for t in terms if t.usd is not None))


def listed(names: Sequence[str]) -> str:
    """Names as the subject of a sentence, with its verb.

    Examples:
        >>> listed(["a"]), listed(["a", "b"])
        ('a is', 'a and b are')
    """
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"
