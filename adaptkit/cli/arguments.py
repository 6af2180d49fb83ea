"""The arguments of ``python -m benchmarks.run``, which are those of ``adaptkit compare``."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from adaptkit.cli.options import KINDS_NAMED, FileOptions
from adaptkit.cli.process import EXIT_USAGE, with_help

FORMATS = ("table", "json", "csv", "markdown")
PROGRAM = "python -m benchmarks.run"
_UNKNOWN = re.compile(r"unrecognized arguments: (--[^\s=]+)")


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, with the closest option where one is unknown."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end the process."""
        unknown = _UNKNOWN.match(message)
        if unknown:
            close = get_close_matches(unknown[1], self.options(), n=1, cutoff=0.5)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            message = f"No such option '{unknown[1]}'.{hint}"
        print(f"Error: {with_help(message, self.prog)}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)

    def options(self) -> list[str]:
        """All long options, in the order of the help."""
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]


def add_file_arguments(p: argparse.ArgumentParser) -> None:
    """Add what ``file_options`` are to other commands."""
    p.add_argument(
        "--columns", metavar="FIELD=COLUMN,..", help="of a data file, e.g. input=subject,target=queue"
    )
    p.add_argument(
        "--instruction", metavar="TEXT", help="what to do with an input; a bare data file needs it"
    )
    p.add_argument("--kind", metavar="KIND", help=f"of the task, where it is guessed wrongly: {KINDS_NAMED}")
    p.add_argument("--labels", metavar="A,B,..", help="all labels of a classification; or as a JSON list")


def file_parameters(arguments: argparse.Namespace) -> dict[str, Any]:
    """What ``load_task`` takes, of what was given with these arguments."""
    return FileOptions(**{f.name: getattr(arguments, f.name) for f in fields(FileOptions)}).parameters()


def parser(prog: str = PROGRAM) -> Parser:
    """The command line of design section 6.

    Args:
        prog: what the user has typed to come here.
    """
    p = Parser(
        prog=prog,
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
    add_file_arguments(p)
    p.add_argument("--limit", type=int, metavar="N", help="test rows a task (default: all, or the suite's)")
    p.add_argument(
        "--train-rows", metavar="N,N,..", help="run each task with so many train rows: a learning curve"
    )
    p.add_argument("--seeds", type=int, metavar="K", help="runs of strategies that draw at random")
    p.add_argument(
        "--tune", type=int, nargs="?", const=4, metavar="N",
        help="choose each strategy's configuration on validation rows, among N (4) for every one",
    )  # fmt: skip
    p.add_argument(
        "--minutes", type=float, metavar="M",
        help="about what the run may take; without it training goes on until its validation loss is flat",
    )  # fmt: skip
    p.add_argument(
        "--quick",
        action="store_true",
        help="a first look: few rows and little training; decide nothing by it",
    )
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
    told = p.add_mutually_exclusive_group()
    told.add_argument("-q", "--quiet", action="store_true", help="say nothing but the result and errors")
    told.add_argument("-v", "--verbose", action="store_true", help="say what is done")
    return p
