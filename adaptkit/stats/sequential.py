"""Looking at a comparison before its last row without fooling oneself.

A run that stops at the first "significant" difference calls two equal strategies different in up to 26 of 100
runs. Here the looks are set before the run and share the 5 % among them (alpha spending, K. Lan, D. DeMets,
Biometrika 70, 1983, in the simple form that adds up whatever the looks have in common): a look with the share
s tests at ``5 % x s``, so its p-value counts as ``p / s`` and its interval is wider. What is found that way
holds whenever the run stops.

Chosen by simulation over betting martingales (I. Waudby-Smith, A. Ramdas, JRSS B 86, 2024), which may be
looked at after every row: they stop clear cases a little sooner, but of the close ones that one test of all
rows decides they find 35 to 75 %, where looks that keep half of the 5 % for the last one find 75 to 95 %.
``python -m benchmarks.stats`` measures what is promised here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from adaptkit.core.errors import ConfigError
from adaptkit.stats.all_pairs import MARGIN, compared, judged, measured
from adaptkit.stats.paired import Levels, Measured, PairedDifference
from adaptkit.stats.scores import Scores
from adaptkit.stats.table import Table
from adaptkit.stats.verdict import inside

ALPHA = 0.05
# Where to look, as shares of all rows, and never before this many: fewer seldom decide anything.
_FRACTIONS = (1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4)
_FIRST_ROWS = 20
# What the last look keeps, so that a run that goes to the end has nearly the power of a single test.
_LAST_SHARE = 0.5
# Of the 5 %, this much is for stopping because all that are left are alike.
_ALIKE_SHARE = 0.1
# Signs drawn so that the smallest p-value there is lies at a fifth of what the first rejection needs.
_MIN_FLIPS, _MAX_FLIPS, _FINENESS = 10_000, 200_000, 5


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at a run.

    Attributes:
        n_rows: rows that every strategy still in the race has answered then.
        share: of the 5 % that this look may spend.
    """

    n_rows: int
    share: float


def looks_for(n_planned: int) -> tuple[Look, ...]:
    """Set the looks of a run of ``n_planned`` rows; the last is at its end.

    Examples:
        >>> [look.n_rows for look in looks_for(400)]
        [25, 50, 100, 150, 200, 250, 300, 400]
    """
    if n_planned < 1:
        raise ConfigError.for_parameter("looks_for", "n_planned", "at least 1 row", n_planned)
    early = sorted({math.ceil(f * n_planned) for f in _FRACTIONS if f * n_planned >= _FIRST_ROWS})
    if not early:
        return (Look(n_rows=n_planned, share=1.0),)
    each = (1 - _LAST_SHARE) / len(early)
    return (*(Look(n_rows=n, share=each) for n in early), Look(n_rows=n_planned, share=_LAST_SHARE))


@dataclass(frozen=True, kw_only=True)
class RunSoFar:
    """What a run may do next, and what is known.

    Attributes:
        n_rows: rows at the last look; 0 before the first.
        next_rows: rows up to which those remaining have to be answered for the next look; None when the run
            is over.
        dropped: strategies that can no longer win, with the rows after which they were dropped.
        best: the strategy that is better than all others, directly or through one that is; or None.
        alike: whether the run is over because all that remain are within the margin of each other.
        pairs: every two strategies, each at the last look that both were part of; p-values and intervals
            hold whenever the run stops, ``p_adjusted`` over all pairs and looks together.
    """

    n_rows: int
    next_rows: int | None
    dropped: Mapping[str, int]
    best: str | None
    alike: bool
    pairs: tuple[PairedDifference, ...]

    @property
    def decided(self) -> bool:
        """Whether further rows would change nothing that is asked."""
        return self.best is not None or self.alike


@dataclass(frozen=True, kw_only=True)
class StoppingRule:
    """How a run decides when to stop; the same rule must serve a run from its start to its end.

    Attributes:
        order: ids of all planned rows, in a random order that was fixed before the run; strategies answer
            them in this order.
        clusters: the cluster of a row by id; a row that is missing here is independent.
        margin: the largest difference that does not matter; None for none, and then no run ends because
            strategies are alike.
        seed: of the sign patterns of permutation tests, so that a resumed run decides alike.
    """

    order: Sequence[str]
    clusters: Mapping[str, str] | None = None
    margin: float | None = MARGIN
    seed: int = 0

    def __post_init__(self) -> None:
        if len(set(self.order)) != len(self.order):
            raise ConfigError.for_parameter("StoppingRule", "order", "different ids", "one twice")

    def judge(self, scores: Mapping[str, Scores], n_done: int) -> RunSoFar:
        """Decide what a run may do after ``n_done`` rows of the order.

        Only scores count, not how the run came to them: all looks up to ``n_done`` are made again, each
        with the rows that it had. A strategy that was dropped is judged on the rows up to then.

        The chance of any false claim (a strategy called better that is not, or all that remain called alike
        when two differ by more than the margin) is at most 5 % over all pairs and looks: 4.5 % by Holm on
        p-values that add up over looks, 0.5 % for the other.

        Args:
            scores: of each strategy, of the rows answered so far; rows on which the metric is undefined may
                be missing.
            n_done: how many rows of the order all strategies have answered that were not dropped.

        Raises:
            ConfigError: ``n_done`` lies outside 0 to the planned rows.
        """
        if not 0 <= n_done <= len(self.order):
            expected = f"0 to the {len(self.order)} planned rows"
            raise ConfigError.for_parameter("StoppingRule.judge", "n_done", expected, n_done)
        race = _Race(self, scores)
        for number, look in enumerate(looks_for(len(self.order))):
            if look.n_rows > n_done or race.over:
                break
            race.take(look, number)
        return race.so_far()


