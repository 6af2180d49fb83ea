"""Why a strategy is taken or none, in one to three sentences with the figures."""

from __future__ import annotations

from collections.abc import Sequence

from adaptkit.core.results import Pair, Row
from adaptkit.decision.candidates import Candidate, CandidateSet
from adaptkit.decision.choice import MIN_ROWS, Choice
from adaptkit.decision.decide import Decision, quality
from adaptkit.decision.limits import Exclusion
from adaptkit.decision.wording import digits_for, interval, listing, p_value, percent, points
from adaptkit.stats import detectable_difference

ENOUGH_SEEDS = 3


def reason(judged: Decision, target: float | None) -> str:
    """Say why, what would decide, what did not run, and for which model it holds."""
    if judged.obstacle:
        return _sentences(judged.obstacle, _absent(judged.missing, reasons=True))
    if judged.field is None or judged.choice is None:
        return _sentences(_nearest_miss(judged), _absent(judged.missing, reasons=False))
    said = {"alone": _alone, "enough": _enough, "target": _target, "open": _open}[judged.choice.kind]
    return _sentences(
        said(judged.field, judged.choice, judged.margin, target),
        *(f"Lower bound: {c.row.cut_short}" for c in judged.field.candidates if c.row.cut_short),
        _excluded(judged.excluded),
        _absent(judged.missing, reasons=False),
        _scope(judged.choice.taken.row),
    )


def _alone(field: CandidateSet, choice: Choice, margin: float, target: float | None) -> str:
    best = choice.taken
    others = sorted((c for c in field.candidates if c is not best), key=lambda c: -c.score)
    if not others:
        return f"{best.strategy} {quality(best.row)} is the only one that breaks no requirement"
    text = f"{best.strategy} {quality(best.row)} beats {_beside(field, best, others[0])}"
    cheapest = next(c for c in field.candidates if c is not best)
    if cheapest is not others[0]:
        text += f" and {_beside(field, best, cheapest)}"
    return f"{text} on {best.row.n} rows{_in_value(field)}{_without_model(best)}"


def _enough(field: CandidateSet, choice: Choice, margin: float, target: float | None) -> str:
    taken = choice.taken
    others = [c for c in field.candidates if c.strategy in choice.tied and c is not taken]
    shown = listing([_apart(field, c, taken) for c in others])
    text = (
        f"{taken.strategy} {quality(taken.row)} is at most {100 * margin:g} points worse than anything "
        f"dearer on {taken.row.n} rows"
    )
    return f"{text}{f' ({shown})' if shown else ''}{_in_value(field)}{_without_model(taken)}"


def _target(field: CandidateSet, choice: Choice, margin: float, target: float | None) -> str:
    taken = choice.taken
    text = f"{taken.strategy} {quality(taken.row)} is the cheapest that surely reaches {percent(target)}"
    doubtful = [
        c
        for c in field.candidates[: field.candidates.index(taken)]
        if target is not None and c.quality >= target
    ]
    if doubtful:
        text += f"; {listing([f'{c.strategy} {quality(c.row)}' for c in doubtful])} may, and would cost less"
    return text + _without_model(taken)


def _open(field: CandidateSet, choice: Choice, margin: float, target: float | None) -> str:
    """Say what is not known, what would decide it, and what to take meanwhile."""
    rows = min(c.row.n for c in field.candidates)
    cut = [c.strategy for c in field.candidates if c.row.cut_short and _cut_keeps_it_open(choice, c)]
    parts = [f"{rows} rows do not decide"]
    if cut:
        parts = [f"a budget cut {listing(cut)} short, so nothing can be called better or as good"]
    if rows < MIN_ROWS:
        parts = [f"{rows} rows decide nothing: label {MIN_ROWS} or more before comparing"]
    elif target is not None:
        parts.append(f"no interval lies above {percent(target)}")
    if target is None:
        parts += _pending(field, choice, margin)
    if cut:
        pass  # more rows do not tell what more training would
    elif choice.rows_needed is not None:
        parts.append(f"about {_round_up(choice.rows_needed):,} rows would, were the figures as they look")
    elif rows >= MIN_ROWS:
        parts.append(_no_number(choice, target))
    if _luck_is_open(field, choice):
        parts.append(f"with one training seed luck is not covered: run {ENOUGH_SEEDS}")
    return f"{'; '.join(parts)}. {_meanwhile(field, choice, margin, target)}"


def _no_number(choice: Choice, target: float | None) -> str:
    """Why no number of rows can be named: there is nothing to work it out from, or it is out of reach."""
    if target is None:
        known = bool(choice.blocked_by) and all(p.delta_low is not None for p in choice.blocked_by)
        missing = "a difference that matters has no interval"
    else:
        known = choice.taken.row.quality_low is not None
        missing = f"the quality of {choice.taken.strategy} has no interval"
    if not known:
        return f"how many rows would is not known: {missing}"
    return "no number of rows within reach would, were the figures as they look"


