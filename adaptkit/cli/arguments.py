"""The arguments of ``python -m benchmarks.run``."""

from __future__ import annotations

import argparse
from pathlib import Path

FORMATS = ("table", "json", "csv", "markdown")


def parser() -> argparse.ArgumentParser:
    """The command line of design section 6."""
    p = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description="Run prompt, few-shot, RAG and LoRA on the same rows with the same model, and compare.",
        epilog="Strategies take parameters: --strategies 'prompt,few-shot:k=4:selection=random,rag:k=5'. "
        "Exit codes: 0 done, 1 a trial failed or --fail-if held, 2 bad arguments or data, 130 interrupted.",
    )
    p.add_argument("suite", nargs="?", type=Path, metavar="SUITE.toml", help="a comparison as a file")
    p.add_argument("--task", action="append", metavar="T", help="task folder, data file or name; repeatable")
    p.add_argument(
        "--strategies", metavar="A,B,..", help="prompt, few-shot, rag, lora, ..; rag+lora composes"
    )
    p.add_argument("--model", metavar="M", help="embedded name, local folder, .gguf file or Hub id")
    p.add_argument("--limit", type=int, metavar="N", help="test rows a task (default: all, or the suite's)")
    p.add_argument(
        "--train-rows", metavar="N,N,..", help="run each task with so many train rows: a learning curve"
    )
    p.add_argument("--seeds", type=int, metavar="K", help="runs of strategies that draw at random")
    p.add_argument(
        "--tune", type=int, nargs="?", const=4, metavar="N",
        help="choose each strategy's configuration on validation rows, among N (4) for every one",
    )  # fmt: skip
    p.add_argument("--no-baselines", action="store_true", help="leave out what needs no language model")
    p.add_argument(
        "--margin", type=float, metavar="M", help="largest difference in quality that does not matter (0.02)"
    )
    p.add_argument(
        "--until-decided", action="store_true",
        help="answer rows in rounds and stop where they decide; strategies that cannot win drop out",
    )  # fmt: skip
    p.add_argument("--no-noise-floor", action="store_true", help="do not run the baseline twice")
    p.add_argument("--allow-leakage", action="store_true", help="go on though test rows stand in train")
    p.add_argument("--latency-rows", type=int, metavar="N", help="rows sent alone to time them (20)")
    p.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: runs/<tasks>)")
    again = p.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on where the folder stands (the default)")
    again.add_argument("--fresh", action="store_true", help="forget what the folder holds")
    p.add_argument("--dry-run", action="store_true", help="say what would be run, and stop")
    p.add_argument(
        "--pilot", type=int, nargs="?", const=8, metavar="N",
        help="with --dry-run: predict minutes, tokens and USD from N (8) train or validation rows",
    )  # fmt: skip
    p.add_argument("--offline", action="store_true", help="use nothing that is not on this machine yet")
    p.add_argument("--executor", default="local", metavar="NAME", help="local")
    p.add_argument("--usd-per-hour", type=float, metavar="USD", help="price of this machine")
    p.add_argument("--prices", type=Path, metavar="TOML", help="price sheet that overrides the built-in one")
    p.add_argument(
        "--costs", type=Path, metavar="TOML", help="wages, volume, horizon, cadence: what costs rest on"
    )
    p.add_argument("--fail-if", metavar="EXPR", help="e.g. 'lora.quality < 0.8': then exit 1")
    p.add_argument("--format", choices=FORMATS, default="table", help="what is printed at the end")
    p.add_argument("--quiet", action="store_true", help="no progress")
    return p
