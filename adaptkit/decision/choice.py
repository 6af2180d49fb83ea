"""Which candidate to take, and whether the rows bear it out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from adaptkit.core.results import Pair
from adaptkit.decision.candidates import Candidate, CandidateSet
from adaptkit.decision.pareto import pareto_front
from adaptkit.stats import rows_for_difference, rows_for_equivalence

# Fewer rows are an anecdote, whatever a test says of them (rule R1).
MIN_ROWS = 20
# Of a plan that reaches further than this, the number says only that it is out of reach.
MAX_ROWS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the rows say about candidates.

    Attributes:
        kind: ``alone`` better than every other; ``enough`` nothing cheaper is as good, nothing dearer more
            than the margin better; ``target`` the cheapest that surely reaches the target; ``open`` none of
            these is shown.
        taken: the strategy shown to be right, or the one to take for now.
        tied: strategies that the rows do not separate from the best, the cheapest first.
        blocked_by: where open, the differences ``taken`` minus another that would have to be known better.
        rows_needed: rows in all that would decide them, were they as they look; None where unknown.
        front: candidates that no other beats in quality, price, time and effort at once.
    """

    kind: Literal["alone", "enough", "target", "open"]
    taken: Candidate
    tied: tuple[str, ...]
    blocked_by: tuple[Pair, ...] = ()
    rows_needed: int | None = None
    front: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether the rows bear it out."""
        return self.kind != "open"


def choose(field: CandidateSet, margin: float, target: float | None = None) -> Choice:
    """Choose among candidates.

    One is taken when every cheaper one is shown to be worse than it (Holm over all pairs), and every
    dearer one is shown to be at most ``margin`` better (one-sided 5 %; each of them has to pass, so no
    correction is due). What two strategies merely share is a lack of rows: that is no reason to call them
    equivalent. For now, then, the cheapest of those is named that look at most ``margin`` worse than the
    best.

    Args:
        field: at least one candidate, none of which surely misses the target.
        margin: the largest difference that does not matter.
        target: quality that is good enough; the cheapest candidate that surely reaches it is taken.
    """
    candidates = field.candidates
    front = pareto_front({c.strategy: c.objectives for c in candidates})
    if target is not None:
        return _for_target(field, target, front)
    tied = tuple(c.strategy for c in candidates if _is_tied(field, c))
    enough_rows = min(c.row.n for c in candidates) >= MIN_ROWS
    for place, c in enumerate(candidates):
        if enough_rows and next(_blockers(field, place), None) is None:
            others = [o for o in candidates if o is not c]
            alone = all(_better(field.difference(c.strategy, o.strategy)) for o in others)
            return Choice(kind="alone" if alone else "enough", taken=c, tied=tied, front=front)
    taken = _for_now(field, margin, front)
    blockers = list(_blockers(field, candidates.index(taken)))
    return Choice(
        kind="open",
        taken=taken,
        tied=tied,
        blocked_by=tuple(b.pair for b in blockers if b.pair is not None),
        rows_needed=_rows_needed(blockers, margin, min(c.row.n for c in candidates)),
        front=front,
    )


@dataclass(frozen=True)
class _Blocker:
    """A difference that is not known well enough: of the strategy asked about minus another."""

    pair: Pair | None
    other_is_cheaper: bool


def _is_tied(field: CandidateSet, c: Candidate) -> bool:
    return c is field.best or not _better(field.difference(field.best.strategy, c.strategy))


def _better(pair: Pair | None) -> bool:
    return pair is not None and pair.verdict == "better"


def _as_good(pair: Pair | None) -> bool:
    """Whether it is better or at most the margin worse."""
    return pair is not None and (_better(pair) or pair.verdict == "equivalent" or pair.non_inferior is True)


def _blockers(field: CandidateSet, place: int) -> Iterator[_Blocker]:
    """What keeps the candidate at ``place`` from being taken."""
    own = field.candidates[place].strategy
    for n, other in enumerate(field.candidates):
        pair = field.difference(own, other.strategy)
        if n != place and not (_better(pair) if n < place else _as_good(pair)):
            yield _Blocker(pair, other_is_cheaper=n < place)


def _for_now(field: CandidateSet, margin: float, front: Sequence[str]) -> Candidate:
    """The best one where cost stands in the score already, else the cheapest that looks as good."""
    if field.at_stake_usd is not None:
        return field.best
    near = [c for c in field.candidates if c.score >= field.best.score - margin]
    return next((c for c in near if c.strategy in front), field.best)


def _rows_needed(blockers: Sequence[_Blocker], margin: float, n_rows: int) -> int | None:
    """Rows that decide the hardest of them: more than the ``n_rows`` that did not."""
    needed = [_rows_for(b, margin) for b in blockers]
    known = [n for n in needed if n is not None]
    if len(known) < len(needed) or any(n > MAX_ROWS for n in known):
        return None
    return max([MIN_ROWS, n_rows + 1, *known])


def _rows_for(blocker: _Blocker, margin: float) -> int | None:
    """Rows that show the difference, or that the cheaper of the two is within the margin of the other."""
    pair = blocker.pair
    if (
        pair is None
        or pair.lower_bounds
        or pair.delta is None
        or pair.delta_low is None
        or pair.delta_high is None
    ):
        return None
    # The cheaper one's lead, with an interval as wide as the difference's.
    lead, half = (
        -pair.delta if blocker.other_is_cheaper else pair.delta,
        (pair.delta_high - pair.delta_low) / 2,
    )
    figures = (pair.n, lead, lead - half, lead + half)
    ways = (
        rows_for_difference(*figures, alpha=_level(pair)),
        rows_for_equivalence(*figures, margin=margin),
    )
    known = [n for n in ways if n is not None]
    # The formulas are those of a z test: where the pair's own test is stricter, rows at hand seem enough.
    return max(pair.n + 1, min(known)) if known else None


def _level(pair: Pair) -> float:
    """The level that the pair's own p-value has to reach for the corrected one to reach .05."""
    p, corrected = pair.p_value, pair.p_value_adjusted
    return 0.05 * p / corrected if p and corrected and p < corrected else 0.05


def _for_target(field: CandidateSet, target: float, front: tuple[str, ...]) -> Choice:
    """The cheapest that surely reaches the target; for now, the one that looks likeliest to."""
    sure = [c for c in field.candidates if c.row.n >= MIN_ROWS and _at_least(c.row.quality_low, target)]
    if sure:
        return Choice(kind="target", taken=sure[0], tied=tuple(c.strategy for c in sure), front=front)
    likeliest = max(field.candidates, key=lambda c: c.quality)
    looks = [c for c in field.candidates if c.quality >= target]
    return Choice(
        kind="open",
        taken=looks[0] if looks else likeliest,
        tied=tuple(c.strategy for c in looks or [likeliest]),
        rows_needed=_rows_to_reach(looks[0] if looks else likeliest, target),
        front=front,
    )


def _at_least(value: float | None, target: float) -> bool:
    return value is not None and value >= target


def _rows_to_reach(c: Candidate, target: float) -> int | None:
    """Rows at which the interval, growing narrower with their root, would leave the target out.

    Intervals of shares are longer on one side: what counts is the side on which the target lies.
    """
    row = c.row
    if row.quality is None or row.quality_low is None or row.quality_high is None:
        return None
    gap = row.quality - target
    half = row.quality - row.quality_low if gap > 0 else row.quality_high - row.quality
    if gap == 0:
        return None
    needed = math.ceil(row.n * (half / gap) ** 2)
    return max(MIN_ROWS, row.n + 1, needed) if needed <= MAX_ROWS else None
