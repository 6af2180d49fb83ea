"""What a measurement of robustness leaves: plain data. Undefined is None everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptkit.core.errors import UnknownNameError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.shown import ShownAsText

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
        from adaptkit.studies.robustness.sentences import summary

        return summary(self)

    def to_frame(self) -> pd.DataFrame:
        """One line a strategy and change; qualities in 0..1, undefined is NaN."""
        from adaptkit.studies.robustness.effect_table import frame

        return frame(self)

    def to_text(self) -> str:
        """The summary, the table, the choices, and what a reader has to know."""
        from adaptkit.studies.robustness.effect_table import text

        return text(self)

    def _repr_html_(self) -> str:
        from adaptkit.studies.robustness.effect_table import html

        return html(self)

    def save(self, folder: str | Path) -> Path:
        """Write ``robustness.json`` into a folder, which is made if need be; return the file's path."""
        from adaptkit.studies.robustness.effect_table import as_json

        path = Path(folder) / ROBUSTNESS_FILE
        write_json_atomic(path, as_json(self))
        return path
