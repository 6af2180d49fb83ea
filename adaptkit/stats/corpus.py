"""Metrics that are no mean over rows, such as macro F1: how sure a value is, and whether two differ.

What a row adds to such a metric depends on the other rows. So answers are drawn again, and the metric is
computed anew each time:

* **interval**: rows (or clusters) are drawn with replacement, the same for both strategies. A label of which
  a strategy has every row right, or none, would never vary that way. So one more row, of any label, is among
  what is drawn: right or wrong with equal odds, for each strategy apart. The draws are cleared of the bias of
  the metric; their quantiles are spread by what t allows for few units, and by the luck of training seeds
  (see ``Spread``).
* **test**: were two strategies alike, either could have given each row's answer. So answers are swapped, row
  by row or cluster by cluster, and the metric of both is computed anew (a permutation test).

``python -m benchmarks.stats`` measures how often these intervals hold the truth. Where a label has next to no
rows they do not: below ``MIN_ROWS`` of them there is no interval, and no verdict.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptkit.core.results import Estimate
from adaptkit.stats.best import Gaps, resampled_luck
from adaptkit.stats.luck import Luck, luck_part
from adaptkit.stats.paired import Levels, PairedDifference
from adaptkit.stats.power import detectable_difference, rows_beside_seeds
from adaptkit.stats.resample import N_RESAMPLES
from adaptkit.stats.scores import Floats, Ints, Scores, unit_of_rows
from adaptkit.stats.sign_flip import TIE
from adaptkit.stats.spread import Part, Spread

# Rows (or clusters) of the rarest label from which on intervals hold what they promise.
MIN_ROWS = 3
# Of draws without an unseen row, so many tell the bias of the metric.
_MIN_PLAIN = 50
# Draws made at once: as many counts as stay in the processor's cache.
_CHUNK = 300_000


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """A row that might have been drawn and was not.

    Attributes:
        name: what such rows have in common, e.g. a label.
        of: ids of the rows that were drawn of this kind.
        right: an answer to such a row that is right, ``wrong`` one that is not.
    """

    name: str
    of: frozenset[str]
    right: Any
    wrong: Any


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A metric of many answers together.

    Attributes:
        parts: what ``values`` needs of each answer, ``[n_answers, n]``; of one call for all answers.
        values: counts ``[n_draws, n_answers]`` of answers with these parts, to the metric ``[n_draws]``.
        unseen: kinds of rows, e.g. one a label.
        n_draws: how often answers are drawn again, and swapped.
    """

    parts: Callable[[Sequence[Any]], NDArray[Any]]
    values: Callable[[Floats, NDArray[Any]], Floats]
    unseen: tuple[Unseen, ...]
    n_draws: int = N_RESAMPLES


@dataclass(frozen=True, kw_only=True, eq=False)
class CorpusScores:
    """What one strategy answered, judged by a metric of all answers together.

    Attributes:
        answers: by row id and seed.
        by_row: what single rows score, to count those that one strategy has better.
        corpus: the metric.
        seeds_vary: see ``Scores``.
    """

    answers: Mapping[str, Mapping[int, Any]]
    by_row: Scores
    corpus: Corpus
    seeds_vary: bool = False