class _Race:
    """The looks of a run, one after the other."""

    def __init__(self, rule: StoppingRule, scores: Mapping[str, Scores]) -> None:
        self._rule = rule
        self._scores = scores
        self._pairs: dict[frozenset[str], PairedDifference] = {}
        self._dropped: dict[str, int] = {}
        self._alike = False
        self._n_rows = 0

    @property
    def remaining(self) -> list[str]:
        """Strategies that may still win."""
        return [name for name in self._scores if name not in self._dropped]

    @property
    def over(self) -> bool:
        """Whether no look can change anything any more."""
        return self._alike or len(self.remaining) < 2

    def take(self, look: Look, number: int) -> None:
        """Compare those that remain on the rows of a look, and drop those that cannot win."""
        ids = self._rule.order[: look.n_rows]
        scores = {name: self._scores[name].of_rows(ids) for name in self.remaining}
        table = Table.of(scores, self._rule.clusters)
        pairs = measured(table)
        for found in self._tested(pairs, table, look, number):
            key = frozenset((found.strategy, found.baseline))
            before = self._pairs.get(key)
            self._pairs[key] = found if before is None else _with_smaller_p(found, before)
        self._n_rows = look.n_rows
        worse = self._worse()
        for name in self.remaining:
            if name in worse:
                self._dropped[name] = look.n_rows
        self._alike = self._all_alike([p for p in pairs if not set(p.names) & worse], look)

    def _tested(
        self, pairs: Sequence[Measured], table: Table, look: Look, number: int
    ) -> list[PairedDifference]:
        spent = (1 - _ALIKE_SHARE) * look.share
        n_pairs = math.comb(len(self._scores), 2)
        needed = _FINENESS * n_pairs / (ALPHA * spent)
        found = compared(
            pairs,
            table,
            rng=np.random.default_rng([self._rule.seed, number]),
            n_flips=int(min(max(needed, _MIN_FLIPS), _MAX_FLIPS)),
            levels=Levels(interval=1 - ALPHA * look.share, equivalence=1 - 2 * ALPHA * look.share),
        )
        where = f", at look {number + 1} of {len(looks_for(len(self._rule.order)))}"
        # No rows yet is no evidence, and the pair counts in Holm's correction all the same.
        return [
            replace(
                p,
                p_value=1.0 if p.p_value is None else min(1.0, p.p_value / spent),
                test=p.test + where * (p.n > 0),
            )
            for p in found
        ]

    def _worse(self) -> set[str]:
        """Strategies that another is better than; none where missing rows make that a circle."""
        worse = {p.strategy if p.verdict == "worse" else p.baseline for p in self._judged() if _differ(p)}
        return set() if worse.issuperset(self.remaining) else worse

    def _judged(self) -> tuple[PairedDifference, ...]:
        return judged(list(self._pairs.values()), order=list(self._scores), margin=self._rule.margin)

    def _all_alike(self, pairs: Sequence[Measured], look: Look) -> bool:
        """Whether all pairs that remain lie within the margin, whichever of them is the best."""
        margin = self._rule.margin
        if margin is None or not pairs:
            return False
        level = ALPHA * _ALIKE_SHARE * look.share / (len(self._scores) - 1)
        return all(inside(margin, *pair.bounds(1 - 2 * level)) for pair in pairs)

    def so_far(self) -> RunSoFar:
        """Sum up the looks that were taken."""
        pairs = self._judged() if self._pairs else ()
        remaining = self.remaining
        return RunSoFar(
            n_rows=self._n_rows,
            next_rows=self._next_rows(),
            dropped=dict(self._dropped),
            best=remaining[0] if self._dropped and len(remaining) == 1 else None,
            alike=self._alike,
            pairs=tuple(p if p.n else replace(p, p_value=None, p_adjusted=None) for p in pairs),
        )

    def _next_rows(self) -> int | None:
        later = [look.n_rows for look in looks_for(len(self._rule.order)) if look.n_rows > self._n_rows]
        if len(self._scores) < 2:
            return later[-1] if later else None
        return None if self.over or not later else later[0]


def _differ(pair: PairedDifference) -> bool:
    return pair.verdict in ("better", "worse")


def _with_smaller_p(found: PairedDifference, before: PairedDifference) -> PairedDifference:
    """Keep the evidence of an earlier look: p-values of looks are each valid by the share they spent."""
    smaller = min(found.p_value or 0.0, before.p_value or 0.0)
    return replace(found, p_value=smaller)
