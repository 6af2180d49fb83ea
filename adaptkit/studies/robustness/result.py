"""What a measurement of robustness leaves: plain data. Undefined is None everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptkit.core.codec import to_json
from adaptkit.core.errors import UnknownNameError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.shown import ShownAsText
from adaptkit.decision.wording import interval, listing, percent, points
from adaptkit.report.lines import aligned, html_list, html_table, html_title, section
from adaptkit.studies.robustness.variants import SLICE

if TYPE_CHECKING:
    import pandas as pd


ROBUSTNESS_FILE = "robustness.json"
SCHEMA_VERSION = 1
UNCHANGED = "unchanged"
ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a change does to one strategy; quality in 0..1, bounds at 95 %.

    Attributes:
        n: rows.
        quality: with the change.
        delta: less the quality without it, on the same rows; of a slice less that of all other rows.
        p_value: of the paired test, None where none can be made; ``p_adjusted`` after Holm over all
            strategies and changes.
        test: which test, in words.
        touched: whether the change reaches the strategy; where not, its answers are those without it.
        reason: why there are no figures.
    """

    strategy: str
    change: str
    n: int = 0
    quality: float | None = None
    quality_low: float | None = None
    quality_high: float | None = None
    delta: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    test: str = ""
    touched: bool = True
    reason: str | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the rows show that the change makes a difference."""
        if self.p_value is None:  # a slice: other rows, so an interval alone
            return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)
        return self.p_adjusted is not None and self.p_adjusted < ALPHA


@dataclass(frozen=True, kw_only=True)
class ChoiceUnderChange:
    """What would be recommended under a change, by quality there and by the costs of the unchanged run.

    Attributes:
        change: its name; ``what`` it is, in words.
        named: the strategy recommended, or else named for now; None where nothing can be ranked.
        is_shown: whether the rows bear it out.
        tied: strategies that the rows do not separate from the best.
        reference: what is named without the change: on the same rows; for a slice, on all rows.
        by_seed: by seed, what is named with that seed alone; empty where no strategy draws at random, or
            there is one seed.
        reason: the recommendation's.
    """

    change: str
    what: str
    n: int
    named: str | None
    is_shown: bool
    tied: tuple[str, ...]
    reference: str | None
    by_seed: Mapping[int, str | None] = field(default_factory=dict)
    reason: str = ""

    @property
    def stands(self) -> bool | None:
        """Whether the same strategy is named as without the change; None where nothing can be said."""
        return None if self.named is None or self.reference is None else self.named == self.reference


@dataclass(frozen=True, kw_only=True)
class Robustness(ShownAsText):
    """Whether the choice among strategies stands when things are a little otherwise.

    Attributes:
        unchanged: the choice without a change.
        choices: one a change that was measured.
        effects: one a strategy and change, the first of each strategy without a change.
        skipped: by change, why it was not measured.
        gaps: a sentence for each trial that has no result.
        settings: task, model, metric, rows, seeds and changes.
    """

    unchanged: ChoiceUnderChange
    choices: tuple[ChoiceUnderChange, ...]
    effects: tuple[Effect, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    @property
    def stands(self) -> bool | None:
        """Whether the choice stands under every change measured; None where one of them says nothing."""
        found = [choice.stands for choice in self.choices]
        if False in found:
            return False
        return None if None in found or not found else True

    @property
    def most_sensitive(self) -> Effect | None:
        """The largest loss by a change that the rows show; slices, which are other rows, left aside."""
        losses = [e for e in self.effects if e.p_value is not None and e.is_shown and (e.delta or 0) < 0]
        return min(losses, key=lambda e: e.delta or 0.0, default=None)

    def choice(self, change: str) -> ChoiceUnderChange:
        """The choice under a change.

        Raises:
            UnknownNameError: it was not measured.
        """
        for choice in (self.unchanged, *self.choices):
            if choice.change == change:
                return choice
        raise UnknownNameError.for_name("change", change, [c.change for c in self.choices])

    def effect(self, strategy: str, change: str) -> Effect:
        """What a change does to a strategy.

        Raises:
            UnknownNameError: that was not measured.
        """
        for effect in self.effects:
            if (effect.strategy, effect.change) == (strategy, change):
                return effect
        known = [f"{e.strategy} {e.change}" for e in self.effects]
        raise UnknownNameError.for_name("strategy and change", f"{strategy} {change}", known)

    def summary(self) -> str:
        """Whether the choice stands, what is named where it does not, and what suffers most."""
        return summary(self)

    def to_frame(self) -> pd.DataFrame:
        """One line a strategy and change; qualities in 0..1, undefined is NaN."""
        return frame(self)

    def to_text(self) -> str:
        """The summary, the table, the choices, and what a reader has to know."""
        return text(self)

    def _repr_html_(self) -> str:
        return html(self)

    def save(self, folder: str | Path) -> Path:
        """Write ``robustness.json`` into a folder, which is made if need be; return the file's path."""
        path = Path(folder) / ROBUSTNESS_FILE
        write_json_atomic(path, as_json(self))
        return path


