"""The table of a measurement of robustness: as a frame, as text, as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptkit.core.codec import to_json
from adaptkit.decision.wording import percent
from adaptkit.report.lines import aligned, html_list, html_table, html_title, section
from adaptkit.studies.robustness.result import UNCHANGED, Effect, Robustness
from adaptkit.studies.robustness.sentences import choice_line, difference, notes, summary

if TYPE_CHECKING:
    import pandas as pd

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
