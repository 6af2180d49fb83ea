"""Evidence of many strategies, measured as a run measures them: what page and decision cost as they grow."""

from __future__ import annotations

from random import Random

from accounts import measured
from measurements import pairs_of, row

from adaptkit.core.results import ComparisonResult
from adaptkit.costs import fixed_usd_per_hour
from adaptkit.decision import Evidence, recommend


def evidence(n: int, *, n_rows: int = 60) -> Evidence:
    """Strategies whose qualities lie between one and two thirds."""
    rng = Random(n)
    quality = {f"prompt:instruction_text=Way {i}": rng.uniform(0.33, 0.67) for i in range(n)}
    return Evidence(
        task="intents",
        rows=tuple(
            row(s, q, n=n_rows, p50_latency_s=rng.random(), p95_latency_s=1 + rng.random())
            for s, q in quality.items()
        ),
        pairs=tuple(pairs_of(quality, n=n_rows)),
        measured=tuple(
            measured(strategy=s, quality=q, machine_s={f"r{i}": rng.random() for i in range(20)})
            for s, q in quality.items()
        ),
        machine=fixed_usd_per_hour(3.6),
    )


def result_of(given: Evidence) -> ComparisonResult:
    """The table, with what it recommends."""
    return ComparisonResult(
        rows=given.rows,
        pairs=given.pairs,
        recommendation=recommend(given.rows, given.pairs),
        manifest={"baseline": given.rows[0].strategy},
    )
