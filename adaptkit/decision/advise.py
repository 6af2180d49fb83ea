"""What to try first, before anything is run: hypotheses with their reasons, and a plan to test them."""

from __future__ import annotations

from adaptkit.decision.advice import Advice
from adaptkit.decision.hypotheses import weigh
from adaptkit.decision.planning import Foretold, plan_of
from adaptkit.decision.requirements import Requirements
from adaptkit.decision.situation import situation_of
from adaptkit.decision.what_if import what_would_change
from adaptkit.tasks import Task


def advise(
    requirements: Requirements | None = None,
    task: Task | None = None,
    *,
    model_parameters: float | None = None,
    pilot: Foretold | None = None,
) -> Advice:
    """Say which strategies to try, in which order, and why; nothing is run.

    Every reason comes from a published source and has a grade of evidence. It is a hypothesis: what the
    plan measures confirms or rejects it.

    Args:
        requirements: what is required and known; nothing by default.
        task: read for its rows, classes, lengths, documents and tools, which then need not be stated.
        model_parameters: the number of weights of the model that will serve.
        pilot: what the plan will take, from :func:`adaptkit.pilot`.

    Returns:
        Hypotheses in their order, what is not worth trying, warnings, what would change it, and a plan.

    Raises:
        ConfigError: ``model_parameters`` is no number above 0.
        UnknownNameError: the metric that is required is none of the task's.

    Examples:
        >>> advice = advise(Requirements(missing="knowledge", knowledge_changes_every_days=1))
        >>> advice.first
        'rag'
        >>> advice.hypotheses[0].because[0].sources[0].key
        'OVA'
    """
    situation = situation_of(requirements or Requirements(), task, model_parameters=model_parameters)
    weighed = weigh(situation)
    return Advice(
        requirements=situation.required,
        facts=situation.facts,
        model_parameters=model_parameters,
        hypotheses=weighed.hypotheses,
        not_worth_trying=weighed.rejected,
        warnings=weighed.warnings,
        would_change=what_would_change(situation),
        plan=plan_of(situation, weighed, None if pilot is None else pilot.forecast),
    )
