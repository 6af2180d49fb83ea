"""What a measurement of robustness says, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from adaptkit.decision.wording import interval, listing, points
from adaptkit.studies.robustness.result import ALPHA, ChoiceUnderChange, Effect, Robustness
from adaptkit.studies.robustness.variants import SLICE

MAX_GAPS = 10


def summary(found: Robustness) -> str:
    """Whether the choice stands, what is named where it does not, what suffers most, and over seeds."""
    first = found.unchanged
    if first.named is None:
        return (
            f"Nothing can be named on the unchanged rows, so nothing can stand: {first.reason.rstrip('.')}."
        )
    parts = [_stands(found), *_others(found), _worst(found), *_over_seeds(first)]
    return "; ".join(part for part in parts if part) + "."


def _stands(found: Robustness) -> str:
    first, judged = found.unchanged, found.choices
    name = f"The choice ({first.named}{'' if first.is_shown else ', for now'})"
    if not judged:
        return f"{name} was held against no change"
    n = sum(c.stands is True for c in judged)
    return f"{name} stands under {n} of {len(judged)} {'change' if len(judged) == 1 else 'changes'}"


def _others(found: Robustness) -> Iterator[str]:
    for choice in found.choices:
        if choice.stands is False:
            yield f"under {choice.change} {instead(choice)}"
        elif choice.named is None:
            yield f"under {choice.change} nothing can be named"


def instead(choice: ChoiceUnderChange) -> str:
    """What would be named, and whether the rows separate it from what is named without the change."""
    said = f"{choice.named} would be named"
    if choice.reference in choice.tied:
        said += f", which these rows do not separate from {choice.reference}"
    return said


def _worst(found: Robustness) -> str:
    worst = found.most_sensitive
    if worst is None:
        return _not_ruled_out(found) if found.choices else ""
    return f"most sensitive: {worst.strategy}, {difference(worst)} points under {worst.change}"


def _not_ruled_out(found: Robustness) -> str:
    """That no loss is shown, and how large one could be all the same: few rows hide much."""
    said = "no change is shown to cost a strategy anything"
    lows = [e.low for e in found.effects if e.p_value is not None and e.low is not None]
    if not lows or min(lows) >= 0:
        return said
    return f"{said}, though losses of up to {points(min(lows))[1:]} points are not ruled out"


def difference(effect: Effect) -> str:
    """Write e.g. ``-12.5 [-20.1, -4.9]``."""
    return f"{points(effect.delta)} {interval(effect.low, effect.high)}".strip()


def _over_seeds(first: ChoiceUnderChange) -> Iterator[str]:
    if first.by_seed:
        n = sum(name == first.named for name in first.by_seed.values())
        yield f"of {len(first.by_seed)} seeds alone, {n} name the same"


def choice_line(choice: ChoiceUnderChange) -> str:
    """One line about what is named under a change."""
    if choice.named is None:
        return f"{choice.change}: nothing can be named: {choice.reason.rstrip('.')}."
    said = f"{choice.change}: {choice.named}{'' if choice.is_shown else ' (for now)'}"
    if choice.stands is False:
        said += f", not {choice.reference}"
        if choice.reference in choice.tied:
            said += ", from which these rows do not separate it"
    if choice.by_seed:
        n = sum(name == choice.named for name in choice.by_seed.values())
        said += f"; {n} of {len(choice.by_seed)} seeds alone say so"
    return f"{said} ({choice.what})."


def notes(found: Robustness) -> Iterator[str]:
    """What a reader has to know: the rows, what intervals cover, what was not run and why."""
    settings = found.settings
    yield (
        f"{settings['task']}, {settings['model']}: {settings['metric']} on {settings['n_rows']} test rows, "
        "and in points the difference to the same strategy on the same rows without the change, with its "
        f"95 % interval. * p < {ALPHA:g} after Holm over all strategies and changes."
    )
    yield (
        "Differences cover which test rows were drawn, not another training or another draw of the changes; "
        "seeds are averaged. Costs and times are those of the unchanged run throughout: only quality moves a "
        "choice."
    )
    if any(c.change.startswith(f"{SLICE} ") for c in found.choices):
        yield "A slice is held against all other test rows: without a test, its interval not corrected."
    untouched = sorted({e.strategy for e in found.effects if not e.touched})
    if untouched:
        yield f"=: the change does not reach the strategy, which was not run again ({listing(untouched)})."
    for name, why in found.skipped.items():
        yield f"{name} was not measured: {why}."
    yield from found.gaps[:MAX_GAPS]
    if len(found.gaps) > MAX_GAPS:
        yield f"{len(found.gaps) - MAX_GAPS} more trials have no result."