_NUMBERS = (
    "quality", "quality_low", "quality_high", "delta", "delta_low", "delta_high", "p_value",
    "p_value_adjusted",
)  # fmt: skip


def frame(found: Robustness) -> pd.DataFrame:
    """One line a strategy and change; ``named`` is what would be recommended under the change."""
    import pandas as pd

    choices = {c.change: c for c in (found.unchanged, *found.choices)}
    lines = [{**_flat(e), "named": choices[e.change].named} for e in found.effects]
    return pd.DataFrame(lines).astype(dict.fromkeys(_NUMBERS, "float64"))


def _flat(effect: Effect) -> dict[str, Any]:
    return {
        "change": effect.change,
        "strategy": effect.strategy,
        "n": effect.n,
        "quality": effect.quality,
        "quality_low": effect.quality_low,
        "quality_high": effect.quality_high,
        "delta": effect.delta,
        "delta_low": effect.low,
        "delta_high": effect.high,
        "p_value": effect.p_value,
        "p_value_adjusted": effect.p_adjusted,
        "touched": effect.touched,
        "reason": effect.reason,
    }


def as_json(found: Robustness) -> dict[str, Any]:
    """What robustness.json holds: all figures, and the summary in words."""
    return {**to_json(found), "summary": summary(found)}


def text(found: Robustness) -> str:
    """The summary, the table, what is named under each change, the notes."""
    choices = [choice_line(c) for c in (found.unchanged, *found.choices)]
    return "\n".join(
        [
            f"{summary(found)}\n",
            f"{aligned(_grid(found))}\n",
            section("Named", choices),
            section("Notes", list(notes(found))),
        ]
    )


def html(found: Robustness) -> str:
    """The same for a notebook."""
    told = [*(choice_line(c) for c in (found.unchanged, *found.choices)), *notes(found)]
    return html_title(summary(found)) + html_table(_grid(found)) + html_list(told)


def _grid(found: Robustness) -> list[list[str]]:
    """A header, and a line a change: many changes and few strategies fit a page better so."""
    strategies = list(dict.fromkeys(e.strategy for e in found.effects))
    at = {(e.change, e.strategy): e for e in found.effects}
    changes = [UNCHANGED, *(c.change for c in found.choices)]
    lines = [[c, *(_cell(at.get((c, s))) for s in strategies)] for c in changes]
    return [["change", *strategies], *lines]


def _cell(effect: Effect | None) -> str:
    """Quality, and the difference that the change makes."""
    if effect is None or effect.quality is None:
        return ""
    if not effect.touched:
        return f"{percent(effect.quality)} ="
    mark = "*" if effect.p_value is not None and effect.is_shown else ""
    return f"{percent(effect.quality)} {difference(effect)}{mark}".strip()


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
