"""Does a killed comparison end as if nothing had happened, and is any row paid twice?

A comparison runs in a process of its own, is killed (SIGKILL) at a random moment, and is resumed until it
is done; some are killed again while they are resumed. Then:

* its comparison.json and comparison.csv are compared byte for byte with those of a run that nothing
  disturbed, times, costs and peak memory masked; its records are compared as a set, masked alike; and its
  numbers are computed again from its records, as ``adaptkit verify`` does;
* the provider's ledger is searched for rows that were paid although a whole line of records.jsonl held
  them when the kill came: there must be none. A row that was paid and not stored yet (it was being
  answered, alone or in a batch) is paid again: at most one row or one batch a kill, which is counted.

Moments are drawn from a seed: at the start (until the first request), while rows are answered and stored,
and while the results are written.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adaptkit.comparison.store import RunStore
from adaptkit.comparison.verify import verify_folder
from adaptkit.core.codec import to_json
from adaptkit.core.files import write_json_atomic
from adaptkit.core.version import __version__
from adaptkit.costs import describe_hardware
from benchmarks.store.attempts import ROOT, Attempt, Life, Place, Row
from benchmarks.store.comparison import BATCH_ROWS, N_ROWS, n_planned
from benchmarks.store.ends import End

RESULTS = ROOT / "benchmarks" / "results" / "store" / "results.json"
AGAIN = 0.25  # of the resumed comparisons are killed once more
# How rows are sent, and how many of them one by one.
WAYS = {"most rows in batches": 20, "each row alone": N_ROWS}


@dataclass(frozen=True)
class Kill:
    """What one kill hit, and what the resumed run paid again for it.

    Attributes:
        part: of the comparison's life.
        state: what the folder held then.
        n_stored: whole records at that moment.
        n_under_way: rows that were paid and not stored.
        n_stored_paid_again: rows among the stored ones that were paid again afterwards.
        n_under_way_paid_again: the same of those under way.
    """

    part: str
    state: str
    n_stored: int
    n_under_way: int
    n_stored_paid_again: int = 0
    n_under_way_paid_again: int = 0


def state_of(folder: Path, n_stored: int) -> str:
    """What a folder holds, in words."""
    if (folder / "report.md").exists():
        return "all results written"
    if (folder / "comparison.json").exists():
        return "comparison written, reports missing"
    if n_stored >= n_planned():
        return "all rows stored, no comparison"
    return "some rows stored" if n_stored else "no row stored"


@dataclass
class Round:
    """One comparison, killed and resumed until it is done."""

    place: Place
    kills: list[Kill] = field(default_factory=list)
    _stored: list[set[Row]] = field(default_factory=list)
    _n_paid: list[int] = field(default_factory=list)

    def disturb(self, life: Life, rng: random.Random) -> bool:
        """Run it and kill it; False when it ended before that."""
        attempt = Attempt(self.place)
        attempt.start()
        part = life.wait_for_moment(attempt, rng)
        if not attempt.kill():
            return False
        stored, paid = self.place.stored(), self.place.paid()
        n_under_way = len(_of_test(paid) - stored)
        self.kills.append(Kill(part, state_of(self.place.folder, len(stored)), len(stored), n_under_way))
        self._stored.append(stored)
        self._n_paid.append(len(paid))
        return True

    def finish(self) -> None:
        """Resume it undisturbed, and see what each kill has cost."""
        attempt = Attempt(self.place)
        attempt.start()
        attempt.finish()
        paid = self.place.paid()
        # What came after a kill and before the next: that one's cost is counted apart.
        ends = [*self._n_paid[1:], len(paid)]
        for i, (kill, stored, start, end) in enumerate(
            zip(self.kills, self._stored, self._n_paid, ends, strict=True)
        ):
            under_way = _of_test(paid[:start]) - stored
            self.kills[i] = replace(
                kill,
                n_stored_paid_again=sum(row in stored for row in paid[start:]),
                n_under_way_paid_again=sum(row in under_way for row in paid[start:end]),
            )


def _of_test(rows: Sequence[Row]) -> set[Row]:
    """Without warm-ups, which ask train rows."""
    return {row for row in rows if row[1].startswith("row ")}


def run(n_kills: int, seed: int, alone: int, scratch: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Kill and resume until so many kills have hit a running comparison.

    Args:
        n_kills: over all comparisons.
        seed: of the moments.
        alone: rows of each trial that are sent one by one.
        scratch: an empty folder.
        tell: takes a line on how it goes.

    Returns:
        The figures.
    """

    def place(name: str) -> Place:
        return Place(scratch / name, scratch / f"{name}.ledger", alone)

    rng = random.Random(seed)
    undisturbed, control = place("undisturbed"), place("control")
    life = Life.of(undisturbed)
    Life.of(control)
    rounds: list[Round] = []
    n_done = n_late = 0
    while n_done < n_kills:
        one = Round(place(f"run{len(rounds)}-{n_late}"))
        if not one.disturb(life, rng):
            n_late += 1
            continue
        if n_done + 1 < n_kills and rng.random() < AGAIN:
            one.disturb(life, rng)
        one.finish()
        rounds.append(one)
        n_done += len(one.kills)
        tell(f"{n_done} of {n_kills} kills")
    same = End.of(control.folder) == End.of(undisturbed.folder)
    found = {"seed": seed, "rows_sent_alone": alone, "two_undisturbed_runs_identical": same}
    return {**found, "kills_too_late": n_late, **_figures(rounds, End.of(undisturbed.folder))}


