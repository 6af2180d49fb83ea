"""``python -m benchmarks.decision``: recommend from small samples, and judge them by all rows."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from adaptkit.core.files import write_text_atomic
from adaptkit.stats import MARGIN
from benchmarks.decision.judged import (
    Price,
    false_winners,
    regrets,
    reliability_error,
    stated,
    summary,
)
from benchmarks.decision.methods import METHODS
from benchmarks.decision.scored import FOLDER, ScoredTask, keep, load

RESULTS = FOLDER.parent / "results.json"
SHARES = (0.0, 0.1, 0.3)
SEED = 20_250_103


def main() -> int:
    """Draw samples and print what became of the recommendations."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decision", description=__doc__)
    parser.add_argument("--keep", nargs="+", type=Path, metavar="DIR", help="keep the scores of these runs")
    parser.add_argument("--metric", help="what their quality is judged by (default each task's first)")
    parser.add_argument("--rows", type=int, default=50, help="rows of a sample (default 50)")
    parser.add_argument("--draws", type=int, default=200, help="samples of each task (default 200)")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help=f"where results go (default {RESULTS.name})"
    )
    args = parser.parse_args()
    for folder in args.keep or ():
        for path in keep(folder, metric=args.metric):
            sys.stdout.write(f"kept {path.name}\n")
    if args.keep:
        return 0
    tasks = load()
    if not tasks:
        sys.stderr.write("No scores are kept: run the suite decision.toml, then --keep its folder.\n")
        return 2
    started = time.perf_counter()
    found = measure(tasks, n_rows=args.rows, n_draws=args.draws)
    found["seconds"] = round(time.perf_counter() - started)
    write_text_atomic(args.json or RESULTS, json.dumps(found, indent=2) + "\n")
    sys.stdout.write(told(found) + "\n")
    return 0


def measure(tasks: list[ScoredTask], *, n_rows: int, n_draws: int) -> dict[str, Any]:
    """Judge all tasks at all prices, and the planted ties."""
    lost, ties, said = [], [], []
    for place, task in enumerate(tasks):
        sys.stderr.write(f"{task.name}: {len(task.ids)} rows, {len(task.rows)} strategies ...\n")
        rng = np.random.default_rng((SEED, place))
        lost += [regrets(task, Price(share=s), n_rows=n_rows, n_draws=n_draws, rng=rng) for s in SHARES]
        said += stated(task, n_rows=n_rows, n_draws=n_draws, rng=rng)
        ties.append(false_winners(task, n_rows=n_rows, n_draws=n_draws, rng=rng))
    return {
        "n_rows": n_rows,
        "n_draws": n_draws,
        "tasks": {t.name: {"rows": len(t.ids), "strategies": [r.strategy for r in t.rows]} for t in tasks},
        "summary": summary(lost),
        "by_task": lost,
        "ties": ties,
        "false_winners": {
            n: float(np.mean([t["false_winners"][n] for t in ties])) for n in ties[0]["false_winners"]
        },
        "reliability_error": {
            "of each strategy": reliability_error(p for s in said for p in s["each"]),
            "of the one named": reliability_error(s["named"] for s in said if s["named"]),
        },
    }


def told(found: dict[str, Any]) -> str:
    """The tables in text."""
    lines = [f"Points lost on average, {found['n_rows']} rows, {found['n_draws']} samples a task:"]
    lines.append("dearest request costs   " + "  ".join(METHODS) + "   undecided (of which near the best)")
    for line in found["summary"]:
        lost = "  ".join(f"{100 * line['regret'][m]:>{len(m)}.2f}" for m in METHODS)
        lines.append(
            f"{line['share']:>14.0%} of worth   {lost}   {line['undecided']:.0%} "
            f"({line['undecided_though_near']:.0%} within {MARGIN:.0%})"
        )
    for n, share in found["false_winners"].items():
        lines.append(f"Ties of {n}: {share:.1%} with a false winner")
    for of, error in found["reliability_error"].items():
        lines.append(f"Reliability error of the stated probability {of}: {error:.3f}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
