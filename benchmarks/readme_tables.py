"""Put the measured tables of ``benchmarks/results`` into the READMEs, or check that they stand there.

``python -m benchmarks.readme_tables`` writes; with ``--check`` it compares, and exits with 1 on a difference.
A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; NAME is a folder of benchmarks/results.
Between ``<!-- advice: NAME -->`` and the end stands what was advised before that run, and what became of it;
behind ``<!-- speed: NAME -->`` the file of that name in benchmarks/results/perf.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adaptkit.comparison.evidence import facts_of_manifest
from adaptkit.core.result_io import read_comparison
from adaptkit.core.results import ComparisonResult
from adaptkit.decision import Evidence, Requirements, recommend_for
from adaptkit.decision.checking import Checked
from adaptkit.report import console_text
from benchmarks.perf.results import COLUMNS, Entry, figures

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
READMES = (ROOT / "README.md", ROOT / "benchmarks" / "perf" / "README.md")
MARKED = re.compile(
    r"(?P<begin><!-- (?P<kind>table|advice|speed): (?P<name>[\w-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)


def with_tables(text: str) -> str:
    """Fill every marked place with what its kind shows of the results of its name."""
    made = {"table": _table, "advice": _advice, "speed": _speed}
    return MARKED.sub(lambda m: f"{m['begin']}{made[m['kind']](m['name'])}\n{m['end']}", text)


def _table(name: str) -> str:
    """As the terminal shows it."""
    return f"```text\n{console_text(read_comparison(RESULTS / name), width=100).strip()}\n```"


def _advice(name: str) -> str:
    return advice_table(read_comparison(RESULTS / name))


def _speed(name: str) -> str:
    return speed_table(json.loads((RESULTS / "perf" / f"{name}.json").read_text(encoding="utf-8")))


def speed_table(entries: Sequence[Mapping[str, Any]]) -> str:
    """Each workload beside each peer, one line each."""
    lines = [f"| workload | peer | {' | '.join(COLUMNS)} |", f"|---|---|{'--:|' * len(COLUMNS)}"]
    for values in entries:
        entry = Entry.from_json(values)
        lines.append(f"| {' | '.join((entry.workload, entry.peer_label, *figures(entry)))} |")
    return "\n".join(lines)


def advice_table(result: ComparisonResult) -> str:
    """What was advised first for each task, what the rows recommend, and whether the advice was right."""
    lines = ["| task | advised first | recommended | the advice |", "|---|---|---|---|"]
    for task in result.manifest["tasks"]:
        facts = facts_of_manifest(task)
        rows = tuple(r for r in result.rows if r.task == task["name"])
        pairs = tuple(p for p in result.pairs if p.task == task["name"])
        evidence = Evidence(
            task=task["name"],
            rows=rows,
            pairs=pairs,
            facts=facts,
            model_parameters=result.manifest["model"]["n_parameters"],
        )
        found = recommend_for(evidence, Requirements())
        first = found.hypotheses[0]
        taken = f"`{found.strategy}`" if found.strategy else f"undecided, for now `{found.for_now}`"
        lines.append(
            f"| {found.task} | `{first.strategy}` ({', '.join(first.rules)}) | {taken} "
            f"| {_became(found.hypotheses)} |"
        )
    return "\n".join(lines)


def _became(hypotheses: Sequence[Checked]) -> str:
    """The first hypothesis beside the rows; where it was not measured, also the next that was."""
    first = hypotheses[0]
    text = f"{first.status}: {first.text}"
    measured = next((h for h in hypotheses if h.status != "untested"), None)
    if first.status == "untested" and measured is not None:
        text += (
            f"; next, `{measured.strategy}` ({', '.join(measured.rules)}), {measured.status}: {measured.text}"
        )
    return text


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 where a table is stale")
    arguments = parser.parse_args(argv)
    n_stale = 0
    for readme in READMES:
        text = readme.read_text(encoding="utf-8")
        fresh = with_tables(text)
        if fresh == text:
            continue
        if arguments.check:
            n_stale += 1
            sys.stderr.write(f"{readme.relative_to(ROOT)} is stale: run python -m benchmarks.readme_tables\n")
        else:
            readme.write_text(fresh, encoding="utf-8")
    return int(n_stale > 0)


if __name__ == "__main__":
    sys.exit(main())