def _cut_keeps_it_open(choice: Choice, c: Candidate) -> bool:
    return any(c.strategy in pair.lower_bounds for pair in choice.blocked_by)


def _pending(field: CandidateSet, choice: Choice, margin: float) -> list[str]:
    """The difference that is least clear, and the smallest one that such rows show."""
    best, taken = field.best, choice.taken
    pair = field.difference(best.strategy, taken.strategy) if best is not taken else None
    pair = pair or min(choice.blocked_by, key=lambda p: p.delta or 0.0, default=None)
    if pair is None or pair.delta is None or pair.delta_low is None or pair.delta_high is None:
        return []
    shown = 100 * detectable_difference(pair.delta_low, pair.delta_high)
    return [
        f"{pair.strategy} differs from {pair.baseline} by {_figures(pair)}, and differences show from "
        f"{shown:.0f} points up"
    ]


def _meanwhile(field: CandidateSet, choice: Choice, margin: float, target: float | None) -> str:
    taken, best = choice.taken, field.best
    text = f"For now take {taken.strategy} {quality(taken.row)}"
    if target is not None:
        if taken.quality < target:
            return f"{text}: it looks nearest to {percent(target)}"
        cheapest = "" if len(choice.tied) == 1 else ", and is the cheapest that does"
        return f"{text}: it looks as if it reaches {percent(target)}{cheapest}"
    if field.at_stake_usd is not None:
        return f"{text}: it brings most a request as far as these rows tell"
    if taken is best:
        return f"{text}: it looks best"
    return (
        f"{text}: it looks at most {100 * margin:g} points worse than {best.strategy} {quality(best.row)} "
        "and is cheaper to keep and easier to undo"
    )


def _luck_is_open(field: CandidateSet, choice: Choice) -> bool:
    close = [c for c in field.candidates if c.strategy in choice.tied]
    return any(c.row.traits.trains_weights and c.row.seeds < ENOUGH_SEEDS for c in close)


def _nearest_miss(judged: Decision) -> str:
    """Say which strategy comes nearest to the requirements, and what it breaks."""
    broken = {r.strategy: [e for e in judged.excluded if e.strategy == r.strategy] for r in judged.ran}
    nearest = min(broken, key=lambda s: _distance(broken[s]))
    said = "; ".join(e.text for e in broken[nearest])
    return f"None meets the requirements. {nearest} comes nearest: {said}"


def _distance(broken: Sequence[Exclusion]) -> tuple[int, float]:
    """What no figure can mend counts before how far figures are off."""
    flat = [e for e in broken if e.miss is None]
    return len(flat), sum(e.miss for e in broken if e.miss is not None)


def _excluded(excluded: Sequence[Exclusion]) -> str:
    """Name what broke a requirement; by how much stands beside it."""
    by_requirement: dict[str, list[str]] = {}
    for e in excluded:
        by_requirement.setdefault(e.requirement, []).append(e.strategy)
    return "; ".join(f"{listing(names)} left out by {name}" for name, names in by_requirement.items())


def _without_model(taken: Candidate) -> str:
    return "" if taken.row.traits.uses_llm else "; no language model is needed"


def _in_value(field: CandidateSet) -> str:
    if field.at_stake_usd is None:
        return ""
    return f", costs counted in points at {field.at_stake_usd:g} USD an answer"


def _beside(field: CandidateSet, a: Candidate, b: Candidate) -> str:
    """Write e.g. ``lora by +23 points [10, 36], p < .001``."""
    pair = field.difference(a.strategy, b.strategy)
    return f"{b.strategy} by {_figures(pair)}" if pair else b.strategy


def _apart(field: CandidateSet, a: Candidate, b: Candidate) -> str:
    """How far ``a`` lies from ``b``, e.g. ``few-shot differs by +2 points [-1, 5], p = .58``."""
    pair = field.difference(a.strategy, b.strategy)
    return f"{a.strategy} differs by {_figures(pair)}" if pair else a.strategy


def _figures(pair: Pair) -> str:
    """Write e.g. ``+41 points [28, 54], p < .001``."""
    digits = digits_for(pair.n)
    bounds = interval(pair.delta_low, pair.delta_high, digits)
    text = f"{points(pair.delta, digits)} points {bounds}".rstrip()
    return ", ".join(filter(None, [text, p_value(pair.p_value_adjusted)]))


def _round_up(n: int) -> int:
    """Two figures are as many as a plan can claim."""
    step = int(10 ** max(0, len(str(n)) - 2))
    return -(-n // step) * step


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