def _figures(rounds: Sequence[Round], expected: End) -> dict[str, Any]:
    kills = [k for r in rounds for k in r.kills]
    ends = [End.of(r.place.folder) for r in rounds]
    paid = [row for r in rounds for row in r.place.paid()]
    n_rows_paid = sum(row[1].startswith("row ") for row in paid)
    return {
        "n_kills": len(kills),
        "n_comparisons": len(rounds),
        "n_rows_of_a_comparison": n_planned(),
        "kills_by_part": _counted(k.part for k in kills),
        "kills_by_state": _counted(k.state for k in kills),
        "identical_after_resuming": {
            "comparison.json": sum(e.json == expected.json for e in ends),
            "comparison.csv": sum(e.csv == expected.csv for e in ends),
            "records, as a set": sum(e.records == expected.records for e in ends),
        },
        "verified_after_resuming": sum(verify_folder(r.place.folder).ok for r in rounds),
        "stored_rows_paid_again": sum(k.n_stored_paid_again for k in kills),
        "rows_under_way": {
            "kills_with_none": sum(k.n_under_way == 0 for k in kills),
            "kills_with_one": sum(k.n_under_way == 1 for k in kills),
            "kills_with_more": sum(k.n_under_way > 1 for k in kills),
            "most": max(k.n_under_way for k in kills),
            "paid_again": sum(k.n_under_way_paid_again for k in kills),
        },
        "rows_paid": n_rows_paid,
        "rows_stored": sum(len(RunStore(r.place.folder).records()) for r in rounds),
        "warm_up_requests": len(paid) - n_rows_paid,
        "torn_lines_set_aside": sum((r.place.folder / "records.jsonl.damaged").exists() for r in rounds),
    }


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def holds(found: Mapping[str, Any]) -> bool:
    """Whether the figures are as they have to be."""
    n, under_way = found["n_comparisons"], found["rows_under_way"]
    return bool(
        found["two_undisturbed_runs_identical"]
        and all(count == n for count in found["identical_after_resuming"].values())
        and found["verified_after_resuming"] == n
        and found["stored_rows_paid_again"] == 0
        and under_way["most"] <= (1 if found["rows_sent_alone"] >= N_ROWS else BATCH_ROWS)
        and found["rows_stored"] == n * found["n_rows_of_a_comparison"]
        and found["rows_paid"] == found["rows_stored"] + under_way["paid_again"]
    )


def summary(way: str, found: Mapping[str, Any]) -> str:
    """The figures in a few lines."""
    n, under_way = found["n_comparisons"], found["rows_under_way"]
    lines = [
        f"{way}: {found['n_kills']} kills in {n} comparisons of {found['n_rows_of_a_comparison']} rows "
        f"(seed {found['seed']}): {_listed(found['kills_by_part'])}",
        f"  folder when the kill came: {_listed(found['kills_by_state'])}",
        f"  identical after resuming, of {n}: {_listed(found['identical_after_resuming'])}; verified: "
        f"{found['verified_after_resuming']}",
        f"  rows that were stored when the kill came and paid again: {found['stored_rows_paid_again']}",
        f"  rows paid and not stored yet when the kill came: none in {under_way['kills_with_none']} kills, "
        f"one in {under_way['kills_with_one']}, more in {under_way['kills_with_more']} (at most "
        f"{under_way['most']}); paid again: {under_way['paid_again']} of {found['rows_paid']}",
        f"  {'as it has to be' if holds(found) else 'NOT as it has to be'}",
    ]
    return "\n".join(lines)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; exit code 1 when something is not as it has to be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--kills", type=int, default=100, help="how many, each way (default 100)")
    parser.add_argument("--seed", type=int, default=5, help="of the moments (default 5)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results are written")
    arguments = parser.parse_args(argv)
    if arguments.kills < 1:
        parser.error(f"--kills must be an int >= 1. Got {arguments.kills} instead.")
    found = {}
    for way, alone in WAYS.items():
        with tempfile.TemporaryDirectory(prefix="adaptkit-store-") as scratch:
            found[way] = run(arguments.kills, arguments.seed, alone, Path(scratch), _tell)
        sys.stdout.write(f"{summary(way, found[way])}\n")
    machine = {"library": __version__, "hardware": to_json(describe_hardware(gpu_name=None))}
    write_json_atomic(arguments.out, {**found, **machine})
    return 0 if all(map(holds, found.values())) else 1


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
