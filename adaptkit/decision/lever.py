"""What would help a strategy most: upper bounds that were measured, and the sentence about the largest.

A lever says what is gained at most. The largest of several is flattered by chance: its interval, which no
correction widens, is read as a reason to try it first, not as a forecast.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from adaptkit.core.results import Pair, Record
from adaptkit.decision.cause_of import LENIENT, CauseName
from adaptkit.decision.controls import Controls, as_toml
from adaptkit.decision.wording import digits_for, interval, listing, percent, points
from adaptkit.metrics import is_row_mean
from adaptkit.stats import Scores, paired_difference

# Where answers were given up, all that was lost is an upper bound without any control.
_AT_MOST: tuple[tuple[CauseName, str, str], ...] = (
    ("error", "failed with an error", "mend the errors first"),
    ("refused", "were declined", "change the instruction first"),
    ("truncated", "were cut off at the token limit", "raise the limit first"),
    ("empty", "were left empty", "look at the prompt as the model gets it first"),
)


@dataclass(frozen=True, kw_only=True)
class Lever:
    """How much quality something is worth at most.

    Attributes:
        name: ``retrieval``, ``knowledge``, ``format``, or the cause of answers that were given up.
        delta: gain in quality; ``low`` and ``high`` bound its 95 % interval.
        n: rows that it was measured on.
        share: of the rows, those that the lever's cause accounts for.
        because: the sentence's first half, ``advice`` its last.
        control: what was compared with the strategy, None where only its own records were.
    """

    name: str
    delta: float
    low: float | None
    high: float | None
    n: int
    share: float
    because: str
    advice: str
    control: str | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low is not None and self.low > 0


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One record with its cause.

    Attributes:
        weight: 1 over the number of the row's records, so that all of them make one row.
        lost: what it scores less than 1.
        cause: None where nothing is lost.
    """

    record: Record
    weight: float
    lost: float
    cause: CauseName | None


def levers_of(
    strategy: str, metric: str, judged: Sequence[Judged], controls: Controls, pairs: Iterable[Pair]
) -> tuple[Lever, ...]:
    """All levers that were measured, the largest gain first.

    What single rows gain says nothing of a metric that is no mean over rows: there, an oracle alone is a
    lever.
    """
    n = len({j.record.example_id for j in judged})
    shares = {c: sum(j.weight for j in judged if j.cause == c) / n for c in {j.cause for j in judged} if c}
    found = [
        _by_oracle(strategy, controls, shares, pairs),
        *(_of_rows(metric, judged) if is_row_mean(metric) else ()),
    ]
    return tuple(sorted((lever for lever in found if lever is not None), key=lambda lever: -lever.delta))


def _of_rows(metric: str, judged: Sequence[Judged]) -> list[Lever | None]:
    return [_of_format(metric, judged), *(_given_up(judged, *kind) for kind in _AT_MOST)]


def _by_oracle(
    strategy: str, controls: Controls, shares: Mapping[CauseName, float], pairs: Iterable[Pair]
) -> Lever | None:
    """The oracle minus the strategy, as the comparison has it; None where there is no oracle."""
    names = (controls.oracle, strategy)
    seen = (
        p if p.strategy == controls.oracle else p.turned()
        for p in pairs
        if {p.strategy, p.baseline} == {*names}
    )
    pair = next(seen, None)
    if controls.oracle in {None, strategy} or pair is None or pair.delta is None:
        return None
    name, cause, because, advice = _retrieval(shares) if controls.shows_passages else _KNOWLEDGE
    return Lever(
        name=name,
        delta=pair.delta,
        low=pair.delta_low,
        high=pair.delta_high,
        n=pair.n,
        share=shares.get(cause, 0.0),
        because=because,
        advice=advice,
        control=controls.oracle,
    )


_KNOWLEDGE: tuple[str, CauseName, str, str] = (
    "knowledge",
    "knowledge_missing",
    "misses knowledge that passages bring on",
    "try retrieval before fine-tuning",
)


