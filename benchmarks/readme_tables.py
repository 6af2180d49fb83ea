"""Put the measured tables of ``benchmarks/results`` into README.md, or check that they stand there.

``python -m benchmarks.readme_tables`` writes; with ``--check`` it compares, and exits with 1 on a difference.
A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; NAME is a folder of benchmarks/results.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from adaptkit.core.result_io import read_comparison
from adaptkit.report import console_text

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
MARKED = re.compile(r"(<!-- table: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(text: str) -> str:
    """Fill every marked place with the table of its result folder, as the terminal shows it."""

    def table(match: re.Match[str]) -> str:
        shown = console_text(read_comparison(RESULTS / match["name"]), width=100)
        return f"{match[1]}```text\n{shown.strip()}\n```\n{match[3]}"

    return MARKED.sub(table, text)


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 where a table is stale")
    arguments = parser.parse_args(argv)
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    fresh = with_tables(text)
    if arguments.check:
        if fresh != text:
            sys.stderr.write("README.md is stale: run python -m benchmarks.readme_tables\n")
        return int(fresh != text)
    readme.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
