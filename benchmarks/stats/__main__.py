"""Do the statistics keep what they promise? ``python -m benchmarks.stats``; see ``--help``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from adaptkit.core.files import write_text_atomic
from adaptkit.costs import describe_hardware
from benchmarks.stats.line import Effort, Line
from benchmarks.stats.simulations import SIMULATIONS

RESULTS = Path(__file__).parents[1] / "results" / "stats" / "results.json"
_WIDTH = 160


def main(argv: Sequence[str] | None = None) -> int:
    """Run the simulations asked for; returns 0 when every figure is within its bounds."""
    arguments = _parser().parse_args(argv)
    unknown = [name for name in arguments.only if name not in SIMULATIONS]
    if unknown:
        sys.stderr.write(f"No simulation '{unknown[0]}'. Known: {', '.join(SIMULATIONS)}.\n")
        return 2
    effort = Effort(share=arguments.share, seed=arguments.seed)
    names = arguments.only or list(SIMULATIONS)
    started = time.perf_counter()
    lines = _run(names, effort, Console(stderr=True))
    console = Console(width=max(Console().width, _WIDTH))
    console.print(_table(lines))
    failed = [line for line in lines if line.passed is False]
    took = {"seconds": round(time.perf_counter() - started, 1), "processor_s": round(time.process_time(), 1)}
    console.print(
        f"{len(lines)} figures, {len(failed)} out of bounds; {took['seconds']:.0f} s, "
        f"{took['processor_s']:.0f} s of processor"
    )
    _write(arguments.json, lines, effort, took)
    return 1 if failed else 0


def _run(names: Sequence[str], effort: Effort, console: Console) -> list[Line]:
    started, lines = time.perf_counter(), []
    with console.status("") as status:
        for name in names:
            for line in SIMULATIONS[name](effort):
                lines.append(line)
                seconds = time.perf_counter() - started
                status.update(f"{name}: {len(lines)} figures, {seconds:.0f} s; {line.setting}")
                if not console.is_terminal:
                    console.print(
                        f"{seconds:5.0f} s  {line.what}, {line.setting}: {line.figure()}", highlight=False
                    )
    return lines


def _table(lines: Sequence[Line]) -> Table:
    table = Table(title="What was promised, on data whose truth is known")
    table.add_column("promise", no_wrap=True)
    table.add_column("on", no_wrap=True)
    for name in ("measured", "target", "runs"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("note")
    words = {True: "pass", False: "FAIL", None: ""}
    for line in lines:
        runs = f"{line.runs:,}" if line.runs > 1 else ""
        figures = (line.figure(), line.target, runs, words[line.passed], line.note)
        table.add_row(line.what, line.setting, *figures)
    return table


def _write(path: Path, lines: Sequence[Line], effort: Effort, took: Mapping[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "seed": effort.seed,
        "share_of_runs": effort.share,
        **took,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "hardware": dataclasses.asdict(describe_hardware()),
        "lines": [line.to_json() for line in lines],
    }
    write_text_atomic(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stats", description=__doc__)
    add = parser.add_argument
    add("--only", nargs="+", default=[], metavar="NAME", help=f"of {', '.join(SIMULATIONS)}; all by default")
    add("--share", type=float, default=1.0, help="of the full number of runs, to try things out (default 1)")
    add("--seed", type=int, default=Effort.seed, help=f"of all draws (default {Effort.seed})")
    add("--json", type=Path, default=RESULTS, help="write the figures here (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
