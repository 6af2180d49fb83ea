"""Every two strategies of a task, compared on the same rows with one shared set of resamples."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from adaptkit.core.errors import ConfigError
from adaptkit.stats.best import Gaps, resampled_gaps
from adaptkit.stats.corpus import CorpusScores, compare_corpus
from adaptkit.stats.multiple import holm
from adaptkit.stats.paired import Levels, Measured, PairedDifference, measure
from adaptkit.stats.resample import N_RESAMPLES
from adaptkit.stats.scores import Scores
from adaptkit.stats.sign_flip import N_FLIPS, sign_flip_columns
from adaptkit.stats.table import Table
from adaptkit.stats.verdict import non_inferior, verdict

# Two points of quality: what a reader of a table would not change a decision for.
MARGIN = 0.02


@dataclass(frozen=True, kw_only=True)
class AllPairs:
    """What the rows say about a task's strategies.

    Attributes:
        pairs: every two of them, the later one minus the earlier one, in the order given.
        p_best: how often each is the best when rows and seeds are drawn again; None for one without rows.
        gaps: their means in each of those draws.
    """

    pairs: tuple[PairedDifference, ...]
    p_best: Mapping[str, float | None]
    gaps: Gaps


def compare_all(
    scores: Mapping[str, Scores] | Mapping[str, CorpusScores],
    *,
    rng: np.random.Generator,
    clusters: Mapping[str, str] | None = None,
    margin: float | None = MARGIN,
    n_resamples: int = N_RESAMPLES,
) -> AllPairs:
    """Compare every two strategies by row id.

    * p-value: McNemar's exact test where every row is right or wrong and independent; otherwise a sign-flip
      permutation test of row means, clusters flipping together. Where training seeds vary, the larger of
      that and of a t test over rows and seeds (see ``Spread``).
    * intervals: t over the differences of rows or clusters and, where they vary, seeds, corrected for skew
      and for differences that are mostly equal (see ``Spread`` and ``paired``).
    * verdict: see ``verdict``; p-values are adjusted after Holm over all pairs.

    Metrics that are no mean over rows are drawn again and swapped instead, see ``corpus``.

    The order of strategies and rows changes no figure. 10 strategies of 10,000 rows take 10,000 resamples
    and 10,000 sign flips of all 45 pairs in one to two seconds.

    Args:
        scores: of each strategy.
        rng: for the resamples and the signs of the permutation test.
        clusters: the cluster of a row by id; a row that is missing here is independent.
        margin: the largest difference that does not matter, chosen before the run; None for none.
        n_resamples: of the bootstrap, and sign patterns of the permutation test.

    Raises:
        ConfigError: a negative margin, or no resamples.
    """
    if n_resamples < 1:
        raise ConfigError.for_parameter("compare_all", "n_resamples", "at least 1", n_resamples)
    corpus, rows = _by_kind(scores)
    if corpus:
        found, gaps = compare_corpus(corpus, rng=rng, clusters=clusters)
    else:
        table = Table.of(rows, clusters)
        found = compared(measured(table), table, rng=rng, n_flips=n_resamples)
        gaps = resampled_gaps(table, rng=rng, n_resamples=n_resamples)
    shares = gaps.p_best()
    return AllPairs(
        pairs=judged(found, order=list(scores), margin=margin),
        p_best={name: shares[name] for name in scores},
        gaps=gaps,
    )


def _by_kind(
    scores: Mapping[str, Scores] | Mapping[str, CorpusScores],
) -> tuple[dict[str, CorpusScores], dict[str, Scores]]:
    return (
        {name: s for name, s in scores.items() if isinstance(s, CorpusScores)},
        {name: s for name, s in scores.items() if isinstance(s, Scores)},
    )


def paired_difference(
    a: Scores | CorpusScores | Mapping[str, float],
    b: Scores | CorpusScores | Mapping[str, float],
    *,
    rng: np.random.Generator,
    clusters: Mapping[str, str] | None = None,
    margin: float | None = None,
) -> PairedDifference:
    """Compare one strategy ``a`` with a baseline ``b``: ``compare_all`` for two, without resamples.

    Args:
        a: the strategy's scores, or one value a row by id.
        b: the same of the baseline.
        rng: for the signs of the permutation test.
        clusters: the cluster of a row by id; a row that is missing here is independent.
        margin: the largest difference that does not matter, chosen before the run.
    """
    if isinstance(a, CorpusScores) and isinstance(b, CorpusScores):
        pairs, _ = compare_corpus({"b": b, "a": a}, rng=rng, clusters=clusters)
    else:
        table = Table.of({"b": _as_scores(b), "a": _as_scores(a)}, clusters)
        pairs = compared(measured(table), table, rng=rng)
    (found,) = judged(pairs, order=["b", "a"], margin=margin)
    return found


def _as_scores(values: Scores | CorpusScores | Mapping[str, float]) -> Scores:
    if isinstance(values, CorpusScores):
        raise ConfigError("Answers judged together cannot be compared with scores of single rows.")
    return values if isinstance(values, Scores) else Scores.from_rows(values)


def measured(table: Table) -> list[Measured]:
    """Put every two strategies side by side, each the same way round whatever order was given."""
    return [measure(table, b, a) for a, b in itertools.combinations(range(len(table.names)), 2)]


def compared(
    pairs: Sequence[Measured],
    table: Table,
    *,
    rng: np.random.Generator,
    n_flips: int = N_FLIPS,
    levels: Levels | None = None,
) -> list[PairedDifference]:
    """Test pairs with the same random signs.

    Args:
        pairs: of the table.
        table: whose units flip.
        rng: for the signs.
        n_flips: sign patterns of the permutation test.
        levels: confidence of the intervals, 95 % and 90 % unless a run is looked at more than once.
    """
    by_flips = [pair for pair in pairs if pair.by_flips]
    columns = np.zeros((table.n_units, len(by_flips)))
    for column, pair in enumerate(by_flips):
        columns[:, column] = table.sums_by_unit(pair.differences, pair.rows)
    p_values = iter(sign_flip_columns(columns, rng=rng, n_flips=n_flips).tolist())
    return [
        _with_test(pair, next(p_values) if pair.by_flips else None, n_flips, levels or Levels())
        for pair in pairs
    ]


def _with_test(pair: Measured, flipped_p: float | None, n_flips: int, levels: Levels) -> PairedDifference:
    found = pair.difference(levels)
    if found.n == 0:
        return found
    p = pair.counted_p() if flipped_p is None else flipped_p
    test = "exact McNemar test" if flipped_p is None else pair.flips_in_words(n_flips)
    two_level = pair.two_level_p()
    if two_level is not None and p is not None:
        # Rows alone have to bear a difference out as well: few that differ make t too sure.
        p, test = max(p, two_level), f"t test over rows and seeds, {test}: the larger p"
    if pair.one_seed:
        test += "; 1 seed: the luck of training is not covered"
    return replace(found, p_value=p, test=test)


def judged(
    found: Sequence[PairedDifference], *, order: Sequence[str], margin: float | None
) -> tuple[PairedDifference, ...]:
    """Correct p-values over all pairs, add verdicts, and turn each pair to later minus earlier.

    Args:
        found: one a pair.
        order: of the strategies.
        margin: the largest difference that does not matter; None for none.
    """
    adjusted = holm([pair.p_value for pair in found])
    by_names = {}
    for pair, p in zip(found, adjusted, strict=True):
        bounds = (pair.equivalence_low, pair.equivalence_high)
        by_names[frozenset((pair.strategy, pair.baseline))] = replace(
            pair,
            p_adjusted=p,
            verdict=verdict(pair.low, pair.high, p, margin=margin, equivalence=bounds),
            non_inferior=non_inferior(pair.equivalence_low, margin),
        )
    wanted = itertools.combinations(order, 2)
    pairs = ((second, by_names[frozenset((first, second))]) for first, second in wanted)
    return tuple(pair if pair.strategy == later else pair.turned(margin) for later, pair in pairs)
