"""What the page shows beyond the table: plain data, gathered by whoever has the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from adaptkit.decision import Causes, Evidence, Recommendation


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The interval of what a request saves against another strategy's, as its distance from the mean.

    Attributes:
        low: at most 0, ``high`` at least 0.
        unit: ``machine`` for its seconds, ``billed`` for USD.
    """

    low: float
    high: float
    unit: Literal["machine", "billed"]


@dataclass(frozen=True, kw_only=True)
class PageData:
    """What is known of one task beside its lines of the table. All of it may be missing.

    Attributes:
        evidence: what a recommendation rests on; without it the page has no what-if.
        recommendation: under no requirement, with how sure it is and what would change it.
        baseline: the strategy that break-evens refer to, until the reader names another.
        savings: by the strategy to compare with and the one compared, how sure it is what a request saves.
        causes: why the named strategy is wrong where it is wrong.
        inputs: of the rows, by id; empty where the task is not at hand any more.
        curves: what curves.json says of this task, ``robustness`` what robustness.json says.
    """

    evidence: Evidence | None = None
    recommendation: Recommendation | None = None
    baseline: str | None = None
    savings: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    causes: Causes | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    curves: Mapping[str, Any] | None = None
    robustness: Mapping[str, Any] | None = None
