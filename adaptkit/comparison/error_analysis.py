"""Why a strategy of a stored run is wrong where it is wrong."""

from __future__ import annotations

from adaptkit import decision
from adaptkit.comparison.outcomes import form_fault
from adaptkit.comparison.stored import StoredRun
from adaptkit.core.errors import ConfigError
from adaptkit.core.results import ComparisonResult
from adaptkit.decision import Causes


def causes_of(run: StoredRun, result: ComparisonResult, task: str, strategy: str) -> Causes:
    """Count the causes of a strategy's wrong answers, see :meth:`Comparison.causes`.

    Args:
        run: as its folder keeps it.
        result: its table.
        task: the task's name.
        strategy: its name in the table.
    """
    facts = next(t for t in run.tasks if t.name == task)
    records = [r for r in run.answers if r.task == task]
    return decision.causes(result, records, facts, strategy, lambda r: form_fault(r, facts))


def most_asked_about(result: ComparisonResult, task: str) -> str:
    """The strategy recommended or named for now; where there is none, the best that is no control.

    Raises:
        ConfigError: nothing was measured on the task.
    """
    named = next((r.named for r in result.recommendation if r.task == task), None)
    ran = [r for r in result.rows if r.task == task and r.quality is not None]
    ran = [r for r in ran if not r.fit_notes.get("control")] or ran
    if named is None and not ran:
        raise ConfigError(f"No strategy was measured on the task '{task}', so no answer has a cause.")
    return named or max(ran, key=lambda r: r.quality or 0.0).strategy
