"""Speed beside peers: ``python -m benchmarks.perf``; see ``--help`` and README.md."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from adaptkit.costs import describe_hardware
from benchmarks.perf import floor, prepare
from benchmarks.perf.results import TABLE_WIDTH, Entry, show, write_json
from benchmarks.perf.run import Options, Session, generation, growth

GROWTH_ROWS = (64, 128, 256, 512)
INDEX_SIZES = (1_000, 10_000, 100_000, 1_000_000)
Run = Callable[[Session], list[Entry]]


def workloads() -> dict[str, Run]:
    """All workloads by name, in the order in which they are run."""
    return {
        **{name: _generation(build) for name, build in prepare.GENERATION.items()},
        "E-shared": _training("shared"),
        "E-unlike": _training("unlike"),
        "F": _comparison,
        "G": _growth,
        "H": _index,
    }


def _generation(build: prepare.Build) -> Run:
    def run(session: Session) -> list[Entry]:
        return generation(session, build(session.builder, session.options.rows(prepare.N_ROWS)))

    return run


def _growth(session: Session) -> list[Entry]:
    def build(n_rows: int, name: str) -> prepare.Prepared:
        return prepare.few_shot(session.builder, n_rows, name=name)

    return growth(session, build, GROWTH_ROWS)


def _training(variant: str) -> Run:
    def run(session: Session) -> list[Entry]:
        from benchmarks.perf import training

        found: list[Entry] = getattr(training, variant)(session)
        return found

    return run


def _comparison(session: Session) -> list[Entry]:
    from benchmarks.perf.comparison import comparison

    return comparison(session)


def _index(session: Session) -> list[Entry]:
    try:
        index: Any = import_module("benchmarks.perf.index")
    except ImportError as error:
        return [Entry(workload="H", peer="faiss", note=f"not here: {error}", hardware=session.hardware)]
    sizes = [session.options.rows(n) for n in INDEX_SIZES]
    rows = index.run(sizes=list(dict.fromkeys(sizes)), repeat=session.options.repeat)
    return [Entry.from_json({"hardware": session.hardware, **row}) for row in rows]


def chosen(names: str | None) -> dict[str, Run]:
    """The workloads of a list like ``A,D``; a letter stands for all its variants.

    Raises:
        ValueError: a name that is none.
    """
    known = workloads()
    if names is None:
        return known
    wanted = {n.strip() for n in names.split(",") if n.strip()}
    found = {n: run for n, run in known.items() if n in wanted or n.partition("-")[0] in wanted}
    unknown = sorted(w for w in wanted if not any(w in (n, n.partition("-")[0]) for n in known))
    if unknown or not found:
        raise ValueError(f"no workload '{', '.join(unknown)}'; known: {', '.join(known)}")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run the workloads asked for; returns the exit code."""
    arguments = _parser().parse_args(argv)
    console = Console(stderr=True)
    try:
        runs = chosen(arguments.workloads)
        model = prepare.model_files(arguments.model)
    except (ValueError, LookupError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="adaptkit-perf-") as scratch:
        session = _session(arguments, model, Path(scratch), console)
        entries: list[Entry] = []
        for name, run in runs.items():
            entries += _attempt(name, run, session)
            if arguments.json:  # after each workload: a run takes long, and may be interrupted
                write_json(arguments.json, entries)
    show(entries, Console(width=max(console.width, TABLE_WIDTH)))
    return 0


def _attempt(name: str, run: Run, session: Session) -> list[Entry]:
    """A workload whose data or parts are missing, or that fails, is a blank too."""
    try:
        return run(session)
    except (LookupError, ImportError, RuntimeError) as error:
        session.tell(f"{name}: {error}")
        return [Entry(workload=name, peer="", note=str(error), hardware=session.hardware)]


def _session(
    arguments: argparse.Namespace, model: prepare.ModelFiles, scratch: Path, console: Console
) -> Session:
    started = time.perf_counter()

    def tell(text: str) -> None:
        line = f"{time.perf_counter() - started:6.0f} s  {text}"
        console.print(line, style="dim", markup=False, highlight=False)

    options = Options(
        repeat=arguments.repeat,
        peers=frozenset(arguments.peers.split(",")) if arguments.peers else None,
        limit=arguments.limit,
        timeout_s=arguments.timeout,
        peer_dtype=arguments.peer_dtype,
    )
    tell("measuring the machine")
    shape = floor.ModelShape.of(model.folder)
    rates = floor.measure_rates(shape, _dtypes())
    return Session(
        model=model,
        builder=prepare.Builder.of(model),
        shape=shape,
        rates=rates,
        hardware=_hardware(rates),
        options=options,
        scratch=scratch,
        tell=tell,
    )


def _dtypes() -> list[str]:
    from benchmarks.perf.peers.placement import dtype_name, place

    return list(dict.fromkeys(["float32", dtype_name(place("auto")[1])]))


def _hardware(rates: dict[str, floor.Rates]) -> dict[str, Any]:
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    measured = {f"matmul_gflop_per_s_{name}": round(r.operations_per_s / 1e9, 1) for name, r in rates.items()}
    copied = max(r.bytes_per_s for r in rates.values())
    return {
        **dataclasses.asdict(describe_hardware(gpu)),
        **measured,
        "copy_gb_per_s": round(copied / 1e9, 1),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.perf", description=__doc__)
    add = parser.add_argument
    add("--workloads", help="letters or names, comma-separated; all where left out")
    add("--repeat", type=int, default=3, help="runs of each engine (default 3)")
    add("--json", type=Path, help="write the entries to this file")
    add("--peers", help="only these peers, comma-separated")
    add("--limit", type=int, help="at most this many rows a workload, to try things out")
    add(
        "--timeout", type=float, default=180.0, help="longest seconds of one run; beyond it a peer is a blank"
    )
    add("--model", help="an embedded model's name or a model folder (default: the embedded one)")
    add("--peer-dtype", choices=("auto", "float32", "bfloat16"), default="auto", help="of torch peers")
    return parser


if __name__ == "__main__":
    sys.exit(main())