class Answered:
    """The answers of all strategies of a task side by side; no figure depends on the order given."""

    def __init__(self, scores: Mapping[str, CorpusScores], clusters: Mapping[str, str] | None) -> None:
        self.names = tuple(sorted(scores))
        self.scores = tuple(scores[name] for name in self.names)
        self.ids = tuple(sorted({i for s in self.scores for i in s.answers}))
        self.unit_of_row = unit_of_rows(self.ids, clusters)
        self.corpus = self.scores[0].corpus
        self._place = {i: row for row, i in enumerate(self.ids)}
        self._parts = self._all_parts()
        self.present = np.array([[i in s.answers for i in self.ids] for s in self.scores], dtype=np.bool_)

    @property
    def n_units(self) -> int:
        """Rows on their own and clusters together."""
        return int(self.unit_of_row.max(initial=-1)) + 1

    def _all_parts(self) -> list[list[NDArray[Any]]]:
        """Parts by strategy and seed: of all rows, then of unseen ones that are right, and of wrong ones."""
        places = [
            (k, s, self._place[i], answer)
            for k, scores in enumerate(self.scores)
            for i, by_seed in scores.answers.items()
            for s, answer in by_seed.items()
        ]
        unseen = self.corpus.unseen
        every = [answer for *_, answer in places] + [u.right for u in unseen] + [u.wrong for u in unseen]
        parts = self.corpus.parts(every)
        # A strategy lacks some rows; a count of nothing changes no sum.
        blank = np.full((len(self.ids), parts.shape[1]), None if parts.dtype == object else 0, parts.dtype)
        empty = np.concatenate([blank, parts[len(places) :]])
        found: list[dict[int, NDArray[Any]]] = [{} for _ in self.scores]
        for part, (k, s, row, _) in zip(parts, places, strict=False):
            if s not in found[k]:
                found[k][s] = empty.copy()
            found[k][s][row] = part
        return [[of_seed[s] for s in sorted(of_seed)] for of_seed in found]

    def shared(self, *strategies: int) -> NDArray[np.bool_]:
        """Which rows all of them have, ``[n_rows]``."""
        return np.asarray(self.present[list(strategies)].all(axis=0))

    def values(self, strategy: int, rows: NDArray[np.bool_]) -> Floats:
        """The metric of each seed over the given rows, ``[n_seeds]``."""
        counts = rows[None].astype(np.float64)
        parts = (p[: len(rows)] for p in self._parts[strategy])
        return np.array([self.corpus.values(counts, p)[0] for p in parts])

    def n_units_of(self, rows: NDArray[np.bool_]) -> int:
        """Rows on their own and clusters among the given rows."""
        return len(np.unique(self.unit_of_row[rows]))

    def thin(self, rows: NDArray[np.bool_]) -> str | None:
        """Why there is no interval, in words; None where there is one."""
        for kind, n_units in zip(self.corpus.unseen, self._sizes(rows), strict=True):
            if 0 < n_units < MIN_ROWS:
                return f"{kind.name} has {n_units} of the {MIN_ROWS} rows or clusters that it takes"
        return None

    def _sizes(self, rows: NDArray[np.bool_]) -> list[int]:
        """Rows or clusters that hold each kind of row."""
        places = ([self._place[i] for i in kind.of if i in self._place] for kind in self.corpus.unseen)
        return [len(np.unique(self.unit_of_row[[p for p in own if rows[p]]])) for own in places]

    def df(self, rows: NDArray[np.bool_]) -> float:
        """Degrees of freedom behind the variance of a difference, which a rare label makes.

        F. E. Satterthwaite's, each label's part of the variance being as 1 over its m rows, and 2 m of them
        behind that part: the squares of rows that are one of many vary as their count does.
        """
        sizes = np.array([m for m in self._sizes(rows) if m], dtype=np.float64)
        most = float(self.n_units_of(rows) - 1)
        if not len(sizes):
            return most
        return min(most, 2 * float((1 / sizes).sum() ** 2 / (1 / sizes**3).sum()))

    def draws(self, strategies: Sequence[int], rows: NDArray[np.bool_], seed: int) -> list[Floats]:
        """Draw units again, the same ones for all strategies that are given the same seed.

        Returns:
            Of each strategy ``[n_draws, n_seeds]``.
        """
        rng, own = np.random.default_rng(seed), [np.random.default_rng([seed, k]) for k in strategies]
        pieces: list[list[Floats]] = [[] for _ in strategies]
        plain: list[NDArray[np.bool_]] = []
        held = np.array(self._sizes(rows)) > 0
        for counts, drawn in self._drawn(rng):
            unseen = drawn * held
            plain.append(unseen.sum(axis=1) == 0)
            whole = np.hstack([counts[:, self.unit_of_row] * rows, unseen, unseen])
            for found, k, coin in zip(pieces, strategies, own, strict=True):
                right = coin.binomial(unseen, 0.5)
                whole[:, len(rows) :] = np.hstack([right, unseen - right])
                found.append(np.column_stack([self.corpus.values(whole, p) for p in self._parts[k]]))
        seen = np.concatenate(plain)
        return [
            _unbiased(np.concatenate(found), seen, self.values(k, rows))
            for found, k in zip(pieces, strategies, strict=True)
        ]

    def _drawn(self, rng: np.random.Generator) -> Iterator[tuple[Floats, Ints]]:
        """Pieces of counts of units ``[n, n_units]`` and of unseen rows ``[n, n_unseen]``.

        All unseen rows together are drawn as often as one unit, or half as often where there is one kind.
        """
        n_units, n_unseen = self.n_units, len(self.corpus.unseen)
        weight = max(2, n_unseen)
        width = n_units + n_unseen
        step = max(1, _CHUNK // width)
        for start in range(0, self.corpus.n_draws, step):
            n = min(step, self.corpus.n_draws - start)
            drawn = rng.integers(0, weight * n_units + n_unseen, size=(n, n_units), dtype=np.int32)
            places = np.where(drawn < weight * n_units, drawn // weight, drawn - (weight - 1) * n_units)
            index = (places + (np.arange(n) * width)[:, None]).ravel()
            counts = np.bincount(index, minlength=n * width).reshape(n, width)
            yield counts[:, :n_units].astype(np.float64), counts[:, n_units:]

    def swapped(self, a: int, b: int, rows: NDArray[np.bool_], rng: np.random.Generator) -> tuple[float, str]:
        """The p-value of the permutation test, and its name.

        Answers of a row are swapped under all seeds at once; where strategies have different numbers of
        seeds, the shorter list is begun again.
        """
        pairs = self._seed_pairs(a, b, rows)
        differ = np.zeros(int(rows.sum()), dtype=np.bool_)
        for mine, theirs in pairs:
            differ |= np.asarray(mine != theirs, dtype=np.bool_).any(axis=1)
        units, unit_of = np.unique(self.unit_of_row[rows][differ], return_inverse=True)
        sides = [_two_sides(mine, theirs, differ) for mine, theirs in pairs]
        observed = float(self._gaps(sides, np.zeros((1, len(unit_of))))[0])
        exact = 1 << len(units) <= self.corpus.n_draws
        step = max(1, _CHUNK // max(1, len(sides[0])))
        extreme = n_known = 0
        for taken in _halves(len(units), exact, rng, step, self.corpus.n_draws):
            gaps = self._gaps(sides, taken[:, unit_of])
            n_known += int(np.count_nonzero(~np.isnan(gaps)))
            extreme += int(np.count_nonzero(np.abs(gaps) >= abs(observed) - TIE))
        if exact:
            return extreme / max(1, n_known), "exact permutation test"
        return (1 + extreme) / (1 + n_known), f"permutation test ({self.corpus.n_draws:,} swaps)"

    def _seed_pairs(self, a: int, b: int, rows: NDArray[np.bool_]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        mine, theirs = ([p[: len(rows)][rows] for p in self._parts[k]] for k in (a, b))
        n = max(len(mine), len(theirs))
        return [(mine[s % len(mine)], theirs[s % len(theirs)]) for s in range(n)]

    def _gaps(self, sides: Sequence[NDArray[Any]], swap: Floats) -> Floats:
        """Differences of two strategies whose answers to some rows are swapped, ``[n_draws]``."""
        found = np.zeros(len(swap))
        for both in sides:
            alike = np.ones((len(swap), len(both) - 2 * swap.shape[1]))
            forth, back = np.hstack([1 - swap, swap, alike]), np.hstack([swap, 1 - swap, alike])
            found += self.corpus.values(forth, both) - self.corpus.values(back, both)
        return found / len(sides)


def _unbiased(draws: Floats, plain: NDArray[np.bool_], values: Floats) -> Floats:
    """Move draws to where the truth is.

    A metric of many labels with few rows each comes out too low; drawn again from what was drawn, too low by
    as much once more. So the draws are moved up by twice what they miss the measured value by.

    Args:
        draws: ``[n_draws, n_seeds]``.
        plain: those without an unseen row.
        values: as measured, ``[n_seeds]``.
    """
    if np.count_nonzero(plain) < _MIN_PLAIN or np.isnan(draws[plain]).all(axis=0).any():
        return draws
    return np.asarray(draws - 2 * (np.nanmean(draws[plain], axis=0) - values))


def _two_sides(mine: NDArray[Any], theirs: NDArray[Any], differ: NDArray[np.bool_]) -> NDArray[Any]:
    """Parts of rows that differ, of both, and of all others: as one row where they can be added up."""
    alike = mine[~differ]
    if alike.dtype != object:
        alike = alike.sum(axis=0, keepdims=True)
    return np.concatenate([mine[differ], theirs[differ], alike])


def _halves(n: int, exact: bool, rng: np.random.Generator, step: int, n_draws: int) -> Iterator[Floats]:
    """Zeros and ones, ``[rows of the piece, n]``: all patterns there are, or random ones."""
    total = 1 << n if exact else n_draws
    for start in range(0, total, step):
        size = min(step, total - start)
        if exact:
            yield ((np.arange(start, start + size)[:, None] >> np.arange(n)) & 1).astype(np.float64)
        else:
            yield rng.integers(0, 2, size=(size, n)).astype(np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Redrawn:
    """A value or a difference, and what it was when answers were drawn again.

    Attributes:
        value: as measured.
        draws: ``[n_draws]``, without the luck of seeds.
        spread: what makes it vary.
    """

    value: float
    draws: Floats
    spread: Spread

    @classmethod
    def of(
        cls, value: float, draws: Floats, lucks: Sequence[Luck | None], units: tuple[int, float]
    ) -> Redrawn | None:
        """None where nothing varies, or next to no draw has a value.

        Args:
            value: as measured.
            draws: of it, without the luck of seeds.
            lucks: of the strategies.
            units: rows on their own and clusters, and degrees of freedom.
        """
        n_units, df = units
        known = draws[~np.isnan(draws)]
        if math.isnan(value) or 2 * len(known) < len(draws) or n_units < 2:
            return None
        # A bootstrap of G units is too narrow by the root of (G - 1) / G.
        variance = float(known.var()) * n_units / (n_units - 1)
        if variance == 0:
            return None
        spread = Spread(rows=Part(variance=variance, df=max(1.0, df)), seeds=luck_part(lucks))
        return cls(value=value, draws=known, spread=spread)

    def bounds(self, confidence: float) -> tuple[float, float]:
        """Quantiles of the draws, spread about their middle by few units and the luck of seeds."""
        tail = (1 - confidence) / 2
        low, middle, high = np.quantile(self.draws, [tail, 0.5, 1 - tail]).tolist()
        plain = NormalDist().inv_cdf(1 - tail) * float(self.draws.std())
        wider = self.spread.half_width(confidence) / plain
        least, most = self._range()
        return (
            max(least, min(self.value, middle - (middle - low) * wider)),
            min(most, max(self.value, middle + (high - middle) * wider)),
        )

    def _range(self) -> tuple[float, float]:
        """Where values may lie: 0..1 and differences -1..1, unless the metric goes beyond."""
        if np.abs(self.draws).max() > 1:
            return -math.inf, math.inf
        return (0.0, 1.0) if min(self.value, self.draws.min()) >= 0 else (-1.0, 1.0)


def corpus_estimate(
    scores: CorpusScores,
    *,
    rng: np.random.Generator,
    clusters: Mapping[str, str] | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return the metric, averaged over seeds, with its interval and, in words, how that was made."""
    table = Answered({"": scores}, clusters)
    rows = table.shared(0)
    n = int(rows.sum())
    values = table.values(0, rows) if n else np.zeros(0)
    if n == 0 or np.isnan(values).any():
        return Estimate(value=None, low=None, high=None, n=n, method="no rows" if n == 0 else "undefined")
    value, thin = float(values.mean()), table.thin(rows)
    if thin is not None:
        return Estimate(value=value, low=None, high=None, n=n, method=f"no interval: {thin}")
    (drawn,) = table.draws([0], rows, _seed(rng))
    luck = luck_of_draws(values, drawn, scores.seeds_vary)
    found = Redrawn.of(value, drawn.mean(axis=1), [luck], (table.n_units, table.n_units - 1))
    if found is None:
        return Estimate(value=value, low=None, high=None, n=n, method="no interval: nothing varies")
    low, high = found.bounds(confidence)
    what = "rows" if table.n_units == n else "clusters"
    method = f"bootstrap over {table.n_units} {what}" + ("" if luck is None else f" and {len(values)} seeds")
    one = "; 1 seed: the luck of training is not covered" if scores.seeds_vary and len(values) == 1 else ""
    return Estimate(value=value, low=low, high=high, n=n, method=method + one)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(0, 2**62))


def luck_of_draws(values: Floats, draws: Floats, seeds_vary: bool) -> Luck | None:
    """The luck of training seeds, as ``luck_of`` measures it; rows under a seed out of the draws."""
    n_seeds = len(values)
    if not seeds_vary or n_seeds < 2:
        return None
    apart = draws - draws.mean(axis=1, keepdims=True)
    rest = float(np.nanvar(apart, axis=0).mean()) / (n_seeds - 1) if n_seeds > 2 else 0.0
    return Luck(gross=float(values.var(ddof=1)) / n_seeds, rest=rest, df=n_seeds - 1)


def compare_corpus(
    scores: Mapping[str, CorpusScores],
    *,
    rng: np.random.Generator,
    clusters: Mapping[str, str] | None = None,
    levels: Levels | None = None,
) -> tuple[list[PairedDifference], Gaps]:
    """Compare every two strategies on the rows that both have, before p-values are corrected."""
    if not scores:
        return [], Gaps((), np.zeros((0, 0)))
    table = Answered(scores, clusters)
    comparison = _Comparison(table, seed=_seed(rng))
    pairs = itertools.combinations(range(len(table.names)), 2)
    found = [comparison.pair(b, a, rng, levels or Levels()) for a, b in pairs]
    return found, comparison.gaps(rng)


class _Comparison:
    """All pairs of a table, drawn with one seed; draws on the same rows are made once."""

    def __init__(self, table: Answered, *, seed: int) -> None:
        self._table = table
        self._seed = seed
        everyone = range(len(table.names))
        self._all = table.shared(*everyone)
        self._drawn = table.draws(list(everyone), self._all, seed) if self._all.any() else []

    def draws(self, strategy: int, rows: NDArray[np.bool_]) -> Floats:
        """Of a strategy on these rows, ``[n_draws, n_seeds]``."""
        if np.array_equal(rows, self._all):
            return self._drawn[strategy]
        return self._table.draws([strategy], rows, self._seed)[0]

    def pair(self, a: int, b: int, rng: np.random.Generator, levels: Levels) -> PairedDifference:
        """Strategy ``a`` minus baseline ``b``."""
        table = self._table
        rows = table.shared(a, b)
        n = int(rows.sum())
        gained, lost = self._counted(a, b)
        apart = np.flatnonzero(table.present[a] ^ table.present[b])
        plain = PairedDifference(
            strategy=table.names[a],
            baseline=table.names[b],
            n=n,
            unpaired=tuple(table.ids[i] for i in apart),
            delta=None,
            low=None,
            high=None,
            equivalence_low=None,
            equivalence_high=None,
            gained=gained,
            lost=lost,
            p_value=None,
            test="no shared rows",
        )
        values = [table.values(k, rows) for k in (a, b)] if n else []
        if n == 0 or any(np.isnan(v).any() for v in values):
            return plain
        return self._tested(plain, (a, b), values, rng, levels)

    def _counted(self, a: int, b: int) -> tuple[int, int]:
        """Rows that one of the two has better, by what single rows score."""
        mine, theirs = (
            dict(zip(s.by_row.ids, s.by_row.row_means.tolist(), strict=True))
            for s in (self._table.scores[a], self._table.scores[b])
        )
        gaps = [mine[i] - theirs[i] for i in mine.keys() & theirs.keys()]
        return sum(g > TIE for g in gaps), sum(g < -TIE for g in gaps)

    def _tested(
        self,
        plain: PairedDifference,
        names: tuple[int, int],
        values: Sequence[Floats],
        rng: np.random.Generator,
        levels: Levels,
    ) -> PairedDifference:
        table, (a, b) = self._table, names
        rows = table.shared(a, b)
        delta = float(values[0].mean() - values[1].mean())
        p, test = table.swapped(a, b, rows, rng)
        thin = table.thin(rows)
        drawn = [self.draws(k, rows) for k in names] if thin is None else []
        vary = [table.scores[k].seeds_vary for k in names]
        lucks = [luck_of_draws(v, d, s) for v, d, s in zip(values, drawn, vary, strict=False)]
        units = table.n_units_of(rows)
        found = (
            Redrawn.of(delta, drawn[0].mean(axis=1) - drawn[1].mean(axis=1), lucks, (units, table.df(rows)))
            if drawn
            else None
        )
        if units < plain.n:
            test += f" over {units} clusters"
        if found is not None and found.spread.seeds is not None:
            p = max(p, found.spread.p_value(delta) or 0.0)
            test = f"t test over rows and seeds, {test}: the larger p"
        if any(s and len(v) == 1 for s, v in zip(vary, values, strict=True)):
            test += "; 1 seed: the luck of training is not covered"
        if thin is not None:
            test += f"; no interval: {thin}"
        return _with_bounds(plain, delta, (p, test), found, levels)

    def gaps(self, rng: np.random.Generator) -> Gaps:
        """Differences of all strategies to the one with the most rows, in each draw."""
        table = self._table
        reference = int(np.argmax(table.present.sum(axis=1)))
        columns = []
        for k in range(len(table.names)):
            rows = table.shared(k, reference)
            if not rows.any():
                columns.append(np.full(self._n_draws, np.nan))
                continue
            own, theirs = self.draws(k, rows), self.draws(reference, rows)
            columns.append(own.mean(axis=1) - theirs.mean(axis=1))
        gaps = np.column_stack(columns)
        for k, scores in enumerate(table.scores):
            rows = table.shared(k)
            values = table.values(k, rows)
            luck = luck_of_draws(values, self.draws(k, rows), scores.seeds_vary)
            if luck is not None:
                gaps[:, k] += resampled_luck(values - values.mean(), luck, rng, len(gaps))
        return Gaps(table.names, gaps[~np.isnan(gaps[:, reference])])

    @property
    def _n_draws(self) -> int:
        return self._table.corpus.n_draws


def _with_bounds(
    plain: PairedDifference,
    delta: float,
    tested: tuple[float, str],
    found: Redrawn | None,
    levels: Levels,
) -> PairedDifference:
    p, test = tested
    known = replace(plain, delta=delta, p_value=p, test=test)
    if found is None:
        return known
    low, high = found.bounds(levels.interval)
    equivalence_low, equivalence_high = found.bounds(levels.equivalence)
    rows_half, half = found.spread.rows.half_width(0.95), found.spread.half_width(0.95)
    seeds_half = max(0.0, half**2 - rows_half**2) ** 0.5
    return replace(
        known,
        low=low,
        high=high,
        equivalence_low=equivalence_low,
        equivalence_high=equivalence_high,
        detectable=detectable_difference(-half, half),
        n_to_decide=rows_beside_seeds(plain.n, delta, rows_half, seeds_half),
    )
