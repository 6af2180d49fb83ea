"""Which strategy to take for each task, or why the rows do not say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from adaptkit.core.results import Pair, Row, TaskRecommendation
from adaptkit.decision.order import ORDER
from adaptkit.decision.wording import digits_for, interval, listing, p_value, percent, points
from adaptkit.stats import detectable_difference, rows_for_difference

# Failed rows count as wrong; where one strategy fails much more often, quality compares their luck.
MAX_ERROR_GAP = 0.05


def recommend(rows: Sequence[Row], pairs: Sequence[Pair]) -> tuple[TaskRecommendation, ...]:
    """Recommend one strategy a task, in the order in which tasks appear.

    The strategies whose pair with the best (by point estimate) does not say that they are worse form the
    tied group; of these the first in ``ORDER`` is taken, unknown names last and then by cost. Where the
    best leads it by more than the rows can just show, though the corrected test does not bear it out
    (few clusters), the two are neither told apart nor alike: then nothing is recommended, and the best is
    named as leading.

    Args:
        rows: one a strategy and task, failed and skipped ones too.
        pairs: comparisons of strategies on the same rows; ``verdict`` is expected to stand on p-values
            adjusted for the number of pairs. A pair that is missing separates nothing.
    """
    tasks = list(dict.fromkeys(row.task for row in rows))
    return tuple(
        _recommend_task(t, [r for r in rows if r.task == t], [p for p in pairs if p.task == t]) for t in tasks
    )


def _recommend_task(task: str, rows: Sequence[Row], pairs: Sequence[Pair]) -> TaskRecommendation:
    # Controls (shuffled or given passages, permuted targets) are there to be compared with, not to be taken.
    rows = [row for row in rows if not row.fit_notes.get("control")]
    ran = [row for row in rows if row.status == "done" and row.quality is not None and row.n > 0]
    missing = [row for row in rows if row not in ran]
    best = min(ran, key=lambda row: (-(row.quality or 0.0), _preference(row)), default=None)
    obstacle = _obstacle(ran)
    if best is None or obstacle:
        text = _sentences(obstacle or "No strategy was measured", _absent(missing, reasons=True))
        return TaskRecommendation(task=task, verdict="undecided", strategy=None, tied=(), reason=text)
    tied = [row for row in ran if row is best or not _separated(best, row, pairs)]
    choice = min(tied, key=_preference)
    doubt = _oriented(best.strategy, choice.strategy, pairs)
    if doubt is not None and doubt.verdict == "undecided" and _leads(doubt):
        text = _sentences(_reason_leading(best, choice, doubt), _absent(missing, reasons=False), _scope(best))
        return TaskRecommendation(task=task, verdict="undecided", strategy=None, tied=(), reason=text)
    alone = len(tied) == 1
    reason = _reason_alone(best, ran, pairs) if alone else _reason_tied(choice, best, tied, pairs)
    return TaskRecommendation(
        task=task,
        verdict="recommend" if alone else "tied",
        strategy=choice.strategy,
        tied=tuple(row.strategy for row in sorted(tied, key=_preference)),
        reason=_sentences(reason, _absent(missing, reasons=False), _scope(choice)),
    )


def _obstacle(ran: Sequence[Row]) -> str | None:
    """Return why these rows can rank nothing, or None."""
    if not ran:
        return None
    if all(row.quality == 0 for row in ran):
        return f"No strategy got anything right on {ran[0].n} rows: look at the outputs before comparing"
    rates = {row.strategy: row.n_errors / row.n for row in ran}
    worst, least = max(rates, key=lambda s: rates[s]), min(rates, key=lambda s: rates[s])
    if rates[worst] - rates[least] > MAX_ERROR_GAP:
        return (
            f"Error rates differ too much to rank: {worst} failed on {percent(rates[worst], 0)} of its rows, "
            f"{least} on {percent(rates[least], 0)}. Mend the errors and run again"
        )
    if len(ran) == 1:
        return f"Only {ran[0].strategy} was measured ({_quality(ran[0])}), so there is nothing to compare"
    return None


def _preference(row: Row) -> tuple[int, float, float, float, str]:
    """Sort key: cheap and reversible first; an unknown cost sorts after known ones."""
    inf = float("inf")
    costs = (row.usd_per_1k_requests, row.fit_usd, row.tokens_in)
    usd, fit, tokens = (inf if c is None else c for c in costs)
    return _rank(row.strategy), usd, fit, tokens, row.strategy


def _rank(strategy: str) -> int:
    """Place a name such as ``few-shot`` or ``lora+rag`` in ``ORDER``; what follows the name is ignored."""
    match = re.match(r"[a-z]+(?:[-+][a-z]+)*", strategy)
    parts = sorted(match.group().split("+")) if match else []
    known = [sorted(name.split("+")) for name in ORDER]
    return known.index(parts) if parts in known else len(ORDER)


def _oriented(strategy: str, other: str, pairs: Iterable[Pair]) -> Pair | None:
    """Find the pair of the two and turn it so that ``strategy`` is the one compared with ``other``."""
    for pair in pairs:
        if (pair.strategy, pair.baseline) == (strategy, other):
            return pair
        if (pair.strategy, pair.baseline) == (other, strategy):
            return pair.turned()
    return None


def _separated(best: Row, row: Row, pairs: Sequence[Pair]) -> bool:
    pair = _oriented(best.strategy, row.strategy, pairs)
    return pair is not None and pair.verdict == "better"


def _leads(pair: Pair) -> bool:
    """Whether the difference is as large as one that these rows would show four times out of five."""
    if pair.delta is None or pair.delta_low is None or pair.delta_high is None:
        return False
    return pair.delta >= detectable_difference(pair.delta_low, pair.delta_high) > 0


def _reason_alone(best: Row, ran: Sequence[Row], pairs: Sequence[Pair]) -> str:
    others = sorted((r for r in ran if r is not best), key=lambda r: -(r.quality or 0.0))
    text = f"{best.strategy} {_quality(best)} beats {_difference(best, others[0], pairs)}"
    cheapest = min(others, key=_preference)
    if cheapest is not others[0]:
        text += f" and {_difference(best, cheapest, pairs)}"
    return f"{text} on {best.n} rows"


def _reason_tied(choice: Row, best: Row, tied: Sequence[Row], pairs: Sequence[Pair]) -> str:
    """Say which strategies are tied, why this one, and what would decide."""
    names = listing([row.strategy for row in sorted(tied, key=_preference)])
    text = f"{names} cannot be told apart on {best.n} rows"
    if choice is best:
        text += f"; {choice.strategy} {_quality(choice)} is the best of them and the cheapest to keep"
        return text
    pair = _oriented(best.strategy, choice.strategy, pairs)
    text += f"; {choice.strategy} {_quality(choice)} is the cheapest of them to keep and easiest to undo"
    if pair is None or pair.delta is None:
        return text
    text += f"; {best.strategy} differs from it by {_figures(pair)}"
    return text + _what_would_decide(pair)


def _reason_leading(best: Row, choice: Row, pair: Pair) -> str:
    """Say what looks best and why it is not taken yet."""
    text = (
        f"{best.strategy} {_quality(best)} leads, but {pair.n} rows do not settle that it beats "
        f"{choice.strategy} {_quality(choice)}, which is cheaper to keep: {_figures(pair)}"
    )
    return text + _what_would_decide(pair)


def _what_would_decide(pair: Pair) -> str:
    if pair.delta is None or pair.delta_low is None or pair.delta_high is None:
        return ""
    smallest = detectable_difference(pair.delta_low, pair.delta_high)
    needed = rows_for_difference(pair.n, pair.delta, pair.delta_low, pair.delta_high)
    text = f". {pair.n} rows show differences from {100 * smallest:.0f} points up"
    if needed is not None and needed > pair.n:
        text += f"; were this one real, about {_round_up(needed):,} rows would show it"
    return text


def _round_up(n: int) -> int:
    """Two figures are as many as a plan can claim."""
    step = int(10 ** max(0, len(str(n)) - 2))
    return -(-n // step) * step


def _quality(row: Row) -> str:
    digits = digits_for(row.n)
    bounds = interval(row.quality_low, row.quality_high, digits)
    return f"{percent(row.quality, digits)} {bounds}".rstrip()


def _difference(best: Row, other: Row, pairs: Sequence[Pair]) -> str:
    pair = _oriented(best.strategy, other.strategy, pairs)
    return f"{other.strategy} by {_figures(pair)}" if pair else other.strategy


def _figures(pair: Pair) -> str:
    """Write e.g. ``+41 points [28, 54], p < .001``."""
    digits = digits_for(pair.n)
    bounds = interval(pair.delta_low, pair.delta_high, digits)
    text = f"{points(pair.delta, digits)} points {bounds}".rstrip()
    return ", ".join(filter(None, [text, p_value(pair.p_value_adjusted)]))


def _absent(rows: Sequence[Row], *, reasons: bool) -> str:
    """Name what did not run; its reason stands in its row, and here where nothing else is to be said."""
    words = {"failed": "failed", "skipped": "was skipped", "done": "has no scores"}
    return "; ".join(
        f"{r.strategy} {words[r.status]}" + (f" ({r.reason})" if reasons and r.reason else "") for r in rows
    )


def _scope(row: Row) -> str:
    return f"This holds for {row.model} only; another model or size may order the strategies differently"


def _sentences(*texts: str) -> str:
    return " ".join(f"{t.rstrip('.')}." for t in texts if t)
