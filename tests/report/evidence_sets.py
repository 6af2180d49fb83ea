"""Evidence of many kinds to hold the page's functions against the library: planted, drawn and stored."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

from accounts import billed, measured
from measurements import MARGIN, pair, pairs_of, row

from adaptkit.core.result_io import read_comparison
from adaptkit.core.results import Pair, Row
from adaptkit.costs import NOTHING, CostAssumptions, MeasuredCost, Spent, fixed_usd_per_hour
from adaptkit.decision import Evidence

NAMES = ("knn-vote", "prompt", "few-shot", "rag", "lora", "rag+lora", "full-sft")
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def drawn(seed: int) -> Evidence:
    """A task of strategies whose qualities, costs and gaps are drawn at random."""
    rng = Random(seed)
    names = rng.sample(NAMES, rng.randint(2, 6))
    n = rng.choice([12, 40, 200, 1000])
    rows = [_row(rng, name, n) for name in names]
    half = rng.choice([0.01, 0.04, 0.13])
    done = [r for r in rows if r.status == "done"]
    return Evidence(
        task="intents",
        rows=tuple(rows),
        pairs=tuple(_pair(rng, b, a, half, n) for a, b in combinations(done, 2)),
        measured=tuple(_measured(rng, r) for r in done if rng.random() < 0.95),
        assumptions=_assumptions(rng, names),
        machine=None if rng.random() < 0.1 else fixed_usd_per_hour(rng.choice([0.05, 0.4, 3.6])),
    )


def _row(rng: Random, name: str, n: int) -> Row:
    quality = rng.choice([0.0, 1.0, *(rng.random() for _ in range(8))])
    found = row(name, quality, n=n, n_errors=rng.choice([0, 0, 0, 1]), n_latency=8)
    found = replace(
        found,
        p50_latency_s=rng.choice([None, rng.random()]),
        p95_latency_s=rng.choice([None, rng.random(), 0.5]),
        first_token_p50_s=rng.choice([None, rng.random()]),
        usd_per_1k_requests=rng.choice([None, rng.random()]),
        fit_usd=rng.choice([None, rng.random()]),
        tokens_in=rng.choice([None, 100.0, 200.0]),
    )
    if rng.random() < 0.1:
        return replace(found, fit_notes={"control": "oracle"})
    return replace(found, status="failed", quality=None) if rng.random() < 0.1 else found


def _pair(rng: Random, strategy: Row, baseline: Row, half: float, n: int) -> Pair:
    delta = (strategy.quality or 0.0) - (baseline.quality or 0.0)
    found = pair(strategy.strategy, baseline.strategy, delta, half=half, n=n)
    if rng.random() < 0.05:
        return replace(found, delta_low=None, delta_high=None, equivalence_low=None, verdict="undecided")
    return found


def _measured(rng: Random, row: Row) -> MeasuredCost:
    training = Spent(seconds=rng.choice([0.0, 60.0, 3600.0, None, 40.0]))
    facts: dict[str, Any] = {
        "strategy": row.strategy,
        "quality": row.quality,
        "n_labels": rng.choice([0, 0, 430, 2000, None]),
        "training": training,
        "tuning": rng.choice([NOTHING, Spent(seconds=200.0)]),
        "index": rng.choice([NOTHING, Spent(seconds=12.5)]),
        "evaluation": Spent(seconds=rng.random() * 60),
    }
    seconds = {f"r{i}": rng.expovariate(2.0) for i in range(rng.choice([2, 12, 30]))}
    kind = rng.random()
    if kind < 0.15:
        return billed(seconds, **facts)
    if kind < 0.2:
        return billed(seconds, **{**facts, "machine_s": seconds})
    return measured(**facts, machine_s=seconds, rows_per_s=rng.choice([None, None, 7.5]))


def _assumptions(rng: Random, names: list[str]) -> CostAssumptions:
    own = {rng.choice(names): {"utilisation": 0.9, "n_retrain_per_month": 2.0}} if rng.random() < 0.2 else {}
    return CostAssumptions(
        n_labels=rng.choice([None, None, 0, 100]),
        minutes_per_label=rng.choice([None, 0.5]),
        usd_per_hour_of_labelling=rng.choice([None, 20.0]),
        requests_per_month=rng.choice([None, 3000.0, (100.0, 50_000.0)]),
        utilisation=rng.choice([0.3, 1.0]),
        hosting_usd_per_month=rng.choice([0.0, 5.0]),
        machine_hours_per_month=rng.choice([0.0, 0.0, 730.0]),
        n_reindex_per_month=rng.choice([0.0, 4.0]),
        changed_share=0.25,
        maintenance_usd_per_month=rng.choice([0.0, 10.0]),
        by_strategy=own,
    )


def stored() -> list[Evidence]:
    """Tables of the repository, kept without their records."""
    found = []
    for folder in ("default", "nine_tasks", "S9_passages"):
        result = read_comparison(RESULTS / folder)
        for task in dict.fromkeys(r.task for r in result.rows):
            rows = tuple(r for r in result.rows if r.task == task)
            found.append(
                Evidence(task=task, rows=rows, pairs=tuple(p for p in result.pairs if p.task == task))
            )
    return found


def worked() -> list[Evidence]:
    """Three on an own machine whose costs decide where quality does not; then where quality does."""
    costs = (
        measured(strategy="prompt", quality=0.8),
        measured(strategy="few-shot", quality=0.84, machine_s={"a": 4.0, "b": 5.0, "c": 6.0}, n_labels=50),
        measured(
            strategy="lora",
            quality=0.9,
            machine_s={f"r{i}": 0.5 + 0.1 * (i % 7) for i in range(20)},
            training=Spent(seconds=36_000.0),
            n_labels=600,
        ),
    )
    assumed = CostAssumptions(minutes_per_label=0.5, usd_per_hour_of_labelling=20.0)
    return [
        Evidence(
            task="intents",
            rows=tuple(
                row(s, q, n=400, p95_latency_s=t, p50_latency_s=t / 2)
                for (s, q), t in zip(quality.items(), (0.2, 0.6, 0.3), strict=True)
            ),
            pairs=tuple(pairs_of(quality, half=half, n=400)),
            measured=costs,
            assumptions=assumed,
            machine=fixed_usd_per_hour(3.6),
        )
        for quality, half in (
            ({"prompt": 0.3, "few-shot": 0.8, "lora": 0.8}, 0.005),
            ({"prompt": 0.8, "few-shot": 0.84, "lora": 0.9}, 0.02),
            ({"prompt": 0.8, "few-shot": 0.84, "lora": 0.9}, 0.05),
        )
    ]


def every() -> list[Evidence]:
    """All of them; ``MARGIN`` is that of the planted ones."""
    assert json.loads((RESULTS / "default" / "manifest.json").read_text())["config"]["margin"] == MARGIN
    return [*(drawn(seed) for seed in range(60)), *stored(), *worked()]
