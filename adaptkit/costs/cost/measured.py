"""What a comparison measured of one strategy, as far as it bears on its cost: seconds, bills, rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adaptkit.costs.cost.machine import usd_for_seconds
from adaptkit.costs.cost.request import TokenBills
from adaptkit.costs.cost.terms import Term
from adaptkit.costs.pricing import MachinePrice

NO_MACHINE_PRICE = "no price is known for the machine"


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What an activity took: time of the own machine, and what others billed for it.

    Attributes:
        seconds: of the own machine, 0 when it did nothing, None when nobody measured it.
        billed_usd: by a provider, 0 when nothing was, None when it is not known.
        reason: why the bill is not known, None otherwise.
    """

    seconds: float | None
    billed_usd: float | None = 0.0
    reason: str | None = None

    def term(self, name: str, machine: MachinePrice | None) -> Term:
        """Price it at the machine's hour."""
        reasons = [r for r in (self._machine_reason(machine), self._bill_reason) if r]
        if reasons or self.seconds is None or self.billed_usd is None:
            return Term(name=name, unknown=" and ".join(reasons))
        return Term(name=name, usd=self.billed_usd + (usd_for_seconds(self.seconds, machine) or 0.0))

    def _machine_reason(self, machine: MachinePrice | None) -> str | None:
        if self.seconds is None:
            return "its seconds were not measured"
        return NO_MACHINE_PRICE if machine is None and self.seconds > 0 else None

    @property
    def _bill_reason(self) -> str | None:
        return (self.reason or "its bill is not known") if self.billed_usd is None else None


NOTHING = Spent(seconds=0.0)
"""What did not take place. It is not the default of anything: unmeasured is not nothing."""


@dataclass(frozen=True, kw_only=True)
class MeasuredCost:
    """The facts of one strategy on one task that its cost is made of.

    The five activities do not overlap. A strategy is billed by the token (``bills``), or runs on an own
    machine (``machine_s``, ``rows_per_s``), or both.

    Attributes:
        quality: share of requests answered right, failed ones counted as wrong; None when unknown.
        n_labels: labelled examples that it learns from or is tuned on; 0 for none.
        training: fitting the configuration that is used, without its index.
        tuning: trying the other configurations.
        failed: trials that failed, and were paid for all the same.
        index: embedding documents and building the index.
        evaluation: answering the test rows.
        bills: of the provider for requests, None when no provider is asked.
        machine_s: seconds of the own machine by example id, of requests sent alone; of several seeds the
            mean. None when no own machine answers.
        rows_per_s: of batched runs on the own machine, None when there were none.
        clusters: by example id, what ties it to others; rows of one cluster do not vary independently.
    """

    strategy: str
    quality: float | None
    n_labels: int | None
    training: Spent
    tuning: Spent
    failed: Spent
    index: Spent
    evaluation: Spent
    bills: TokenBills | None = None
    machine_s: Mapping[str, float] | None = None
    rows_per_s: float | None = None
    clusters: Mapping[str, str] = field(default_factory=dict)

    @property
    def uses_machine(self) -> bool:
        """Whether requests take time of an own machine."""
        return self.machine_s is not None or self.rows_per_s is not None


@dataclass(frozen=True, kw_only=True)
class FitSeconds:
    """The seconds of ``fit()`` by what they went to; None where the whole is not known."""

    training: float | None
    tuning: float | None
    index: float | None


def split_fit(fit_s: float | None, fit_notes: Mapping[str, Any]) -> FitSeconds:
    """Part the seconds of a fit by what a strategy has noted of it.

    * index: ``embed_s_uncached``, and those of a composition's parts (``rag_embed_s_uncached``);
    * tuning: ``tuning.tried``, all but the configuration that was kept;
    * training: the rest. With tuning it holds the answers to validation rows that the kept configuration
      gave, which nobody timed apart: a retraining is taken a little too dear.

    Args:
        fit_s: seconds of the whole, as if no vector had been cached.
        fit_notes: the strategy's ``fit_notes_``.
    """
    if fit_s is None:
        return FitSeconds(training=None, tuning=None, index=None)
    index = _noted(fit_notes, "embed_s_uncached")
    tuning = _seconds_of_others(fit_notes.get("tuning") or {})
    # Both are within the fit, but for the clock's noise.
    return FitSeconds(training=max(0.0, fit_s - index - tuning), tuning=tuning, index=index)


def spared_s(fit_notes: Mapping[str, Any]) -> float:
    """Seconds that vectors kept from earlier runs have spared: a fit costs what it costs without them."""
    return max(0.0, _noted(fit_notes, "embed_s_uncached") - _noted(fit_notes, "embed_s"))


def _noted(fit_notes: Mapping[str, Any], name: str) -> float:
    """Add up what a strategy, or the parts of a composition, have noted under a name; blank is nothing."""
    return math.fsum(float(v) for k, v in fit_notes.items() if k.endswith(name) and v)


def _seconds_of_others(notes: Mapping[str, Any]) -> float:
    tried = notes.get("tried") or ()
    kept = next((i for i, t in enumerate(tried) if t["config"] == notes.get("chosen")), None)
    return math.fsum(float(t["seconds"]) for i, t in enumerate(tried) if i != kept)


def mean_by_example(values: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """Average what was measured of each example; an example of which nothing was is left out.

    Examples:
        >>> mean_by_example([("a", 1.0), ("a", 2.0), ("b", None)])
        {'a': 1.5}
    """
    known: dict[str, list[float]] = {}
    for example_id, value in values:
        if value is not None:
            known.setdefault(example_id, []).append(value)
    return {i: math.fsum(each) / len(each) for i, each in known.items()}
