"""Macro F1 with a rare label: do its intervals hold the truth, and are equal strategies called a tie?

Labels, confusions and the strategies' agreement are drawn anew for each test set, so a figure is an average
over strategies good and bad. The truth is the macro F1 of the confusions that answers were drawn from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptkit.metrics.classification import MACRO_F1
from adaptkit.metrics.corpus import values_of
from adaptkit.stats import Corpus, CorpusScores, Scores, Unseen, compare_all
from adaptkit.stats.corpus import Answered, Redrawn, luck_of_draws
from benchmarks.stats.line import Effort, Line
from benchmarks.stats.planted import Floats, ids_of

RUNS, TIE_RUNS = 600, 200
LEAST, MOST = 0.93, 0.97
# Draws of a test set: a bound is uncertain by 6 % of the interval's width, which averages out over test sets.
N_DRAWS = 500
N_TIED = 5
SIZES = (60, 120, 300, 600)
CLUSTERS = (20, 50, 150)
# Cases of which five equal strategies are drawn.
TIED = (0, 2, 4)
Labels = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Where test sets come from.

    Attributes:
        shares: of the labels.
        sizes: rows, or clusters of five.
        clustered: whether rows of a cluster are hard together.
        n_seeds: training seeds, each with confusions of its own.
    """

    name: str
    shares: tuple[float, ...]
    sizes: tuple[int, ...] = SIZES
    clustered: bool = False
    n_seeds: int = 1


CASES = (
    Case(name="one row in ten", shares=(0.9, 0.1)),
    Case(name="one row in twenty", shares=(0.95, 0.05), sizes=(120, 300, 600)),
    Case(name="five labels, 40 to 5 %", shares=(0.4, 0.3, 0.15, 0.1, 0.05)),
    Case(name="twenty labels", shares=(0.05,) * 20, sizes=(300, 600)),
    Case(name="one row in ten, clusters", shares=(0.9, 0.1), sizes=CLUSTERS, clustered=True),
    Case(name="one row in ten, 3 training seeds", shares=(0.9, 0.1), sizes=(120, 600), n_seeds=3),
)


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A test set: answers of strategies by name, the truth of each, and clusters."""

    scores: Mapping[str, CorpusScores]
    truths: tuple[float, ...]
    clusters: Mapping[str, str] | None


def simulate(effort: Effort) -> Iterator[Line]:
    """Coverage, and false winners."""
    for number, case in enumerate(CASES):
        for n in case.sizes:
            yield from _coverage(case, n, effort, np.random.default_rng([effort.seed, 7, number, n]))
    for number in TIED:
        case = CASES[number]
        n = case.sizes[-2]
        yield _ties(case, n, effort, np.random.default_rng([effort.seed, 8, number, n]))


def _coverage(case: Case, n: int, effort: Effort, rng: np.random.Generator) -> Iterator[Line]:
    runs, blank, held = effort.runs(RUNS), 0, np.zeros(2, dtype=np.intp)
    for _ in range(runs):
        drawn = _draw(case, n, rng, n_strategies=2)
        found = _intervals(drawn, rng)
        if found is None:
            blank += 1
            continue
        truths = (drawn.truths[0], drawn.truths[1] - drawn.truths[0])
        held += [low <= truth <= high for (low, high), truth in zip(found, truths, strict=True)]
    note = f"{blank / runs:.0%} have no interval: too few rows of a label" if blank else ""
    setting = f"{case.name}, {n} {'clusters' if case.clustered else 'rows'}"
    for what, count in zip(("coverage, macro F1", "coverage, difference of macro F1"), held, strict=True):
        share = float(count) / max(1, runs - blank)
        yield Line(
            what=what, setting=setting, measured=share, low=LEAST, high=MOST, runs=runs - blank, note=note
        )


def _intervals(drawn: Drawn, rng: np.random.Generator) -> list[tuple[float, float]] | None:
    """Of the first strategy and of the second one minus it, as ``corpus_estimate`` and ``compare_all`` do it.

    With one set of draws for both, and without their tests.
    """
    table = Answered(drawn.scores, drawn.clusters)
    rows = table.shared(0, 1)
    if table.thin(rows) is not None:
        return None
    values = [table.values(k, rows) for k in (0, 1)]
    again = table.draws([0, 1], rows, int(rng.integers(0, 2**62)))
    vary = drawn.scores["s0"].seeds_vary
    lucks = [luck_of_draws(v, d, vary) for v, d in zip(values, again, strict=True)]
    means = [d.mean(axis=1) for d in again]
    first = Redrawn.of(float(values[0].mean()), means[0], lucks[:1], (table.n_units, table.n_units - 1))
    gap = float(values[1].mean() - values[0].mean())
    second = Redrawn.of(gap, means[1] - means[0], lucks, (table.n_units, table.df(rows)))
    return None if first is None or second is None else [first.bounds(0.95), second.bounds(0.95)]


def _ties(case: Case, n: int, effort: Effort, rng: np.random.Generator) -> Line:
    """Five equal strategies, that err on other rows: how often any two are called different."""
    runs, false = effort.runs(TIE_RUNS), 0
    for _ in range(runs):
        drawn = _draw(case, n, rng, n_strategies=N_TIED, equal=True)
        found = compare_all(drawn.scores, rng=rng, clusters=drawn.clusters)
        false += any(pair.verdict in ("better", "worse") for pair in found.pairs)
    setting = f"{case.name}, {n} {'clusters' if case.clustered else 'rows'}"
    what = "false winners among five equal, macro F1"
    return Line(what=what, setting=setting, measured=false / runs, high=0.05, runs=runs)


def _draw(case: Case, n: int, rng: np.random.Generator, *, n_strategies: int, equal: bool = False) -> Drawn:
    unit = np.repeat(np.arange(n), 1 + rng.poisson(4, size=n)) if case.clustered else np.arange(n)
    shares = np.array(case.shares)
    target = rng.choice(len(shares), size=len(unit), p=shares)
    confusions = [_confusion(len(shares), rng) for _ in range(1 if equal else n_strategies)]
    hard = rng.normal(size=n)[unit] * (0.5 if case.clustered else 0.0)
    shared, answers, truths = rng.normal(size=len(unit)), [], []
    for k in range(n_strategies):
        confusion = confusions[0 if equal else k]
        outputs = []
        for _ in range(case.n_seeds):
            own = 0.7 * shared + 0.51**0.5 * rng.normal(size=len(unit))
            outputs.append(_answered(_lucky(confusion, case, rng), target, _ranks(hard, own)))
        answers.append(np.column_stack(outputs))
        truths.append(_truth(confusion, case, shares))
    names = ids_of(len(unit))
    clusters = dict(zip(names, unit.astype(str).tolist(), strict=True)) if case.clustered else None
    return Drawn(scores=_scores(target, answers, case), truths=tuple(truths), clusters=clusters)


def _confusion(n: int, rng: np.random.Generator) -> Floats:
    """Chances of each answer by label, ``[n_labels, n_labels]``: 50 to 98 % right."""
    found = np.zeros((n, n))
    for label in range(n):
        right, others = rng.uniform(0.5, 0.98), np.arange(n) != label
        found[label, label] = right
        found[label, others] = (1 - right) * rng.dirichlet(np.ones(n - 1))
    return found


def _lucky(confusion: Floats, case: Case, rng: np.random.Generator) -> Floats:
    """A seed's own: training is lucky by some points or not."""
    if case.n_seeds == 1:
        return confusion
    return _shifted(confusion, float(rng.choice(_LUCK)))


