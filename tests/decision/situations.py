"""Requirements of every sort, and a small task, for the tests of advice."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import strategies as st

from adaptkit.core.types import Example
from adaptkit.decision.requirements import MISSING, Requirements, names
from adaptkit.decision.rules import RULES, RuleResult
from adaptkit.decision.situation import Situation, situation_of
from adaptkit.tasks import KINDS, Task

amounts = st.floats(min_value=1e-9, max_value=1e18) | st.integers(min_value=1, max_value=10**12)
shares = st.floats(min_value=1e-9, max_value=1)
counts = st.integers(min_value=0, max_value=10**9)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "metric": st.sampled_from(["accuracy", "token_f1", "recall_at_3"]),
    "missing": st.sampled_from(MISSING),
    "kind": st.sampled_from(KINDS),
    "requests_per_month": amounts
    | st.just("unknown")
    | st.tuples(amounts, amounts).map(lambda pair: tuple(sorted(pair))),
    **dict.fromkeys(("target_quality", "prompt_quality", "margin"), shares),
    **dict.fromkeys(
        ("n_facts", "n_tools", "n_classes", "examples_now", "examples_obtainable", "n_tenants"), counts
    ),
}
YES_OR_NO = {f.name for f in dataclasses.fields(Requirements) if f.type == "bool | None"}
requirements = st.fixed_dictionaries(
    {},
    optional={name: VALUES.get(name, st.booleans() if name in YES_OR_NO else amounts) for name in names()},
).map(lambda given: Requirements(**given))


def rows(n: int, targets: str, prefix: str = "r") -> tuple[Example, ...]:
    return tuple(
        Example(id=f"{prefix}{i}", input=f"{prefix} row number {i}", target=targets[i % len(targets)])
        for i in range(n)
    )


def routing(**changed: Any) -> Task:
    given: dict[str, Any] = {
        "name": "routing",
        "kind": "classification",
        "instruction": "Which?",
        "metrics": ("accuracy", "macro_f1"),
        "train": rows(10, "aaaab"),
        "validation": (),
        "test": rows(4, "ab", "t"),
    }
    return Task(**{**given, **changed})


# Values on both sides of what rules ask for: where laws would break, they break here.
NEAR: dict[str, list[Any]] = {
    "missing": list(MISSING),
    "kind": ["classification", "qa", "structured", "summarization"],
    "n_classes": [2, 50, 77],
    "knowledge_changes_every_days": [1, 7, 8, 400],
    "days_to_retrain": [2],
    "n_facts": [100, 3000],
    "rare_entities": [True],
    "needs_citations": [True],
    "whole_document": [True, False],
    "needs_actions": [True],
    "n_tools": [0, 5, 30],
    "may_enter_weights": [False],
    "may_leave_premises": [False],
    "has_gpu": [False],
    "keeps_other_tasks": [True],
    "n_tenants": [5],
    "needs_robust_prompt": [True],
    "max_p95_s": [1.0],
    "requests_per_month": ["unknown", 1e5, 1e2],
    "target_quality": [0.8],
    "prompt_quality": [0.5, 0.75, 0.85],
}
PRICES: dict[str, Any] = {
    "usd_per_request_prompted": 0.00039,
    "usd_per_request_tuned": 0.00018,
    "usd_to_tune": 1.35,
}
near_rules = st.builds(
    lambda given, prices: Requirements(**given, **(PRICES if prices else {})),
    st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in NEAR.items()}),
    st.booleans(),
)
n_examples = st.sampled_from([0, 9, 10, 49, 50, 99, 100, 1000, 1001, 2499, 2500, 3849, 3850]) | st.integers(
    0, 6000
)
models = st.none() | st.sampled_from([135e6, 1e9, 7e9])

BY_ID = {rule.id: rule for rule in RULES}


def at(
    *, model_parameters: float | None = None, task: dict[str, Any] | None = None, **given: Any
) -> Situation:
    """The situation with these requirements, and with the small task where ``task`` changes it."""
    built = None if task is None else routing(**task)
    return situation_of(Requirements(**given), built, model_parameters=model_parameters)


def says(rule: str, situation: Situation) -> RuleResult:
    found = BY_ID[rule].find(situation)
    assert found is not None, f"{rule} does not speak"
    return found
