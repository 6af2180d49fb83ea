"""Are equal strategies called a tie, and is a better one found as often as the formula says?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from adaptkit.stats import Scores, compare_all, rows_for_power, rows_to_decide
from benchmarks.stats import planted
from benchmarks.stats.line import Effort, Line
from benchmarks.stats.planted import Floats

# Holm calls five equal strategies a tie in little more than 95 % where p-values are exact, and the exact test
# finds winners in little more than 75 %: so many runs that their standard errors are 0.6 and 0.8 points.
TIE_RUNS, WINNER_RUNS = 1000, 3000
N_TIED = 5
# Resamples enough for p-values of 10 pairs after Holm; the share of "best" is not looked at here.
_RESAMPLES = 1000

Draw = Callable[[np.random.Generator], tuple[dict[str, Scores], dict[str, str]]]


def _right_or_wrong(rng: np.random.Generator) -> tuple[dict[str, Scores], dict[str, str]]:
    return planted.named(planted.alike_on_most((0.65,) * N_TIED, 200, rng)), {}


def _graded(rng: np.random.Generator) -> tuple[dict[str, Scores], dict[str, str]]:
    """Each strategy blurs the same row in its own way."""
    rows = planted.token_f1(200, rng).scores.values
    return planted.named(np.clip(rows + rng.normal(0, 0.2, (200, N_TIED)), 0, 1)), {}


def _clusters(rng: np.random.Generator) -> tuple[dict[str, Scores], dict[str, str]]:
    """Documents differ in which strategy they favour, which makes rows of one err together."""
    document = np.repeat(np.arange(30), 1 + rng.poisson(5, size=30))
    chance = 1 / (1 + np.exp(-(0.8 + rng.normal(0, 1, (30, 1)) + rng.normal(0, 0.7, (30, N_TIED)))))[document]
    values = (rng.random(chance.shape) < chance).astype(np.float64)
    names = dict(zip(planted.ids_of(len(document)), document.astype(str).tolist(), strict=True))
    return planted.named(values), names


def _seeds(rng: np.random.Generator) -> tuple[dict[str, Scores], dict[str, str]]:
    return planted.named(planted.lucky((200, N_TIED, 3), rng), seeds_vary=True), {}


TIES: dict[str, Draw] = {
    "0/1, 200 rows": _right_or_wrong,
    "graded, 200 rows": _graded,
    "0/1, 30 clusters": _clusters,
    "0/1, 200 rows, 3 training seeds": _seeds,
}


def of_ties(effort: Effort) -> Iterator[Line]:
    """Five equal strategies: no pair may be called better or worse."""
    for number, (name, draw) in enumerate(TIES.items()):
        rng = np.random.default_rng([effort.seed, 3, number])
        runs = effort.runs(TIE_RUNS)
        tied = sum(_is_tie(draw(rng), rng) for _ in range(runs))
        yield Line(what="five equal are a tie", setting=name, measured=tied / runs, low=0.95, runs=runs)


def _is_tie(drawn: tuple[dict[str, Scores], dict[str, str]], rng: np.random.Generator) -> bool:
    scores, clusters = drawn
    found = compare_all(scores, rng=rng, clusters=clusters or None, n_resamples=_RESAMPLES)
    return all(pair.verdict in ("equivalent", "undecided") for pair in found.pairs)


def of_winners(effort: Effort) -> Iterator[Line]:
    """Two strategies on as many rows as the formula asks for at 80 % power."""
    for delta, discordance in ((0.05, 0.2), (0.05, 0.1), (0.1, 0.3)):
        n = rows_to_decide(delta, discordance) or 0
        rng = np.random.default_rng([effort.seed, 4, n])
        share = _share_found(partial(planted.discordant, n, delta, discordance), effort, rng)
        yield _found(f"0/1, {100 * delta:.0f} points, {n} rows", share, effort)
    # Both answer a row alike but for noise of their own, and one is 3 points lower throughout.
    deviation = 0.15
    n = round(rows_for_power(0.03, 2 * deviation**2) or 0)
    rng = np.random.default_rng([effort.seed, 4, n])

    def graded(rng: np.random.Generator) -> Floats:
        rows = rng.uniform(0.3, 0.7, (n, 1)) + rng.normal(0, deviation, (n, 2))
        return np.asarray(rows + np.array([0.0, -0.03]))

    yield _found(f"graded, 3 points, {n} rows", _share_found(graded, effort, rng), effort)


def _share_found(
    draw: Callable[[np.random.Generator], Floats], effort: Effort, rng: np.random.Generator
) -> float:
    runs = effort.runs(WINNER_RUNS)
    return sum(_is_found(draw(rng), rng) for _ in range(runs)) / runs


def _is_found(values: Floats, rng: np.random.Generator) -> bool:
    (pair,) = compare_all(planted.named(values), rng=rng, n_resamples=_RESAMPLES).pairs
    return pair.verdict == "worse"


def _found(setting: str, share: float, effort: Effort) -> Line:
    return Line(
        what="winner at 80 % power found",
        setting=setting,
        measured=share,
        low=0.75,
        high=0.85,
        runs=effort.runs(WINNER_RUNS),
    )


def simulate(effort: Effort) -> Iterator[Line]:
    """Ties and winners."""
    yield from of_ties(effort)
    yield from of_winners(effort)
