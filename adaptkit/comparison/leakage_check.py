"""The leakage check of a run: before a model is loaded, of the rows that are about to be answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeGuard, get_args

from adaptkit.comparison.plan import Plan
from adaptkit.core.codec import to_json
from adaptkit.core.errors import ConfigError, LeakageError
from adaptkit.tasks import Task

Leakage = Literal["refuse", "report", "off"]
LEAKAGES = "'refuse', 'report' or 'off'"


def is_leakage(value: object) -> TypeGuard[Leakage]:
    """Whether a value says what to do about leaks."""
    return value in get_args(Leakage)


def find_leaks(plan: Plan, mode: Leakage, last: Mapping[str, Any]) -> dict[str, Any]:
    """Check every task of a plan.

    Paraphrases are looked for where a strategy needs the embedder anyway: loading it only for the check
    would make a run without retrieval wait.

    Args:
        plan: the tasks, and the test rows in use.
        last: manifest of the last run in the folder; what it found of the same rows is not looked for again.
        mode: ``refuse`` raises where a report says so, ``report`` does not, ``off`` looks for nothing.

    Returns:
        By task, the report as JSON; empty when off.

    Raises:
        ConfigError: another mode.
        LeakageError: too many test rows stand in what strategies learn from.
    """
    if not is_leakage(mode):
        raise ConfigError.for_parameter("compare", "leakage", LEAKAGES, mode)
    if mode == "off":
        return {}
    known = last.get("leakage") if isinstance(last.get("leakage"), Mapping) else {}
    found = {task.name: _report(task, plan, (known or {}).get(task.name)) for task in plan.tasks}
    for report in found.values():
        if mode == "refuse" and report["verdict"] == "refuse":
            raise LeakageError(report["reason"])
    return found


def _report(task: Task, plan: Plan, known: Any) -> dict[str, Any]:
    embed = any(_embeds(t.strategy.described_params()) for t in plan.trials)
    checked = {"task_hash": task.content_hash, "n_rows": len(plan.examples[task.name]), "embed": embed}
    if isinstance(known, Mapping) and known.get("checked") == checked:
        return dict(known)
    # Imported here: a finished run that is called again loads none of it.
    from adaptkit.leakage import check_leakage

    report = check_leakage(task, examples=plan.examples[task.name], embed=embed)
    return {**to_json(report), "checked": checked}


def _embeds(params: Any) -> bool:
    """Whether parameters name an embedder, those of parts included."""
    if isinstance(params, Mapping):
        return params.get("embedder") is not None or any(map(_embeds, params.values()))
    return isinstance(params, list | tuple) and any(map(_embeds, params))
