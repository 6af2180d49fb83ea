"""Mutation test of chosen files: ``python -m benchmarks.mutation``; see the README beside this file."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import itertools
import json
import math
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from benchmarks.mutation.covered import Covered, run_covered, statements_of
from benchmarks.mutation.killing import in_fork, register_profile, survives
from benchmarks.mutation.mutants import Mutant, mutants_of
from benchmarks.mutation.swapping import Judge, judge_swapped, swappable

Case = tuple[Mutant, Sequence[str], int]
ROOT = Path(__file__).parents[2]
_LEAST_S = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Judge every mutant of the files that has no result yet; returns 0."""
    arguments = _parser().parse_args(argv)
    os.chdir(ROOT)
    register_profile()
    known = _read(arguments.results)
    wanted = _wanted(arguments.files, known, again=arguments.again)
    covered = _covered(arguments.files, arguments.tests)
    _import(covered.modules)
    with arguments.results.open("a", encoding="utf-8") as file:
        cases = [(m, *_tests_of(m, covered, arguments.seconds)) for m in wanted]
        _judge(cases, arguments.tests, partial(_write, file))
    sys.stdout.write(_table(arguments.files, _read(arguments.results)) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=__doc__)
    parser.add_argument("files", nargs="+", help="source files, from the root of the repository")
    parser.add_argument("--tests", nargs="+", required=True, help="test files and folders")
    parser.add_argument("--results", type=Path, required=True, help="one JSON line a mutant; gone on with")
    parser.add_argument(
        "--seconds",
        type=float,
        default=math.inf,
        help="of tests for a mutant, the quickest first; all if not given",
    )
    parser.add_argument("--again", action="store_true", help="judge again what survived")
    return parser


def _wanted(files: Sequence[str], known: Mapping[str, bool], *, again: bool) -> list[Mutant]:
    """The mutants without a result, and on demand those that survived."""
    every = [m for path in files for m in mutants_of(ROOT, path)]
    return [m for m in every if m.name not in known or (again and known[m.name])]


def _read(path: Path) -> dict[str, bool]:
    if not path.exists():
        return {}
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {line["mutant"]: line["survived"] for line in lines}


def _covered(files: Sequence[str], tests: Sequence[str]) -> Covered:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "covered"

        def work() -> int:
            place.write_bytes(pickle.dumps(run_covered(ROOT, files, tests)))
            return 0

        if in_fork(work, None) != 0:
            raise SystemExit("The tests fail without a mutant.")
        found: Covered = pickle.loads(place.read_bytes())
    return found


def _import(modules: Iterable[str]) -> None:
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _judge(cases: Sequence[Case], tests: Sequence[str], report: Callable[[Mutant, bool], None]) -> None:
    """First those that need no import of their own, from one process that has collected all tests."""
    quick = [case for case in cases if swappable(case[0]) and case[1]]
    in_fork(lambda: judge_swapped(tests, Judge(quick, report)), None)
    for mutant, own, limit in (case for case in cases if not (swappable(case[0]) and case[1])):
        report(mutant, survives(ROOT, mutant, own, limit))


def _tests_of(mutant: Mutant, covered: Covered, seconds: float) -> tuple[list[str], int]:
    """The tests that can notice a mutant, the quickest first, and the processor time that they may take."""
    tests = covered.tests_of(mutant.path, mutant.line, statements_of(mutant.original))
    spent = list(itertools.accumulate(covered.seconds[test] for test in tests))
    own = [test for test, until in zip(tests, spent, strict=True) if until <= seconds or test == tests[0]]
    return own, int(_LEAST_S + 2 * (spent[len(own) - 1] if own else 0))


def _write(file: TextIO, mutant: Mutant, survived: bool) -> None:
    """Write one result at once: forks report too, and a run may be ended at any time."""
    file.write(json.dumps({"mutant": mutant.name, "survived": survived}) + "\n")
    file.flush()


def _table(files: Sequence[str], survived: Mapping[str, bool]) -> str:
    lines = []
    for path in files:
        own = [lived for name, lived in survived.items() if name.startswith(f"{path}:")]
        share = 100 * own.count(False) / len(own) if own else 100.0
        lines.append(f"{path} | {len(own)} | {own.count(False)} | {share:.1f} %")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