def _retrieval(shares: Mapping[CauseName, float]) -> tuple[str, CauseName, str, str]:
    if shares.get("distracted", 0) > shares.get("retrieval_miss", 0):
        return (
            "retrieval",
            "distracted",
            "is led astray by passages beside the right one on",
            "show fewer or better ordered passages before fine-tuning",
        )
    return (
        "retrieval",
        "retrieval_miss",
        "is wrong where retrieval missed the passage on",
        "improve the retriever before fine-tuning",
    )


def _of_format(metric: str, judged: Sequence[Judged]) -> Lever | None:
    """The lenient score minus the strict one of the same answers."""
    gains = []
    for j in judged:
        lenient = j.record.scores.get(metric + LENIENT)
        if lenient is not None:
            gains.append((j.record, max(0.0, lenient - (1 - j.lost))))
    return _gain("format", gains, "misses the form asked for on", "mend the form first")


def _given_up(judged: Sequence[Judged], cause: CauseName, how: str, advice: str) -> Lever | None:
    gains = [(j.record, j.lost if j.cause == cause else 0.0) for j in judged]
    return _gain(cause, gains, f"has answers that {how} on", advice)


def _gain(name: str, gains: Sequence[tuple[Record, float]], because: str, advice: str) -> Lever | None:
    """The mean gain of rows with its interval; None where nothing is gained."""
    if not any(gain for _, gain in gains):
        return None
    by_row: dict[str, dict[int, float]] = {}
    for record, gain in gains:
        by_row.setdefault(record.example_id, {})[record.seed] = gain
    several = len({record.seed for record, _ in gains}) > 1
    found = paired_difference(
        Scores.from_seeds(by_row, seeds_vary=several),
        dict.fromkeys(by_row, 0.0),
        rng=np.random.default_rng(0),
        clusters={r.example_id: r.cluster for r, _ in gains if r.cluster is not None},
    )
    return Lever(
        name=name,
        delta=found.delta or 0.0,
        low=found.low,
        high=found.high,
        n=found.n,
        share=fmean(fmean(gain > 0 for gain in of_row.values()) for of_row in by_row.values()),
        because=because,
        advice=advice,
    )


def next_lever(strategy: str, levers: Sequence[Lever], missing: Sequence[Mapping[str, object]]) -> str:
    """One sentence on the largest gain that was measured, and one on what was not measured.

    Args:
        strategy: whose.
        levers: the largest first.
        missing: controls that were not run.
    """
    largest = next((lever for lever in levers if lever.delta > 0), None)
    if largest is None:
        found = f"No lever is measured for {strategy}."
        if levers:
            found = f"No lever for {strategy}: {_names(levers)} would add nothing on these rows."
    elif largest.is_shown:
        found = _shown(strategy, largest)
    else:
        found = _not_shown(strategy, largest)
    return f"{found} {_unmeasured(missing)}".strip()


def _names(levers: Sequence[Lever]) -> str:
    return listing([_what(lever) for lever in levers])


def _what(lever: Lever) -> str:
    if lever.control is not None:
        return f"oracle passages ({lever.control})"
    return "the right form" if lever.name == "format" else "right answers there"


def _shown(strategy: str, lever: Lever) -> str:
    lead = f"{strategy} {lever.because} {percent(lever.share, digits_for(lever.n))} of the rows, and"
    lead = lead if lever.share else f"For {strategy},"
    return f"{lead} {_what(lever)} would add {_figures(lever)}, an upper bound: {lever.advice}."


def _not_shown(strategy: str, lever: Lever) -> str:
    bounds = "an interval that includes 0" if lever.low is not None else "without an interval"
    return f"No lever is shown for {strategy}: the largest, {_what(lever)}, is {_figures(lever)}, {bounds}."


def _figures(lever: Lever) -> str:
    digits = digits_for(lever.n)
    bounds = interval(lever.low, lever.high, digits)
    gained = points(lever.delta, digits).removeprefix("+")
    return f"{gained} points {bounds} on {lever.n} rows".replace("  ", " ")


def _unmeasured(missing: Sequence[Mapping[str, object]]) -> str:
    if not missing:
        return ""
    wanted = listing([as_toml(m) for m in missing])
    return f"Not all controls were run: add {wanted}, other parameters alike, to know more."