_LUCK = (-0.04, 0.0, 0.04)


def _shifted(confusion: Floats, luck: float) -> Floats:
    right = np.diag(confusion)
    moved = np.clip(right + luck, 0.01, 0.99)
    found = confusion * ((1 - moved) / (1 - right))[:, None]
    np.fill_diagonal(found, moved)
    return found


def _truth(confusion: Floats, case: Case, shares: Floats) -> float:
    """The mean over seeds of the macro F1 of all rows there might be."""
    each = [_macro_f1(_shifted(confusion, luck) * shares[:, None]) for luck in _LUCK]
    return float(np.mean(each)) if case.n_seeds > 1 else _macro_f1(confusion * shares[:, None])


def _macro_f1(table: Floats) -> float:
    return float((2 * np.diag(table) / (table.sum(axis=0) + table.sum(axis=1))).mean())


def _ranks(hard: Floats, own: Floats) -> Floats:
    """Uniform numbers of rows, alike within a cluster where ``hard`` is."""
    spread = (0.25 if hard.any() else 0.0) + 1
    return _normal_cdf((hard + own) / spread**0.5)


def _normal_cdf(x: Floats) -> Floats:
    from math import erf

    return np.asarray(0.5 * (1 + np.vectorize(erf)(x / 2**0.5)))


def _answered(confusion: Floats, target: Labels, at: Floats) -> Labels:
    # The right answer first: what makes a row hard makes a wrong answer of whatever kind.
    n = len(confusion)
    order = np.array([[label, *(k for k in range(n) if k != label)] for label in range(n)])
    sums = np.cumsum(np.take_along_axis(confusion, order, axis=1), axis=1)[target]
    place = np.minimum((at[:, None] > sums).sum(axis=1), n - 1)
    return np.asarray(order[target, place])


def _scores(target: Labels, answers: list[Labels], case: Case) -> dict[str, CorpusScores]:
    ids, n = ids_of(len(target)), len(case.shares)
    unseen = tuple(
        Unseen(
            name=f"label {label}",
            of=frozenset(ids[i] for i in np.flatnonzero(target == label)),
            right=(label, label),
            wrong=(label, (label + 1) % n),
        )
        for label in range(n)
        if (target == label).any()
    )
    corpus = Corpus(
        parts=partial(_parts, n), values=partial(values_of, MACRO_F1), unseen=unseen, n_draws=N_DRAWS
    )
    return {
        f"s{k}": CorpusScores(
            answers={
                i: {seed: (t, int(output)) for seed, output in enumerate(row)}
                for i, t, row in zip(ids, target.tolist(), outputs, strict=True)
            },
            by_row=Scores(ids, (outputs == target[:, None]).astype(np.float64)),
            corpus=corpus,
            seeds_vary=case.n_seeds > 1,
        )
        for k, outputs in enumerate(answers)
    }


def _parts(n: int, answers: list[tuple[int, int]]) -> NDArray[Any]:
    """What ``MACRO_F1`` counts of answers, given as pairs of target and output."""
    table = np.asarray(answers, dtype=np.intp)
    found = np.zeros((len(table), 3, n), dtype=np.float32)
    rows = np.arange(len(table))
    found[rows, 1, table[:, 0]] = 1
    found[rows, 2, table[:, 1]] = 1
    found[rows, 0, table[:, 0]] = table[:, 0] == table[:, 1]
    return found.reshape(len(table), -1)
