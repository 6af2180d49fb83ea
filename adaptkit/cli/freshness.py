"""``python -m benchmarks.freshness``: what strategies need when documents change."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from adaptkit.cli.arguments import add_file_arguments, file_parameters
from adaptkit.cli.options import load_task_given
from adaptkit.cli.output import printed
from adaptkit.cli.process import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, go_offline, listed
from adaptkit.core.errors import AdaptKitError, ConfigError
from adaptkit.core.files import write_text_atomic
from adaptkit.core.threads import share_cores

if TYPE_CHECKING:
    from adaptkit.studies.freshness import Freshness

TABLE_FILE = "freshness.md"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m benchmarks.freshness",
        description="Change, add and delete a share of a task's documents; measure what each strategy needs "
        "(re-index, re-train, nothing), how long it takes, and quality before and after.",
        epilog="Strategies take parameters: --strategies 'prompt,rag:k=5,lora:max_tokens=12000'. Exit codes: "
        "0 done, 1 a strategy failed, 2 bad arguments or data, 130 interrupted.",
    )
    p.add_argument("--task", required=True, metavar="T", help="task folder, data file or name")
    add_file_arguments(p)
    p.add_argument("--strategies", default="prompt,rag,lora", metavar="A,B,..", help="rag+lora composes")
    p.add_argument("--model", metavar="M", help="embedded name, local folder, .gguf file or Hub id")
    p.add_argument("--share", type=float, default=0.1, metavar="X", help="of the documents (0.1)")
    p.add_argument("--kinds", default="change,add,delete", metavar="A,B,..", help="change, add, delete")
    p.add_argument("--limit", type=int, metavar="N", help="test rows, affected and unaffected ones each")
    p.add_argument("--seed", type=int, default=0, metavar="N", help="of the choice of documents")
    p.add_argument("--usd-per-hour", type=float, metavar="USD", help="price of this machine")
    p.add_argument("--offline", action="store_true", help="use nothing that is not on this machine yet")
    p.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help=f"gets freshness.json, {TABLE_FILE}"
    )
    p.add_argument("--quiet", action="store_true", help="no progress")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return printed(lambda: _main(argv))


def _main(argv: Sequence[str] | None) -> int:
    share_cores()
    arguments = parser().parse_args(argv)
    if not arguments.quiet:
        logging.basicConfig(format="%(message)s")
        logging.getLogger("adaptkit.studies.freshness").setLevel(logging.INFO)
    try:
        freshness = _measure(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except AdaptKitError as error:
        print("Error:", " ".join(str(error).split()), file=sys.stderr)
        return EXIT_USAGE
    freshness.save(arguments.out)
    write_text_atomic(arguments.out / TABLE_FILE, freshness.to_markdown())
    print(freshness.to_markdown().rstrip())
    return EXIT_FAILED if any(row.reason for row in freshness.rows) else EXIT_DONE


def _measure(arguments: argparse.Namespace) -> Freshness:
    from adaptkit.models.load import load_model
    from adaptkit.strategies import parse_strategy
    from adaptkit.studies.freshness import measure_freshness

    if arguments.offline:
        go_offline()
    strategies = [parse_strategy(name) for name in _listed("--strategies", arguments.strategies)]
    task = load_task_given(arguments.task, file_parameters(arguments), quiet=arguments.quiet)
    return measure_freshness(
        strategies,
        task,
        model=load_model(arguments.model, offline=arguments.offline),
        share=arguments.share,
        kinds=_listed("--kinds", arguments.kinds),
        limit=arguments.limit,
        seed=arguments.seed,
        usd_per_hour=arguments.usd_per_hour,
    )


def _listed(option: str, text: str) -> list[str]:
    names = listed(text)
    if not names:
        raise ConfigError(f"{option} is empty. Leave it out, or give names with commas between them.")
    return names
