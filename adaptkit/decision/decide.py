"""From measurements and requirements to a choice, or to what stands in its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adaptkit.core.results import Row
from adaptkit.costs import StrategyCosts
from adaptkit.decision.candidates import CandidateSet, field_of
from adaptkit.decision.choice import Choice, choose
from adaptkit.decision.evidence import Evidence
from adaptkit.decision.limits import Exclusion, exclusions
from adaptkit.decision.requirements import Requirements
from adaptkit.decision.wording import digits_for, interval, percent

# Failed rows count as wrong; where one strategy fails much more often, quality compares their luck.
MAX_ERROR_GAP = 0.05


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What follows from the measurements of one task.

    Attributes:
        ran: strategies that were measured, without controls; ``missing`` those that were not.
        costs: by strategy.
        excluded: what breaks a requirement.
        margin: the largest difference that does not matter, as required, else as chosen before the run.
        obstacle: why nothing can be ranked, None where it can.
        field: the candidates, None where there is an obstacle or none is left.
        choice: likewise.
    """

    ran: tuple[Row, ...]
    missing: tuple[Row, ...]
    costs: Mapping[str, StrategyCosts]
    excluded: tuple[Exclusion, ...]
    margin: float
    obstacle: str | None
    field: CandidateSet | None = None
    choice: Choice | None = None

    @property
    def named(self) -> str | None:
        """The strategy taken, for good or for now."""
        return None if self.choice is None else self.choice.taken.strategy


def judge(evidence: Evidence, required: Requirements) -> Decision:
    """Hold the strategies of a task against requirements and against each other.

    Args:
        evidence: of the task.
        required: what is required; volume, horizon and worth of answers count in the costs.
    """
    evidence = evidence.under(required)
    # Controls (shuffled or given passages, permuted targets) are there to be compared with, not to be taken.
    rows = [row for row in evidence.rows if not row.fit_notes.get("control")]
    ran = tuple(row for row in rows if _was_measured(row))
    missing = tuple(row for row in rows if not _was_measured(row))
    costs = evidence.costs
    excluded = exclusions(ran, costs, required)
    obstacle = _obstacle(ran)
    out = {e.strategy for e in excluded}
    left = [row for row in ran if row.strategy not in out]
    margin = required.margin or evidence.margin
    judged = Decision(
        ran=ran, missing=missing, costs=costs, excluded=excluded, margin=margin, obstacle=obstacle
    )
    if obstacle or not left:
        return judged
    field = field_of(left, evidence.pairs, costs, evidence.assumptions, margin=required.margin)
    return replace(judged, field=field, choice=choose(field, margin, required.target_quality))


def _was_measured(row: Row) -> bool:
    return row.status == "done" and row.quality is not None and row.n > 0


def _obstacle(ran: Sequence[Row]) -> str | None:
    """Return why these rows can rank nothing, or None."""
    if not ran:
        return "No strategy was measured"
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
        return f"Only {ran[0].strategy} was measured ({quality(ran[0])}), so there is nothing to compare"
    return None


def quality(row: Row) -> str:
    """Write e.g. ``93 % [85, 97]``."""
    digits = digits_for(row.n)
    return f"{percent(row.quality, digits)} {interval(row.quality_low, row.quality_high, digits)}".rstrip()
